/* SPDX-License-Identifier: ISC */
/* DMA on a PC: RAM lies at its physical addresses. */
#include "../dma.h"
#include "mmu.h"

fa_err fa_cpu_dma_address(const void *start, size_t len, fa_cpu_phys *address_out)
{
    const uintptr_t address = (uintptr_t)start;
    if (address >= X86_RAM_END_MAX || len > X86_RAM_END_MAX - address ||
        !x86_mmu_mapped(address, len))
        return FA_EINVAL;
    *address_out = (fa_cpu_phys){x86_phys_of(start).address};
    return FA_OK;
}
