/* SPDX-License-Identifier: ISC */
/* A host on an Ethernet: the TCP/IP engine as a whole, many instances in a program. It is plain
 * functions of (state, packets, now): it never waits, asks no clock, calls no application. Who
 * drives it (stack.c; in tests the simulator) does so:
 *
 *     fa_host_input(&host, &received, now_ns);     // packets in
 *     next = fa_host_run(&host, now_ns);           // timers that are due; the next deadline
 *     fa_host_output(&host, &to_send);             // packets out
 *     while ((tcp = fa_tcp_take_changed(&host)) != NULL) ...    // who has news, for the application
 *
 * Parts: ethernet.h arp.h ipv4.h icmp.h udp.h tcp.h dhcp.h dns.h, each with its limits and its wire
 * format; wheel.h the timers of all of them. */
#ifndef FATA_NET_HOST_H
#define FATA_NET_HOST_H

#include "../packet/netif.h"
#include "arp.h"
#include "dhcp.h"
#include "dns.h"
#include "ethernet.h"
#include "icmp.h"
#include "ipv4.h"
#include "tcp.h"
#include "udp.h"
#include "wheel.h"
#include <fata/net.h>

/* What waits to be sent, or to come back. What is more is dropped. */
#define FA_HOST_OUTPUT_MAX 1024u
#define FA_HOST_LOOPBACK_MAX 256u

typedef struct fa_host_options {
    fa_packet_pool *pool;
    uint8_t mac[6];
    uint16_t mtu;
    uint32_t features; /* of the device: FA_NETIF_... */
    const char *name;  /* for DHCP; NULL: none */
    /* Random bytes that nobody can guess: TCP's sequence numbers, ports, hash keys. */
    void (*random)(void *bytes_out, size_t len);
    fa_ip4 address, netmask, gateway, dns; /* address 0.0.0.0: by DHCP */
    uint32_t tcp_connections_max;          /* 0: as the memory allows */
} fa_host_options;

typedef struct fa_host {
    fa_host_options options;
    uint64_t now_ns; /* as the caller said last */
    fa_packet_queue output;
    fa_packet_queue loopback; /* to this host itself, for the next fa_host_run() */
    fa_wheel wheel;
    fa_ip4 address, netmask, gateway, dns; /* address 0.0.0.0: not configured (yet) */
    const char *origin;                    /* "static", "dhcp", "link-local"; NULL: none yet */
    bool link_up;
    uint64_t dropped_packets;
    fa_arp arp;
    fa_ipv4 ipv4;
    fa_icmp icmp;
    fa_udp_ports udp;
    fa_tcp_state tcp;
    fa_dhcp dhcp;
    fa_dns dns_resolver;
} fa_host;

/* The options are copied. With an address it is configured at once, else DHCP begins; the link is up
 * until fa_host_set_link() says otherwise. FA_ENOMEM; FA_EINVAL: an MTU under FA_IPV4_MTU_MIN. */
FA_MUST_CHECK fa_err fa_host_init(fa_host *host, const fa_host_options *options, uint64_t now_ns);
/* Frees all connections, ports and packets; nobody is told. */
void fa_host_free(fa_host *host);
/* Takes all packets of the queue. */
void fa_host_input(fa_host *host, fa_packet_queue *queue, uint64_t now_ns);
/* Does what is due. The next time that something will be; FA_FOREVER. */
fa_deadline fa_host_run(fa_host *host, uint64_t now_ns);
/* All that is to be sent, to the end of the queue. */
void fa_host_output(fa_host *host, fa_packet_queue *queue_out);
void fa_host_set_link(fa_host *host, bool up, uint64_t now_ns);
/* Used by DHCP, link-local and static configuration: all 0 takes the address away. */
void fa_host_set_address(fa_host *host, fa_ip4 address, fa_ip4 netmask, fa_ip4 gateway, fa_ip4 dns,
                         const char *origin);

/* For the parts: frees a packet that cannot be used, and counts it; 32 bits that nobody can guess. */
void fa_host_drop(fa_host *host, fa_packet *packet);
uint32_t fa_host_random(fa_host *host);

#endif
