/* SPDX-License-Identifier: ISC */
/* The two files of a build: NAME, which boots, and NAME.elf beside it, which debuggers read. */
#ifndef FATA_CLI_BESIDE_H
#define FATA_CLI_BESIDE_H

#include "image.h"

/* The file with the symbols of the image at `path`, or NULL if there is none. One that another build has left is named
 * in a warning, and not used: its names would be wrong. */
const char *beside_debug_elf(const struct image *image, const char *path);

/* The zImage that was made of an ARM board's NAME.elf: its path, or NULL if there is none or `path` is no such file. */
const char *beside_zimage(const struct image *image, const char *path);

#endif
