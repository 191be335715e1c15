/* SPDX-License-Identifier: ISC */
/* The report: see report.h. */
#include "report.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 240u

static char all[REPORT_BYTES];
static size_t len;
static unsigned counts[RESULTS];

static void add(const char *line)
{
    const size_t room = sizeof all - 1 - len, line_len = strlen(line);
    const size_t fits = line_len < room ? line_len : room;
    memcpy(all + len, line, fits);
    len += fits;
    if (fits < room)
        all[len++] = '\n';
    puts(line);
}

void report_text(const char *fmt, ...)
{
    char line[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    add(line);
}

void report_device(const char *device, result how, const char *todo, const char *fmt, ...)
{
    static const char *const names[RESULTS] = {"ok", "failed", "absent", "skipped"};
    char line[LINE_BYTES];
    const int start = snprintf(line, sizeof line, "%-12s %-8s ", device, names[how]);
    va_list args;
    va_start(args, fmt);
    vsnprintf(line + start, sizeof line - (size_t)start, fmt, args);
    va_end(args);
    add(line);
    if (todo != NULL)
        report_text("%-12s %-8s -> %s", "", "", todo);
    counts[how]++;
}

unsigned report_count(result how)
{
    return counts[how];
}

const char *report_all(void)
{
    return all;
}
