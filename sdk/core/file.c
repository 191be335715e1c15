/* SPDX-License-Identifier: ISC */
/* Embedded files: a sorted table that the build makes from the project's files/ folder (see
 * rootfs-free/embed.c); a program without one has the empty table. */
#include "file.h"
#include <fata/file.h>
#include <string.h>

const fa_file *fa_file_list(size_t *count_out)
{
    *count_out = fa_embedded_count;
    return fa_embedded;
}

const fa_file *fa_file_find(const char *name)
{
    size_t low = 0, high = fa_embedded_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(name, fa_embedded[middle].name);
        if (order == 0)
            return &fa_embedded[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
