/* SPDX-License-Identifier: ISC */
/* Page tables: short descriptors with 4 KiB pages (ARM ARM B3.5). The address space has three parts:
 *
 *     0x0000_0000  nothing: null pointers
 *     0x0040_0000  device registers, in the order in which they are asked for
 *     0x4000_0000  RAM, from its first byte on; the first page table, then the image (entry.S)
 *     0xc000_0000  fiber stacks with their guard pages
 *
 * No page is both writable and executable. RAM need not begin at 0x4000_0000 for the machine:
 * physical addresses are a type of their own, and arm_phys_of() and arm_virt_of() convert. */
#ifndef FATA_CPU_ARMV7A_MMU_H
#define FATA_CPU_ARMV7A_MMU_H

#include "mmio.h"
#include <fata/err.h>

typedef struct arm_phys {
    uint64_t address;
} arm_phys;

#define ARM_PAGE_BYTES ((size_t)4096)
#define ARM_DEVICE_WINDOW UINT32_C(0x00400000)
#define ARM_DEVICE_WINDOW_BYTES (4 * FA_MIB) /* what one page table covers */
#define ARM_RAM_WINDOW UINT32_C(0x40000000)
#define ARM_STACK_WINDOW UINT32_C(0xc0000000)
#define ARM_RAM_BYTES_MAX ((uint64_t)(ARM_STACK_WINDOW - ARM_RAM_WINDOW))

/* The physical address of the RAM's first byte; entry.S sets it. */
extern uint32_t arm_ram_start;

static inline arm_phys arm_phys_of(const void *ram)
{
    return (arm_phys){(uintptr_t)ram - ARM_RAM_WINDOW + arm_ram_start};
}
static inline void *arm_virt_of(arm_phys ram)
{
    return (void *)(uintptr_t)(ram.address - arm_ram_start + ARM_RAM_WINDOW);
}

/* entry.S maps RAM so far, by pages, writable and executable: the image, the device tree behind it,
 * whose end is given, second-level tables behind that, whose end is told, and at least a MiB more.
 * How far. */
uintptr_t arm_mmu_early(uintptr_t dt_end, uintptr_t *tables_end_out);

/* After arm_mmu_early(). Gives the image the rights of its sections, the device tree behind it that of
 * constants, and the early pages behind that, up to `ram_end`, where the first piece of RAM ends,
 * those of data. Then arm_mmu_map_ram() maps all that is RAM, writable and not executable, but what
 * is so already; and arm_mmu_finish() unmaps what entry.S mapped besides. Take pages from fa_ram; panic: no memory. */
void arm_mmu_init(uintptr_t dt_end, uintptr_t ram_end);
void arm_mmu_map_ram(uintptr_t start, uintptr_t end);
void arm_mmu_finish(void);
/* Maps a device's registers; works from the start, without memory. FA_ELIMIT: the window is full;
 * FA_EINVAL: the address has more than 32 bits. */
FA_MUST_CHECK fa_err arm_mmu_map_device(arm_phys start, size_t len, arm_mmio *device_out);
/* The same for memory that is none of the machine's RAM and that others keep in their caches, too:
 * cached, shareable, data. */
FA_MUST_CHECK fa_err arm_mmu_map_shared(arm_phys start, size_t len, void **memory_out);
/* Whether pages of RAM, which are data, come into the caches from now on. FA_ENOMEM, and nothing has
 * changed: no page for a table. */
FA_MUST_CHECK fa_err arm_mmu_set_cached(uintptr_t start, size_t len, bool cached);
/* Whether the range is mapped. */
bool arm_mmu_mapped(uintptr_t address, size_t len);

#endif
