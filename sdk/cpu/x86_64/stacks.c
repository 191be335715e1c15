/* SPDX-License-Identifier: ISC */
/* Fiber stacks: pages mapped into slots of the stack window, the slot's lowest page left out as the
 * guard. There are three sizes of slots; none crosses the 2 MiB of one page table, so a slot's
 * entries lie in a row. The free slots of a size form a list whose links are kept in the page-table
 * entries of their guard pages, which the CPU ignores as long as they are not present. */
#include "stacks.h"
#include "../../core/pages.h"
#include "mmu.h"

typedef struct slot_size {
    uintptr_t start;
    size_t slot_bytes;
    uint64_t used_count; /* slots ever taken: those beyond have never been used */
    uint64_t first_free; /* 1 + number of the slot, 0: none */
} slot_size;

#define SIZE_WINDOW_BYTES (UINT64_C(1) << 37) /* of addresses for each size */

static slot_size sizes[] = {
    {X86_STACK_WINDOW, 16 * FA_KIB, 0, 0},
    {X86_STACK_WINDOW + SIZE_WINDOW_BYTES, 64 * FA_KIB, 0, 0},
    {X86_STACK_WINDOW + 2 * SIZE_WINDOW_BYTES, FA_MIB, 0, 0},
};

static slot_size *size_for(size_t page_count)
{
    for (size_t i = 0; i < FA_ARRAY_COUNT(sizes); i++)
        if ((page_count + 1) * X86_PAGE_BYTES <= sizes[i].slot_bytes)
            return &sizes[i];
    return NULL;
}

static uintptr_t slot_address(const slot_size *size, uint64_t number)
{
    return size->start + number * size->slot_bytes;
}

/* The page-table entry of a slot's guard page, the slot being off the list; NULL: no memory. */
static uint64_t *take_slot(slot_size *size, uint64_t *number_out)
{
    const bool reuse = size->first_free != 0;
    *number_out = reuse ? size->first_free - 1 : size->used_count;
    if (slot_address(size, *number_out) - size->start >= SIZE_WINDOW_BYTES)
        return NULL;
    uint64_t *guard = x86_mmu_stack_entry(slot_address(size, *number_out));
    if (guard == NULL)
        return NULL;
    if (reuse)
        size->first_free = *guard >> 1;
    else
        size->used_count++;
    *guard = 0;
    return guard;
}

static void give_slot(slot_size *size, uint64_t *guard, uint64_t number)
{
    *guard = size->first_free << 1;
    size->first_free = number + 1;
}

static void unmap(uint64_t *entries, uintptr_t base, size_t page_count)
{
    for (size_t i = 0; i < page_count; i++) {
        const x86_phys page = {entries[i] & ~X86_ENTRY_STACK};
        entries[i] = 0;
        x86_mmu_forget(base + i * X86_PAGE_BYTES);
        fa_pages_free(&fa_ram, x86_virt_of(page), 1);
    }
}

fa_err x86_stack_alloc(size_t size_bytes, void **base_out, size_t *size_bytes_out)
{
    const size_t page_count = (size_bytes + X86_PAGE_BYTES - 1) / X86_PAGE_BYTES;
    slot_size *size = size_for(page_count);
    if (size == NULL || page_count == 0)
        return FA_EINVAL;
    uint64_t number;
    uint64_t *guard = take_slot(size, &number);
    if (guard == NULL)
        return FA_ENOMEM;
    const uintptr_t base = slot_address(size, number) + X86_PAGE_BYTES;
    for (size_t i = 0; i < page_count; i++) {
        const void *page = fa_pages_alloc(&fa_ram, 1);
        if (page == NULL) {
            unmap(guard + 1, base, i);
            give_slot(size, guard, number);
            return FA_ENOMEM;
        }
        guard[1 + i] = x86_phys_of(page).address | X86_ENTRY_STACK;
    }
    *base_out = (void *)base;
    *size_bytes_out = page_count * X86_PAGE_BYTES;
    return FA_OK;
}

void x86_stack_free(void *base, size_t size_bytes)
{
    const size_t page_count = size_bytes / X86_PAGE_BYTES;
    slot_size *size = size_for(page_count);
    const uintptr_t address = (uintptr_t)base - X86_PAGE_BYTES;
    uint64_t *guard = x86_mmu_stack_entry(address);
    unmap(guard + 1, (uintptr_t)base, page_count);
    give_slot(size, guard, (address - size->start) / size->slot_bytes);
}
