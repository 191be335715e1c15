/* SPDX-License-Identifier: ISC */
/* Splits one text into words as a POSIX shell does (XCU 2.2, quoting alone: nothing is expanded). */
#ifndef FATA_CORE_WORDS_H
#define FATA_CORE_WORDS_H

#include <fata/err.h>

/* Splits `text` in place; the words are NUL-terminated and point into it. FA_EFORMAT: a quote has
 * no end; FA_ELIMIT: more than `cap` words. */
FA_MUST_CHECK fa_err fa_words_split(char *text, char **words_out, size_t cap, size_t *count_out);

#endif
