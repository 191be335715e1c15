/* SPDX-License-Identifier: ISC */
/* Devices over devices: see wrapper.h. */
#include "wrapper.h"

static void pass_wake_on(void *arg)
{
    fa_netif *netif = arg;
    if (netif->wake != NULL)
        netif->wake(netif->wake_arg);
}

void fa_wrapper_init(fa_netif *netif, fa_netif *below, const fa_netif_ops *ops)
{
    *netif = *below;
    netif->ops = ops;
    netif->wake = NULL;
    netif->wake_arg = NULL;
    below->wake = pass_wake_on;
    below->wake_arg = netif;
}

void fa_wrapper_update(fa_netif *netif, const fa_netif *below)
{
    netif->features = below->features;
    netif->link_up = below->link_up;
    netif->received_packets = below->received_packets;
    netif->received_bytes = below->received_bytes;
    netif->sent_packets = below->sent_packets;
    netif->sent_bytes = below->sent_bytes;
    netif->dropped_packets = below->dropped_packets;
}
