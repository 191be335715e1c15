/* SPDX-License-Identifier: ISC */
/* plat_dma_map() and plat_dma_unmap() over sdk/cpu/dma.h, for every board that names this room.
 * Which of two builds an image has is settled at link time: dma_release.c hands the buffer itself
 * to the device, dma_debug.c another one, to find what would go wrong on a machine whose caches and
 * devices do not know of each other. Here stands what both share. */
#ifndef FATA_DRIVERS_DMA_H
#define FATA_DRIVERS_DMA_H

#include "../../../bsp/plat.h"

/* What fills memory that its owner of the moment has not written, in a debug build. */
#define DMA_POISON 0xda

static inline bool dma_device_writes(plat_dma_direction direction)
{
    return direction != PLAT_DMA_TO_DEVICE;
}

/* The address of a buffer that fits the contract; FA_EINVAL as in plat_dma_map(). */
FA_MUST_CHECK fa_err dma_address(const void *buffer, size_t len, plat_dma_direction direction,
                                 plat_dma_addr *addr_out);

#endif
