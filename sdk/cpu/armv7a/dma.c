/* SPDX-License-Identifier: ISC */
/* DMA on ARM: devices see memory, not the caches. Lines go there and are dropped by their virtual
 * addresses, to the point of coherency, which lies behind all caches of Cortex-A7 and A8. Source:
 * ARM Architecture Reference Manual, ARMv7-A edition (ARM DDI 0406C): B2.2 for the operations and
 * their order, B3.18.6 for the encodings, CTR in B4.1; Cortex-A7 TRM (DDI 0464), Cortex-A8 TRM (DDI
 * 0344). */
#include "../dma.h"
#include "cpu.h"
#include "mmu.h"
#include <fata/panic.h>

ARM_CP15_WRITE(clean_line, c7, 0, c10, 1)          /* DCCMVAC */
ARM_CP15_WRITE(drop_line, c7, 0, c6, 1)            /* DCIMVAC */
ARM_CP15_WRITE(clean_and_drop_line, c7, 0, c14, 1) /* DCCIMVAC */

/* The smallest line of all data caches: CTR.DminLine is the logarithm of its words. */
static uintptr_t line_bytes(void)
{
    return (uintptr_t)4 << (arm_ctr() >> 16 & 0xf);
}

fa_err fa_cpu_dma_address(const void *start, size_t len, fa_cpu_phys *address_out)
{
    const uintptr_t address = (uintptr_t)start;
    if (address < ARM_RAM_WINDOW || address >= ARM_STACK_WINDOW ||
        len > ARM_STACK_WINDOW - address || !arm_mmu_mapped(address, len))
        return FA_EINVAL;
    *address_out = (fa_cpu_phys){arm_phys_of(start).address};
    return FA_OK;
}

/* A line that is dropped is written back first: where the device does not write, memory would show
 * what an earlier owner left there. */
void fa_cpu_dma_begin(const void *start, size_t len, bool device_writes)
{
    const uintptr_t line = line_bytes();
    const uintptr_t end = (uintptr_t)start + len;
    for (uintptr_t at = (uintptr_t)start & ~(line - 1); at < end; at += line)
        if (device_writes)
            clean_and_drop_line(at);
        else
            clean_line(at);
    arm_dsb();
}

/* The first barrier: what told that the device is done was read before a line is dropped. */
void fa_cpu_dma_end(void *start, size_t len)
{
    const uintptr_t line = line_bytes();
    const uintptr_t end = (uintptr_t)start + len;
    arm_dsb();
    for (uintptr_t at = (uintptr_t)start & ~(line - 1); at < end; at += line)
        drop_line(at);
    arm_dsb();
}

fa_err fa_cpu_dma_share(void *start, size_t len)
{
    const fa_err err = arm_mmu_set_cached((uintptr_t)start, len, false);
    /* Only now, when no line can come back. Maintenance does not ask how a page is mapped (B2.2.6). */
    if (err == FA_OK)
        fa_cpu_dma_begin(start, len, true);
    return err;
}

void fa_cpu_dma_unshare(void *start, size_t len)
{
    /* Their entries are there since the pages were shared. */
    if (arm_mmu_set_cached((uintptr_t)start, len, true) != FA_OK)
        fa_panic("shared pages have no page table");
}
