/* SPDX-License-Identifier: ISC */
/* DMA inside a Linux process: what plays the device is in the same process, and finds memory at the
 * same addresses. */
#include "../dma.h"

fa_err fa_cpu_dma_address(const void *start, size_t len, fa_cpu_phys *address_out)
{
    (void)len;
    *address_out = (fa_cpu_phys){(uintptr_t)start};
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
