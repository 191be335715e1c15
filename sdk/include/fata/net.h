/* SPDX-License-Identifier: ISC */
/* The network: an IPv4 host with an address from DHCP, or from the parameters --ip, --gateway and
 * --dns; its TCP connections are flows (<fata/flow.h>). On bare machines this is the SDK's own stack
 * over the machine's first network device; a Linux process has the host's sockets, or with --tap
 * the same stack over a tap device.
 *
 *     fa_net *net;
 *     fa_listener *listener;
 *     fa_flow *flow;
 *     err = fa_net_start(&net, fa_after_s(10));
 *     err = fa_net_listen(net, 7, &listener);
 *     err = fa_listener_accept(listener, &flow, NULL, FA_FOREVER);
 */
#ifndef FATA_NET_H
#define FATA_NET_H

#include <fata/flow.h>

typedef struct fa_ip4 {
    uint8_t byte[4];
} fa_ip4;

typedef struct fa_endpoint {
    fa_ip4 address;
    uint16_t port;
} fa_endpoint;

#define FA_ENDPOINT_TEXT_BYTES 22u /* "255.255.255.255:65535", with its NUL */

typedef struct fa_net fa_net;           /* a host on the network */
typedef struct fa_listener fa_listener; /* a TCP port that connections are accepted on */
typedef struct fa_udp fa_udp;           /* a UDP port */

/* Starts the image's network, the first time; waits until it has an address. FA_ENOENT: no network
 * device; FA_ETIMEDOUT: no address yet: it goes on trying, and all calls below work later (*net_out
 * is set). */
FA_MUST_CHECK fa_err fa_net_start(fa_net **net_out, fa_deadline deadline);

#define FA_NET_NTP_MAX 3u

typedef struct fa_net_info {
    const char *device;   /* such as "virtio-net" */
    uint8_t mac[6];
    fa_ip4 address, netmask, gateway, dns; /* 0.0.0.0: none */
    fa_ip4 ntp[FA_NET_NTP_MAX]; /* servers of time, by DHCP's word */
    const char *origin;   /* of the address: "dhcp", "static", "link-local", "host" */
    uint64_t received_packets, received_bytes, sent_packets, sent_bytes, dropped_packets;
    uint32_t connections; /* of TCP, in any state but closed */
    size_t memory_bytes, memory_limit_bytes; /* of packets and connections */
} fa_net_info;
void fa_net_info_get(fa_net *net, fa_net_info *info_out);

/* Waits until peers have all that was written to connections which are closed by now: for the end of a
 * program, as what is on its way ends with the machine. A process leaves that to its host. */
FA_MUST_CHECK fa_err fa_net_finish(fa_net *net, fa_deadline deadline);

/* Port 0: any. FA_EEXIST: the port is taken. */
FA_MUST_CHECK fa_err fa_net_listen(fa_net *net, uint16_t port, fa_listener **listener_out);
/* The next connection that is complete; *peer_out (may be NULL) says whose. */
FA_MUST_CHECK fa_err fa_listener_accept(fa_listener *listener, fa_flow **flow_out,
                                        fa_endpoint *peer_out, fa_deadline deadline);
FA_MUST_CHECK fa_err fa_listener_try_accept(fa_listener *listener, fa_flow **flow_out,
                                            fa_endpoint *peer_out);
/* As fa_flow_arm(), for an accept. */
void fa_listener_arm(fa_listener *listener, fa_waker *waker);
uint16_t fa_listener_port(const fa_listener *listener);
/* How many connections the network has room for, those of all ports together; 0: not known. */
size_t fa_listener_connections_max(const fa_listener *listener);
void fa_listener_close(fa_listener *listener);

/* `name` is a host's name or an address in text. A name's addresses are tried one after another, each
 * for its part of the time; the error is the last one's. FA_ENOENT: no such host; FA_ECLOSED: refused;
 * FA_ETIMEDOUT. */
FA_MUST_CHECK fa_err fa_net_connect(fa_net *net, const char *name, uint16_t port,
                                    fa_flow **flow_out, fa_deadline deadline);
FA_MUST_CHECK fa_err fa_net_resolve(fa_net *net, const char *name, fa_ip4 *address_out,
                                    fa_deadline deadline);

#define FA_UDP_BYTES_MAX 65507u /* of one datagram */

FA_MUST_CHECK fa_err fa_net_udp_open(fa_net *net, uint16_t port, fa_udp **udp_out);
/* One datagram; what is longer than `cap` is cut, *len_out says how long it was. One fiber at a time
 * receives. */
FA_MUST_CHECK fa_err fa_udp_receive(fa_udp *udp, void *bytes_out, size_t cap, size_t *len_out,
                                    fa_endpoint *from_out, fa_deadline deadline);
/* Never waits: what the network cannot take is lost, as UDP may lose anything. FA_ELIMIT: too long. */
FA_MUST_CHECK fa_err fa_udp_send(fa_udp *udp, fa_endpoint to, const void *bytes, size_t len);
uint16_t fa_udp_port(const fa_udp *udp);
void fa_udp_close(fa_udp *udp);

/* Dotted decimal, four parts, nothing around them. */
FA_MUST_CHECK fa_err fa_ip4_parse(const char *text, fa_ip4 *address_out);
const char *fa_endpoint_text(fa_endpoint endpoint, char text_out[FA_ENDPOINT_TEXT_BYTES]);

#endif
