/* SPDX-License-Identifier: ISC */
/* What stands around the devices of A10 and A20, and is the same for all of them: clock gates, pins,
 * the SRAM that some need, and the chip's own number. It is found in the device tree when it is first
 * asked for; where the tree has none of it, all stays as the loader left it (emulators have little of
 * it, and need none). */
#ifndef FATA_DRIVERS_SUNXI_SOC_H
#define FATA_DRIVERS_SUNXI_SOC_H

#include <fata/err.h>

typedef enum sunxi_part {
    SUNXI_EMAC,
    SUNXI_GMAC_MII, /* as its PHY is wired: at up to 100 Mbit/s, or 1000 */
    SUNXI_GMAC_RGMII,
    SUNXI_MMC0,
    SUNXI_SATA,
} sunxi_part;

/* Clock on, pins led to the part, memory lent to it. */
void sunxi_open_part(sunxi_part part);

/* The clock of the first SD controller, the fastest of at most `hz` (400 kHz and more). */
void sunxi_set_mmc0_clock(uint32_t hz);

/* A pin, as device trees name it: port 0 is PA. An input is read as its level; low where there are no
 * pins. What is written is an output from then on. */
typedef struct sunxi_pin {
    uint8_t port, number;
} sunxi_pin;
bool sunxi_pins_exist(void);
bool sunxi_is_pin(sunxi_pin pin);
void sunxi_pin_make_input(sunxi_pin pin, bool pull_up);
bool sunxi_pin_read(sunxi_pin pin);
void sunxi_pin_write(sunxi_pin pin, bool high);

/* The chip's number (SID), 128 bits as U-Boot reads them. FA_ENOTSUP: it has none;
 * FA_ENOENT: a blank one. */
FA_MUST_CHECK fa_err sunxi_serial(uint32_t words_out[4]);
/* The Ethernet address that U-Boot makes of such a number, for its network device `number` (0 to 15). */
void sunxi_mac_of_serial(const uint32_t serial[4], unsigned number, uint8_t mac_out[6]);

#endif
