/* SPDX-License-Identifier: ISC */
/* The SATA port of A10 and A20 as a block device (blockdev.h). The record is the board's, and stays
 * where it is for good: interrupts lead to it. The board has opened the controller's clocks and the
 * disk's power (soc.h).
 *
 *     open its interrupt with sun4i_ahci_interrupt(&sata) as the handler
 *     err = sun4i_ahci_open(&sata, registers, deadline);
 *     *device_out = &sata.device;
 *
 * One request at a time is with the disk.
 */
#ifndef FATA_DRIVERS_SUNXI_SUN4I_AHCI_H
#define FATA_DRIVERS_SUNXI_SUN4I_AHCI_H

#include "../../../bsp/plat.h"
#include "../../block/blockdev.h"
#include "../../cpu/device.h"

#define SUN4I_AHCI_REGISTERS_BYTES 0x180u
#define SUN4I_AHCI_TRANSFER_BYTES_MAX ((uint32_t)(512 * FA_KIB))
/* A request that fails is tried so many times in all. */
#define SUN4I_AHCI_TRIES 3u

typedef struct sun4i_ahci {
    fa_blockdev device;
    fa_cpu_device registers; /* NULL: not open */
    uint8_t *shared; /* lists and tables, and what the disk says of itself */
    plat_dma_addr shared_addr;
    fa_block_request *request; /* NULL: none is under way */
    plat_dma_addr addrs[FA_BLOCK_PARTS_MAX];
    unsigned tries;
    bool is_armed;
} sun4i_ahci;

/* FA_ENOENT: there is no disk; FA_ENOTSUP: it is of no kind that is known; FA_EIO: it, or the
 * controller, does not do as it should; FA_EBUSY: it is open; FA_ENOMEM, FA_ETIMEDOUT, FA_ECANCELED. */
FA_MUST_CHECK fa_err sun4i_ahci_open(sun4i_ahci *sata, fa_cpu_device registers, fa_deadline deadline);
/* The handler of its interrupt. `sata` is the sun4i_ahci. */
void sun4i_ahci_interrupt(void *sata);

#endif
