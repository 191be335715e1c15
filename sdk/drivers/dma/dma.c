/* SPDX-License-Identifier: ISC */
/* Which buffers a device may have, in debug and release builds alike. */
#include "dma.h"
#include "../../cpu/dma.h"
#include <fata/panic.h>

fa_err dma_address(const void *buffer, size_t len, plat_dma_direction direction,
                   plat_dma_addr *addr_out)
{
    const uintptr_t start = (uintptr_t)buffer;
    if (start == 0 || len == 0 || len > UINTPTR_MAX - start)
        return FA_EINVAL;
    fa_assert(!dma_device_writes(direction) ||
              (start % PLAT_DMA_ALIGN_BYTES == 0 && len % PLAT_DMA_ALIGN_BYTES == 0));
    fa_cpu_phys phys;
    const fa_err err = fa_cpu_dma_address(buffer, len, &phys);
    if (err == FA_OK)
        *addr_out = (plat_dma_addr){phys.address};
    return err;
}
