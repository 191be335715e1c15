/* SPDX-License-Identifier: ISC */
/* The machine as a whole. `return` from main and exit() end it in the ordinary way, with a last
 * console record `fata: exit N`.
 *
 *     if (update_is_installed)
 *         fa_system_reboot();
 */
#ifndef FATA_SYSTEM_H
#define FATA_SYSTEM_H

#include <fata/base.h>

/* Flushes output, prints `fata: reboot` and the record of exit status 0, and starts the machine
 * again; a process ends. */
FA_NORETURN void fa_system_reboot(void);

/* The memory that the program's pools, heap and stacks come from, and what is free of it in whole
 * pages. Zeroes: the memory is the host's (a Linux process). */
void fa_system_memory(size_t *free_bytes_out, size_t *total_bytes_out);

#endif
