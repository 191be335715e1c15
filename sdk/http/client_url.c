/* SPDX-License-Identifier: ISC */
/* URLs of http and https (RFC 3986), and references to them. What is no URL's character is refused, not
 * escaped: who else reads it could see another URL. */
#include "text.h"
#include <fata/http_client.h>
#include <stdio.h>
#include <string.h>

#define HTTP_PORT 80u
#define HTTPS_PORT 443u
#define LABEL_BYTES_MAX 63u
#define IPV6_GROUPS 8u
#define IPV6_GROUP_DIGITS 4u

/* The characters of a path or a query (RFC 3986 sections 3.3, 3.4), and escapes. */
static bool is_target(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char c = text[i];
        if (c == '%' && (i + 2 >= len || !fa_http_char_is(text[i + 1], FA_HTTP_CHAR_HEX) ||
                         !fa_http_char_is(text[i + 2], FA_HTTP_CHAR_HEX)))
            return false;
        const bool is_letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9');
        if (c == '\0' || (!is_letter && strchr("-._~!$&'()*+,;=:@/?%", c) == NULL))
            return false;
    }
    return true;
}

/* RFC 3986 section 5.2.4, of an absolute path in place. (Unlike fa_http_path_decode(), escapes and empty
 * segments stay: what they mean is the server's.) */
static size_t remove_dots(char *path, size_t len)
{
    size_t to = 0;
    for (size_t from = 0; from < len;) {
        size_t end = from + 1; /* of the segment, which begins with a slash */
        while (end < len && path[end] != '/')
            end++;
        const size_t segment_len = end - from;
        const bool one = segment_len == 2 && path[from + 1] == '.';
        const bool two = segment_len == 3 && path[from + 1] == '.' && path[from + 2] == '.';
        if (two)
            while (to > 0 && path[--to] != '/')
                ;
        if (!one && !two) {
            memmove(path + to, path + from, segment_len);
            to += segment_len;
        } else if (end == len) {
            path[to++] = '/';
        }
        from = end;
    }
    return to;
}

/* A name (RFC 1123 section 2.1, and the underscore that some have), or an IPv4 address. */
static bool is_name(const char *host)
{
    for (size_t label_len = 0;; host++) {
        if (*host == '.' || *host == '\0') {
            if (label_len == 0 || label_len > LABEL_BYTES_MAX)
                return false;
            if (*host == '\0' || host[1] == '\0') /* a dot at the end means that it is whole */
                return true;
            label_len = 0;
        } else if ((*host >= 'a' && *host <= 'z') || (*host >= '0' && *host <= '9') ||
                   *host == '-' || *host == '_') {
            label_len++;
        } else {
            return false;
        }
    }
}

/* RFC 3986 section 3.2.2: what stands between the brackets. */
static bool is_ipv6(const char *at)
{
    unsigned groups = 0;
    bool shortened = at[0] == ':' && at[1] == ':';
    if (shortened)
        at += 2;
    while (*at != '\0') {
        fa_ip4 last;
        unsigned digits = 0;
        if (fa_ip4_parse(at, &last) == FA_OK) {
            groups += 2;
            break;
        }
        while (fa_http_char_is(at[digits], FA_HTTP_CHAR_HEX))
            digits++;
        if (digits == 0 || digits > IPV6_GROUP_DIGITS || ++groups > IPV6_GROUPS)
            return false;
        at += digits;
        if (*at == '\0')
            break;
        if (*at++ != ':' || *at == '\0')
            return false;
        if (*at == ':') {
            if (shortened || *++at == ':')
                return false;
            shortened = true;
        }
    }
    return shortened ? groups < IPV6_GROUPS : groups == IPV6_GROUPS;
}

static bool parse_port(const char *text, size_t len, fa_url *url)
{
    unsigned port = 0;
    if (len == 0) /* RFC 3986 section 3.2.3: the default */
        return true;
    for (size_t i = 0; i < len; i++) {
        if (!fa_http_char_is(text[i], FA_HTTP_CHAR_DIGIT))
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
        if (port > UINT16_MAX)
            return false;
    }
    url->port = (uint16_t)port;
    return port > 0;
}

/* Host and port; who the user is does not belong there (RFC 9110 section 4.2.4). */
static fa_err parse_authority(const char *text, size_t len, fa_url *url)
{
    const bool in_brackets = len > 0 && text[0] == '[';
    const char *host = text + (in_brackets ? 1 : 0);
    const char *host_end = memchr(text, in_brackets ? ']' : ':', len);
    if (host_end == NULL && in_brackets)
        return FA_EFORMAT;
    if (host_end == NULL)
        host_end = text + len;
    const size_t host_len = (size_t)(host_end - host);
    if (host_len >= sizeof url->host)
        return FA_ELIMIT;
    for (size_t i = 0; i < host_len; i++)
        url->host[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] | 0x20) : host[i];
    url->host[host_len] = '\0';
    const char *rest = host_end + (in_brackets ? 1 : 0);
    const size_t rest_len = len - (size_t)(rest - text);
    url->port = url->secure ? HTTPS_PORT : HTTP_PORT;
    if (strlen(url->host) != host_len || (rest_len > 0 && rest[0] != ':') ||
        (rest_len > 0 && !parse_port(rest + 1, rest_len - 1, url)) ||
        !(in_brackets ? is_ipv6(url->host) : is_name(url->host)))
        return FA_EFORMAT;
    char port[8] = "";
    if (url->port != (url->secure ? HTTPS_PORT : HTTP_PORT))
        snprintf(port, sizeof port, ":%u", url->port);
    snprintf(url->authority, sizeof url->authority, in_brackets ? "[%s]%s" : "%s%s", url->host,
             port);
    return FA_OK;
}

/* Path and query, of which the first `kept_len` bytes are there already. */
static fa_err parse_target(const char *text, size_t kept_len, fa_url *url)
{
    const size_t len = strcspn(text, "#");
    const bool needs_slash = kept_len == 0 && text[0] != '/';
    if (kept_len + len + 2 > sizeof url->target)
        return FA_ELIMIT;
    if (!is_target(text, len))
        return FA_EFORMAT;
    if (needs_slash)
        url->target[kept_len++] = '/';
    memmove(url->target + kept_len, text, len);
    url->target[kept_len + len] = '\0';
    const size_t path_len = strcspn(url->target, "?");
    const size_t short_len = remove_dots(url->target, path_len);
    memmove(url->target + short_len, url->target + path_len, kept_len + len + 1 - path_len);
    return FA_OK;
}

static fa_err parse_hierarchy(const char *text, fa_url *url)
{
    const size_t len = strcspn(text, "/?#");
    const fa_err err = parse_authority(text, len, url);
    return err == FA_OK ? parse_target(text + len, 0, url) : err;
}

/* The length of a scheme with its colon; 0: there is none. RFC 3986 section 3.1. */
static size_t scheme_len(const char *text)
{
    size_t len = 0;
    if (!((text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z'))
        return 0;
    while (fa_http_char_is(text[len], FA_HTTP_CHAR_TOKEN) && strchr("!#$%&'*^_`|~", text[len]) == NULL)
        len++;
    return text[len] == ':' ? len + 1 : 0;
}

fa_err fa_url_parse(const char *text, fa_url *url_out)
{
    const size_t len = scheme_len(text);
    if (len == 0)
        return FA_EFORMAT;
    url_out->secure = fa_http_same(text, len, "https:");
    if (!url_out->secure && !fa_http_same(text, len, "http:"))
        return FA_ENOTSUP;
    if (strncmp(text + len, "//", 2) != 0)
        return FA_EFORMAT;
    return parse_hierarchy(text + len + 2, url_out);
}

fa_err fa_url_resolve(const fa_url *base, const char *reference, fa_url *url_out)
{
    if (scheme_len(reference) > 0)
        return fa_url_parse(reference, url_out);
    if (url_out != base)
        *url_out = *base;
    if (strncmp(reference, "//", 2) == 0)
        return parse_hierarchy(reference + 2, url_out);
    if (reference[0] == '/')
        return parse_target(reference, 0, url_out);
    if (reference[0] == '#' || reference[0] == '\0')
        return FA_OK;
    size_t kept_len = strcspn(url_out->target, "?");
    if (reference[0] != '?')
        while (url_out->target[kept_len - 1] != '/') /* it begins with one */
            kept_len--;
    return parse_target(reference, kept_len, url_out);
}

bool fa_url_same_origin(const fa_url *a, const fa_url *b)
{
    return a->secure == b->secure && a->port == b->port && strcmp(a->host, b->host) == 0;
}
