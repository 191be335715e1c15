/* SPDX-License-Identifier: ISC */
/* Page tables: four levels, 4 KiB pages for the image, the stacks and the devices, 2 MiB pages for
 * the rest of the RAM. entry.S has mapped the first GiB with the three tables it shares with this
 * file; they become the final ones: first the image gets its rights, then what is not RAM goes. */
#include "mmu.h"
#include "../../core/pages.h"
#include "../stacks.h"
#include "cpu.h"
#include <fata/panic.h>
#include <string.h>

#define ENTRIES 512u
#define BIG_BYTES (UINT64_C(1) << 21)
#define PRESENT UINT64_C(1)
#define WRITABLE UINT64_C(2)
#define UNCACHED UINT64_C(0x18) /* PCD and PWT: strong uncacheable with the reset PAT */
#define USED UINT64_C(0x60)     /* accessed and dirty: the CPU need not write them */
#define BIG UINT64_C(0x80)
#define NO_EXECUTE (UINT64_C(1) << 63)
#define ADDRESS UINT64_C(0x000ffffffffff000)
#define TABLE (PRESENT | WRITABLE)

/* In entry.S: the top table, the one below it for slot 0, and the first GiB's directory. */
extern uint64_t x86_top_table[ENTRIES];
extern uint64_t x86_low_directory[ENTRIES];
extern const uint8_t x86_early_guard[X86_PAGE_BYTES];

/* From the linker script. */
extern const uint8_t __text_start[], __text_end[], __rodata_start[], __rodata_end[];
extern const uint8_t __data_start[], __image_end[];

static uint64_t *new_table(void)
{
    uint64_t *table = fa_pages_alloc(&fa_ram, 1);
    if (table != NULL)
        memset(table, 0, X86_PAGE_BYTES);
    return table;
}

static uint64_t *table_at(uint64_t entry)
{
    return x86_virt_of((x86_phys){entry & ADDRESS});
}

/* The table that `entry` points to, made if there is none; NULL: no memory. */
static uint64_t *descend(uint64_t *entry)
{
    if (!(*entry & PRESENT)) {
        uint64_t *table = new_table();
        if (table == NULL)
            return NULL;
        *entry = x86_phys_of(table).address | TABLE;
    }
    return table_at(*entry);
}

static unsigned index_of(uint64_t address, unsigned level)
{
    return (unsigned)(address >> (12 + 9 * level)) % ENTRIES;
}

/* The entry of an address in its lowest table (level 0) or its directory (level 1). */
static uint64_t *entry_of(uint64_t address, unsigned level)
{
    uint64_t *table = x86_top_table;
    for (unsigned above = 3; above > level && table != NULL; above--)
        table = descend(&table[index_of(address, above)]);
    return table == NULL ? NULL : &table[index_of(address, level)];
}

/* Turns a directory's 2 MiB page into 4 KiB pages with the same rights, but that only the program's
 * code keeps execution: it is running. */
static uint64_t *split(uint64_t *entry)
{
    const uint64_t big = *entry;
    if (!(big & BIG))
        return descend(entry);
    uint64_t *table = new_table();
    if (table != NULL) {
        for (unsigned i = 0; i < ENTRIES; i++) {
            const uint64_t at = (big & ADDRESS) + i * X86_PAGE_BYTES;
            const bool code = at + X86_PAGE_BYTES > (uint64_t)__text_start &&
                              at < (uint64_t)__text_end;
            table[i] = at | (big & ~(ADDRESS | BIG)) | (code ? 0 : NO_EXECUTE);
        }
        *entry = x86_phys_of(table).address | TABLE;
    }
    return table;
}

/* Gives the pages that a range touches the rights `flags`; 0 unmaps them. */
static void protect(const void *start, const void *end, uint64_t flags)
{
    uint64_t *table = NULL;
    const uint64_t first = (uint64_t)start & ADDRESS;
    for (uint64_t at = first; at < (uint64_t)end; at += X86_PAGE_BYTES) {
        if (table == NULL || at % BIG_BYTES == 0)
            table = split(&x86_low_directory[index_of(at, 1)]);
        if (table == NULL)
            fa_panic("no memory for page tables");
        table[index_of(at, 0)] = flags == 0 ? 0 : at | flags;
    }
}

void *x86_mmu_map_early(x86_phys page)
{
    static _Alignas(X86_PAGE_BYTES) uint64_t directory[ENTRIES], table[ENTRIES];
    if (page.address < X86_EARLY_MAP_BYTES || page.address >= X86_RAM_END_MAX)
        return NULL;
    table[index_of(page.address, 0)] =
        (page.address & ADDRESS) | PRESENT | WRITABLE | USED | NO_EXECUTE;
    directory[index_of(page.address, 1)] = x86_phys_of(table).address | TABLE;
    table_at(x86_top_table[0])[index_of(page.address, 2)] = x86_phys_of(directory).address | TABLE;
    return x86_virt_of(page);
}

void x86_mmu_init(void)
{
    /* These tables are in use: nothing that runs may lose execution, not even for a moment. */
    protect(NULL, (void *)X86_PAGE_BYTES, 0);
    protect(__text_start, __text_end, PRESENT | USED);
    protect(__rodata_start, __rodata_end, PRESENT | USED | NO_EXECUTE);
    protect(__data_start, __image_end, PRESENT | WRITABLE | USED | NO_EXECUTE);
    protect(x86_early_guard, x86_early_guard + X86_PAGE_BYTES, 0);
    /* The image's own pages are split by now. */
    for (unsigned i = 0; i < ENTRIES; i++)
        if (x86_low_directory[i] & BIG)
            x86_low_directory[i] |= NO_EXECUTE | USED;
    __asm__ volatile("mov %0, %%cr3" ::"r"(x86_phys_of(x86_top_table).address) : "memory");
}

void x86_mmu_unmap(x86_phys start, x86_phys end)
{
    uint64_t at = (start.address + X86_PAGE_BYTES - 1) & ADDRESS;
    const uint64_t limit =
        (end.address < X86_EARLY_MAP_BYTES ? end.address : X86_EARLY_MAP_BYTES) & ADDRESS;
    while (at < limit) {
        uint64_t *entry = &x86_low_directory[index_of(at, 1)];
        if (at % BIG_BYTES == 0 && limit - at >= BIG_BYTES) {
            *entry = 0;
            at += BIG_BYTES;
            continue;
        }
        uint64_t *table = split(entry);
        if (table == NULL)
            fa_panic("no memory for page tables");
        table[index_of(at, 0)] = 0;
        at += X86_PAGE_BYTES;
    }
    __asm__ volatile("mov %0, %%cr3" ::"r"(x86_phys_of(x86_top_table).address) : "memory");
}

void x86_mmu_map_ram(x86_phys start, x86_phys end)
{
    const uint64_t flags = PRESENT | WRITABLE | USED | NO_EXECUTE;
    uint64_t at = (start.address + X86_PAGE_BYTES - 1) & ADDRESS;
    const uint64_t limit = end.address & ADDRESS;
    while (at < limit) {
        const bool big = at % BIG_BYTES == 0 && limit - at >= BIG_BYTES;
        uint64_t *entry = entry_of(at, big ? 1 : 0);
        if (entry == NULL)
            fa_panic("no memory for page tables");
        *entry = at | flags | (big ? BIG : 0);
        at += big ? BIG_BYTES : X86_PAGE_BYTES;
    }
}

static fa_err map_window(x86_phys start, size_t len, uint64_t rights)
{
    const uint64_t first = X86_DEVICE_WINDOW + (start.address & ADDRESS);
    const uint64_t limit = X86_DEVICE_WINDOW + start.address + len;
    for (uint64_t at = first; at < limit; at += X86_PAGE_BYTES) {
        uint64_t *entry = entry_of(at, 0);
        if (entry == NULL)
            return FA_ENOMEM;
        *entry = (at - X86_DEVICE_WINDOW) | PRESENT | WRITABLE | USED | NO_EXECUTE | rights;
    }
    return FA_OK;
}

fa_err x86_mmu_map_device(x86_phys start, size_t len, volatile void **device_out)
{
    *device_out = (volatile void *)(X86_DEVICE_WINDOW + start.address);
    return map_window(start, len, UNCACHED);
}

fa_err x86_mmu_map_shared(x86_phys start, size_t len, void **memory_out)
{
    *memory_out = (void *)(X86_DEVICE_WINDOW + start.address);
    return map_window(start, len, 0);
}

static bool page_mapped(uint64_t address)
{
    const uint64_t *table = x86_top_table;
    if (address >> 47 != 0)
        return false;
    const uint64_t low = address < ENTRIES * BIG_BYTES ? x86_low_directory[index_of(address, 1)] : 0;
    if ((low & (PRESENT | BIG)) == (PRESENT | BIG)) /* the most of what devices are given */
        return true;
    for (unsigned level = 3;; level--) {
        const uint64_t entry = table[index_of(address, level)];
        if (!(entry & PRESENT))
            return false;
        if (level == 0 || (level == 1 && (entry & BIG)))
            return true;
        table = table_at(entry);
    }
}

bool x86_mmu_mapped(uintptr_t address, size_t len)
{
    if (len == 0 || address > UINTPTR_MAX - len)
        return false;
    for (uint64_t at = address & ADDRESS; at < address + len; at += X86_PAGE_BYTES)
        if (!page_mapped(at))
            return false;
    return true;
}

#define STACK_PAGE (NO_EXECUTE | USED | WRITABLE | PRESENT)
#define STACK_WINDOW_BYTES (UINT64_C(1) << 37) /* for each size */
const fa_cpu_stack_window fa_cpu_stack_windows[FA_CPU_STACK_SIZES] = {
    {X86_STACK_WINDOW, STACK_WINDOW_BYTES},
    {X86_STACK_WINDOW + STACK_WINDOW_BYTES, STACK_WINDOW_BYTES},
    {X86_STACK_WINDOW + 2 * STACK_WINDOW_BYTES, STACK_WINDOW_BYTES},
};

fa_cpu_page_entry *fa_cpu_stack_entry(uintptr_t address)
{
    return entry_of(address, 0);
}

void fa_cpu_stack_map(fa_cpu_page_entry *entry, const void *page)
{
    *entry = x86_phys_of(page).address | STACK_PAGE;
}

void *fa_cpu_stack_unmap(fa_cpu_page_entry *entry, uintptr_t address)
{
    void *page = x86_virt_of((x86_phys){*entry & ADDRESS});
    *entry = 0;
    __asm__ volatile("invlpg (%0)" ::"r"(address) : "memory");
    return page;
}

void fa_cpu_stack_mapped(void)
{
}
