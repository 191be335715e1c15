/* SPDX-License-Identifier: ISC */
/* Shell-like words: blanks separate; '...' is literal; "..." lets \ quote " \ $ and `; outside of
 * quotes \ quotes any character. A \ before the end of a line joins it to the next, except in '...'.
 * A quoted empty text is a word. */
#include "words.h"
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Moves one word from *from to *to (which never overtakes it); false: a quote has no end. */
static bool take_word(char **from, char **to)
{
    char quote = '\0';
    for (; **from != '\0' && (quote != '\0' || !is_blank(**from)); (*from)++) {
        const char c = **from;
        if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (quote != '\0' && c == quote) {
            quote = '\0';
        } else if (c == '\\' && quote != '\'') {
            const char next = (*from)[1];
            if (next == '\0')
                return false;
            (*from)++;
            if (next == '\n')
                continue;
            if (quote == '"' && strchr("\"\\$`", next) == NULL)
                *(*to)++ = c;
            *(*to)++ = next;
        } else {
            *(*to)++ = c;
        }
    }
    return quote == '\0';
}

fa_err fa_words_split(char *text, char **words_out, size_t cap, size_t *count_out)
{
    char *to = text;
    *count_out = 0;
    for (;;) {
        while (is_blank(*text) || (text[0] == '\\' && text[1] == '\n'))
            text++;
        if (*text == '\0')
            return FA_OK;
        if (*count_out == cap)
            return FA_ELIMIT;
        words_out[(*count_out)++] = to;
        if (!take_word(&text, &to))
            return FA_EFORMAT;
        const bool last = *text == '\0';
        *to++ = '\0';
        if (last)
            return FA_OK;
        text++;
    }
}
