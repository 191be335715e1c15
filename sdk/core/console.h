/* SPDX-License-Identifier: ISC */
/* The console as the lower layers see it: a place for text that never suspends, in order with what
 * the program prints. sdk/fiber/console.c provides it over the platform's. */
#ifndef FATA_CORE_CONSOLE_H
#define FATA_CORE_CONSOLE_H

#include <fata/base.h>

void fa_console_write(const char *bytes, size_t len);
/* Makes what the program has printed so far visible. Called when the machine goes idle. */
void fa_console_flush(void);

/* Prints a record for the tool, such as "fata: reboot\n", on a line of its own whatever the program
 * has printed before; and the last record of a run. */
void fa_console_record(const char *text);
void fa_console_record_exit(int status);

/* Writes bytes that stdio has kept back until now; for what stands between stdio and the console. */
void fa_console_put(const char *bytes, size_t len);
/* Like fa_console_flush(), provided by what stands between stdio and the console (sdk/posix/stdio.c; on the host,
 * its board). Returns whether what went past fa_console_put() may have left a line without its end. */
bool fa_stdio_flush(void);

#endif
