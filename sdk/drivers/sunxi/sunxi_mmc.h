/* SPDX-License-Identifier: ISC */
/* The SD host controllers of A10 and A20 as block devices (blockdev.h), for SD memory cards. The record
 * is the board's, and stays where it is for good: interrupts lead to it. The board has opened the
 * controller's clock gate and pins (soc.h).
 *
 *     open its interrupt with sunxi_mmc_interrupt(&mmc) as the handler
 *     err = sunxi_mmc_open(&mmc, registers, &slot, deadline);
 *     *device_out = &mmc.device;
 *
 * One request at a time is with the card. A card that is taken out stays away (FA_ECLOSED) until the
 * device is opened again. A write is complete when the card has programmed it: there is no cache.
 */
#ifndef FATA_DRIVERS_SUNXI_SUNXI_MMC_H
#define FATA_DRIVERS_SUNXI_SUNXI_MMC_H

#include "../../../bsp/plat.h"
#include "../../block/blockdev.h"
#include "../../cpu/device.h"
#include "sd.h"

#define SUNXI_MMC_REGISTERS_BYTES 0x104u
#define SUNXI_MMC_TRANSFER_BYTES_MAX ((uint32_t)(512 * FA_KIB))
/* A transfer that fails, or a card that answers wrongly at first, is tried so many times in all. */
#define SUNXI_MMC_TRIES 3u

/* What lies around the controller. */
typedef struct sunxi_mmc_slot {
    /* Sets the clock that the controller runs the card at, at most `hz`. */
    void (*set_clock)(uint32_t hz);
    /* Whether a card is in; NULL: the slot does not tell. */
    bool (*has_card)(void);
} sunxi_mmc_slot;

typedef enum sunxi_mmc_state {
    SUNXI_MMC_IDLE,
    SUNXI_MMC_TRANSFERS,
    SUNXI_MMC_PROGRAMS, /* the card does, by itself */
} sunxi_mmc_state;

typedef struct sunxi_mmc {
    fa_blockdev device;
    sd_host host;
    sd_card card;
    fa_cpu_device registers; /* NULL: not open */
    const sunxi_mmc_slot *slot;
    void *shared; /* descriptors, and room for what a card says of itself */
    plat_dma_addr shared_addr;
    sunxi_mmc_state state;
    fa_block_request *request; /* of a state that is not idle */
    plat_dma_addr addrs[FA_BLOCK_PARTS_MAX];
    unsigned tries;
    uint32_t interrupts; /* that the transfer waits for */
    bool is_armed;
} sunxi_mmc;

/* FA_ENOENT: there is no card; FA_ENOTSUP: it is of no kind that is known; FA_EIO: it, or the
 * controller, does not do as it should; FA_EBUSY: it is open; FA_ENOMEM, FA_ETIMEDOUT, FA_ECANCELED. */
FA_MUST_CHECK fa_err sunxi_mmc_open(sunxi_mmc *mmc, fa_cpu_device registers,
                                    const sunxi_mmc_slot *slot, fa_deadline deadline);
/* The handler of its interrupt. `mmc` is the sunxi_mmc. */
void sunxi_mmc_interrupt(void *mmc);

#endif
