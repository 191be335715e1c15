/* SPDX-License-Identifier: ISC */
/* Fuzzes the parsers of HTTP. An input that begins with C is a chunked body, any other is a head. What is
 * understood is the same however it arrives; a head that is taken has one framing, and texts without
 * what could be mistaken for the end of a line; a path leads nowhere above the root. */
#include "../../sdk/http/chunks.h"
#include "../../sdk/http/head.h"
#include "../../sdk/http/text.h"
#include "require.h"
#include <string.h>

/* A fuzz target has no other use of it. */
void fa_panic_assert(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, condition);
    abort();
}

static char *copy_of(const char *bytes, size_t len)
{
    char *copy = malloc(len + 1);
    require(copy != NULL);
    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

/* The text lies in the head, up to a NUL that does too. */
static size_t check_text(const char *text, const char *bytes, size_t len)
{
    require(text >= bytes && text < bytes + len);
    const char *end = memchr(text, '\0', len - (size_t)(text - bytes));
    require(end != NULL);
    for (const char *c = text; c < end; c++)
        require((uint8_t)*c >= 0x20 || *c == '\t');
    return (size_t)(end - text);
}

static void check_path(const char *path)
{
    if (strcmp(path, "*") == 0)
        return;
    require(path[0] == '/' && strstr(path, "//") == NULL);
    for (const char *segment = path; segment != NULL; segment = strchr(segment + 1, '/')) {
        const size_t len = strcspn(segment + 1, "/");
        require(!(len == 1 && segment[1] == '.'));
        require(!(len == 2 && memcmp(segment + 1, "..", 2) == 0));
    }
}

static void fuzz_head(const char *input, size_t len)
{
    static fa_http_head head;
    size_t line_at = 0, head_len = 0, slow_len = 0;
    char *bytes = copy_of(input, len);
    const unsigned status = fa_http_head_find(bytes, len, &line_at, &head_len);
    unsigned slow = FA_HTTP_MORE;
    line_at = 0;
    for (size_t i = 0; i <= len && slow == FA_HTTP_MORE; i++)
        slow = fa_http_head_find(bytes, i, &line_at, &slow_len);
    require(slow == status && slow_len == head_len);
    free(bytes);
    if (status != FA_HTTP_DONE)
        return;
    require(head_len <= len && head_len <= FA_HTTP_HEAD_BYTES_MAX);
    bytes = malloc(head_len); /* exactly */
    require(bytes != NULL);
    memcpy(bytes, input, head_len);
    const unsigned parsed = fa_http_head_parse(&head, bytes, head_len);
    require(parsed == FA_HTTP_DONE || (parsed >= 400 && parsed <= 505));
    if (parsed == FA_HTTP_DONE) {
        require(check_text(head.method, bytes, head_len) <= FA_HTTP_METHOD_BYTES_MAX);
        require(check_text(head.path, bytes, head_len) <= FA_HTTP_TARGET_BYTES_MAX);
        check_text(head.query, bytes, head_len);
        check_path(head.path);
        if (head.authority != NULL)
            require(check_text(head.authority, bytes, head_len) > 0 && head.known[FA_HTTP_HOST] == head.authority);
        require(head.field_count <= FA_HTTP_FIELDS_MAX);
        for (size_t i = 0; i < head.field_count; i++) {
            if (head.authority == NULL || strcmp(head.fields[i].name, "Host") != 0) /* that may be the parser's */
                check_text(head.fields[i].name, bytes, head_len);
            check_text(head.fields[i].value, bytes, head_len);
            require(fa_http_is_token(head.fields[i].name) && fa_http_is_value(head.fields[i].value));
        }
        require(!head.chunked || (head.body_bytes == 0 && head.known[FA_HTTP_CONTENT_LENGTH] == NULL));
    }
    free(bytes);
}

/* The data of a body in pieces of `step` bytes; its length, and how it ended. */
static size_t decode(const char *input, size_t len, size_t step, char *data_out,
                     unsigned *status_out, size_t *used_out)
{
    fa_http_chunks chunks;
    fa_http_chunks_init(&chunks);
    size_t data_len = 0, at = 0;
    unsigned status = FA_HTTP_MORE;
    while (status == FA_HTTP_MORE && at < len) {
        const size_t piece_len = step < len - at ? step : len - at;
        char *piece = copy_of(input + at, piece_len);
        for (size_t in_piece = 0; in_piece < piece_len && status == FA_HTTP_MORE;) {
            size_t used, count;
            status = fa_http_chunks_next(&chunks, piece + in_piece, piece_len - in_piece, &used, &count);
            in_piece += used;
            at += used;
            require(in_piece + count <= piece_len && used + count > 0);
            memcpy(data_out + data_len, piece + in_piece, count);
            if (count > 0)
                fa_http_chunks_took(&chunks, count);
            in_piece += count;
            at += count;
            data_len += count;
        }
        free(piece);
    }
    *status_out = status;
    *used_out = at;
    return data_len;
}

static void fuzz_chunks(const char *input, size_t len)
{
    char *all = malloc(len + 1), *slow = malloc(len + 1);
    require(all != NULL && slow != NULL);
    unsigned status, slow_status;
    size_t used, slow_used;
    const size_t all_len = decode(input, len, len + 1, all, &status, &used);
    for (size_t step = 1; step < 8; step += 3) {
        const size_t slow_len = decode(input, len, step, slow, &slow_status, &slow_used);
        require(slow_len == all_len && memcmp(all, slow, all_len) == 0);
        require(slow_status == status && slow_used == used);
    }
    require(status != FA_HTTP_DONE || all_len + strlen("0\r\n\r\n") <= used);
    free(all);
    free(slow);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len > 0 && bytes[0] == 'C')
        fuzz_chunks((const char *)bytes + 1, len - 1);
    else
        fuzz_head((const char *)bytes, len);
    return 0;
}
