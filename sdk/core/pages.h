/* SPDX-License-Identifier: ISC */
/* The page allocator: contiguous runs of pages out of the machine's RAM, by a binary buddy system,
 * so that every call costs at most a few steps per order. It needs one byte for each page that it
 * covers; the free pages themselves hold the lists.
 *
 * Below it: nothing. Above it: the heap, stacks, page tables, packets. A run has one owner; a part
 * of a run can be given back alone.
 *
 *     fa_pages_init(&pages, base, page_count, notes);
 *     fa_pages_add(&pages, start, end);
 *     void *run = fa_pages_alloc(&pages, 3);
 *     fa_pages_free(&pages, run, 3);
 */
#ifndef FATA_CORE_PAGES_H
#define FATA_CORE_PAGES_H

#include <fata/base.h>

#define FA_PAGE_BYTES ((size_t)4096)
#define FA_PAGES_ORDERS 21u /* runs of 1 to 2^20 pages: 4 GiB */

typedef struct fa_pages {
    uintptr_t base;    /* the first address covered */
    size_t page_count; /* covered, from base */
    uint8_t *notes;    /* of each page: 0, or 1 + order where a free run begins */
    size_t free_count;
    size_t total_count;       /* pages ever added */
    uint32_t orders_nonempty; /* bit n: free[n] is not empty */
    struct fa_pages_run *free[FA_PAGES_ORDERS];
} fa_pages;

/* Covers `page_count` pages from `base` (page-aligned), all of them taken at first. `notes` has
 * page_count bytes and stays the allocator's. */
void fa_pages_init(fa_pages *pages, uintptr_t base, size_t page_count, uint8_t *notes);
/* Adds the whole pages between two addresses, which nothing else uses, to the free ones. What lies
 * outside of the covered range is left out. */
void fa_pages_add(fa_pages *pages, uintptr_t start, uintptr_t end);
/* `count` pages in a row, not cleared; NULL when there is no such run. */
void *fa_pages_alloc(fa_pages *pages, size_t count);
void fa_pages_free(fa_pages *pages, void *first, size_t count);

/* The machine's own. The board fills it before the boot goes on to sdk/boot. */
extern fa_pages fa_ram;

#endif
