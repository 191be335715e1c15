/* SPDX-License-Identifier: ISC */
/* Memory that the CPU and a device share, in debug and release builds alike: it has no owner whose
 * mistakes could be found. */
#include "../../core/pages.h"
#include "../../cpu/dma.h"
#include "dma.h"
#include <stdlib.h>
#include <string.h>

static size_t whole_pages(size_t len)
{
    return (len + FA_PAGE_BYTES - 1) / FA_PAGE_BYTES * FA_PAGE_BYTES;
}

fa_err plat_dma_alloc(size_t len, plat_dma_sharing sharing, void **memory_out,
                      plat_dma_addr *addr_out)
{
    if (len == 0 || len > SIZE_MAX - FA_PAGE_BYTES)
        return FA_EINVAL;
    const size_t pages_bytes = whole_pages(len);
    void *memory = aligned_alloc(FA_PAGE_BYTES, pages_bytes);
    if (memory == NULL)
        return FA_ENOMEM;
    fa_err err = dma_address(memory, pages_bytes, PLAT_DMA_BOTH, addr_out);
    if (err == FA_OK && sharing == PLAT_DMA_INCOHERENT)
        err = fa_cpu_dma_share(memory, pages_bytes);
    if (err != FA_OK) {
        free(memory);
        return err;
    }
    memset(memory, 0, pages_bytes);
    *memory_out = memory;
    return FA_OK;
}

void plat_dma_free(void *memory, size_t len, plat_dma_sharing sharing)
{
    if (sharing == PLAT_DMA_INCOHERENT)
        fa_cpu_dma_unshare(memory, whole_pages(len));
    free(memory);
}
