/* SPDX-License-Identifier: ISC */
/* Two-level segregated fit. A span is a row of blocks, each with a header, closed by a header of
 * size 0 that is never free. A free block is on the list of its size class; two bitmaps find the
 * first class that surely fits. Neighbours that are free are merged at once, so no two lie side by
 * side, and a block that fills its span can be given back. */
#include "heap.h"
#include "pages.h"
#include <fata/panic.h>
#include <string.h>

#define FREE_BIT ((size_t)1)
#define HEADER_BYTES FA_HEAP_ALIGN
#define BLOCK_MIN_BYTES (2 * sizeof(void *)) /* room for the two list links */
/* Classes below this size are linear: one each FA_HEAP_ALIGN bytes. */
#define LINEAR_BYTES (FA_HEAP_ALIGN * FA_HEAP_SL_COUNT)
#define LINEAR_BITS ((unsigned)__builtin_ctzl(LINEAR_BYTES))
#define LEN_MAX ((size_t)1 << (LINEAR_BITS + FA_HEAP_FL_COUNT - 2))

typedef struct fa_heap_block {
    struct fa_heap_block *prev; /* the block before it in its span, or NULL */
    size_t size_and_free;       /* of its payload; bit 0: free */
    /* Only while free, in the payload: */
    struct fa_heap_block *next_free;
    struct fa_heap_block *prev_free;
} block;

static size_t size_of(const block *b)
{
    return b->size_and_free & ~FREE_BIT;
}

static bool is_free(const block *b)
{
    return (b->size_and_free & FREE_BIT) != 0;
}

static void *payload_of(block *b)
{
    return (uint8_t *)b + HEADER_BYTES;
}

static block *next_of(block *b)
{
    return (block *)(void *)((uint8_t *)payload_of(b) + size_of(b));
}

static block *block_of(void *memory)
{
    return (block *)(void *)((uint8_t *)memory - HEADER_BYTES);
}

static unsigned log2_floor(size_t n)
{
    return (unsigned)(8 * sizeof(unsigned long)) - 1 - (unsigned)__builtin_clzl(n);
}

/* The class that a free block of this size belongs to. */
static void class_of(size_t size, unsigned *fl_out, unsigned *sl_out)
{
    if (size < LINEAR_BYTES) {
        *fl_out = 0;
        *sl_out = (unsigned)(size / FA_HEAP_ALIGN);
        return;
    }
    const unsigned bits = log2_floor(size);
    *fl_out = bits - LINEAR_BITS + 1;
    *sl_out = (unsigned)(size >> (bits - FA_HEAP_SL_BITS)) & (FA_HEAP_SL_COUNT - 1);
}

static void list_add(fa_heap *heap, block *b)
{
    unsigned fl, sl;
    class_of(size_of(b), &fl, &sl);
    block **first = &heap->free[fl][sl];
    b->next_free = *first;
    b->prev_free = NULL;
    if (*first != NULL)
        (*first)->prev_free = b;
    *first = b;
    heap->fl_bitmap |= 1u << fl;
    heap->sl_bitmap[fl] |= 1u << sl;
    b->size_and_free |= FREE_BIT;
}

static void list_remove(fa_heap *heap, block *b)
{
    unsigned fl, sl;
    class_of(size_of(b), &fl, &sl);
    if (b->next_free != NULL)
        b->next_free->prev_free = b->prev_free;
    if (b->prev_free != NULL)
        b->prev_free->next_free = b->next_free;
    else
        heap->free[fl][sl] = b->next_free;
    if (heap->free[fl][sl] == NULL) {
        heap->sl_bitmap[fl] &= ~(1u << sl);
        if (heap->sl_bitmap[fl] == 0)
            heap->fl_bitmap &= ~(1u << fl);
    }
    b->size_and_free &= ~FREE_BIT;
    if (b == heap->kept_span)
        heap->kept_span = NULL;
}

/* A free block of at least `size` bytes, off its list, or NULL. Rounding up to the next class makes
 * any block found there big enough: there is nothing to search. */
static block *find(fa_heap *heap, size_t size)
{
    if (size >= LINEAR_BYTES)
        size += ((size_t)1 << (log2_floor(size) - FA_HEAP_SL_BITS)) - 1;
    unsigned fl, sl;
    class_of(size, &fl, &sl);
    uint32_t sls = heap->sl_bitmap[fl] >> sl << sl;
    if (sls == 0) {
        const uint32_t fls = fl + 1 < 32 ? heap->fl_bitmap >> (fl + 1) << (fl + 1) : 0;
        if (fls == 0)
            return NULL;
        fl = (unsigned)__builtin_ctz(fls);
        sls = heap->sl_bitmap[fl];
    }
    block *found = heap->free[fl][__builtin_ctz(sls)];
    list_remove(heap, found);
    return found;
}

/* Cuts a block after `size` bytes of payload, if what is left can be a block, and returns that. */
static block *cut(block *b, size_t size)
{
    if (size_of(b) < size + HEADER_BYTES + BLOCK_MIN_BYTES)
        return NULL;
    block *rest = (block *)(void *)((uint8_t *)payload_of(b) + size);
    rest->prev = b;
    rest->size_and_free = size_of(b) - size - HEADER_BYTES;
    next_of(b)->prev = rest;
    b->size_and_free = size;
    return rest;
}

/* Appends a block's neighbour, which is on no list, to it. */
static void absorb_next(block *b)
{
    b->size_and_free = size_of(b) + HEADER_BYTES + size_of(next_of(b));
    next_of(b)->prev = b;
}

/* Puts a block that is in use among the free ones, merged with its free neighbours. */
static void release(fa_heap *heap, block *b)
{
    block *next = next_of(b);
    if (is_free(next)) {
        list_remove(heap, next);
        absorb_next(b);
    }
    if (b->prev != NULL && is_free(b->prev)) {
        b = b->prev;
        list_remove(heap, b);
        absorb_next(b);
    }
    const bool whole_span = b->prev == NULL && size_of(next_of(b)) == 0;
    const size_t span_bytes = size_of(b) + 2 * HEADER_BYTES;
    if (whole_span && (heap->kept_span != NULL || span_bytes > FA_HEAP_SPAN_BYTES)) {
        heap->span_bytes -= span_bytes;
        heap->give(heap->source, b, span_bytes);
        return;
    }
    list_add(heap, b);
    if (whole_span)
        heap->kept_span = b;
}

/* A new span with one block of at least `size` bytes, which is on no list; NULL: no memory. */
static block *grow(fa_heap *heap, size_t size)
{
    const size_t need =
        (size + 2 * HEADER_BYTES + FA_PAGE_BYTES - 1) / FA_PAGE_BYTES * FA_PAGE_BYTES;
    size_t len = heap->span_bytes / 8 / FA_PAGE_BYTES * FA_PAGE_BYTES;
    len = len < FA_HEAP_SPAN_BYTES ? FA_HEAP_SPAN_BYTES : len;
    len = len < need ? need : len;
    block *b = heap->take(heap->source, len);
    if (b == NULL && len > need) {
        len = need;
        b = heap->take(heap->source, len);
    }
    if (b == NULL)
        return NULL;
    heap->span_bytes += len;
    b->prev = NULL;
    b->size_and_free = len - 2 * HEADER_BYTES;
    block *end = next_of(b);
    end->prev = b;
    end->size_and_free = 0;
    return b;
}

static size_t round_size(size_t len)
{
    const size_t size = (len + FA_HEAP_ALIGN - 1) / FA_HEAP_ALIGN * FA_HEAP_ALIGN;
    return size < BLOCK_MIN_BYTES ? BLOCK_MIN_BYTES : size;
}

void fa_heap_init(fa_heap *heap, void *(*take)(void *source, size_t len),
                  void (*give)(void *source, void *span, size_t len), void *source)
{
    *heap = (fa_heap){.take = take, .give = give, .source = source};
}

/* Moves the start of a block up to where its payload is aligned; what lies before is set free. The
 * neighbours of a block that was free are not, so the parts cut off need no merging. */
static block *align_block(fa_heap *heap, block *b, size_t align)
{
    const uintptr_t payload = (uintptr_t)payload_of(b);
    uintptr_t aligned = (payload + align - 1) & ~(align - 1);
    if (aligned == payload)
        return b;
    if (aligned - payload < HEADER_BYTES + BLOCK_MIN_BYTES)
        aligned += (HEADER_BYTES + BLOCK_MIN_BYTES + align - 1) & ~(align - 1);
    block *rest = cut(b, aligned - payload - HEADER_BYTES);
    fa_assert(rest != NULL && (uintptr_t)payload_of(rest) == aligned);
    list_add(heap, b);
    return rest;
}

void *fa_heap_alloc(fa_heap *heap, size_t len, size_t align)
{
    if (len >= LEN_MAX / 2 || align >= LEN_MAX / 4)
        return NULL;
    const size_t size = round_size(len);
    const size_t slack =
        align <= FA_HEAP_ALIGN ? 0 : align + HEADER_BYTES + BLOCK_MIN_BYTES + align;
    block *b = find(heap, size + slack);
    if (b == NULL)
        b = grow(heap, size + slack);
    if (b == NULL)
        return NULL;
    if (slack != 0)
        b = align_block(heap, b, align);
    block *rest = cut(b, size);
    heap->used_bytes += size_of(b) + HEADER_BYTES;
    if (rest != NULL)
        list_add(heap, rest);
    return payload_of(b);
}

static void check_used(block *b)
{
    if (is_free(b) || next_of(b)->prev != b)
        fa_panic("the heap is corrupt at %p: freed twice, or written past its end",
                 payload_of(b));
}

void fa_heap_free(fa_heap *heap, void *memory)
{
    if (memory == NULL)
        return;
    block *b = block_of(memory);
    check_used(b);
    heap->used_bytes -= size_of(b) + HEADER_BYTES;
    release(heap, b);
}

/* Lets a block that is in use take in its free neighbour when both together are big enough. */
static bool grow_in_place(fa_heap *heap, block *b, size_t size)
{
    block *next = next_of(b);
    if (!is_free(next) || size_of(b) + HEADER_BYTES + size_of(next) < size)
        return false;
    list_remove(heap, next);
    absorb_next(b);
    return true;
}

void *fa_heap_resize(fa_heap *heap, void *memory, size_t len)
{
    if (memory == NULL)
        return fa_heap_alloc(heap, len, 0);
    block *b = block_of(memory);
    check_used(b);
    const size_t size = round_size(len);
    const size_t old_size = size_of(b);
    if (len < LEN_MAX / 2 && (size <= old_size || grow_in_place(heap, b, size))) {
        block *rest = cut(b, size);
        heap->used_bytes += size_of(b) - old_size;
        if (rest != NULL)
            release(heap, rest);
        return memory;
    }
    void *moved = fa_heap_alloc(heap, len, 0);
    if (moved != NULL) {
        memcpy(moved, memory, old_size);
        fa_heap_free(heap, memory);
    }
    return moved;
}

size_t fa_heap_usable(const void *memory)
{
    return memory == NULL ? 0 : size_of((const block *)(const void *)((const uint8_t *)memory -
                                                                       HEADER_BYTES));
}
