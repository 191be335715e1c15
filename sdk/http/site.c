/* SPDX-License-Identifier: ISC */
/* The embedded site: finds a path in the table, and answers with what the build has made, gzip,
 * ranges and conditions considered (RFC 9110 sections 12.5.3, 13 and 14). Nothing is allocated, and
 * bodies are sent from where they lie in the image. */
#include "site.h"
#include "exchange.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

#define LENGTH_AT (sizeof "HTTP/1.1 200 OK\r\n" - 1)
#define NOT_FOUND_PATH "/404.html"

static const fa_http_site_entry *find(const char *path)
{
    size_t low = 0, high = fa_http_site_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(path, fa_http_site_entries[middle].path);
        if (order == 0)
            return &fa_http_site_entries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* RFC 9110 section 12.4.2: a weight in thousandths; -1 for what is none. */
static int parse_weight(const char *text, size_t len)
{
    if (len < 3 || (text[0] != 'q' && text[0] != 'Q') || text[1] != '=' || text[2] < '0' ||
        text[2] > '1' || len > 7 || (len > 3 && text[3] != '.'))
        return -1;
    int weight = 1000 * (text[2] - '0'), unit = 100;
    for (size_t i = 4; i < len; i++, unit /= 10) {
        if (!fa_http_char_is(text[i], FA_HTTP_CHAR_DIGIT))
            return -1;
        weight += unit * (text[i] - '0');
    }
    return weight <= 1000 ? weight : -1;
}

/* Splits "coding ; q=0.5". */
static int weight_of(const char *element, size_t *len_io)
{
    const char *semicolon = memchr(element, ';', *len_io);
    if (semicolon == NULL)
        return 1000;
    const char *weight = semicolon + 1, *end = element + *len_io;
    while (weight < end && fa_http_char_is(*weight, FA_HTTP_CHAR_BLANK))
        weight++;
    while (semicolon > element && fa_http_char_is(semicolon[-1], FA_HTTP_CHAR_BLANK))
        semicolon--;
    *len_io = (size_t)(semicolon - element);
    return parse_weight(weight, (size_t)(end - weight));
}

/* Whether gzip is accepted, and not less than what is not coded. */
static bool accepts_gzip(const char *accept)
{
    int gzip = -1, identity = -1, any = -1;
    size_t len;
    if (accept == NULL)
        return false;
    for (const char *element; (element = fa_http_list_next(&accept, &len)) != NULL;) {
        const int weight = weight_of(element, &len);
        if (fa_http_same(element, len, "gzip") || fa_http_same(element, len, "x-gzip"))
            gzip = weight;
        else if (fa_http_same(element, len, "identity"))
            identity = weight;
        else if (fa_http_same(element, len, "*"))
            any = weight;
    }
    if (gzip < 0)
        gzip = any;
    return gzip > 0 && gzip >= identity;
}

/* The tag with its quotes. */
static const char *tag_of(const fa_http_site_body *body, size_t *len_out)
{
    const char *tag = body->head + body->shared_at + strlen("ETag: ");
    *len_out = strcspn(tag, "\r");
    return tag;
}

/* RFC 9110 section 8.8.3.2. `weak`: a tag that is marked weak will do. */
static bool tag_is_listed(const fa_http_site_body *body, const char *list, bool weak)
{
    size_t tag_len, len;
    const char *tag = tag_of(body, &tag_len);
    if (strcmp(list, "*") == 0)
        return true;
    for (const char *element; (element = fa_http_list_next(&list, &len)) != NULL;) {
        if (weak && len > 2 && memcmp(element, "W/", 2) == 0) {
            element += 2;
            len -= 2;
        }
        if (len == tag_len && memcmp(element, tag, len) == 0)
            return true;
    }
    return false;
}

static bool parse_number(const char **at_io, size_t *number_out)
{
    const char *at = *at_io;
    size_t number = 0;
    for (; fa_http_char_is(*at, FA_HTTP_CHAR_DIGIT); at++)
        /* What is beyond all bodies stays so. */
        number = number > SIZE_MAX / 10 - 1 ? SIZE_MAX / 2 : number * 10 + (size_t)(*at - '0');
    const bool any = at != *at_io;
    *at_io = at;
    *number_out = number;
    return any;
}

/* A tag names the variant that is meant, of which a download may go on. A part is else one of the file
 * as it is. */
static bool prefers_packed(const fa_http_site_entry *entry, const char *range, const char *tags)
{
    if (entry->packed.head == NULL)
        return false;
    return tags == NULL ? range == NULL : !tag_is_listed(&entry->plain, tags, false);
}

typedef enum range_kind { ALL, PART, NONE } range_kind;

/* RFC 9110 section 14.1.2. Several ranges, or what is malformed, get all. */
static range_kind parse_range(const char *text, size_t len, size_t *first_out, size_t *count_out)
{
    size_t first, last;
    if (!fa_http_same(text, strlen(text) < 6 ? strlen(text) : 6, "bytes="))
        return ALL;
    text += 6;
    const bool has_first = parse_number(&text, &first);
    if (*text++ != '-')
        return ALL;
    const bool has_last = parse_number(&text, &last);
    if (*text != '\0' || (!has_first && !has_last) || (has_first && has_last && last < first))
        return ALL;
    if (!has_first) { /* the last so many */
        if (last == 0 || len == 0)
            return NONE;
        first = last < len ? len - last : 0;
        last = len - 1;
    }
    if (first >= len)
        return NONE;
    if (!has_last || last >= len)
        last = len - 1;
    *first_out = first;
    *count_out = last - first + 1;
    return PART;
}

static fa_slice text_slice(const char *text)
{
    return (fa_slice){text, strlen(text)};
}

static fa_slice head_from(const fa_http_site_body *body, size_t at)
{
    return (fa_slice){body->head + at, body->head_len - at};
}

static fa_err respond_range(fa_http *http, const fa_http_site_body *body, range_kind kind,
                            size_t first, size_t count, fa_deadline deadline)
{
    char line[128]; /* the status line and two fields of numbers */
    if (kind == NONE) {
        (void)snprintf(line, sizeof line,
                       "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */%zu\r\n"
                       "Content-Length: 0\r\n",
                       body->len);
        return fa_http_respond_static(http, 416, &(fa_slice){line, strlen(line)}, 1,
                                      (fa_slice){"", 0}, deadline);
    }
    (void)snprintf(line, sizeof line,
                   "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu\r\n"
                   "Content-Length: %zu\r\n",
                   first, first + count - 1, body->len, count);
    const fa_slice head[] = {text_slice(line), head_from(body, body->type_at)};
    return fa_http_respond_static(http, 206, head, 2, (fa_slice){body->bytes + first, count},
                                  deadline);
}

/* A folder is its path with a slash; what was asked of it stays asked. */
static fa_err respond_moved(fa_http *http, const fa_http_site_body *body, fa_deadline deadline)
{
    const fa_slice head[] = {head_from(body, 0), text_slice(*http->query == '\0' ? "" : "?"),
                             text_slice(http->query), text_slice("\r\n")};
    return fa_http_respond_static(http, 301, head, FA_ARRAY_COUNT(head), (fa_slice){"", 0}, deadline);
}

static fa_err respond_not_modified(fa_http *http, const fa_http_site_body *body,
                                   fa_deadline deadline)
{
    const fa_slice head[] = {text_slice("HTTP/1.1 304 Not Modified\r\n"),
                             head_from(body, body->shared_at)};
    return fa_http_respond_static(http, 304, head, 2, (fa_slice){"", 0}, deadline);
}

static fa_err respond_not_found(fa_http *http, bool gzip, fa_deadline deadline)
{
    const fa_http_site_entry *page = find(NOT_FOUND_PATH);
    if (page == NULL)
        return FA_ENOENT;
    const fa_http_site_body *body = gzip && page->packed.head != NULL ? &page->packed : &page->plain;
    const fa_slice head[] = {text_slice("HTTP/1.1 404 Not Found\r\nCache-Control: no-cache\r\n"),
                             {body->head + LENGTH_AT, body->shared_at - LENGTH_AT}};
    return fa_http_respond_static(http, 404, head, 2, (fa_slice){body->bytes, body->len}, deadline);
}

fa_err fa_http_site(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    const fa_http_head *asked = &fa_http_exchange_of(http)->head;
    const fa_http_site_entry *entry = find(http->path);
    const bool gzip = accepts_gzip(asked->known[FA_HTTP_ACCEPT_ENCODING]);
    if (entry == NULL)
        return respond_not_found(http, gzip, deadline);
    const fa_http_site_body *body = &entry->plain;
    if (body->type_at == 0)
        return respond_moved(http, body, deadline);
    const char *range = strcmp(http->method, "GET") == 0 ? asked->known[FA_HTTP_RANGE] : NULL;
    const char *if_range = asked->known[FA_HTTP_IF_RANGE];
    const char *if_match = asked->known[FA_HTTP_IF_MATCH];
    const char *if_none_match = asked->known[FA_HTTP_IF_NONE_MATCH];
    if (gzip && prefers_packed(entry, range, range == NULL || if_match != NULL ? if_match : if_range))
        body = &entry->packed;
    if (if_match != NULL && !tag_is_listed(body, if_match, false)) {
        fa_http_response_plain(fa_http_exchange_of(http), 412);
        return FA_OK;
    }
    if (if_none_match != NULL && tag_is_listed(body, if_none_match, true))
        return respond_not_modified(http, body, deadline);
    if (range != NULL && (if_range == NULL || tag_is_listed(body, if_range, false))) {
        size_t first = 0, count = 0;
        const range_kind kind = parse_range(range, body->len, &first, &count);
        if (kind != ALL)
            return respond_range(http, body, kind, first, count, deadline);
    }
    const fa_slice head = head_from(body, 0);
    return fa_http_respond_static(http, 200, &head, 1, (fa_slice){body->bytes, body->len},
                                  deadline);
}
