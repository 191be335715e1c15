/* SPDX-License-Identifier: ISC */
/* Console input: a fiber waits for what is typed; the platform says when something was. */
#ifndef FATA_FIBER_CONSOLE_H
#define FATA_FIBER_CONSOLE_H

#include <fata/fiber.h>

/* Waits until something has been typed; at most `cap` bytes. FA_ENOTSUP: the machine's console has
 * no input; FA_ECLOSED: it has ended; FA_ETIMEDOUT, FA_ECANCELED. */
FA_MUST_CHECK fa_err fa_console_read(char *bytes_out, size_t cap, size_t *len_out,
                                     fa_deadline deadline);
/* The platform's plat_poll() calls it when plat_console_read() would give something. */
void fa_console_input_arrived(void);

#endif
