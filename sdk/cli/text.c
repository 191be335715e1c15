/* SPDX-License-Identifier: ISC */
/* Text that grows, lists of words, and quoting for a shell: see text.h. */
#include "text.h"

#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grown(void *memory, size_t count, size_t size)
{
    void *bigger = reallocarray(memory, count, size);

    if (bigger == NULL) {
        cli_fail("out of memory");
    }
    return bigger;
}

void text_add_bytes(struct text *text, const char *bytes, size_t len)
{
    if (text->cap - text->len <= len) {
        text->cap = text->len + len + 1 + text->cap;
        text->bytes = grown(text->bytes, text->cap, 1);
    }
    if (len > 0) {
        memcpy(text->bytes + text->len, bytes, len);
    }
    text->len += len;
    text->bytes[text->len] = '\0';
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_addv(struct text *text, const char *format, va_list arguments)
{
    char *made;
    int len = vasprintf(&made, format, arguments);

    if (len < 0) {
        cli_fail("out of memory");
    }
    text_add_bytes(text, made, (size_t)len);
    free(made);
}

void text_addf(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    text_addv(text, format, arguments);
    va_end(arguments);
}

void text_free(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

char *text_format(const char *format, ...)
{
    struct text text = {0};
    va_list arguments;

    va_start(arguments, format);
    text_addv(&text, format, arguments);
    va_end(arguments);
    return text.bytes;
}

void text_add_quoted(struct text *text, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%_-+=:,./";

    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        text_add(text, word);
        return;
    }
    text_add(text, "'");
    for (; *word != '\0'; word++) {
        if (*word == '\'') {
            text_add(text, "'\\''");
        } else {
            text_add_bytes(text, word, 1);
        }
    }
    text_add(text, "'");
}

static void words_take(struct words *words, char *word)
{
    if (words->cap - words->count < 2) {
        words->cap = words->cap * 2 + 8;
        words->items = grown(words->items, words->cap, sizeof *words->items);
    }
    words->items[words->count++] = word;
    words->items[words->count] = NULL;
}

void words_add(struct words *words, const char *word)
{
    words_take(words, text_format("%s", word));
}

void words_addf(struct words *words, const char *format, ...)
{
    struct text text = {0};
    va_list arguments;

    va_start(arguments, format);
    text_addv(&text, format, arguments);
    va_end(arguments);
    words_take(words, text.bytes);
}

void words_split(struct words *words, const char *line)
{
    while (*(line += strspn(line, " \t")) != '\0') {
        size_t len = strcspn(line, " \t");

        words_addf(words, "%.*s", (int)len, line);
        line += len;
    }
}

bool words_hold(const struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->items[i], word) == 0) {
            return true;
        }
    }
    return false;
}

void words_free(struct words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        free(words->items[i]);
    }
    free(words->items);
    *words = (struct words){0};
}
