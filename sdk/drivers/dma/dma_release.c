/* SPDX-License-Identifier: ISC */
/* Linked into release builds: the device has the buffer itself. */
#include "../../cpu/dma.h"
#include "dma.h"

fa_err plat_dma_map(void *buffer, size_t len, plat_dma_direction direction,
                    plat_dma_sharing sharing, plat_dma_addr *addr_out)
{
    const fa_err err = dma_address(buffer, len, direction, addr_out);
    if (err == FA_OK && sharing == PLAT_DMA_INCOHERENT)
        fa_cpu_dma_begin(buffer, len, dma_device_writes(direction));
    return err;
}

void plat_dma_unmap(void *buffer, size_t len, plat_dma_direction direction, plat_dma_sharing sharing,
                    plat_dma_addr addr)
{
    (void)addr;
    if (dma_device_writes(direction) && sharing == PLAT_DMA_INCOHERENT)
        fa_cpu_dma_end(buffer, len);
}
