/* SPDX-License-Identifier: ISC */
/* The other half of an Ethernet controller: the chip at the cable (PHY), which negotiates speed and
 * duplex with the other end by itself. Over the two functions by which a controller reaches the
 * registers that all of them have.
 *
 *     emac->phy = (phy){.read = read, .write = write, .address = 1};
 *     err = phy_open(&emac->phy);
 *     if (phy_look(&emac->phy)) ...                 // once a second, say: the link is another one now
 */
#ifndef FATA_DRIVERS_SUNXI_PHY_H
#define FATA_DRIVERS_SUNXI_PHY_H

#include <fata/err.h>

#define PHY_ADDRESSES 32u

typedef struct phy phy;
struct phy {
    /* Register `number` of the PHY at `address`. What does not answer reads as 0xffff. */
    uint16_t (*read)(phy *phy, unsigned address, unsigned number);
    void (*write)(phy *phy, unsigned address, unsigned number, uint16_t value);
    unsigned address; /* where it is looked for first */
    bool takes_1000;  /* the controller, and its wires to the PHY: what is not is not offered */
    bool is_up, is_full;
    uint16_t mbit_s; /* 10, 100, 1000 */
};

/* Finds the PHY and lets it negotiate; the link is down until phy_look() sees it. FA_ENOENT: no
 * address has one. */
FA_MUST_CHECK fa_err phy_open(phy *phy);
/* Looks at the link; true: it has come or gone, or another speed or duplex. A short loss is seen. */
bool phy_look(phy *phy);

#endif
