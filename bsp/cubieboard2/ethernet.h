/* SPDX-License-Identifier: ISC */
/* The Ethernet controllers of the board itself, in the device tree. Their drivers stand in a table of
 * their own, so that programs without a network do not have them. */
#ifndef FATA_BSP_CUBIEBOARD2_ETHERNET_H
#define FATA_BSP_CUBIEBOARD2_ETHERNET_H

#include "../../sdk/packet/netif.h"
#include <fata/clock.h>

/* As plat_netif_open(), of these devices alone. */
FA_MUST_CHECK fa_err ethernet_open(unsigned number, fa_packet_pool *pool, fa_netif **netif_out,
                                   fa_deadline deadline);

#endif
