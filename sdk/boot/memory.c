/* SPDX-License-Identifier: ISC */
/* How much memory the machine has, for programs that show it. */
#include "../core/pages.h"
#include <fata/system.h>

void fa_system_memory(size_t *free_bytes_out, size_t *total_bytes_out)
{
    *free_bytes_out = fa_ram.free_count * FA_PAGE_BYTES;
    *total_bytes_out = fa_ram.total_count * FA_PAGE_BYTES;
}
