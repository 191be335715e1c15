/* SPDX-License-Identifier: ISC */
/* The JSON writer: see json.h. RFC 8259, section 7: what a string must escape. */
#include "json.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

/* Length of the valid UTF-8 sequence at `s` (RFC 3629), or 0. The string's NUL ends the look-ahead. */
static size_t utf8_len(const unsigned char *s)
{
    size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 4;

    if ((s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f)) {
        return 0; /* overlong, a surrogate, or above U+10FFFF */
    }
    return len;
}

static void put_string(const char *string)
{
    const unsigned char *s = (const unsigned char *)string;

    (void)putchar('"');
    while (*s != '\0') {
        size_t len = utf8_len(s);

        if (len == 0) {
            printf("\\ufffd");
            s++;
        } else if (*s < 0x20 || *s == 0x7f) {
            printf("\\u%04x", *s++);
        } else {
            if (*s == '"' || *s == '\\') {
                (void)putchar('\\');
            }
            (void)fwrite(s, 1, len, stdout);
            s += len;
        }
    }
    (void)putchar('"');
}

static void start(struct json *json, const char *key)
{
    if (json->follows) {
        (void)putchar(',');
    }
    if (json->depth > 0) {
        printf("\n%*s", (int)(json->depth * 2), "");
    }
    if (key != NULL) {
        put_string(key);
        printf(": ");
    }
    json->follows = true;
}

void json_open(struct json *json, const char *key, char bracket)
{
    start(json, key);
    (void)putchar(bracket);
    json->depth++;
    json->follows = false;
}

void json_close(struct json *json, char bracket)
{
    json->depth--;
    if (json->follows) {
        printf("\n%*s", (int)(json->depth * 2), "");
    }
    (void)putchar(bracket);
    json->follows = true;
    if (json->depth == 0) {
        (void)putchar('\n');
    }
}

void json_text(struct json *json, const char *key, const char *value)
{
    start(json, key);
    if (value == NULL) {
        printf("null");
    } else {
        put_string(value);
    }
}

void json_number(struct json *json, const char *key, uint64_t value)
{
    start(json, key);
    printf("%" PRIu64, value);
}

void json_bool(struct json *json, const char *key, bool value)
{
    start(json, key);
    printf(value ? "true" : "false");
}

void json_address(struct json *json, const char *key, uint64_t value)
{
    start(json, key);
    printf("\"0x%" PRIx64 "\"", value);
}
