/* SPDX-License-Identifier: ISC */
/* Fuzzes what the HTTP client reads: heads of responses, and URLs. An input that begins with U is a URL and,
 * on its next line, a reference to be resolved; any other is a head. A head that is taken has one framing, and
 * texts that lie in it; a URL that is taken can be said again, with the same meaning, and has nothing in it
 * that could end a line of a request. */
#include "../../sdk/http/client_head.h"
#include "../../sdk/http/text.h"
#include "require.h"
#include <fata/http_client.h>
#include <string.h>

static void check_url(const fa_url *url)
{
    static fa_url again;
    char text[FA_URL_BYTES_MAX + FA_URL_HOST_BYTES + 32];
    require(url->port != 0 && url->host[0] != '\0' && url->target[0] == '/');
    for (const char *c = url->authority; *c != '\0'; c++)
        require(fa_http_char_is(*c, FA_HTTP_CHAR_HOST));
    for (const char *c = url->target; *c != '\0'; c++)
        require(fa_http_char_is(*c, FA_HTTP_CHAR_TARGET));
    const size_t path_len = strcspn(url->target, "?");
    for (size_t i = 0; i < path_len; i++)
        if (url->target[i] == '/') {
            const size_t segment_len = strcspn(url->target + i + 1, "/?");
            require(!(segment_len == 1 && url->target[i + 1] == '.'));
            require(!(segment_len == 2 && memcmp(url->target + i + 1, "..", 2) == 0));
        }
    snprintf(text, sizeof text, "http%s://%s%s", url->secure ? "s" : "", url->authority, url->target);
    require(fa_url_parse(text, &again) == FA_OK);
    require(fa_url_same_origin(url, &again) && strcmp(url->target, again.target) == 0 &&
            strcmp(url->authority, again.authority) == 0);
}

static void fuzz_url(const char *bytes, size_t len)
{
    static fa_url url, other;
    char *text = malloc(len + 1);
    require(text != NULL);
    memcpy(text, bytes, len);
    text[len] = '\0';
    char *reference = strchr(text, '\n');
    if (reference != NULL)
        *reference++ = '\0';
    if (fa_url_parse(text, &url) == FA_OK) {
        check_url(&url);
        if (reference != NULL && fa_url_resolve(&url, reference, &other) == FA_OK)
            check_url(&other);
    }
    free(text);
}

static size_t check_text(const char *text, const char *bytes, size_t len)
{
    require(text >= bytes && text < bytes + len);
    const char *end = memchr(text, '\0', len - (size_t)(text - bytes));
    require(end != NULL);
    return (size_t)(end - text);
}

static void fuzz_head(const char *input, size_t len)
{
    static fa_http_head head;
    size_t line_at = 0, head_len;
    unsigned status;
    char *bytes = malloc(len + 1);
    require(bytes != NULL);
    if (len > 0)
        memcpy(bytes, input, len);
    const bool whole = fa_http_head_find(bytes, len, &line_at, &head_len) == FA_HTTP_DONE;
    free(bytes);
    if (!whole)
        return;
    bytes = malloc(head_len); /* exactly */
    require(bytes != NULL);
    memcpy(bytes, input, head_len);
    if (fa_http_response_parse(&head, bytes, head_len, &status) == FA_OK) {
        require(status >= 100 && status <= 999 && head.minor <= 1);
        require(head.field_count <= FA_HTTP_FIELDS_MAX);
        for (size_t i = 0; i < head.field_count; i++) {
            check_text(head.fields[i].name, bytes, head_len);
            check_text(head.fields[i].value, bytes, head_len);
            require(fa_http_is_token(head.fields[i].name) && fa_http_is_value(head.fields[i].value));
        }
        require(!head.chunked || (head.body_bytes == 0 && head.known[FA_HTTP_CONTENT_LENGTH] == NULL));
        require(head.minor == 1 || head.close);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len > 0 && bytes[0] == 'U')
        fuzz_url((const char *)bytes + 1, len - 1);
    else
        fuzz_head((const char *)bytes, len);
    return 0;
}
