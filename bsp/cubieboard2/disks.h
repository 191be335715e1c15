/* SPDX-License-Identifier: ISC */
/* The disks of the board itself, in the device tree: the SD card, and the one at the SATA port. Their drivers stand in a table of
 * their own, so that programs without disks do not have them. */
#ifndef FATA_BSP_CUBIEBOARD2_DISKS_H
#define FATA_BSP_CUBIEBOARD2_DISKS_H

#include "../../sdk/block/blockdev.h"

/* How many of the machine's disks, the first ones, are of these: a place for a card is a disk, and so is the
 * port. */
unsigned disks_count(void);
/* As plat_block_open(), of these alone. */
FA_MUST_CHECK fa_err disks_open(unsigned number, fa_blockdev **device_out, fa_deadline deadline);

#endif
