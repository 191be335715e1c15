/* SPDX-License-Identifier: ISC */
/* The memory of the machine: what the device tree names as RAM, less what it reserves, from the
 * first byte of the RAM that the image is in; behind the image and the device tree, where the page
 * allocator's notes, a byte a page, come first. RAM that begins elsewhere is used as far as it lies
 * in the window (mmu.h); what lies below the image's is not. */
#include "memory.h"
#include "../../sdk/core/pages.h"
#include "../../sdk/core/ranges.h"
#include "../../sdk/cpu/armv7a/mmu.h"
#include "../../sdk/drivers/dt/dt.h"
#include <fata/panic.h>

#define RESERVATIONS_MAX 64u
#define BANKS_MAX 16u

static uint64_t page_up(uint64_t address)
{
    return (address + FA_PAGE_BYTES - 1) / FA_PAGE_BYTES * FA_PAGE_BYTES;
}

static uint64_t page_down(uint64_t address)
{
    return address / FA_PAGE_BYTES * FA_PAGE_BYTES;
}

/* The end of a range that may claim to go round the end of all addresses. */
static uint64_t end_of(dt_range range)
{
    return range.len > UINT64_MAX - FA_PAGE_BYTES - range.start ? UINT64_MAX - FA_PAGE_BYTES
                                                               : range.start + range.len;
}

/* The usable RAM, as addresses in the window. */
static void find_ram(fa_ranges *ram)
{
    dt_range range;
    fa_ranges physical = {.count = 0};
    for (unsigned i = 0; i < BANKS_MAX && dt_memory(i, &range); i++)
        fa_ranges_add(&physical, page_up(range.start), page_down(end_of(range)));
    for (unsigned i = 0; dt_reserved(i, &range); i++) {
        if (i == RESERVATIONS_MAX)
            fa_panic("the device tree reserves more than %u pieces of memory", RESERVATIONS_MAX);
        if (range.len != 0)
            fa_ranges_cut(&physical, page_down(range.start), page_up(end_of(range)));
    }
    fa_ranges_cut(&physical, 0, arm_ram_start);
    fa_ranges_cut(&physical, arm_ram_start + ARM_RAM_BYTES_MAX, UINT64_MAX);
    for (size_t i = 0; i < physical.count; i++)
        fa_ranges_add(ram, physical.items[i].start - arm_ram_start + ARM_RAM_WINDOW,
                      physical.items[i].end - arm_ram_start + ARM_RAM_WINDOW);
}

/* Where the notes end that cover the first so many ranges. */
static uintptr_t notes_end_of(const fa_ranges *ram, size_t count, uintptr_t notes)
{
    const uintptr_t ram_end = (uintptr_t)ram->items[count - 1].end;
    return (uintptr_t)page_up(notes + (ram_end - ARM_RAM_WINDOW) / FA_PAGE_BYTES);
}

static uintptr_t min(uintptr_t a, uintptr_t b)
{
    return a < b ? a : b;
}

void memory_init(uintptr_t dt_end)
{
    fa_ranges ram = {.count = 0};
    find_ram(&ram);
    uintptr_t notes; /* behind the page tables that are in use already */
    uintptr_t early_end = arm_mmu_early(dt_end, &notes);
    const uintptr_t ram_end = (uintptr_t)fa_ranges_end_at(&ram, ARM_RAM_WINDOW);
    if (ram_end == 0)
        fa_panic("the device tree has no usable memory at 0x%lx, where the image is",
                 (unsigned long)arm_ram_start);
    if (ram_end < notes + FA_PAGE_BYTES || notes_end_of(&ram, 1, notes) >= ram_end)
        fa_panic("not enough memory: the image and its device tree take %lu KiB, there are %lu",
                 (unsigned long)((notes - ARM_RAM_WINDOW) / FA_KIB),
                 (unsigned long)((ram_end - ARM_RAM_WINDOW) / FA_KIB));
    early_end = min(ram_end, early_end);
    /* RAM so far up that its notes have no room is left alone. */
    while (ram.count > 1 && notes_end_of(&ram, ram.count, notes) >= early_end)
        ram.count--;
    const uintptr_t notes_end = notes_end_of(&ram, ram.count, notes);
    fa_pages_init(&fa_ram, ARM_RAM_WINDOW,
                  (size_t)((ram.items[ram.count - 1].end - ARM_RAM_WINDOW) / FA_PAGE_BYTES),
                  (uint8_t *)notes);

    fa_pages_add(&fa_ram, notes_end, early_end);
    arm_mmu_init(dt_end, ram_end);
    for (size_t i = 0; i < ram.count; i++)
        arm_mmu_map_ram((uintptr_t)ram.items[i].start, (uintptr_t)ram.items[i].end);
    arm_mmu_finish();
    fa_pages_add(&fa_ram, early_end, ram_end);
    for (size_t i = 1; i < ram.count; i++)
        fa_pages_add(&fa_ram, (uintptr_t)ram.items[i].start, (uintptr_t)ram.items[i].end);
}
