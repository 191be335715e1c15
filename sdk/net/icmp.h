/* SPDX-License-Identifier: ISC */
/* ICMP (RFC 792, 1122 3.2.2): answers echo requests, tells who asks in vain, and tells TCP what the
 * network says about its segments; all of it at a bounded rate. */
#ifndef FATA_NET_ICMP_H
#define FATA_NET_ICMP_H

#include "ipv4.h"

typedef struct fa_icmp_header {
    uint8_t type, code;
    fa_be16 checksum;
    fa_be16 high, low; /* by type: identifier and sequence number; unused and next-hop MTU */
} fa_icmp_header;
_Static_assert(sizeof(fa_icmp_header) == 8, "no padding");

#define FA_ICMP_ECHO_REPLY 0u
#define FA_ICMP_UNREACHABLE 3u
#define FA_ICMP_UNREACHABLE_PROTOCOL 2u
#define FA_ICMP_UNREACHABLE_PORT 3u
#define FA_ICMP_UNREACHABLE_FRAGMENTATION 4u /* RFC 1191: with the next hop's MTU */
#define FA_ICMP_ECHO 8u
#define FA_ICMP_TIME_EXCEEDED 11u
#define FA_ICMP_TIME_EXCEEDED_REASSEMBLY 1u
#define FA_ICMP_PARAMETER_PROBLEM 12u

/* Answers a second (RFC 1812, 4.3.2.8), and how many may come at once. */
#define FA_ICMP_ECHO_RATE 10000u
#define FA_ICMP_ERROR_RATE 100u
#define FA_ICMP_BURST_NS (FA_NS_PER_S / 10) /* as many as in this time */
#define FA_ICMP_QUOTE_BYTES 8u /* of what follows the IP header: RFC 792 */

/* A bucket of tokens, as the time up to which they are used up. */
typedef struct fa_icmp {
    uint64_t echo_used_ns, error_used_ns;
} fa_icmp;

/* Owns the packet, which begins with ICMP's header. */
void fa_icmp_input(fa_host *host, fa_packet *packet, const fa_ipv4_info *info);
/* An error about a packet, which begins behind the header of IP, to who sent it. Owns it. */
void fa_icmp_error(fa_host *host, fa_packet *packet, const fa_ipv4_info *info, uint8_t type,
                   uint8_t code);

#endif
