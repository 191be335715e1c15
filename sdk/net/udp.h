/* SPDX-License-Identifier: ISC */
/* UDP (RFC 768): ports found by hash, each with a bounded queue of datagrams. */
#ifndef FATA_NET_UDP_H
#define FATA_NET_UDP_H

#include "ipv4.h"

typedef struct fa_udp_header {
    fa_be16 source_port, destination_port, length, checksum;
} fa_udp_header;
_Static_assert(sizeof(fa_udp_header) == 8, "no padding");

/* A datagram in a queue has its sender's address in the place of length and checksum. */
typedef struct fa_udp_queued {
    fa_be16 source_port, destination_port;
    fa_ip4 source;
} fa_udp_queued;
_Static_assert(sizeof(fa_udp_queued) == sizeof(fa_udp_header), "in its place");

#define FA_UDP_BUCKETS 64u
#define FA_UDP_QUEUE_MAX 64u       /* datagrams of one port; the next one is dropped */
#define FA_UDP_PORT_FIRST 49152u   /* ports for who asks for none (RFC 6335), chosen at random */

typedef struct fa_udp_socket {
    struct fa_udp_socket *next; /* in its bucket */
    uint16_t number;
    fa_packet_queue queue; /* each begins with who sent it: fa_udp_queued */
    /* A part of the host's own (DHCP, DNS) takes datagrams at once: owns the packet. NULL: the queue
     * does. */
    void (*take)(fa_host *host, struct fa_udp_socket *socket, fa_packet *packet, fa_endpoint from);
    struct fa_udp_socket *next_changed;
    bool changed;
    void *user; /* of who opened it */
} fa_udp_socket;

typedef struct fa_udp_ports {
    fa_udp_socket *buckets[FA_UDP_BUCKETS];
    fa_udp_socket *changed;
} fa_udp_ports;

/* `socket` is the caller's; number 0: any. FA_EEXIST: taken; FA_ELIMIT: none
 * is left. */
FA_MUST_CHECK fa_err fa_udp_bind(fa_host *host, fa_udp_socket *socket, uint16_t number);
void fa_udp_unbind(fa_host *host, fa_udp_socket *socket);
/* The oldest datagram, pulled to its payload; the caller owns it. NULL: none. */
fa_packet *fa_udp_take(fa_host *host, fa_udp_socket *socket, fa_endpoint *from_out);
/* Copies the bytes into packets. FA_ENOMEM, FA_ELIMIT, and what fa_ipv4_send() says. */
fa_err fa_udp_send_bytes(fa_host *host, const fa_udp_socket *socket, fa_endpoint to, const void *bytes,
                         size_t len);
/* The same to all of the link, from 0.0.0.0: for DHCP. */
fa_err fa_udp_broadcast_unconfigured(fa_host *host, const fa_udp_socket *socket, uint16_t to,
                                     const void *bytes, size_t len);
/* Who has news since the last call; NULL: nobody. */
fa_udp_socket *fa_udp_take_changed(fa_host *host);

void fa_udp_free(fa_host *host);
void fa_udp_input(fa_host *host, fa_packet *packet, const fa_ipv4_info *info);

#endif
