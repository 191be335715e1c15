/* SPDX-License-Identifier: ISC */
/* The Ethernet controller of A10 and A20 (EMAC) as a netif (netif.h). The record is the board's, and
 * stays where it is for good: interrupts lead to it. The board has opened its clock, its pins and its
 * memory (soc.h).
 *
 *     open its interrupt with sun4i_emac_interrupt(&emac) as the handler
 *     err = sun4i_emac_open(&emac, registers, 1, mac, pool);
 *     *netif_out = &emac.netif;
 */
#ifndef FATA_DRIVERS_SUNXI_SUN4I_EMAC_H
#define FATA_DRIVERS_SUNXI_SUN4I_EMAC_H

#include "../../cpu/device.h"
#include "../../packet/netif.h"
#include "phy.h"

#define SUN4I_EMAC_REGISTERS_BYTES 0xa4u
/* Between two looks at the link. */
#define SUN4I_EMAC_LOOK_NS (1000 * UINT64_C(1000000))

typedef struct sun4i_emac {
    fa_netif netif;
    fa_cpu_device registers; /* NULL: not open */
    fa_packet_pool *pool;
    phy phy;
    uint64_t look_ns;  /* at the link, when it is due */
    uint64_t sent_ns;  /* when a FIFO was given a frame last */
    unsigned fifos_busy; /* a bit each: it has a frame that is not sent */
    bool is_armed;
    bool no_room; /* to transmit: someone may wait for it */
    bool no_pages; /* to receive into */
} sun4i_emac;

/* Begins to receive at once. `phy_address` is where its PHY should be. FA_ENOENT: no PHY answers;
 * FA_EBUSY: it is open. */
FA_MUST_CHECK fa_err sun4i_emac_open(sun4i_emac *emac, fa_cpu_device registers, unsigned phy_address,
                                     const uint8_t mac[6], fa_packet_pool *pool);
/* The handler of its interrupt. `emac` is the sun4i_emac. */
void sun4i_emac_interrupt(void *emac);

#endif
