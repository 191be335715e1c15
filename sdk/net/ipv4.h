/* SPDX-License-Identifier: ISC */
/* IPv4 (RFC 791, 1122, 6864): checks what comes in, puts fragments together within bounds, and sends.
 * Wire format, limits and timers stand here. */
#ifndef FATA_NET_IPV4_H
#define FATA_NET_IPV4_H

#include "../packet/packet.h"
#include "wheel.h"
#include <fata/bytes.h>
#include <fata/net.h>

typedef struct fa_host fa_host;

typedef struct fa_ipv4_header { /* RFC 791, 3.1 */
    uint8_t version_ihl;
    uint8_t tos;
    fa_be16 total_length;
    fa_be16 identification;
    fa_be16 flags_fragment_offset;
    uint8_t ttl;
    uint8_t protocol;
    fa_be16 checksum;
    fa_ip4 source;
    fa_ip4 destination;
} fa_ipv4_header;
_Static_assert(sizeof(fa_ipv4_header) == 20, "no padding");

#define FA_IPV4_TTL 64u /* RFC 1700 */
#define FA_IPV4_ICMP 1u
#define FA_IPV4_TCP 6u
#define FA_IPV4_UDP 17u

/* Reassembly (RFC 815, 1122 3.3.2): together at most a quarter of the
 * pool's pages; the oldest goes. */
#define FA_IPV4_REASSEMBLIES_MAX 16u
#define FA_IPV4_FRAGMENTS_MAX 48u /* of one datagram */
#define FA_IPV4_REASSEMBLY_NS (15 * FA_NS_PER_S)
#define FA_IPV4_MTU_MIN 576u /* every host takes datagrams of so many bytes */
#define FA_IPV4_DONT_FRAGMENT 0x4000u
#define FA_IPV4_MORE_FRAGMENTS 0x2000u
#define FA_IPV4_OFFSET_MASK 0x1fffu /* in units of 8 bytes */

typedef struct fa_ipv4_reassembly {
    fa_wheel_timer timer;
    fa_ipv4_header header; /* of the first fragment, where that is there; else of any */
    uint32_t total_bytes; /* of the payload; 0: the last fragment is not there yet */
    uint32_t received_bytes, fragment_count; /* none: the record is free */
    fa_packet *fragments; /* sorted by offset, which is in checksum_start */
} fa_ipv4_reassembly;

/* Paths that take less than the link does (RFC 1191, 6.3); the oldest goes. */
#define FA_IPV4_PATHS_MAX 16u
#define FA_IPV4_PATH_NS (600 * FA_NS_PER_S)

typedef struct fa_ipv4_path {
    uint64_t until_ns; /* past: unused */
    fa_ip4 destination;
    uint16_t mtu;
} fa_ipv4_path;

typedef struct fa_ipv4 {
    uint16_t identification; /* of the next datagram */
    fa_ipv4_path paths[FA_IPV4_PATHS_MAX];
    uint64_t paths_until_ns; /* the last of them */
    uint32_t fragment_count; /* of all reassemblies */
    fa_ipv4_reassembly reassemblies[FA_IPV4_REASSEMBLIES_MAX];
} fa_ipv4;

/* What the layers above are told of a packet; they own it, pulled to their own header. */
typedef struct fa_ipv4_info {
    fa_ip4 source, destination;
    uint8_t protocol, ttl, tos;
    bool to_broadcast; /* or to a multicast group */
    /* As it came, for an ICMP error about it. Gone when the call is over. */
    const fa_ipv4_header *header;
} fa_ipv4_info;

void fa_ipv4_init(fa_host *host);
void fa_ipv4_free(fa_host *host);
/* From Ethernet: owns the packet, which begins with the header; `to_all`: it was sent to all of the
 * link. Hands on to fa_icmp_input(), fa_udp_input(), fa_tcp_input(). */
void fa_ipv4_input(fa_host *host, fa_packet *packet, bool to_all);
/* For fa_ipv4_input(): takes a fragment, pulled to its payload. The whole datagram, or NULL: not yet. */
fa_packet *fa_ipv4_reassemble(fa_host *host, fa_packet *packet, const fa_ipv4_header *header);
void fa_ipv4_forget_fragments(fa_host *host);
/* What the layers above are told of a packet with that header. */
fa_ipv4_info fa_ipv4_info_of(const fa_host *host, const fa_ipv4_header *header);
/* What this host sent to itself (fa_ipv4_send() keeps it in host->loopback). */
void fa_ipv4_loopback(fa_host *host);
/* Sends a packet that begins with the header of `protocol`: adds its own header and Ethernet's,
 * resolves, cuts into fragments what is over the MTU (never TCP). Owns the packet. Source 0.0.0.0:
 * the host's. FA_ENOENT: no address or no way there. */
fa_err fa_ipv4_send(fa_host *host, fa_packet *packet, fa_ip4 source, fa_ip4 destination,
                    uint8_t protocol);
/* The same to 255.255.255.255, from 0.0.0.0 whatever address the host has (RFC 2131, 4.1). */
fa_err fa_ipv4_send_unconfigured(fa_host *host, fa_packet *packet, uint8_t protocol);
/* The source address that goes with a destination: the host's, but 127/8 talks to itself. */
fa_ip4 fa_ipv4_source(const fa_host *host, fa_ip4 destination);
/* Whether an address is on this host's link: no gateway is needed. */
bool fa_ipv4_on_link(const fa_host *host, fa_ip4 address);
/* Whether there is a way to it: on the link, or by a gateway. */
bool fa_ipv4_reachable(const fa_host *host, fa_ip4 destination);
/* The sum over the pseudo header of TCP and UDP (RFC 9293, 3.1), for fa_checksum_fold(). */
uint32_t fa_ipv4_pseudo_sum(fa_ip4 source, fa_ip4 destination, uint8_t protocol, size_t len);
/* The largest payload of IP in one packet: that the link takes; and, as far as is known, the path there. */
uint16_t fa_ipv4_link_payload_max(const fa_host *host);
uint16_t fa_ipv4_payload_max(fa_host *host, fa_ip4 destination);
/* The path there takes packets of `mtu` bytes only. */
void fa_ipv4_learn_path(fa_host *host, fa_ip4 destination, uint16_t mtu);

static inline bool fa_ip4_is(fa_ip4 a, fa_ip4 b)
{
    return a.byte[0] == b.byte[0] && a.byte[1] == b.byte[1] && a.byte[2] == b.byte[2] &&
           a.byte[3] == b.byte[3];
}
static inline uint32_t fa_ip4_number(fa_ip4 a)
{
    return (uint32_t)a.byte[0] << 24 | (uint32_t)a.byte[1] << 16 | (uint32_t)a.byte[2] << 8 |
           a.byte[3];
}
static inline fa_ip4 fa_ip4_of(uint32_t number)
{
    return (fa_ip4){{(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                     (uint8_t)number}};
}

#endif
