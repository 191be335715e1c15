/* SPDX-License-Identifier: ISC */
/* The head of a request. Its end is looked for line by line, so that bytes that drip in are looked at
 * a few times only; the parse then runs over the whole of it once. */
#include "head.h"
#include "text.h"
#include <string.h>

/* memchr(); the C library's looks at each byte. */
static const char *find(const char *at, const char *end, char c)
{
    const size_t ones = SIZE_MAX / 0xff, tops = ones * 0x80;
    for (; (size_t)(end - at) >= sizeof(size_t); at += sizeof(size_t)) {
        size_t word;
        memcpy(&word, at, sizeof word);
        word ^= ones * (uint8_t)c;
        if ((word - ones) & ~word & tops) /* one of its bytes is 0 now */
            break;
    }
    while (at < end && *at != c)
        at++;
    return at < end ? at : NULL;
}

unsigned fa_http_head_find(const char *bytes, size_t len, size_t *line_at_io, size_t *head_len_out)
{
    if (len > 0 && !fa_http_char_is(bytes[0], FA_HTTP_CHAR_TOKEN))
        return 400; /* TLS, or something else that is no HTTP at all */
    size_t at = *line_at_io;
    for (;;) {
        const size_t most = len < FA_HTTP_HEAD_BYTES_MAX ? len : FA_HTTP_HEAD_BYTES_MAX;
        const char *end = at < most ? find(bytes + at, bytes + most, '\n') : NULL;
        if (end == NULL)
            break;
        const size_t line_len = (size_t)(end - bytes) - at;
        if (line_len == 0 || end[-1] != '\r')
            return 400; /* section 2.2: a lone LF; we need not take it for an end of line */
        at += line_len + 1;
        if (line_len == 1) {
            *head_len_out = at;
            return FA_HTTP_DONE;
        }
    }
    *line_at_io = at;
    if (at == 0 && len > FA_HTTP_TARGET_BYTES_MAX + FA_HTTP_METHOD_BYTES_MAX + sizeof " HTTP/1.1\r\n")
        return 414;
    return len < FA_HTTP_HEAD_BYTES_MAX ? FA_HTTP_MORE : 431;
}

/* What is left of the head. Its last bytes are CR LF CR LF, so a look at `*at` never passes the end as
 * long as no step goes over a CR that it has not seen. */
typedef struct cursor {
    char *at, *end;
} cursor;

static size_t skip(cursor *c, unsigned classes)
{
    char *at = c->at, *const start = at, *const end = c->end; /* in registers: the bytes could be c's own */
    while (at < end && fa_http_char_is(*at, classes))
        at++;
    c->at = at;
    return (size_t)(at - start);
}

/* Takes what must come next. */
static bool take(cursor *c, const char *text)
{
    const size_t len = strlen(text);
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, text, len) != 0)
        return false;
    c->at += len;
    return true;
}

/* RFC 3986 section 3.2: a host, in characters that a URI has there, and maybe a port. Who the user is
 * does not belong there (RFC 9110 section 4.2.4). */
static bool is_authority(const char *value)
{
    const char *c = value;
    if (*c == '[') {
        do
            c++;
        while (fa_http_char_is(*c, FA_HTTP_CHAR_HOST) && *c != ']');
        if (*c++ != ']')
            return false;
    } else {
        while (fa_http_char_is(*c, FA_HTTP_CHAR_HOST) && *c != ':' && *c != '[' && *c != ']')
            c++;
    }
    if (c > value && *c == ':')
        do
            c++;
        while (fa_http_char_is(*c, FA_HTTP_CHAR_DIGIT));
    return c > value && *c == '\0';
}

/* RFC 9112 section 3.2: the origin form, the absolute form or the asterisk form. (The authority form is
 * CONNECT's, which we do not have.) */
static unsigned parse_target(fa_http_head *head, char *target, size_t len)
{
    target[len] = '\0';
    head->query = target + len;
    head->path = target;
    if (len == 1 && target[0] == '*')
        return strcmp(head->method, "OPTIONS") == 0 ? FA_HTTP_DONE : 400;
    if (target[0] != '/') {
        const size_t scheme_len = fa_http_same(target, len < 7 ? len : 7, "http://")    ? 7
                                  : fa_http_same(target, len < 8 ? len : 8, "https://") ? 8
                                                                                        : 0;
        const size_t authority_len = strcspn(target + scheme_len, "/?");
        if (scheme_len == 0 || authority_len == 0)
            return 400;
        head->path += scheme_len + authority_len;
        /* Over the two slashes, so that there is room for its end. */
        head->authority = memmove(target + scheme_len - 2, target + scheme_len, authority_len);
        head->authority[authority_len] = '\0';
        if (!is_authority(head->authority))
            return 400;
    }
    const char *mark = find(head->path, target + len, '?');
    if (mark != NULL) {
        head->query = target + (mark - target) + 1;
        head->query[-1] = '\0';
    }
    if (*head->path == '\0') /* an absolute form's empty path is "/" (RFC 9110 section 4.2.3) */
        *--head->path = '/';
    return fa_http_path_decode(head->path) == FA_OK ? FA_HTTP_DONE : 400;
}

static unsigned parse_request_line(fa_http_head *head, cursor *c)
{
    head->method = c->at;
    const size_t method_len = skip(c, FA_HTTP_CHAR_TOKEN);
    if (method_len == 0 || *c->at != ' ')
        return 400;
    if (method_len > FA_HTTP_METHOD_BYTES_MAX)
        return 501;
    *c->at++ = '\0';
    char *target = c->at;
    const size_t target_len = skip(c, FA_HTTP_CHAR_TARGET);
    if (target_len > FA_HTTP_TARGET_BYTES_MAX)
        return 414;
    if (target_len == 0 || !take(c, " HTTP/"))
        return 400;
    const char *version = c->at;
    if (skip(c, FA_HTTP_CHAR_DIGIT) != 1 || !take(c, ".") || skip(c, FA_HTTP_CHAR_DIGIT) != 1 ||
        !take(c, "\r\n"))
        return 400;
    if (version[0] != '1')
        return 505;
    head->minor = version[2] == '0' ? 0 : 1;
    head->close = head->minor == 0;
    return parse_target(head, target, target_len);
}

#define FIELD(name, single) {name, sizeof name - 1, single}

static const struct {
    const char *name;
    size_t len;
    bool single; /* a request that has two of them is refused */
} known_fields[FA_HTTP_KNOWN_COUNT] = {
    [FA_HTTP_ACCEPT_ENCODING] = FIELD("accept-encoding", false),
    [FA_HTTP_CONNECTION] = FIELD("connection", false),
    [FA_HTTP_CONTENT_LENGTH] = FIELD("content-length", true),
    [FA_HTTP_EXPECT] = FIELD("expect", true),
    [FA_HTTP_HOST] = FIELD("host", true),
    [FA_HTTP_IF_MATCH] = FIELD("if-match", false),
    [FA_HTTP_IF_NONE_MATCH] = FIELD("if-none-match", false),
    [FA_HTTP_IF_RANGE] = FIELD("if-range", true),
    [FA_HTTP_RANGE] = FIELD("range", true),
    [FA_HTTP_TRANSFER_ENCODING] = FIELD("transfer-encoding", true),
};

static unsigned note_known(fa_http_head *head, const char *name, size_t name_len, char *value)
{
    for (size_t i = 0; i < FA_HTTP_KNOWN_COUNT; i++) {
        if (name_len != known_fields[i].len || !fa_http_same(name, name_len, known_fields[i].name))
            continue;
        if (head->known[i] != NULL)
            return known_fields[i].single ? 400 : FA_HTTP_DONE;
        head->known[i] = value;
        break;
    }
    return FA_HTTP_DONE;
}

/* RFC 9110 section 7.6.1. */
static void parse_connection(fa_http_head *head, const char *value)
{
    size_t len;
    for (const char *option; (option = fa_http_list_next(&value, &len)) != NULL;)
        if (fa_http_same(option, len, "close"))
            head->close = true;
}

/* RFC 9112 section 5. A line that begins with white space, which once continued the one before, has
 * no name. */
static unsigned parse_field(fa_http_head *head, cursor *c)
{
    char *name = c->at;
    const size_t name_len = skip(c, FA_HTTP_CHAR_TOKEN);
    if (name_len == 0 || *c->at != ':')
        return 400; /* section 5.1: also for white space before the colon */
    if (head->field_count == FA_HTTP_FIELDS_MAX)
        return 431;
    *c->at++ = '\0';
    skip(c, FA_HTTP_CHAR_BLANK);
    char *value = c->at;
    skip(c, FA_HTTP_CHAR_VALUE);
    char *value_end = c->at;
    if (!take(c, "\r\n"))
        return 400;
    while (value_end > value && fa_http_char_is(value_end[-1], FA_HTTP_CHAR_BLANK))
        value_end--;
    *value_end = '\0';
    head->fields[head->field_count++] = (fa_http_field){name, value};
    const unsigned status = note_known(head, name, name_len, value);
    if (status == FA_HTTP_DONE && fa_http_same(name, name_len, "connection"))
        parse_connection(head, value);
    return status;
}

/* Whether the last coding is chunked; else nobody knows how long the body is. */
static bool ends_chunked(const char *codings)
{
    bool chunked = false;
    size_t len;
    for (const char *coding; (coding = fa_http_list_next(&codings, &len)) != NULL;)
        chunked = fa_http_same(coding, len, "chunked");
    return chunked;
}

unsigned fa_http_framing_parse(fa_http_head *head)
{
    head->body_bytes = 0;
    head->chunked = false;
    const char *coding = head->known[FA_HTTP_TRANSFER_ENCODING];
    const char *length = head->known[FA_HTTP_CONTENT_LENGTH];
    if (coding != NULL) {
        /* Section 6.1: with Content-Length, or from HTTP/1.0, it may be an attempt to smuggle. */
        if (length != NULL || head->minor == 0)
            return 400;
        head->chunked = fa_http_same(coding, strlen(coding), "chunked");
        return head->chunked ? FA_HTTP_DONE : ends_chunked(coding) ? 501 : 400;
    }
    if (length == NULL)
        return FA_HTTP_DONE;
    if (*length == '\0' || length[strspn(length, "0123456789")] != '\0')
        return 400;
    for (; *length != '\0'; length++) {
        if (head->body_bytes > (UINT64_MAX - 9) / 10)
            return 413;
        head->body_bytes = head->body_bytes * 10 + (uint64_t)(*length - '0');
    }
    return FA_HTTP_DONE;
}

/* RFC 9112 section 3.2: a target that has no authority may come with an empty one. */
static bool is_host(const char *value)
{
    return *value == '\0' || is_authority(value);
}

/* RFC 9112 section 3.2.2: the target's authority replaces what Host says. */
static unsigned replace_host(fa_http_head *head)
{
    size_t i = 0;
    while (i < head->field_count && head->fields[i].value != head->known[FA_HTTP_HOST])
        i++;
    if (i == FA_HTTP_FIELDS_MAX)
        return 431;
    if (i == head->field_count)
        head->fields[head->field_count++].name = "Host";
    head->fields[i].value = head->known[FA_HTTP_HOST] = head->authority;
    return FA_HTTP_DONE;
}

unsigned fa_http_fields_parse(fa_http_head *head, char *at, char *end)
{
    head->field_count = 0;
    memset(head->known, 0, sizeof head->known);
    cursor c = {at, end};
    unsigned status = FA_HTTP_DONE;
    while (status == FA_HTTP_DONE && *c.at != '\r')
        status = parse_field(head, &c);
    if (status != FA_HTTP_DONE)
        return status;
    return take(&c, "\r\n") && c.at == c.end ? FA_HTTP_DONE : 400;
}

unsigned fa_http_head_parse(fa_http_head *head, char *bytes, size_t head_len)
{
    head->authority = NULL;
    head->expect_continue = false;
    cursor c = {bytes, bytes + head_len};
    unsigned status = parse_request_line(head, &c);
    if (status == FA_HTTP_DONE)
        status = fa_http_fields_parse(head, c.at, c.end);
    if (status != FA_HTTP_DONE)
        return status;
    const char *host = head->known[FA_HTTP_HOST];
    if (host == NULL ? head->minor > 0 : !is_host(host))
        return 400;
    status = head->authority == NULL ? FA_HTTP_DONE : replace_host(head);
    if (status == FA_HTTP_DONE)
        status = fa_http_framing_parse(head);
    const char *expect = head->known[FA_HTTP_EXPECT];
    if (status != FA_HTTP_DONE || expect == NULL || head->minor == 0)
        return status; /* RFC 9110 section 10.1.1: HTTP/1.0's is ignored */
    head->expect_continue = fa_http_same(expect, strlen(expect), "100-continue");
    return head->expect_continue ? FA_HTTP_DONE : 417;
}
