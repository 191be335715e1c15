/* SPDX-License-Identifier: ISC */
/* The chunked transfer coding (RFC 9112 section 7.1), sans-I/O. Extensions and trailers are bounded,
 * checked and forgotten.
 *
 *     fa_http_chunks_init(&chunks);
 *     status = fa_http_chunks_next(&chunks, bytes, len, &used, &data_len);
 *     ... the first `used` bytes are done with; then come `data_len` bytes of the body ...
 */
#ifndef FATA_HTTP_CHUNKS_H
#define FATA_HTTP_CHUNKS_H

#include <fata/base.h>

typedef struct fa_http_chunks { /* private */
    unsigned stage;
    unsigned line_len;
    unsigned trailer_len;
    uint64_t left; /* of the chunk */
} fa_http_chunks;

void fa_http_chunks_init(fa_http_chunks *chunks);
/* Takes what is no data. FA_HTTP_MORE: then data_len bytes of data, 0 if there are none yet, which the
 * caller takes as far as it likes and says so by fa_http_chunks_took(). FA_HTTP_DONE: the body has
 * ended. 400: it is malformed. */
unsigned fa_http_chunks_next(fa_http_chunks *chunks, const char *bytes, size_t len,
                             size_t *used_out, size_t *data_len_out);
void fa_http_chunks_took(fa_http_chunks *chunks, size_t data_len);

#endif
