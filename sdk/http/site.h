/* SPDX-License-Identifier: ISC */
/* The table of the embedded site, which the build of the program generates, sorted by path (see
 * rootfs-free/site.c). Heads of responses are made then, in three parts, so that each kind of
 * response is a first line and some of them:
 *
 *     0          HTTP/1.1 200 OK, Content-Length
 *     type_at    Content-Type, Accept-Ranges or Content-Encoding
 *     shared_at  ETag first, Cache-Control, Vary: what 304 says too
 *
 * A folder without its slash has the head of its redirection only, all of it in the first part and up
 * to the location, behind which the query and the line's end are to come. */
#ifndef FATA_HTTP_SITE_H
#define FATA_HTTP_SITE_H

#include <fata/base.h>

typedef struct fa_http_site_body {
    const uint8_t *bytes;
    size_t len;
    const char *head; /* NULL: there is no such variant */
    size_t head_len, type_at, shared_at;
} fa_http_site_body;

typedef struct fa_http_site_entry {
    const char *path;
    fa_http_site_body plain, packed; /* packed: by gzip */
} fa_http_site_entry;

extern const fa_http_site_entry fa_http_site_entries[];
extern const size_t fa_http_site_count;

#endif
