/* SPDX-License-Identifier: ISC */
/* The boot parameters of the network: --ip, --gateway, --dns, --net-memory, --net-connections. */
#ifndef FATA_NET_SETTINGS_H
#define FATA_NET_SETTINGS_H

#include <fata/net.h>

typedef struct fa_net_settings {
    fa_ip4 address, netmask, gateway, dns; /* address 0.0.0.0: by DHCP, which also says the others */
    size_t memory_bytes;                   /* of packets */
    uint32_t tcp_connections_max;          /* 0: as that memory allows */
} fa_net_settings;

void fa_net_settings_get(fa_net_settings *settings_out);

#endif
