/* SPDX-License-Identifier: ISC */
/* Page tables: 1 MiB sections for RAM, 4 KiB pages for the image, the stacks, the devices and the
 * ragged ends of RAM. One page holds the second-level tables of four MiBs in a row. entry.S has made
 * the first-level table, at the first byte of RAM, and mapped the image and more by pages; the same
 * tables become the final ones.
 *
 * An entry that is in use gets other rights as it is. Before its address, memory type or size
 * changes it is taken out, and the TLB told: one that has both, the old and the new, may abort
 * (TLB conflict; ARM DDI 0487, D8.16, break before make).
 *
 * A Cortex-A8 walks its tables past its first-level cache, so every entry that is written is cleaned
 * to the point of unification (Cortex-A8 TRM, 6.3). */
#include "mmu.h"
#include "../../core/pages.h"
#include "../stacks.h"
#include "cpu.h"
#include <fata/panic.h>
#include <string.h>

#define SECTIONS 4096u
#define GROUP_SECTIONS 4u
#define GROUP_BYTES (GROUP_SECTIONS * FA_MIB)
#define GROUP_PAGES 1024u
#define TABLE_BYTES 1024u

/* First-level entries (B3.5.1). */
#define KIND_MASK 3u
#define KIND_TABLE 1u
#define KIND_SECTION 2u
#define TABLE_ADDRESS (~UINT32_C(0x3ff))
#define SECTION_DATA 0x141eu /* TEX 1, C, B: write-back, write-allocate; AP 1; not executable */
#define SECTION_NO_EXECUTE 0x10u
#define SECTION_SHAREABLE 0x10000u

/* Second-level entries: small pages. */
#define PAGE 0x2u
#define PAGE_NO_EXECUTE 0x1u
#define PAGE_WRITABLE 0x010u  /* AP[2:0] 1 */
#define PAGE_READ_ONLY 0x210u /* AP[2:0] 5 */
#define PAGE_NORMAL 0x04cu    /* TEX 1, C, B */
#define PAGE_UNCACHED 0x040u  /* TEX 1: Normal, not cacheable */
#define PAGE_DEVICE 0x004u    /* B */
#define PAGE_SHAREABLE 0x400u
#define PAGE_ADDRESS (~UINT32_C(0xfff))

#define CODE (PAGE | PAGE_NORMAL | PAGE_READ_ONLY)
#define CONSTANTS (CODE | PAGE_NO_EXECUTE)
#define DATA (PAGE | PAGE_NORMAL | PAGE_WRITABLE | PAGE_NO_EXECUTE)
#define SHARED_DATA (PAGE | PAGE_UNCACHED | PAGE_WRITABLE | PAGE_NO_EXECUTE)
#define DEVICE (PAGE | PAGE_DEVICE | PAGE_WRITABLE | PAGE_NO_EXECUTE)

#define TTBR_SHAREABLE 2u

/* From entry.S and the linker script. */
extern const uint8_t arm_boot_guard[ARM_PAGE_BYTES];
extern const uint8_t __text_start[], __text_end[], __rodata_start[], __rodata_end[];
extern const uint8_t __image_end[];

static fa_cpu_page_entry *const sections = (fa_cpu_page_entry *)ARM_RAM_WINDOW;
static _Alignas(ARM_PAGE_BYTES) fa_cpu_page_entry device_pages[GROUP_PAGES];
static unsigned device_page_count;
static uintptr_t early_end;     /* of what entry.S has mapped by pages */
static uintptr_t first_ram_end; /* of the piece of RAM that the image is in */

/* Memory is shareable where the CPU keeps such in its caches: entry.S has the tables walked so, too. */
static uint32_t shareable(uint32_t attribute)
{
    return arm_ttbr0() & TTBR_SHAREABLE ? attribute : 0;
}

static void set(fa_cpu_page_entry *entry, uint32_t value)
{
    *(volatile fa_cpu_page_entry *)entry = value;
    arm_clean_to_pou((uintptr_t)entry);
}

/* Entries that held something have changed. */
static void forget_all(void)
{
    arm_dsb();
    arm_tlb_forget_all(0);
    arm_dsb();
    arm_isb();
}

/* The second-level entries of the four MiBs around an address; NULL: there are none. */
static fa_cpu_page_entry *pages_around(uintptr_t address)
{
    const unsigned first = address / GROUP_BYTES * GROUP_SECTIONS;
    for (unsigned i = 0; i < GROUP_SECTIONS; i++)
        if ((sections[first + i] & KIND_MASK) == KIND_TABLE)
            return (fa_cpu_page_entry *)arm_virt_of(
                       (arm_phys){(sections[first + i] & TABLE_ADDRESS) - i * TABLE_BYTES});
    return NULL;
}

/* The same, made if there are none, and not yet in use; NULL: no memory. */
static fa_cpu_page_entry *need_pages_around(uintptr_t address)
{
    fa_cpu_page_entry *pages = pages_around(address);
    if (pages != NULL)
        return pages;
    pages = fa_pages_alloc(&fa_ram, 1);
    if (pages == NULL)
        return NULL;
    for (unsigned i = 0; i < GROUP_PAGES; i++)
        set(&pages[i], 0);
    return pages;
}

/* Has the MiB of an address use its second-level entries. */
static void use_pages(const fa_cpu_page_entry *pages, uintptr_t address)
{
    const unsigned number = address / FA_MIB;
    const uint32_t table = (uint32_t)arm_phys_of(pages).address +
                           number % GROUP_SECTIONS * TABLE_BYTES;
    arm_dsb();
    set(&sections[number], table | KIND_TABLE);
}

static fa_cpu_page_entry *page_of(fa_cpu_page_entry *pages, uintptr_t address)
{
    return &pages[address % GROUP_BYTES / ARM_PAGE_BYTES];
}

/* The rights of a page of the image, and of what lies around it; 0: it is not to be mapped. */
static uint32_t rights_of(uintptr_t address, uintptr_t dt_end, uintptr_t ram_end)
{
    if (address >= ram_end || address == (uintptr_t)arm_boot_guard)
        return 0;
    if (address >= (uintptr_t)__text_start && address < (uintptr_t)__text_end)
        return CODE;
    if (address >= (uintptr_t)__rodata_start && address < (uintptr_t)__rodata_end)
        return CONSTANTS;
    if (address >= (uintptr_t)__image_end && address < dt_end)
        return CONSTANTS;
    return DATA;
}

static uint32_t entry_of(uintptr_t address, uint32_t rights)
{
    return rights == 0 ? 0
                       : (uint32_t)arm_phys_of((const void *)address).address | rights |
                             shareable(PAGE_SHAREABLE);
}

uintptr_t arm_mmu_early(uintptr_t dt_end, uintptr_t *tables_end_out)
{
    for (early_end = ARM_RAM_WINDOW; (sections[early_end / FA_MIB] & KIND_MASK) == KIND_TABLE;)
        early_end += FA_MIB;
    *tables_end_out = (dt_end + ARM_PAGE_BYTES - 1) / ARM_PAGE_BYTES * ARM_PAGE_BYTES +
                      (early_end - ARM_RAM_WINDOW) / GROUP_BYTES * ARM_PAGE_BYTES;
    return early_end;
}

void arm_mmu_init(uintptr_t dt_end, uintptr_t ram_end)
{
    first_ram_end = ram_end;
    for (uintptr_t at = ARM_RAM_WINDOW; at < early_end; at += ARM_PAGE_BYTES)
        set(page_of(pages_around(at), at), entry_of(at, rights_of(at, dt_end, ram_end)));
    forget_all();
}

/* Part of a MiB, by pages. */
static void map_pages(uintptr_t start, uintptr_t end)
{
    fa_cpu_page_entry *pages = need_pages_around(start);
    if (pages == NULL)
        fa_panic("no memory for page tables");
    for (uintptr_t at = start; at < end; at += ARM_PAGE_BYTES)
        set(page_of(pages, at), entry_of(at, DATA));
    use_pages(pages, start);
}

void arm_mmu_map_ram(uintptr_t start, uintptr_t end)
{
    for (uintptr_t at = start, next; at < end; at = next) {
        next = (at / FA_MIB + 1) * FA_MIB;
        if (at < early_end && at < first_ram_end)
            continue;
        if (at % FA_MIB == 0 && next <= end && at >= early_end)
            set(&sections[at / FA_MIB],
                (uint32_t)arm_phys_of((const void *)at).address | SECTION_DATA |
                    shareable(SECTION_SHAREABLE));
        else
            map_pages(at, next < end ? next : end);
    }
    forget_all();
}

void arm_mmu_finish(void)
{
    for (unsigned i = 0; i < SECTIONS; i++)
        if ((sections[i] & KIND_MASK) == KIND_SECTION && !(sections[i] & SECTION_NO_EXECUTE))
            set(&sections[i], 0);
    forget_all();
}

/* In the window for devices, for good. */
static fa_err map_there(arm_phys start, size_t len, uint32_t attributes, uintptr_t *address_out)
{
    const uint32_t first = (uint32_t)start.address & PAGE_ADDRESS;
    const size_t count = ((uint32_t)start.address - first + len + ARM_PAGE_BYTES - 1) / ARM_PAGE_BYTES;
    if (start.address >> 32 != 0 || len == 0 || len > ARM_DEVICE_WINDOW_BYTES)
        return FA_EINVAL;
    if (count > GROUP_PAGES - device_page_count)
        return FA_ELIMIT;
    *address_out = ARM_DEVICE_WINDOW + device_page_count * ARM_PAGE_BYTES +
                   ((uint32_t)start.address - first);
    for (size_t i = 0; i < count; i++)
        set(&device_pages[device_page_count++], (first + i * ARM_PAGE_BYTES) | attributes);
    for (uintptr_t mib = ARM_DEVICE_WINDOW; mib < ARM_DEVICE_WINDOW + GROUP_BYTES; mib += FA_MIB)
        use_pages(device_pages, mib);
    arm_dsb();
    arm_isb();
    return FA_OK;
}

fa_err arm_mmu_map_device(arm_phys start, size_t len, arm_mmio *device_out)
{
    uintptr_t address;
    const fa_err err = map_there(start, len, DEVICE, &address);
    if (err == FA_OK)
        *device_out = (arm_mmio)address;
    return err;
}

fa_err arm_mmu_map_shared(arm_phys start, size_t len, void **memory_out)
{
    uintptr_t address;
    const fa_err err = map_there(start, len, DATA | shareable(PAGE_SHAREABLE), &address);
    if (err == FA_OK)
        *memory_out = (void *)address;
    return err;
}

/* Turns a section of RAM into pages with the same rights. Nothing in it is used meanwhile: the image,
 * its stack and these tables lie among the early pages, fibers' stacks are mapped elsewhere. */
static fa_err split(uintptr_t address)
{
    const uintptr_t mib = address / FA_MIB * FA_MIB;
    if ((sections[address / FA_MIB] & KIND_MASK) != KIND_SECTION)
        return FA_OK;
    fa_cpu_page_entry *pages = need_pages_around(mib);
    if (pages == NULL)
        return FA_ENOMEM;
    for (uintptr_t at = mib; at < mib + FA_MIB; at += ARM_PAGE_BYTES)
        set(page_of(pages, at), entry_of(at, DATA));
    set(&sections[address / FA_MIB], 0);
    forget_all();
    use_pages(pages, mib);
    arm_dsb();
    arm_isb();
    return FA_OK;
}

fa_err arm_mmu_set_cached(uintptr_t start, size_t len, bool cached)
{
    for (uintptr_t at = start; at < start + len; at += ARM_PAGE_BYTES) {
        const fa_err err = split(at);
        if (err != FA_OK)
            return err;
    }
    for (uintptr_t at = start; at < start + len; at += ARM_PAGE_BYTES)
        set(page_of(pages_around(at), at), 0);
    forget_all();
    for (uintptr_t at = start; at < start + len; at += ARM_PAGE_BYTES)
        set(page_of(pages_around(at), at), entry_of(at, cached ? DATA : SHARED_DATA));
    arm_dsb();
    arm_isb();
    return FA_OK;
}

static bool page_mapped(uintptr_t address)
{
    const uint32_t section = sections[address / FA_MIB];
    if ((section & KIND_MASK) != KIND_TABLE)
        return (section & KIND_MASK) == KIND_SECTION;
    return (*page_of(pages_around(address), address) & PAGE) != 0;
}

bool arm_mmu_mapped(uintptr_t address, size_t len)
{
    if (len == 0 || address > UINTPTR_MAX - (len - 1))
        return false;
    const uintptr_t last = (address + (len - 1)) / ARM_PAGE_BYTES;
    for (uintptr_t page = address / ARM_PAGE_BYTES; page <= last; page++)
        if (!page_mapped(page * ARM_PAGE_BYTES))
            return false;
    return true;
}

/* A GiB of addresses, less the last MiB, so that no stack ends at 2^32. Small stacks are what programs
 * have thousands of. */
const fa_cpu_stack_window fa_cpu_stack_windows[FA_CPU_STACK_SIZES] = {
    {ARM_STACK_WINDOW, 512 * FA_MIB},
    {ARM_STACK_WINDOW + 512 * FA_MIB, 256 * FA_MIB},
    {ARM_STACK_WINDOW + 768 * FA_MIB, 255 * FA_MIB},
};

fa_cpu_page_entry *fa_cpu_stack_entry(uintptr_t address)
{
    fa_cpu_page_entry *pages = need_pages_around(address);
    if (pages == NULL)
        return NULL;
    if ((sections[address / FA_MIB] & KIND_MASK) == 0)
        use_pages(pages, address);
    return page_of(pages, address);
}

void fa_cpu_stack_map(fa_cpu_page_entry *entry, const void *page)
{
    set(entry, entry_of((uintptr_t)page, DATA));
}

void *fa_cpu_stack_unmap(fa_cpu_page_entry *entry, uintptr_t address)
{
    void *page = arm_virt_of((arm_phys){*entry & PAGE_ADDRESS});
    set(entry, 0);
    arm_dsb();
    arm_tlb_forget(address);
    return page;
}

void fa_cpu_stack_mapped(void)
{
    arm_dsb();
    arm_isb();
}
