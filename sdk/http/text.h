/* SPDX-License-Identifier: ISC */
/* The characters and small texts that HTTP is made of: classes of characters (RFC 9110 section 5.6,
 * RFC 3986), lists, and paths. */
#ifndef FATA_HTTP_TEXT_H
#define FATA_HTTP_TEXT_H

#include <fata/err.h>

#define FA_HTTP_CHAR_TOKEN 1u  /* tchar */
#define FA_HTTP_CHAR_TARGET 2u /* what is visible, but for '#', which a client keeps for itself */
#define FA_HTTP_CHAR_VALUE 4u  /* of a field: visible, blank, obs-text */
#define FA_HTTP_CHAR_BLANK 8u  /* space and tab */
#define FA_HTTP_CHAR_DIGIT 16u
#define FA_HTTP_CHAR_HEX 32u
#define FA_HTTP_CHAR_HOST 64u  /* of a host with its port */

extern const uint8_t fa_http_chars[256];

static inline bool fa_http_char_is(char c, unsigned classes)
{
    return (fa_http_chars[(uint8_t)c] & classes) != 0;
}

/* Undoes %-escapes, empty segments and dot segments of a path in place, as nginx and Apache do: /a//b is
 * what /a/b is, and no route can be got around by one more slash. FA_EFORMAT: a broken escape, or one of a
 * control character. */
FA_MUST_CHECK fa_err fa_http_path_decode(char *path);
/* The number that a hexadecimal digit stands for. */
unsigned fa_http_hex_value(char c);
/* Whether a text is a token, and whether it can be a field's value. */
bool fa_http_is_token(const char *text);
bool fa_http_is_value(const char *text);
/* The next element of a list by commas, without the white space around it; NULL at the end. Commas
 * inside of quotes are not told apart. */
const char *fa_http_list_next(const char **list_io, size_t *len_out);
/* Whether the text is the word, which has no capitals, but for the case of ASCII letters. */
bool fa_http_same(const char *text, size_t len, const char *word);

#endif
