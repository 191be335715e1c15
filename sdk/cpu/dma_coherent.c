/* SPDX-License-Identifier: ISC */
/* DMA where every device sees what the caches hold, and stores in their order: on a PC (Intel SDM vol.
 * 3, 9.2.2), and inside a Linux process. Only the compiler must keep the order. */
#include "dma.h"

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
