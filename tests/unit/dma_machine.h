/* SPDX-License-Identifier: ISC */
/* The machine under the tests of DMA, which is as unkind as they come: the CPU sees its RAM through
 * a cache that nothing but sdk/cpu/dma.h makes agree with memory; devices see memory, at addresses
 * that no CPU could access. */
#ifndef FATA_TESTS_UNIT_DMA_MACHINE_H
#define FATA_TESTS_UNIT_DMA_MACHINE_H

#include "../../sdk/core/pages.h"
#include "../../sdk/drivers/dma/dma.h"

#define MACHINE_LINE_BYTES ((size_t)64)
#define MACHINE_OWN_PAGES ((size_t)16)   /* for the tests */
#define MACHINE_ALLOC_PAGES ((size_t)32) /* for aligned_alloc() of what is tested */

/* RAM as the CPU sees it. The tests use its first pages; at machine_gap, behind them, lies one page
 * that is no RAM. */
extern uint8_t machine_ram[];
#define machine_gap (machine_ram + MACHINE_OWN_PAGES * FA_PAGE_BYTES)

/* The tests' pages as they are first: 0x11 for the CPU, which counts as written, 0x22 in memory. */
void machine_reset(void);
size_t machine_pages_used(void);
/* malloc() of what is tested fails from now on. */
extern bool machine_malloc_fails;

/* What the device at the other end does. It may also reach past what was mapped. */
void machine_device_write(plat_dma_addr addr, size_t at, const void *bytes, size_t len);
void machine_device_read(plat_dma_addr addr, size_t at, void *bytes_out, size_t len);
/* The address that the device would see at the RAM itself. */
uint64_t machine_address(const void *ram);

#endif
