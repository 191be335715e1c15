/* SPDX-License-Identifier: ISC */
/* What every device over another device does: it looks like the one below, and passes its wake on. */
#ifndef FATA_PACKET_WRAPPER_H
#define FATA_PACKET_WRAPPER_H

#include "netif.h"

/* Makes `netif` one over `below`; what the one below is woken by then wakes `netif`. */
void fa_wrapper_init(fa_netif *netif, fa_netif *below, const fa_netif_ops *ops);
/* Brings counters and the link up to date; after each call of the one below. */
void fa_wrapper_update(fa_netif *netif, const fa_netif *below);

#endif
