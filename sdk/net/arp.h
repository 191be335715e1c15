/* SPDX-License-Identifier: ISC */
/* ARP (RFC 826, 1122 2.3.2) with probes, announcements and conflicts (RFC 5227): who on the link has
 * an address, and whether somebody else has ours. */
#ifndef FATA_NET_ARP_H
#define FATA_NET_ARP_H

#include "ethernet.h"
#include "wheel.h"
#include <fata/net.h>

typedef struct fa_arp_packet {
    fa_be16 hardware, protocol;
    uint8_t hardware_bytes, protocol_bytes;
    fa_be16 operation;
    fa_mac sender_mac;
    fa_ip4 sender;
    fa_mac target_mac;
    fa_ip4 target;
} fa_arp_packet;
_Static_assert(sizeof(fa_arp_packet) == 28, "no padding");

#define FA_ARP_ETHERNET 1u
#define FA_ARP_REQUEST 1u
#define FA_ARP_REPLY 2u

/* The cache. An idle entry has no timer: it is asked again when it is used after so long. The one
 * that was used the longest ago makes room for who is needed; a stranger's request displaces none. */
#define FA_ARP_ENTRIES_MAX 512u
#define FA_ARP_BUCKETS 128u
#define FA_ARP_FRESH_NS (60 * FA_NS_PER_S)
#define FA_ARP_RETRY_NS (1 * FA_NS_PER_S) /* RFC 1122, 2.3.2.1: at most one request a second */
#define FA_ARP_TRIES 3u
/* Packets that wait for an answer: for one address, a datagram in fragments
 * at least (the oldest goes); and for all. */
#define FA_ARP_PENDING_MAX 48u
#define FA_ARP_PENDING_ALL_MAX 128u

#define FA_ARP_ANNOUNCEMENTS 2u                    /* RFC 5227, 1.1: ANNOUNCE_NUM */
#define FA_ARP_ANNOUNCE_NS (2 * FA_NS_PER_S)       /* ANNOUNCE_INTERVAL */
#define FA_ARP_DEFEND_NS (10 * FA_NS_PER_S)        /* DEFEND_INTERVAL */

typedef struct fa_arp_entry {
    struct fa_arp_entry *next; /* in its bucket */
    struct fa_arp_entry *newer, *older; /* by use */
    fa_wheel_timer timer; /* armed while we ask */
    fa_ip4 address;
    fa_mac mac;
    bool known; /* `mac` is */
    uint8_t tries;
    uint64_t confirmed_ns;
    fa_packet_queue pending;
} fa_arp_entry;

/* Asks whether somebody has an address that we want. Its memory is the caller's, until done() is
 * called or fa_arp_probe_stop(). */
typedef struct fa_arp_probe {
    struct fa_arp_probe *next;
    fa_wheel_timer timer;
    fa_ip4 address;
    unsigned count, sent;
    uint64_t interval_ns;
    void (*done)(fa_host *host, struct fa_arp_probe *probe, bool conflict);
    bool running;
} fa_arp_probe;

typedef struct fa_arp {
    fa_arp_entry *buckets[FA_ARP_BUCKETS];
    fa_arp_entry *newest, *oldest;
    uint32_t entry_count, pending_count;
    fa_arp_probe *probes;
    fa_wheel_timer announce_timer;
    uint8_t announcements_left;
    uint64_t defended_ns; /* 0: never */
    uint32_t defended_count; /* for who tells people: another has used our address, the last time: */
    fa_mac defended_from;
} fa_arp;

void fa_arp_init(fa_host *host);
void fa_arp_free(fa_host *host);
/* Forgets who has which address. */
void fa_arp_flush(fa_host *host);
/* Owns the packet, which begins with the ARP packet. */
void fa_arp_input(fa_host *host, fa_packet *packet);
/* Sends an IPv4 packet to who has `next_hop`, as soon as that is known. Owns it. */
void fa_arp_send(fa_host *host, fa_packet *packet, fa_ip4 next_hop);
/* Tells the link that the host's address is ours, now and once more. */
void fa_arp_announce(fa_host *host);
/* Sends `count` probes: after delay_ns, and then one each interval_ns; done() follows as long after
 * the last one. */
void fa_arp_probe_start(fa_host *host, fa_arp_probe *probe, fa_ip4 address, uint64_t delay_ns);
void fa_arp_probe_stop(fa_host *host, fa_arp_probe *probe);

#endif
