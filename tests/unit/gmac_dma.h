/* SPDX-License-Identifier: ISC */
/* In the place of the platform's DMA, for the GMAC's driver: memory of its own that a device sees, into
 * and out of which each map and unmap copies. What the driver has not mapped, the device does not
 * see, and what it has not unmapped, the driver does not. */
#ifndef FATA_TESTS_UNIT_GMAC_DMA_H
#define FATA_TESTS_UNIT_GMAC_DMA_H

#include <fata/base.h>

#define GMAC_DMA_BYTES ((size_t)1 << 20)

/* All of it is free; it lies here, and the device knows it by this address. */
void gmac_dma_init(uint8_t *memory, uint32_t address);
/* What the device sees there; the test fails where nothing is mapped. */
uint8_t *gmac_dma_at(uint32_t address, size_t len);

extern unsigned gmac_dma_count; /* of what is mapped */
extern unsigned gmac_dma_room;  /* so many may be */

#endif
