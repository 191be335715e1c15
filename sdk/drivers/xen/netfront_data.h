/* SPDX-License-Identifier: ISC */
/* Between the two halves of the network device's driver: netfront.c connects it, netfront_data.c moves
 * its packets. */
#ifndef FATA_DRIVERS_XEN_NETFRONT_DATA_H
#define FATA_DRIVERS_XEN_NETFRONT_DATA_H

#include "../../../bsp/plat.h"
#include "events.h"
#include "netfront.h"
#include "ring.h"
#include "xenbus.h"

#define NETFRONT_PLACES 256u /* of either ring, which is a page */
#define NETFRONT_NO_SLOT UINT16_MAX
#define ETHERNET_HEADER_BYTES 14u

/* A range of a packet's page that the back end may use, with its grant. The number of its slot is the
 * request's name. */
typedef struct netfront_slot {
    struct netfront_queue *queue;
    fa_packet_page *page; /* NULL: free */
    uint16_t offset, len;
    uint16_t next_free;
    bool is_posted; /* else, with a page: the back end has it still, though it should not */
    uint32_t ref;   /* 0: none */
    plat_dma_addr addr;
} netfront_slot;

/* One direction. */
typedef struct netfront_queue {
    struct netfront *net;
    plat_dma_direction direction;
    xen_ring ring;
    uint32_t ring_ref; /* 0: there is no ring */
    xen_event event;
    uint16_t first_free; /* slot; NETFRONT_NO_SLOT: none */
    uint16_t posted_count;
    uint16_t at[NETFRONT_PLACES]; /* receiving: whose request stands in a place */
    netfront_slot slots[NETFRONT_PLACES];
} netfront_queue;

typedef struct netfront {
    fa_netif netif;
    xen_bus_device bus;
    fa_packet_pool *pool;
    netfront_queue send, receive;
    bool is_split;     /* an event for each direction, else receive's for both */
    bool takes_parts;  /* packets of several parts, to be sent (feature-sg) */
    bool is_live;      /* both sides are connected */
    bool has_identity; /* was connected before: what the stack was told stays true */
    uint16_t receive_pages;
    /* The packet that is being received: NULL and not is_bad: none. */
    fa_packet *arriving;
    bool is_bad;          /* it will be dropped */
    unsigned extras_left; /* places of extra information that may follow at once */
    bool more_follows;    /* more parts */
    bool is_armed;
    bool has_news;
    bool no_room;  /* to send: someone may wait for it */
    bool no_pages; /* to receive into, as many as it should have */
} netfront;

/* Zeroes excepted. */
void xen_netfront_queue_init(netfront_queue *queue, netfront *net, plat_dma_direction direction);
/* A new ring that `domain` may use. */
FA_MUST_CHECK fa_err xen_netfront_queue_open(netfront_queue *queue, uint16_t domain,
                                         uint32_t place_bytes);
/* No grant is left, but of what the back end still uses; also of a queue that is not open. */
void xen_netfront_queue_close(netfront_queue *queue);
/* Drops what has arrived in part. */
void xen_netfront_drop_arriving(netfront *net);
/* Gives the back end pages to receive into, as far as there are some. */
void xen_netfront_refill(netfront *net);
void xen_netfront_wake(netfront *net);

/* fa_netif_ops */
void xen_netfront_transmit(fa_netif *netif, fa_packet_queue *queue);
void xen_netfront_receive(fa_netif *netif, fa_packet_queue *queue_out, unsigned max);
bool xen_netfront_arm(fa_netif *netif);

#endif
