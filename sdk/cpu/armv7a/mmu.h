/* SPDX-License-Identifier: ISC */
/* Page tables: short descriptors with 4 KiB pages (ARM ARM B3.5). The address space has three parts:
 *
 *     0x0000_0000  nothing: null pointers
 *     0x0040_0000  device registers, in the order in which they are asked for
 *     0x4000_0000  RAM, all of it in a row from its first byte on; the image is 16 KiB into it
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

/* Gives the image the rights of its sections and maps RAM from the image's end to the end of what
 * is given, writable and not executable. Takes pages from fa_ram, which holds RAM by now. Panics:
 * no memory. */
void arm_mmu_init(uint64_t ram_bytes);
/* Maps a device's registers; works from the start, without memory. FA_ELIMIT: the window is full;
 * FA_EINVAL: the address has more than 32 bits. */
FA_MUST_CHECK fa_err arm_mmu_map_device(arm_phys start, size_t len, arm_mmio *device_out);
/* Whether the range is mapped. */
bool arm_mmu_mapped(uintptr_t address, size_t len);

#endif
