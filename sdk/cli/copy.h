/* SPDX-License-Identifier: ISC */
/*
 * Copies a template's folder to a new place, with words replaced in its text files. Nothing that exists is overwritten;
 * after a failure everything that was made is gone again.
 */
#ifndef FATA_CLI_COPY_H
#define FATA_CLI_COPY_H

#include <stdbool.h>
#include <stddef.h>

struct copy_word {
    const char *from;
    const char *to;
};

/* `to` must not exist, or be an empty folder. False: it has said why and cleaned up. */
bool copy_tree(const char *from, const char *to, const struct copy_word *words, size_t word_count);

#endif
