/* SPDX-License-Identifier: ISC */
/* Fiber stacks: pages mapped into slots of the stack windows, the slot's lowest page left out as the
 * guard. There are three sizes of slots; none crosses a MiB, so a slot's page-table entries lie in a
 * row. The free slots of a size form a list whose links are kept in the entries of their guard
 * pages, which the CPU ignores as long as the two lowest bits are 0. */
#include "stacks.h"
#include "../core/pages.h"

typedef struct slot_size {
    const fa_cpu_stack_window *window;
    unsigned slot_bits; /* a slot has 2^slot_bits bytes */
    uintptr_t used_count; /* slots ever taken: those beyond have never been used */
    uintptr_t first_free; /* 1 + number of the slot, 0: none */
} slot_size;

#define LINK_SHIFT 2u

static slot_size sizes[FA_CPU_STACK_SIZES] = {
    {&fa_cpu_stack_windows[0], 14, 0, 0},
    {&fa_cpu_stack_windows[1], 16, 0, 0},
    {&fa_cpu_stack_windows[2], 20, 0, 0},
};

static slot_size *size_for(size_t page_count)
{
    for (size_t i = 0; i < FA_ARRAY_COUNT(sizes); i++)
        if (page_count < ((size_t)1 << sizes[i].slot_bits) / FA_PAGE_BYTES)
            return &sizes[i];
    return NULL;
}

static uintptr_t slot_address(const slot_size *size, uintptr_t number)
{
    return size->window->start + (number << size->slot_bits);
}

/* The page-table entry of a slot's guard page, the slot being off the list; NULL: no memory. */
static fa_cpu_page_entry *take_slot(slot_size *size, uintptr_t *number_out)
{
    const bool reuse = size->first_free != 0;
    *number_out = reuse ? size->first_free - 1 : size->used_count;
    if (*number_out >= size->window->bytes >> size->slot_bits)
        return NULL;
    fa_cpu_page_entry *guard = fa_cpu_stack_entry(slot_address(size, *number_out));
    if (guard == NULL)
        return NULL;
    if (reuse)
        size->first_free = *guard >> LINK_SHIFT;
    else
        size->used_count++;
    *guard = 0;
    return guard;
}

static void give_slot(slot_size *size, fa_cpu_page_entry *guard, uintptr_t number)
{
    *guard = size->first_free << LINK_SHIFT;
    size->first_free = number + 1;
}

static void unmap(fa_cpu_page_entry *entries, uintptr_t base, size_t page_count)
{
    for (size_t i = 0; i < page_count; i++)
        fa_pages_free(&fa_ram, fa_cpu_stack_unmap(&entries[i], base + i * FA_PAGE_BYTES), 1);
    fa_cpu_stack_mapped();
}

fa_err fa_cpu_stack_alloc(size_t size_bytes, void **base_out, size_t *size_bytes_out)
{
    const size_t page_count =
        size_bytes / FA_PAGE_BYTES + (size_bytes % FA_PAGE_BYTES == 0 ? 0 : 1);
    slot_size *size = size_for(page_count);
    if (size == NULL || page_count == 0)
        return FA_EINVAL;
    uintptr_t number;
    fa_cpu_page_entry *guard = take_slot(size, &number);
    if (guard == NULL)
        return FA_ENOMEM;
    const uintptr_t base = slot_address(size, number) + FA_PAGE_BYTES;
    for (size_t i = 0; i < page_count; i++) {
        const void *page = fa_pages_alloc(&fa_ram, 1);
        if (page == NULL) {
            unmap(guard + 1, base, i);
            give_slot(size, guard, number);
            return FA_ENOMEM;
        }
        fa_cpu_stack_map(&guard[1 + i], page);
    }
    fa_cpu_stack_mapped();
    *base_out = (void *)base;
    *size_bytes_out = page_count * FA_PAGE_BYTES;
    return FA_OK;
}

void fa_cpu_stack_free(void *base, size_t size_bytes)
{
    const size_t page_count = size_bytes / FA_PAGE_BYTES;
    slot_size *size = size_for(page_count);
    const uintptr_t address = (uintptr_t)base - FA_PAGE_BYTES;
    fa_cpu_page_entry *guard = fa_cpu_stack_entry(address);
    unmap(guard + 1, (uintptr_t)base, page_count);
    give_slot(size, guard, (address - size->window->start) >> size->slot_bits);
}
