/* SPDX-License-Identifier: ISC */
/* The console as the lower layers see it: a place for text that never suspends. The boot layer
 * provides it over the platform's console, in order with what the program prints. */
#ifndef FATA_CORE_CONSOLE_H
#define FATA_CORE_CONSOLE_H

#include <fata/base.h>

void fa_console_write(const char *bytes, size_t len);
/* Makes what the program has printed so far visible. Called when the machine goes idle. */
void fa_console_flush(void);

#endif
