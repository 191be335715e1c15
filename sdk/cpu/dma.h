/* SPDX-License-Identifier: ISC */
/* What each CPU folder provides for DMA: where a device finds memory, and caches that agree with
 * it. sdk/drivers/dma makes plat_dma_map() of it (bsp/plat.h). */
#ifndef FATA_CPU_DMA_H
#define FATA_CPU_DMA_H

#include <fata/err.h>

typedef struct fa_cpu_phys {
    uint64_t address;
} fa_cpu_phys;

/* The address of `len` bytes (at least one, without a wrap, not at NULL) as a device sees them.
 * FA_EINVAL: they are not RAM, or not in one piece. */
FA_MUST_CHECK fa_err fa_cpu_dma_address(const void *start, size_t len, fa_cpu_phys *address_out);
/* Before a device is told: writes back what the caches hold of the range. If the device writes,
 * also drops it: no line may be left that goes to memory later, over what the device wrote. */
void fa_cpu_dma_begin(const void *start, size_t len, bool device_writes);
/* After a device wrote: drops what the caches have read in the meantime, by speculation too. The
 * range is of whole cache lines. */
void fa_cpu_dma_end(void *start, size_t len);
/* Takes whole pages out of the caches, for memory that the CPU shares with a device that does not
 * see these; and gives them back. FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_cpu_dma_share(void *start, size_t len);
void fa_cpu_dma_unshare(void *start, size_t len);

/* The order of accesses to shared memory, as the other side sees it. Before the store that tells of
 * earlier ones; after the load that was told; between a store and a load. */
static inline void fa_cpu_dma_before_store(void)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
}
static inline void fa_cpu_dma_after_load(void)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}
static inline void fa_cpu_dma_store_then_load(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
