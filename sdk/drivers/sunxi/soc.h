/* SPDX-License-Identifier: ISC */
/* What stands around the devices of A10 and A20, and is the same for all of them: clock gates, pins,
 * the SRAM that some need, and the chip's own number. It is found in the device tree when it is first
 * asked for; where the tree has none of it, all stays as the loader left it (emulators have little of
 * it, and need none). */
#ifndef FATA_DRIVERS_SUNXI_SOC_H
#define FATA_DRIVERS_SUNXI_SOC_H

#include <fata/err.h>

typedef enum sunxi_part { SUNXI_EMAC } sunxi_part;

/* Clock on, pins led to the part, memory lent to it. */
void sunxi_open_part(sunxi_part part);

/* The chip's number (SID), 128 bits as U-Boot reads them. FA_ENOENT: it has none, or a blank one. */
FA_MUST_CHECK fa_err sunxi_serial(uint32_t words_out[4]);
/* The Ethernet address that U-Boot makes of such a number, for its network device `number` (0 to 15). */
void sunxi_mac_of_serial(const uint32_t serial[4], unsigned number, uint8_t mac_out[6]);

#endif
