/* SPDX-License-Identifier: ISC */
/* The characters and small texts that HTTP is made of. */
#include "text.h"
#include <string.h>

/* By rows of 16; made from the grammar, and compared with it in tests/unit/http_head.c. */
#define OBS_TEXT 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4
const uint8_t fa_http_chars[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    12, 71, 6, 5, 71, 71, 71, 71, 70, 70, 71, 71, 70, 71, 71, 6,
    119, 119, 119, 119, 119, 119, 119, 119, 119, 119, 70, 70, 6, 70, 6, 6,
    6, 103, 103, 103, 103, 103, 103, 71, 71, 71, 71, 71, 71, 71, 71, 71,
    71, 71, 71, 71, 71, 71, 71, 71, 71, 71, 71, 70, 6, 70, 7, 71,
    7, 103, 103, 103, 103, 103, 103, 71, 71, 71, 71, 71, 71, 71, 71, 71,
    71, 71, 71, 71, 71, 71, 71, 71, 71, 71, 71, 6, 7, 6, 71, 0,
    OBS_TEXT, OBS_TEXT, OBS_TEXT, OBS_TEXT, OBS_TEXT, OBS_TEXT, OBS_TEXT, OBS_TEXT,
};

unsigned fa_http_hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

/* The character that an escape at `at` stands for; -1 for a broken one, or a control character, which
 * no name of ours has and which would spoil a log. */
static int unescape(const char *at)
{
    if (!fa_http_char_is(at[1], FA_HTTP_CHAR_HEX) || !fa_http_char_is(at[2], FA_HTTP_CHAR_HEX))
        return -1;
    const unsigned c = fa_http_hex_value(at[1]) << 4 | fa_http_hex_value(at[2]);
    return c < 0x20 || c == 0x7f ? -1 : (int)c;
}

/* RFC 3986 section 5.2.4: the path ends at `to` with a segment that begins behind its last slash. Takes
 * off a dot, or two with the segment before. */
static char *drop_dots(const char *path, char *to)
{
    if (to - path >= 2 && to[-1] == '.' && to[-2] == '/')
        return to - 1;
    if (to - path < 3 || to[-1] != '.' || to[-2] != '.' || to[-3] != '/')
        return to;
    for (to -= 3; to > path && to[-1] != '/';)
        to--;
    return to > path ? to : to + 1;
}

fa_err fa_http_path_decode(char *path)
{
    char *to = path;
    for (const char *from = path; *from != '\0'; from++) {
        int c = (uint8_t)*from;
        if (c == '%') {
            c = unescape(from);
            if (c < 0)
                return FA_EFORMAT;
            from += 2;
        }
        /* (An escaped slash divides too: what the segments are is looked at behind the escapes.) */
        if (c == '/') {
            to = drop_dots(path, to);
            if (to > path && to[-1] == '/')
                continue;
        }
        *to++ = (char)c;
    }
    *drop_dots(path, to) = '\0';
    return FA_OK;
}

static bool all_are(const char *text, unsigned classes)
{
    while (fa_http_char_is(*text, classes))
        text++;
    return *text == '\0';
}

bool fa_http_is_token(const char *text)
{
    return *text != '\0' && all_are(text, FA_HTTP_CHAR_TOKEN);
}

bool fa_http_is_value(const char *text)
{
    return all_are(text, FA_HTTP_CHAR_VALUE);
}

const char *fa_http_list_next(const char **list_io, size_t *len_out)
{
    const char *at = *list_io;
    while (*at == ',' || fa_http_char_is(*at, FA_HTTP_CHAR_BLANK))
        at++;
    size_t len = strcspn(at, ",");
    *list_io = at + len;
    while (len > 0 && fa_http_char_is(at[len - 1], FA_HTTP_CHAR_BLANK))
        len--;
    *len_out = len;
    return len > 0 ? at : NULL;
}

bool fa_http_same(const char *text, size_t len, const char *word)
{
    for (size_t i = 0; i < len; i++) {
        const char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];
        if (word[i] == '\0' || c != word[i])
            return false;
    }
    return word[len] == '\0';
}
