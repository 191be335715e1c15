/* SPDX-License-Identifier: ISC */
/*
 * What a board says on its serial console, line by line, and which of its log lines are wanted. A log line is, as
 * <fata/log.h> has it, `[    0.151811] info  net: text`; all other output is always wanted. No I/O happens here.
 *
 *     struct log_lines lines = {.filter = &filter};
 *     log_lines_take(&lines, bytes, len, now_ms(), &all, &wanted); // what comes is added to both, or to `all` alone
 *     log_lines_rest(&lines, now_ms(), &all, &wanted);             // when lines.due_ms has come
 */
#ifndef FATA_CLI_LOGLINES_H
#define FATA_CLI_LOGLINES_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_FILTER_MODULES_MAX 16
#define LOG_FILTER_NAME_BYTES_MAX 31
#define LOG_LINE_BYTES_MAX 512 /* a longer line comes in pieces */
#define LOG_QUIET_MS 100       /* after so long, what stands without a line's end is not going to be a log line */

struct log_filter {
    int level; /* of modules that are not named below; the levels are off, error, warn, info, debug: 0 to 4 */
    size_t count;
    struct {
        char name[LOG_FILTER_NAME_BYTES_MAX + 1];
        int level;
    } modules[LOG_FILTER_MODULES_MAX];
};

/* "warn,net=debug", as a program's --log has it. False: *why_out says what is wrong. */
bool log_filter_parse(struct log_filter *filter_out, const char *words, const char **why_out);

struct log_lines {
    const struct log_filter *filter; /* NULL: all is wanted */
    char line[LOG_LINE_BYTES_MAX];
    size_t len;
    size_t passed;    /* bytes of the line that have been handed on */
    bool goes_on;     /* the line began with a piece that is gone */
    bool is_unwanted; /* ... and that piece was not wanted */
    int64_t due_ms;   /* when log_lines_rest() is to be called; 0: not */
};

/* The CR before a line's end is dropped. */
void log_lines_take(struct log_lines *lines, const char *bytes, size_t len, int64_t at_ms, struct text *all, struct text *wanted);
void log_lines_rest(struct log_lines *lines, int64_t at_ms, struct text *all, struct text *wanted);

/* Ends the line that stands there, if one does: nothing more comes. */
void log_lines_end(struct log_lines *lines, struct text *all, struct text *wanted);

#endif
