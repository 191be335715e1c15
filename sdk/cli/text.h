/* SPDX-License-Identifier: ISC */
/*
 * Text that grows, and lists of words (a program's argv). Both are always terminated, so that `bytes` and `items` can
 * be handed to libc as they are. Running out of memory ends the program. A zeroed structure is empty and valid;
 * `bytes` and `items` are NULL until something was added.
 *
 *     struct text line = {0};
 *     text_addf(&line, "%d sectors\n", n);
 *     struct words argv = {0};
 *     words_add(&argv, "make");
 */
#ifndef FATA_CLI_TEXT_H
#define FATA_CLI_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
    char *bytes;
    size_t len;
    size_t cap;
};

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t len);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_addv(struct text *text, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
void text_free(struct text *text);

/* Adds `word` so that a POSIX shell, or a guest's command line, reads it back as this one word. */
void text_add_quoted(struct text *text, const char *word);

/* A string of its own, made like printf's output. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct words {
    char **items; /* ends with NULL */
    size_t count;
    size_t cap;
};

void words_add(struct words *words, const char *word);
void words_addf(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
void words_split(struct words *words, const char *line); /* at blanks */
bool words_hold(const struct words *words, const char *word);
void words_free(struct words *words);

#endif
