/* SPDX-License-Identifier: ISC */
/* Page tables. The address space has three parts: RAM at its physical addresses (identity), fiber
 * stacks with their guard pages, and devices. No page is both writable and executable; page 0 is
 * not mapped. Source: Intel SDM vol. 3, chapter 4.
 *
 * Physical addresses are a type of their own; for RAM that is mapped, x86_phys_of() and
 * x86_virt_of() convert. */
#ifndef FATA_CPU_X86_64_MMU_H
#define FATA_CPU_X86_64_MMU_H

#include <fata/base.h>
#include <fata/err.h>

typedef struct x86_phys {
    uint64_t address;
} x86_phys;

#define X86_PAGE_BYTES ((size_t)4096)
#define X86_STACK_WINDOW (UINT64_C(1) << 39)  /* slot 1 of the top table */
#define X86_DEVICE_WINDOW (UINT64_C(2) << 39) /* slot 2: physical address 0 appears here */
/* What the boot's first tables map: everything that is needed before the final ones. */
#define X86_EARLY_MAP_BYTES (UINT64_C(1) << 30)
#define X86_RAM_END_MAX (UINT64_C(1) << 39)

static inline x86_phys x86_phys_of(const void *ram)
{
    return (x86_phys){(uint64_t)ram};
}
static inline void *x86_virt_of(x86_phys ram)
{
    return (void *)ram.address;
}

/* Maps one page of memory, which is no RAM, before there is fa_ram; NULL: it lies below
 * X86_EARLY_MAP_BYTES, or too far up. */
void *x86_mmu_map_early(x86_phys page);
/* Gives the image the rights of its sections and takes execution from all else of the first GiB.
 * Takes pages from fa_ram, which holds RAM below X86_EARLY_MAP_BYTES by now. Panics: no memory. */
void x86_mmu_init(void);
/* Unmaps what is not RAM below X86_EARLY_MAP_BYTES; ends are rounded inwards to pages. */
void x86_mmu_unmap(x86_phys start, x86_phys end);
/* Maps RAM from X86_EARLY_MAP_BYTES on, writable and not executable. */
void x86_mmu_map_ram(x86_phys start, x86_phys end);
/* Maps a device's registers, or firmware tables, uncached; the same call twice does no harm. */
FA_MUST_CHECK fa_err x86_mmu_map_device(x86_phys start, size_t len, volatile void **device_out);
/* The same for pages that another domain keeps in its caches, too. */
FA_MUST_CHECK fa_err x86_mmu_map_shared(x86_phys start, size_t len, void **memory_out);
/* Whether the range is mapped. */
bool x86_mmu_mapped(uintptr_t address, size_t len);

#endif
