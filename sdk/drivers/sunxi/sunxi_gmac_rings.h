/* SPDX-License-Identifier: ISC */
/* The GMAC's two rings of descriptors, in memory that it shares with the CPU, and the pages and packets
 * that it has by them. They know nothing of its registers: who uses them tells it that there is
 * something new, and empties them only when it has let go of everything.
 *
 *     if (sunxi_gmac_refill(rings)) ...                         // it has new pages
 *     if (sunxi_gmac_has_room(rings, count) && sunxi_gmac_post(rings, packet, count, true)) ...
 *     while (sunxi_gmac_has_received(rings)) packet = sunxi_gmac_take(rings);
 */
#ifndef FATA_DRIVERS_SUNXI_SUNXI_GMAC_RINGS_H
#define FATA_DRIVERS_SUNXI_SUNXI_GMAC_RINGS_H

#include "../../../bsp/plat.h"
#include "../../packet/netif.h"

/* Descriptors either way. A frame that is received has one and a page; one that is sent, one for each
 * of its segments. */
#define SUNXI_GMAC_RING 64u
/* At most this part of the pool's pages waits for what arrives. */
#define SUNXI_GMAC_RECEIVE_SHARE 4u

/* As the hardware has it. */
typedef struct sunxi_gmac_descriptor {
    volatile uint32_t status, control, buffer, other_buffer;
} sunxi_gmac_descriptor;

#define SUNXI_GMAC_RING_BYTES (SUNXI_GMAC_RING * sizeof(sunxi_gmac_descriptor))

typedef struct sunxi_gmac_received {
    fa_packet_page *page;
    plat_dma_addr addr;
} sunxi_gmac_received;

/* What a descriptor of the sending ring was made of. */
typedef struct sunxi_gmac_sent {
    fa_packet *packet; /* where its last segment is; else NULL */
    uint8_t *bytes;
    size_t len;
    plat_dma_addr addr;
} sunxi_gmac_sent;

typedef struct sunxi_gmac_rings {
    sunxi_gmac_descriptor *descriptors; /* the ring for receiving, and behind it that for sending */
    plat_dma_addr addr;
    fa_packet_pool *pool;
    fa_netif *netif; /* whose drops are counted */
    sunxi_gmac_received received[SUNXI_GMAC_RING];
    sunxi_gmac_sent sent[SUNXI_GMAC_RING];
    /* Of either ring: the oldest descriptor that the hardware was given, and how many it has. */
    unsigned receive_first, receive_count, send_first, send_count;
    unsigned receive_pages; /* wanted in its ring */
    uint32_t done_count;    /* descriptors of what was sent, all in all */
    bool checks_received;   /* the hardware knows of checksums of what arrives */
    bool no_room;           /* to post a packet, when that was asked last */
    bool no_pages;          /* to receive into */
} sunxi_gmac_rings;

/* Makes the rings, which are empty. FA_ENOMEM; FA_ENOTSUP: they lie where the hardware cannot reach. */
FA_MUST_CHECK fa_err sunxi_gmac_rings_open(sunxi_gmac_rings *rings, fa_netif *netif,
                                           fa_packet_pool *pool);
void sunxi_gmac_rings_close(sunxi_gmac_rings *rings);
/* All pages and packets come back, and the hardware may begin at the first descriptors. */
void sunxi_gmac_rings_empty(sunxi_gmac_rings *rings);

/* Gives the hardware pages to receive into, as far as there are some; true: it has new ones. */
bool sunxi_gmac_refill(sunxi_gmac_rings *rings);
bool sunxi_gmac_has_received(const sunxi_gmac_rings *rings);
/* The frame of the oldest descriptor, which was received; NULL: it was of no use. */
fa_packet *sunxi_gmac_take(sunxi_gmac_rings *rings);

/* How many descriptors a packet takes, and whether there are so many, now that what was sent has
 * given its own back. */
unsigned sunxi_gmac_count_parts(const fa_packet *packet);
bool sunxi_gmac_has_room(sunxi_gmac_rings *rings, unsigned count);
/* Gives the packet to the hardware, which may tell when it was sent, and does so at times anyway.
 * False: it could not be mapped, and stays the caller's. */
bool sunxi_gmac_post(sunxi_gmac_rings *rings, fa_packet *packet, unsigned count, bool tells);
void sunxi_gmac_reap_sent(sunxi_gmac_rings *rings);

#endif
