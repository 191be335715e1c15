/* SPDX-License-Identifier: ISC */
/* The head of a request (RFC 9112 sections 2 to 6), sans-I/O: where it ends, and what it says. What
 * two readers of the same bytes could understand differently is refused (section 11.2): a server in
 * front of this one must not see other requests than this one does.
 *
 *     while ((status = fa_http_head_find(bytes, len, &line_at, &head_len)) == FA_HTTP_MORE)
 *         ... add bytes ...
 *     if (status == FA_HTTP_DONE)
 *         status = fa_http_head_parse(&head, bytes, head_len);
 *     ... any other is the status of the refusal ...
 */
#ifndef FATA_HTTP_HEAD_H
#define FATA_HTTP_HEAD_H

#include <fata/http.h>

/* What these functions return besides the status of a response. */
#define FA_HTTP_MORE 0u
#define FA_HTTP_DONE 1u

/* The fields that the server itself looks at. */
typedef enum fa_http_known {
    FA_HTTP_ACCEPT_ENCODING,
    FA_HTTP_CONNECTION,
    FA_HTTP_CONTENT_LENGTH,
    FA_HTTP_EXPECT,
    FA_HTTP_HOST,
    FA_HTTP_IF_MATCH,
    FA_HTTP_IF_NONE_MATCH,
    FA_HTTP_IF_RANGE,
    FA_HTTP_RANGE,
    FA_HTTP_TRANSFER_ENCODING,
    FA_HTTP_KNOWN_COUNT,
} fa_http_known;

typedef struct fa_http_head {
    char *method, *path, *query; /* in the bytes parsed, NUL-terminated */
    unsigned minor;              /* of the version: HTTP/1.minor; at most 1 */
    fa_http_field fields[FA_HTTP_FIELDS_MAX];
    size_t field_count;
    char *known[FA_HTTP_KNOWN_COUNT]; /* NULL: no such field */
    char *authority;                  /* of a target in absolute form; NULL: it is in another */
    uint64_t body_bytes;              /* of a body that is not chunked */
    bool chunked;
    bool close;           /* the connection ends with this request */
    bool expect_continue; /* the client waits for 100 before it sends the body */
} fa_http_head;

/* Whether a whole head is there. *line_at_io is 0 at first, and then where the search goes on. */
unsigned fa_http_head_find(const char *bytes, size_t len, size_t *line_at_io, size_t *head_len_out);
/* Parses a whole head in place: the texts of *head lie in `bytes`, which are written to. Of a field
 * that is there more than once, where that is allowed, `known` has the first. Host is the one of the
 * target where that has one: there is then such a field in any case. */
unsigned fa_http_head_parse(fa_http_head *head, char *bytes, size_t head_len);
/* Its parts, for the head of a response too: the fields, from behind the first line to the end of the
 * head; and how long the body is (RFC 9112 section 6.3), for which `minor` must be set. */
unsigned fa_http_fields_parse(fa_http_head *head, char *at, char *end);
unsigned fa_http_framing_parse(fa_http_head *head);

#endif
