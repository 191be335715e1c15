/* SPDX-License-Identifier: ISC */
/* A binary buddy allocator of pages. A free run of 2^n pages begins at a multiple of its size, is
 * on the list of its order, and is noted at its first page; all other notes are 0. A run that is
 * not a power of two is cut from the next larger one, its tail given back. */
#include "pages.h"
#include "build.h"
#include <fata/panic.h>
#include <string.h>

typedef struct fa_pages_run {
    struct fa_pages_run *next;
    struct fa_pages_run *prev;
} run;

#define LAST_ORDER (FA_PAGES_ORDERS - 1)
#define LONG_BITS ((unsigned)(8 * sizeof(unsigned long)))

fa_pages fa_ram;

/* Orders are counted on absolute page numbers, so that runs are aligned to their size. */
static uintptr_t page_number(const void *page)
{
    return (uintptr_t)page / FA_PAGE_BYTES;
}

static uint8_t *note_of(const fa_pages *pages, uintptr_t number)
{
    return &pages->notes[number - pages->base / FA_PAGE_BYTES];
}

static bool covers(const fa_pages *pages, uintptr_t number, size_t count)
{
    const uintptr_t first = pages->base / FA_PAGE_BYTES;
    return number >= first && number - first <= pages->page_count &&
           count <= pages->page_count - (number - first);
}

static void list_add(fa_pages *pages, uintptr_t number, unsigned order)
{
    run *r = (run *)(number * FA_PAGE_BYTES);
    *r = (run){pages->free[order], NULL};
    if (r->next != NULL)
        r->next->prev = r;
    pages->free[order] = r;
    pages->orders_nonempty |= UINT32_C(1) << order;
    *note_of(pages, number) = (uint8_t)(1 + order);
}

static void list_remove(fa_pages *pages, run *r, unsigned order)
{
    if (r->next != NULL)
        r->next->prev = r->prev;
    if (r->prev != NULL)
        r->prev->next = r->next;
    else
        pages->free[order] = r->next;
    if (pages->free[order] == NULL)
        pages->orders_nonempty &= ~(UINT32_C(1) << order);
    *note_of(pages, page_number(r)) = 0;
}

/* Frees one aligned run, merging it with its buddy as long as that is free too. */
static void free_run(fa_pages *pages, uintptr_t number, unsigned order)
{
    while (order + 1 < FA_PAGES_ORDERS) {
        const uintptr_t buddy = number ^ (uintptr_t)1 << order;
        if (!covers(pages, buddy, (size_t)1 << order) ||
            *note_of(pages, buddy) != 1 + order)
            break;
        list_remove(pages, (run *)(buddy * FA_PAGE_BYTES), order);
        number &= ~((uintptr_t)1 << order);
        order++;
    }
    list_add(pages, number, order);
}

/* Frees any run, as the fewest aligned ones. */
static void free_range(fa_pages *pages, uintptr_t number, size_t count)
{
    pages->free_count += count;
    while (count > 0) {
        const unsigned aligned_to = (unsigned)__builtin_ctzl(number | (uintptr_t)1 << LAST_ORDER);
        const unsigned fitting = LONG_BITS - 1 - (unsigned)__builtin_clzl(count);
        const unsigned order = fitting < aligned_to ? fitting : aligned_to;
        free_run(pages, number, order);
        number += (uintptr_t)1 << order;
        count -= (size_t)1 << order;
    }
}

void fa_pages_init(fa_pages *pages, uintptr_t base, size_t page_count, uint8_t *notes)
{
    fa_assert(base % FA_PAGE_BYTES == 0);
    *pages = (fa_pages){.base = base, .page_count = page_count, .notes = notes};
    memset(notes, 0, page_count);
}

void fa_pages_add(fa_pages *pages, uintptr_t start, uintptr_t end)
{
    const uintptr_t limit = pages->base + pages->page_count * FA_PAGE_BYTES;
    start = start < pages->base ? pages->base : start;
    end = end > limit ? limit : end;
    const uintptr_t first = (start + FA_PAGE_BYTES - 1) / FA_PAGE_BYTES;
    const uintptr_t last = end / FA_PAGE_BYTES;
    if (first >= last)
        return;
    pages->total_count += last - first;
    free_range(pages, first, last - first);
}

void *fa_pages_alloc(fa_pages *pages, size_t count)
{
    fa_assert(count > 0);
    unsigned order = 0;
    while (order < FA_PAGES_ORDERS && (size_t)1 << order < count)
        order++;
    if (order == FA_PAGES_ORDERS)
        return NULL;
    const uint32_t fitting = pages->orders_nonempty >> order << order;
    if (fitting == 0)
        return NULL;
    const unsigned from = (unsigned)__builtin_ctz(fitting);
    run *found = pages->free[from];
    list_remove(pages, found, from);
    pages->free_count -= (size_t)1 << from;
    free_range(pages, page_number(found) + count, ((size_t)1 << from) - count);
    return found;
}

/* Whether a page lies in a free run: that begins at the page, rounded down to the run's size. A
 * release build looks only for one that begins there: the search would be most of the cost. */
static bool is_free(const fa_pages *pages, uintptr_t number)
{
    const unsigned orders = fa_build_debug ? FA_PAGES_ORDERS : 1;
    for (unsigned order = 0; order < orders; order++) {
        const uintptr_t start = number >> order << order;
        if (!covers(pages, start, 1))
            return false;
        if (*note_of(pages, start) > order)
            return true;
    }
    return false;
}

void fa_pages_free(fa_pages *pages, void *first, size_t count)
{
    const uintptr_t number = page_number(first);
    fa_assert((uintptr_t)first % FA_PAGE_BYTES == 0 && count > 0);
    fa_assert(covers(pages, number, count));
    fa_assert(!is_free(pages, number) && !is_free(pages, number + count - 1));
    free_range(pages, number, count);
}
