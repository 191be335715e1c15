/* SPDX-License-Identifier: ISC */
/*
 * "Did you mean": the candidate nearest to a mistyped word, by edit distance (insert, delete, replace, swap two
 * neighbours), if it is near enough to be what was meant.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#define WORD_LEN_MAX 63

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_LEN_MAX + 1];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);

    if (a_len > WORD_LEN_MAX || b_len > WORD_LEN_MAX) {
        return WORD_LEN_MAX;
    }
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);

            row[j] = least(least(above[j] + 1, row[j - 1] + 1), replaced);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1);
            }
        }
    }
    return rows[a_len % 3][b_len];
}

const char *cli_suggest(const char *word, const char *const names[])
{
    static char answer[WORD_LEN_MAX + 24];
    size_t near = strlen(word) / 3 + 1;
    size_t best = near > 3 ? 4 : near + 1;
    const char *found = NULL;

    for (size_t i = 0; names[i] != NULL; i++) {
        size_t d = distance(word, names[i]);
        bool prefix = strlen(word) > 2 && strncmp(word, names[i], strlen(word)) == 0;

        if (d < best || (prefix && found == NULL)) {
            best = least(best, d);
            found = names[i];
        }
    }
    if (found == NULL) {
        return "";
    }
    (void)snprintf(answer, sizeof answer, " (did you mean `%s`?)", found);
    return answer;
}
