/* SPDX-License-Identifier: ISC */
/* DMA on a PC: devices see the caches' contents, and RAM lies at its physical addresses. Stores are
 * seen in their order (Intel SDM vol. 3, 9.2.2): only the compiler must keep it. */
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

void fa_cpu_dma_begin(const void *start, size_t len, bool device_writes)
{
    (void)device_writes;
    __asm__ volatile("" ::"r"(start), "r"(len) : "memory");
}

void fa_cpu_dma_end(void *start, size_t len)
{
    __asm__ volatile("" ::"r"(start), "r"(len) : "memory");
}

fa_err fa_cpu_dma_share(void *start, size_t len)
{
    (void)start;
    (void)len;
    return FA_OK;
}

void fa_cpu_dma_unshare(void *start, size_t len)
{
    (void)start;
    (void)len;
}
