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

#endif
