/* SPDX-License-Identifier: ISC */
/* The memory of the machine: every page of RAM but the first and the image's own goes to fa_ram.
 * The allocator's notes, a byte a page, lie right behind the image. RAM below 1 GiB is mapped from
 * the start and provides the page tables for the rest. */
#include "memory.h"
#include "../../sdk/core/pages.h"
#include <fata/panic.h>

extern const uint8_t __image_start[], __image_end[];

static uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Adds a range, less page 0 and what lies between the image's start and `taken_end`. */
static void add_free(uint64_t start, uint64_t end, uint64_t taken_end)
{
    const uint64_t image_start = (uint64_t)__image_start;
    start = max(start, FA_PAGE_BYTES);
    if (start < image_start)
        fa_pages_add(&fa_ram, start, min(end, image_start));
    if (end > taken_end)
        fa_pages_add(&fa_ram, max(start, taken_end), end);
}

static uint64_t ram_end(const fa_ranges *ram, size_t ram_count)
{
    return ram_count == 0 ? 0 : ram->items[ram_count - 1].end;
}

/* Where the notes end that cover the first so many ranges. */
static uint64_t notes_end_of(const fa_ranges *ram, size_t ram_count)
{
    return ((uint64_t)__image_end + ram_end(ram, ram_count) / FA_PAGE_BYTES + FA_PAGE_BYTES - 1) / FA_PAGE_BYTES *
           FA_PAGE_BYTES;
}

void memory_init(const pvh_boot *boot)
{
    const uint64_t image_end = (uint64_t)__image_end;
    const fa_ranges *ram = &boot->ram;
    const uint64_t room_end = min(fa_ranges_end_at(ram, image_end - 1), X86_EARLY_MAP_BYTES);
    /* RAM so far up that its notes have no room is left alone. */
    size_t ram_count = ram->count;
    while (ram_count > 1 && notes_end_of(ram, ram_count) > room_end)
        ram_count--;
    const uint64_t notes_end = notes_end_of(ram, ram_count);
    if (ram_count == 0 || notes_end > room_end)
        fa_panic("not enough memory: there is RAM up to %lu KiB, and the image alone takes it up to %lu",
                 (unsigned long)(min(room_end - 1, ram_end(ram, ram->count) - 1) / FA_KIB + 1),
                 (unsigned long)((notes_end - 1) / FA_KIB + 1));
    fa_pages_init(&fa_ram, 0, ram->items[ram_count - 1].end / FA_PAGE_BYTES,
                  x86_virt_of((x86_phys){image_end}));

    for (size_t i = 0; i < ram_count; i++)
        add_free(ram->items[i].start, min(ram->items[i].end, X86_EARLY_MAP_BYTES),
                 notes_end);
    x86_mmu_init();
    x86_phys gap = {0};
    for (size_t i = 0; i < ram_count; i++) {
        x86_mmu_unmap(gap, (x86_phys){ram->items[i].start});
        gap = (x86_phys){ram->items[i].end};
    }
    x86_mmu_unmap(gap, (x86_phys){X86_EARLY_MAP_BYTES});

    for (size_t i = 0; i < ram_count; i++) {
        const x86_phys start = {max(ram->items[i].start, X86_EARLY_MAP_BYTES)};
        if (start.address >= ram->items[i].end)
            continue;
        x86_mmu_map_ram(start, (x86_phys){ram->items[i].end});
        fa_pages_add(&fa_ram, start.address, ram->items[i].end);
    }
}
