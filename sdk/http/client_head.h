/* SPDX-License-Identifier: ISC */
/* The head of a response (RFC 9112 sections 4 and 6), sans-I/O, as strictly as a request's: what two
 * readers could understand differently is refused, so that no response is taken for the next one's.
 *
 *     while ((found = fa_http_head_find(bytes, len, &line_at, &head_len)) == FA_HTTP_MORE)
 *         ... add bytes ...
 *     if (found == FA_HTTP_DONE)
 *         err = fa_http_response_parse(&head, bytes, head_len, &status);
 */
#ifndef FATA_HTTP_CLIENT_HEAD_H
#define FATA_HTTP_CLIENT_HEAD_H

#include "head.h"

/* Parses a whole head in place: the texts of *head lie in `bytes`, which are written to; it has no method,
 * path, query and authority. FA_EFORMAT; FA_ELIMIT: too many fields; FA_ENOTSUP: a transfer coding other
 * than chunked. */
FA_MUST_CHECK fa_err fa_http_response_parse(fa_http_head *head, char *bytes, size_t head_len,
                                            unsigned *status_out);

#endif
