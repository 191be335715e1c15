/* SPDX-License-Identifier: ISC */
/* What the build of a program generates: the table of embedded files, sorted by name, and the
 * program's own name. */
#ifndef FATA_CORE_FILE_H
#define FATA_CORE_FILE_H

#include <fata/file.h>

extern const fa_file fa_embedded[];
extern const size_t fa_embedded_count;
extern const char fa_program_name[];

#endif
