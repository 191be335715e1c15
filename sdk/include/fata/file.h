/* SPDX-License-Identifier: ISC */
/* Embedded files: the contents of the project's `files/` folder, read-only, part of the image. A
 * name is the path below that folder with a slash in front: `files/site/a.html` is "/site/a.html".
 * In a bare-metal image fopen() opens the same names.
 *
 *     const fa_file *file = fa_file_find("/greeting.txt");
 *     if (file != NULL)
 *         fwrite(file->bytes, 1, file->len, stdout);
 */
#ifndef FATA_FILE_H
#define FATA_FILE_H

#include <fata/base.h>

typedef struct fa_file {
    const char *name;
    const uint8_t *bytes; /* followed by a zero byte that `len` does not count */
    size_t len;
} fa_file;

/* The file of that name, or NULL. Static storage; the cost is logarithmic in their number. */
const fa_file *fa_file_find(const char *name);
/* All of them, sorted by name. */
const fa_file *fa_file_list(size_t *count_out);

#endif
