/* SPDX-License-Identifier: ISC */
/* The table of embedded files, which the build of the program generates, sorted by name. */
#ifndef FATA_CORE_FILE_H
#define FATA_CORE_FILE_H

#include <fata/file.h>

extern const fa_file fa_embedded[];
extern const size_t fa_embedded_count;

#endif
