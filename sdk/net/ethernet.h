/* SPDX-License-Identifier: ISC */
/* Ethernet II frames (RFC 894): what is for this host goes up by its type. */
#ifndef FATA_NET_ETHERNET_H
#define FATA_NET_ETHERNET_H

#include "../packet/packet.h"
#include <fata/bytes.h>

typedef struct fa_host fa_host;

typedef struct fa_mac {
    uint8_t byte[6];
} fa_mac;

typedef struct fa_ethernet_header {
    fa_mac destination, source;
    fa_be16 type;
} fa_ethernet_header;
_Static_assert(sizeof(fa_ethernet_header) == 14, "no padding");

#define FA_ETHERNET_IPV4 0x0800u
#define FA_ETHERNET_ARP 0x0806u
#define FA_MAC_BROADCAST ((fa_mac){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})

static inline bool fa_mac_is_group(fa_mac mac) /* broadcast and multicast */
{
    return (mac.byte[0] & 1) != 0;
}
bool fa_mac_is(fa_mac a, fa_mac b);

/* Owns the packet. */
void fa_ethernet_input(fa_host *host, fa_packet *packet);
/* Puts the header in front of the packet, and the packet into the host's output. Owns it. */
void fa_ethernet_send(fa_host *host, fa_packet *packet, fa_mac destination, uint16_t type);

#endif
