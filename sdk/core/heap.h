/* SPDX-License-Identifier: ISC */
/* The heap behind malloc: two-level segregated fit (Masmano and others, "TLSF: a New Dynamic Memory
 * Allocator for Real-Time Systems", 2004). Allocating and freeing cost a bounded number of steps,
 * whatever the heap holds. It takes spans of pages as it grows and gives wholly free ones back.
 *
 *     fa_heap_init(&heap, take_pages, give_pages, &fa_ram);
 *     void *p = fa_heap_alloc(&heap, 100, 0);
 *     fa_heap_free(&heap, p);
 */
#ifndef FATA_CORE_HEAP_H
#define FATA_CORE_HEAP_H

#include <fata/base.h>

#define FA_HEAP_ALIGN (2 * sizeof(void *)) /* of what is allocated, at least */
#define FA_HEAP_SPAN_BYTES (64 * FA_KIB)   /* the least that the heap grows by, if it can */
#define FA_HEAP_SL_BITS 4u                 /* each power of two is divided into 2^4 lists */
#define FA_HEAP_SL_COUNT (1u << FA_HEAP_SL_BITS)
#define FA_HEAP_FL_COUNT (sizeof(void *) == 8 ? 28u : 25u) /* up to 2^34 or 2^30 bytes */

typedef struct fa_heap {
    void *(*take)(void *source, size_t len); /* a new span, or NULL; len is of whole pages */
    void (*give)(void *source, void *span, size_t len);
    void *source;
    struct fa_heap_block *kept_span; /* a wholly free span that is not given back */
    size_t span_bytes;               /* of all spans */
    size_t used_bytes;               /* allocated, with headers */
    uint32_t fl_bitmap;
    uint32_t sl_bitmap[FA_HEAP_FL_COUNT];
    struct fa_heap_block *free[FA_HEAP_FL_COUNT][FA_HEAP_SL_COUNT];
} fa_heap;

void fa_heap_init(fa_heap *heap, void *(*take)(void *source, size_t len),
                  void (*give)(void *source, void *span, size_t len), void *source);
/* `len` bytes, not cleared; `align` is a power of two, or 0 for FA_HEAP_ALIGN. NULL: no memory. */
void *fa_heap_alloc(fa_heap *heap, size_t len, size_t align);
/* Frees; NULL is allowed. A block that was freed before, or overrun, panics where that is seen. */
void fa_heap_free(fa_heap *heap, void *memory);
/* Like realloc: grows in place where the next block is free. NULL: no memory, the old one stays. */
void *fa_heap_resize(fa_heap *heap, void *memory, size_t len);
/* How many bytes the owner of `memory` may use. */
size_t fa_heap_usable(const void *memory);

#endif
