/* SPDX-License-Identifier: ISC */
/* The Gigabit Ethernet controller of the A20 (GMAC) as a netif (netif.h). The record is the board's,
 * and stays where it is for good: interrupts lead to it. The board has opened its clock and its pins
 * (soc.h).
 *
 *     sunxi_gmac_config config = {.registers = r, .phy_address = 1, .mac = {...}};
 *     err = sunxi_gmac_open(&gmac, &config, pool, deadline);
 *     open its interrupt with sunxi_gmac_interrupt(&gmac) as the handler
 *     *netif_out = &gmac.netif;
 */
#ifndef FATA_DRIVERS_SUNXI_SUNXI_GMAC_H
#define FATA_DRIVERS_SUNXI_SUNXI_GMAC_H

#include "../../cpu/device.h"
#include "phy.h"
#include "sunxi_gmac_rings.h"

#define SUNXI_GMAC_REGISTERS_BYTES 0x105cu
/* Between two looks at the link. */
#define SUNXI_GMAC_LOOK_NS (1000 * UINT64_C(1000000))

typedef struct sunxi_gmac_config {
    fa_cpu_device registers;
    unsigned phy_address; /* where its PHY should be */
    bool takes_1000;      /* the wires to it are those of RGMII */
    uint8_t mac[6];
} sunxi_gmac_config;

typedef struct sunxi_gmac {
    fa_netif netif;
    fa_cpu_device registers; /* NULL: not open */
    phy phy;
    sunxi_gmac_rings rings;
    uint64_t look_ns;         /* at the link, when it is due */
    unsigned sending_then;    /* at the last look: descriptors of what was not sent yet, */
    uint32_t done_count_then; /* and of what was */
    bool is_running;          /* else it was told to reset itself, and has not done so yet */
    bool is_armed;
} sunxi_gmac;

/* Begins to receive at once. FA_ENOENT: there is no such controller; FA_ENOTSUP: it is another one;
 * FA_EIO: no PHY answers, or it gives no clock; FA_EBUSY: it is open; FA_ENOMEM, FA_ETIMEDOUT,
 * FA_ECANCELED. */
FA_MUST_CHECK fa_err sunxi_gmac_open(sunxi_gmac *gmac, const sunxi_gmac_config *config,
                                     fa_packet_pool *pool, fa_deadline deadline);
/* The handler of its interrupt. `gmac` is the sunxi_gmac. */
void sunxi_gmac_interrupt(void *gmac);

#endif
