/* SPDX-License-Identifier: ISC */
/* The console as the lower layers see it: a place for text that never suspends. The boot layer
 * provides it over the platform's console, in order with what the program prints. */
#ifndef FATA_CORE_CONSOLE_H
#define FATA_CORE_CONSOLE_H

#include <fata/base.h>

void fa_console_write(const char *bytes, size_t len);
/* Makes what the program has printed so far visible. Called when the machine goes idle. */
void fa_console_flush(void);

/* The same, provided by what stands between stdio and the console (sdk/posix/stdio.c; on the host,
 * its board). Returns whether the last line that was printed may lack its end. */
bool fa_stdio_flush(void);

#endif
