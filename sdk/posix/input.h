/* SPDX-License-Identifier: ISC */
/* The console's input as POSIX programs know a terminal's. */
#ifndef FATA_POSIX_INPUT_H
#define FATA_POSIX_INPUT_H

#include <sys/types.h>

/* Suspends until something is typed, without a deadline. Carriage return, which the Enter key of a
 * serial terminal sends, becomes a line feed; EOT (Ctrl-D) ends the input for good, as 0 bytes read. -1, and
 * errno: EINTR the fiber was canceled, EIO there is no input. */
ssize_t fa_posix_read_console(char *bytes_out, size_t cap);

#endif
