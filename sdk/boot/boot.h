/* SPDX-License-Identifier: ISC */
/* How a board hands over to the portable SDK. */
#ifndef FATA_BOOT_BOOT_H
#define FATA_BOOT_BOOT_H

#include <fata/base.h>

#define FA_BOOT_TEXT_BYTES ((size_t)4096) /* of a command line, with its NUL */
#define FA_BOOT_WORDS_MAX ((size_t)128)

/* Runs the program with the words of a command line (a kernel's, a device tree's bootargs); it must
 * stay where it is, and is changed. Console, memory, traps and clock work by now. */
FA_NORETURN void fa_boot_with_text(char *command_line);
/* The same with words; argv has room for argc + 1. */
FA_NORETURN void fa_boot_with_args(int argc, char **argv);

#endif
