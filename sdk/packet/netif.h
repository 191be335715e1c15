/* SPDX-License-Identifier: ISC */
/* Network devices: Ethernet packets in, packets out, in batches. A device is a record with a table
 * of functions; wrappers (pcap.h, faults.h) are devices over devices. All calls come from one fiber
 * at a time, never from an interrupt; none waits.
 *
 *     fa_packet_queue in = {0};
 *     netif->ops->receive(netif, &in, 64);
 *     netif->ops->transmit(netif, &out);      // what is left in `out` had no room
 *     more = netif->ops->arm(netif);          // notifications on; true: look again first
 */
#ifndef FATA_PACKET_NETIF_H
#define FATA_PACKET_NETIF_H

#include "packet.h"

typedef struct fa_netif fa_netif;

/* What the device can do with packets that are to be sent. A device that goes and comes again may do
 * more or less than before: of what was made meanwhile, it drops what it cannot send. */
#define FA_NETIF_CHECKSUM 1u /* completes FA_PACKET_PARTIAL */
#define FA_NETIF_TSO4 2u     /* cuts TCP over IPv4 */

typedef struct fa_netif_ops {
    /* Takes packets from the front of the queue, as many as there is room for; they are its own
     * until they are sent. One batch, one notification of the device. */
    void (*transmit)(fa_netif *netif, fa_packet_queue *queue);
    /* At most `max` packets that have arrived. It also frees what was sent, and gives the device new
     * room to receive into. */
    void (*receive)(fa_netif *netif, fa_packet_queue *queue_out, unsigned max);
    /* Has `wake` called, once, when there is something to receive, or room again to transmit after
     * there was none, or the link has changed; true: that is so already, and it will not be. A device
     * that has fewer pages to receive into than it wants, as the pool was empty, has `wake` called
     * when there are some (fa_packet_pool_await()): nothing that arrives would do it. */
    bool (*arm)(fa_netif *netif);
    void (*close)(fa_netif *netif);
} fa_netif_ops;

struct fa_netif {
    const fa_netif_ops *ops;
    const char *name; /* of its kind, such as "virtio-net" */
    uint8_t mac[6];
    uint16_t mtu; /* of IP: 1500 */
    uint32_t features;
    bool link_up;
    uint64_t poll_ns; /* receive() is to be called so often, to look at the link; 0: no need */
    uint64_t received_packets, received_bytes, sent_packets, sent_bytes, dropped_packets;
    /* Set by who uses the device. */
    void (*wake)(void *arg);
    void *wake_arg;
};

#endif
