/* SPDX-License-Identifier: ISC */
/* The report: a line for each device, printed as it comes, and kept as a text to be sent back. */
#ifndef REPORT_H
#define REPORT_H

#include <fata/base.h>

#define REPORT_BYTES ((size_t)6144)

typedef enum result { RESULT_OK, RESULT_FAILED, RESULT_ABSENT, RESULT_SKIPPED, RESULTS } result;

/* A line of its own, such as the head's. */
void report_text(const char *fmt, ...) FA_PRINTF(1, 2);
/* A device's line; `todo` is what its owner can do about it, or NULL. */
void report_device(const char *device, result how, const char *todo, const char *fmt, ...) FA_PRINTF(4, 5);

unsigned report_count(result how);
/* All of it so far. */
const char *report_all(void);

#endif
