/* SPDX-License-Identifier: ISC */
/* The chunked transfer coding: a state for each place in its grammar, a step for each byte that is
 * no data. Every line ends with CR LF, and a CR is nowhere else. */
#include "chunks.h"
#include "head.h"
#include "text.h"
#include <fata/panic.h>

enum stage {
    SIZE,         /* digits of a chunk's size; at least one is missing */
    SIZE_MORE,
    EXTENSION,    /* behind the size, up to the end of the line */
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,      /* at the beginning of a line */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    END,
    BAD,
};

void fa_http_chunks_init(fa_http_chunks *chunks)
{
    *chunks = (fa_http_chunks){.stage = SIZE};
}

static enum stage step_size(fa_http_chunks *chunks, char c)
{
    if (++chunks->line_len > FA_HTTP_CHUNK_LINE_BYTES_MAX)
        return BAD;
    if (chunks->stage != EXTENSION && fa_http_char_is(c, FA_HTTP_CHAR_HEX)) {
        if (chunks->left > UINT64_MAX >> 8)
            return BAD; /* no body is as long as that */
        chunks->left = chunks->left << 4 | fa_http_hex_value(c);
        return SIZE_MORE;
    }
    if (chunks->stage == SIZE)
        return BAD;
    if (c == '\r')
        return SIZE_LF;
    /* The BWS before an extension's semicolon is deprecated, and makes others trim what we do not. */
    if (chunks->stage == SIZE_MORE)
        return c == ';' ? EXTENSION : BAD;
    return fa_http_char_is(c, FA_HTTP_CHAR_VALUE) ? EXTENSION : BAD;
}

static enum stage step_trailer(fa_http_chunks *chunks, char c)
{
    if (++chunks->trailer_len > FA_HTTP_TRAILER_BYTES_MAX)
        return BAD;
    if (chunks->stage == TRAILER_VALUE) {
        if (c == '\r')
            return TRAILER_LF;
        return fa_http_char_is(c, FA_HTTP_CHAR_VALUE) ? TRAILER_VALUE : BAD;
    }
    if (chunks->stage == TRAILER && c == '\r')
        return END_LF;
    if (chunks->stage == TRAILER_NAME && c == ':')
        return TRAILER_VALUE;
    return fa_http_char_is(c, FA_HTTP_CHAR_TOKEN) ? TRAILER_NAME : BAD;
}

static enum stage step(fa_http_chunks *chunks, char c)
{
    switch ((enum stage)chunks->stage) {
    case SIZE:
    case SIZE_MORE:
    case EXTENSION:
        return step_size(chunks, c);
    case SIZE_LF:
        chunks->line_len = 0;
        return c != '\n' ? BAD : chunks->left > 0 ? DATA : TRAILER;
    case DATA_CR:
        return c == '\r' ? DATA_LF : BAD;
    case DATA_LF:
        return c == '\n' ? SIZE : BAD;
    case TRAILER:
    case TRAILER_NAME:
    case TRAILER_VALUE:
        return step_trailer(chunks, c);
    case TRAILER_LF:
        return c == '\n' ? TRAILER : BAD;
    case END_LF:
        return c == '\n' ? END : BAD;
    case DATA:
    case END:
    case BAD:
        break;
    }
    return BAD;
}

unsigned fa_http_chunks_next(fa_http_chunks *chunks, const char *bytes, size_t len,
                             size_t *used_out, size_t *data_len_out)
{
    size_t at = 0;
    while (at < len && chunks->stage != DATA && chunks->stage != END && chunks->stage != BAD)
        chunks->stage = step(chunks, bytes[at++]);
    *used_out = at;
    *data_len_out = chunks->stage != DATA           ? 0
                    : chunks->left < len - at ? (size_t)chunks->left
                                              : len - at;
    return chunks->stage == BAD ? 400 : chunks->stage == END ? FA_HTTP_DONE : FA_HTTP_MORE;
}

void fa_http_chunks_took(fa_http_chunks *chunks, size_t data_len)
{
    fa_assert(chunks->stage == DATA && data_len <= chunks->left);
    chunks->left -= data_len;
    if (chunks->left == 0)
        chunks->stage = DATA_CR;
}
