/* SPDX-License-Identifier: ISC */
/* Stacks with a guard page below them, made of single pages from fa_ram: for boards whose CPU folder
 * provides the mapping functions at the end. */
#ifndef FATA_CPU_STACKS_H
#define FATA_CPU_STACKS_H

#include <fata/err.h>

/* Whole pages, at least `size_bytes`, at most 1020 KiB; not cleared. FA_EINVAL, FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_cpu_stack_alloc(size_t size_bytes, void **base_out, size_t *size_bytes_out);
void fa_cpu_stack_free(void *base, size_t size_bytes);

/* Below: what a CPU folder's page tables provide. A page-table entry has the size of an address; one
 * whose two lowest bits are 0 maps nothing, and what its other bits hold is left alone. */
typedef uintptr_t fa_cpu_page_entry;

/* The addresses that stacks lie at: for each size of FA_CPU_STACK_SLOTS a window, 2 MiB-aligned. */
typedef struct fa_cpu_stack_window {
    uintptr_t start;
    uintptr_t bytes;
} fa_cpu_stack_window;
#define FA_CPU_STACK_SIZES 3u /* slots of 16 KiB, 64 KiB and 1 MiB */
extern const fa_cpu_stack_window fa_cpu_stack_windows[FA_CPU_STACK_SIZES];

/* The entry of the page at `address`, its table made if there is none; NULL: no memory. The entries
 * of an aligned MiB lie in a row. */
fa_cpu_page_entry *fa_cpu_stack_entry(uintptr_t address);
/* Maps a page of fa_ram; takes it off again and returns it. */
void fa_cpu_stack_map(fa_cpu_page_entry *entry, const void *page);
void *fa_cpu_stack_unmap(fa_cpu_page_entry *entry, uintptr_t address);
/* Stands behind a number of these two: from here on the CPU sees them. */
void fa_cpu_stack_mapped(void);

#endif
