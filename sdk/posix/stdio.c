/* SPDX-License-Identifier: ISC */
/* stdin, stdout and stderr over the console. stdout is kept back until its line ends, its buffer is
 * full, the machine goes idle, or the run ends; output never suspends. Reading stdin may suspend the
 * calling fiber, without a deadline: it ends with the input, or when the fiber is canceled. */
#include "../core/console.h"
#include "input.h"
#include <stdio.h>

#define LINE_BYTES 256u

static char line[LINE_BYTES];
static size_t line_len;

static int flush_line(FILE *file)
{
    (void)file;
    const size_t len = line_len;
    line_len = 0;
    fa_console_put(line, len);
    return 0;
}

bool fa_stdio_flush(void)
{
    flush_line(NULL);
    return false; /* nothing goes past fa_console_put() */
}

static int put_buffered(char c, FILE *file)
{
    line[line_len++] = c;
    if (c == '\n' || line_len == sizeof line)
        flush_line(file);
    return (unsigned char)c;
}

static int put_at_once(char c, FILE *file)
{
    flush_line(file);
    fa_console_put(&c, 1);
    return (unsigned char)c;
}

static int get(FILE *file)
{
    char c;
    flush_line(file);
    const ssize_t len = fa_posix_read_console(&c, 1);
    return len == 1 ? (unsigned char)c : len == 0 ? _FDEV_EOF : _FDEV_ERR;
}

static FILE out = FDEV_SETUP_STREAM(put_buffered, NULL, flush_line, _FDEV_SETUP_WRITE);
static FILE err = FDEV_SETUP_STREAM(put_at_once, NULL, flush_line, _FDEV_SETUP_WRITE);
static FILE in = FDEV_SETUP_STREAM(NULL, get, NULL, _FDEV_SETUP_READ);

FILE *const stdout = &out;
FILE *const stderr = &err;
FILE *const stdin = &in;
