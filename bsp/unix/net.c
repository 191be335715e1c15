/* SPDX-License-Identifier: ISC */
/* The unix board's network: the host's sockets. (The tap device comes with sdk/packet's code.) */
#include "../plat.h"
#include "sockets.h"

fa_err plat_net_host(struct fa_net **net_out)
{
    *net_out = sockets_net();
    return FA_OK;
}

fa_err plat_netif_open(unsigned number, struct fa_packet_pool *pool, struct fa_netif **netif_out)
{
    (void)number;
    (void)pool;
    (void)netif_out;
    return FA_ENOENT;
}
