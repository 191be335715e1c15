/* SPDX-License-Identifier: ISC */
/* Virtio network devices (5.1) as netifs (netif.h). The record is the board's, and stays where it is
 * for good: interrupts lead to it.
 *
 *     open its interrupt with virtio_net_interrupt(&net) as the handler
 *     err = virtio_net_open(&net, &mmio.device, pool);
 *     *netif_out = &net.netif;
 */
#ifndef FATA_DRIVERS_VIRTIO_NET_H
#define FATA_DRIVERS_VIRTIO_NET_H

#include "../../packet/netif.h"
#include "virtio.h"

/* Descriptors of each direction. */
#define VIRTIO_NET_QUEUE_SIZE 256u
#define VIRTIO_NET_QUEUE_SIZE_MIN 32u
/* Of the pool's pages, one in so many at most waits for what will be received. */
#define VIRTIO_NET_RECEIVE_SHARE 4u

typedef struct virtio_net {
    fa_netif netif;
    virtio_device *device; /* NULL: not open */
    fa_packet_pool *pool;
    virtio_queue receive, transmit;
    size_t header_bytes;
    uint16_t receive_pages; /* that the device should have */
    uint8_t *headers;       /* of what is sent: one for each descriptor */
    plat_dma_addr headers_addr;
    bool is_armed;
    bool no_room;        /* to transmit: someone may wait for it */
    bool no_pages;       /* to receive into, as many as it should have */
    bool config_changed;
} virtio_net;

/* Begins to receive at once. FA_ENOTSUP: the device lacks what is needed; FA_EIO: it does not
 * answer; FA_EBUSY: it is open; FA_ENOMEM. */
FA_MUST_CHECK fa_err virtio_net_open(virtio_net *net, virtio_device *device, fa_packet_pool *pool);
/* Handlers of its interrupts: of the only one there is, or of that of its queues; and of one that is
 * about its configuration. `net` is the virtio_net. */
void virtio_net_interrupt(void *net);
void virtio_net_config_interrupt(void *net);

#endif
