/* SPDX-License-Identifier: ISC */
/* The GMAC's rings: see sunxi_gmac_rings.h; what they were written from and tried on stands in
 * sunxi_gmac.c. */
#include "sunxi_gmac_rings.h"
#include "../../cpu/dma.h"
#include <string.h>

/* The status word. */
#define OWN 0x80000000u /* the hardware's */
#define RECEIVED_LEN(status) ((status) >> 16 & 0x3fff)
#define RECEIVED_FIRST 0x200u
#define RECEIVED_LAST 0x100u
#define RECEIVED_ERROR 0x8000u
/* IP, an error in its header, or in what it carries; none of these errors. */
#define RECEIVED_CHECKED(status) ((status) & 0xa1)
#define RECEIVED_CHECKED_RIGHT 0x20u
#define SENT_ERROR 0x8000u
/* The control word: the size of the buffer, and these. */
#define END_OF_RING (1u << 25)
#define CHECKSUMS (3u << 27) /* those of IP, and with the pseudo header TCP's and UDP's */
#define FIRST (1u << 29)
#define LAST (1u << 30)
#define TELLS (1u << 31)

#define RING SUNXI_GMAC_RING
/* So often it tells that frames were sent; a ring without room for a packet has several of these. */
#define TELL_EVERY (RING / 4)
_Static_assert(FA_PACKET_SEGMENTS_MAX + 2 * TELL_EVERY < RING, "a full ring tells of something");

#define RECEIVE_BYTES ((size_t)1536) /* of a page; a frame that is longer takes several */
#define CRC_BYTES 4u
#define ETHERNET_HEADER_BYTES 14u

static sunxi_gmac_descriptor *receive_at(const sunxi_gmac_rings *rings, unsigned index)
{
    return &rings->descriptors[index];
}

static sunxi_gmac_descriptor *send_at(const sunxi_gmac_rings *rings, unsigned index)
{
    return &rings->descriptors[RING + index];
}

/* The hardware may look at any time: it sees the other words first, and this one before it is told. */
static void hand_over(sunxi_gmac_descriptor *d)
{
    fa_cpu_dma_begin(d, sizeof *d, false);
    d->status = OWN;
    fa_cpu_dma_begin(d, sizeof *d, false);
}

static void unmap_sent(const sunxi_gmac_sent *sent)
{
    plat_dma_unmap(sent->bytes, sent->len, PLAT_DMA_TO_DEVICE, PLAT_DMA_INCOHERENT, sent->addr);
}

/* The page of the oldest descriptor that the hardware has: the CPU's again. */
static fa_packet_page *take_back_page(sunxi_gmac_rings *rings)
{
    const sunxi_gmac_received *received = &rings->received[rings->receive_first];
    plat_dma_unmap(received->page->bytes, RECEIVE_BYTES, PLAT_DMA_FROM_DEVICE, PLAT_DMA_INCOHERENT,
                   received->addr);
    rings->receive_first = (rings->receive_first + 1) % RING;
    rings->receive_count--;
    return received->page;
}

/* Likewise a segment; the packet, if that was its last. */
static fa_packet *take_back_segment(sunxi_gmac_rings *rings)
{
    const sunxi_gmac_sent *sent = &rings->sent[rings->send_first];
    unmap_sent(sent);
    rings->send_first = (rings->send_first + 1) % RING;
    rings->send_count--;
    return sent->packet;
}

fa_err sunxi_gmac_rings_open(sunxi_gmac_rings *rings, fa_netif *netif, fa_packet_pool *pool)
{
    const uint32_t share = pool->page_count / SUNXI_GMAC_RECEIVE_SHARE;
    void *memory;
    *rings = (sunxi_gmac_rings){
        .pool = pool,
        .netif = netif,
        .receive_pages = (unsigned)(share < RING ? share : RING),
    };
    const fa_err err =
        plat_dma_alloc(2 * SUNXI_GMAC_RING_BYTES, PLAT_DMA_INCOHERENT, &memory, &rings->addr);
    if (err != FA_OK)
        return err;
    rings->descriptors = memory;
    if (rings->addr.address <= UINT32_MAX - 2 * SUNXI_GMAC_RING_BYTES)
        return FA_OK;
    sunxi_gmac_rings_close(rings);
    return FA_ENOTSUP;
}

void sunxi_gmac_rings_close(sunxi_gmac_rings *rings)
{
    plat_dma_free(rings->descriptors, 2 * SUNXI_GMAC_RING_BYTES, PLAT_DMA_INCOHERENT);
}

void sunxi_gmac_rings_empty(sunxi_gmac_rings *rings)
{
    while (rings->receive_count > 0)
        fa_packet_page_release(take_back_page(rings));
    while (rings->send_count > 0) {
        fa_packet *packet = take_back_segment(rings);
        rings->netif->dropped_packets += packet != NULL;
        fa_packet_free(packet);
    }
    rings->receive_first = rings->send_first = 0;
    memset(rings->descriptors, 0, 2 * SUNXI_GMAC_RING_BYTES);
}

/* Receiving. */

bool sunxi_gmac_refill(sunxi_gmac_rings *rings)
{
    const unsigned before = rings->receive_count;
    rings->no_pages = false;
    while (rings->receive_count < rings->receive_pages) {
        const unsigned index = (rings->receive_first + rings->receive_count) % RING;
        sunxi_gmac_descriptor *d = receive_at(rings, index);
        sunxi_gmac_received *received = &rings->received[index];
        received->page = fa_packet_page_alloc(rings->pool);
        rings->no_pages = received->page == NULL;
        if (received->page == NULL)
            break;
        if (plat_dma_map(received->page->bytes, RECEIVE_BYTES, PLAT_DMA_FROM_DEVICE,
                         PLAT_DMA_INCOHERENT, &received->addr) != FA_OK) {
            fa_packet_page_release(received->page);
            break;
        }
        d->control = (uint32_t)RECEIVE_BYTES | (index == RING - 1 ? END_OF_RING : 0);
        d->buffer = (uint32_t)received->addr.address;
        hand_over(d);
        rings->receive_count++;
    }
    return rings->receive_count > before;
}

bool sunxi_gmac_has_received(const sunxi_gmac_rings *rings)
{
    return rings->receive_count > 0 && !(receive_at(rings, rings->receive_first)->status & OWN);
}

/* Of a frame that takes several descriptors, none is of use, and the last counts. */
fa_packet *sunxi_gmac_take(sunxi_gmac_rings *rings)
{
    const uint32_t status = receive_at(rings, rings->receive_first)->status;
    fa_cpu_dma_after_load();
    const size_t len = RECEIVED_LEN(status);
    fa_packet_page *page = take_back_page(rings);
    fa_packet *packet = NULL;
    if ((status & (RECEIVED_FIRST | RECEIVED_LAST | RECEIVED_ERROR)) ==
            (RECEIVED_FIRST | RECEIVED_LAST) &&
        len > ETHERNET_HEADER_BYTES + CRC_BYTES && len <= RECEIVE_BYTES)
        packet = fa_packet_alloc_empty(rings->pool);
    if (packet != NULL && fa_packet_append_page(packet, page, 0, len - CRC_BYTES) != FA_OK) {
        fa_packet_free(packet);
        packet = NULL;
    }
    fa_packet_page_release(page);
    if (packet == NULL)
        rings->netif->dropped_packets += (status & RECEIVED_LAST) != 0;
    else if (rings->checks_received && RECEIVED_CHECKED(status) == RECEIVED_CHECKED_RIGHT)
        packet->checksum = FA_PACKET_VERIFIED;
    return packet;
}

/* Sending. */

void sunxi_gmac_reap_sent(sunxi_gmac_rings *rings)
{
    while (rings->send_count > 0) {
        const uint32_t status = send_at(rings, rings->send_first)->status;
        if (status & OWN)
            return;
        fa_cpu_dma_after_load();
        fa_packet *packet = take_back_segment(rings);
        rings->no_room = false;
        rings->done_count++;
        if (packet != NULL && (status & SENT_ERROR))
            rings->netif->dropped_packets++;
        fa_packet_free(packet);
    }
}

unsigned sunxi_gmac_count_parts(const fa_packet *packet)
{
    unsigned count = 0;
    for (unsigned i = 0; i < packet->segment_count; i++)
        count += packet->segments[i].len > 0;
    return count;
}

bool sunxi_gmac_has_room(sunxi_gmac_rings *rings, unsigned count)
{
    if (rings->send_count + count > RING)
        sunxi_gmac_reap_sent(rings);
    rings->no_room = rings->send_count + count > RING;
    return !rings->no_room;
}

/* Maps the packet's segments for so many descriptors from `first` on. */
static bool map_packet(sunxi_gmac_rings *rings, fa_packet *packet, unsigned first, unsigned count)
{
    unsigned done = 0;
    for (unsigned i = 0; i < packet->segment_count; i++) {
        const fa_packet_segment *s = &packet->segments[i];
        if (s->len == 0)
            continue;
        sunxi_gmac_sent *sent = &rings->sent[(first + done) % RING];
        *sent = (sunxi_gmac_sent){.bytes = s->page->bytes + s->offset, .len = s->len};
        if (plat_dma_map(sent->bytes, sent->len, PLAT_DMA_TO_DEVICE, PLAT_DMA_INCOHERENT,
                         &sent->addr) != FA_OK) {
            while (done > 0)
                unmap_sent(&rings->sent[(first + --done) % RING]);
            return false;
        }
        done++;
    }
    rings->sent[(first + count - 1) % RING].packet = packet;
    return true;
}

/* The first descriptor is handed over last: then all of the packet is there. */
bool sunxi_gmac_post(sunxi_gmac_rings *rings, fa_packet *packet, unsigned count, bool tells)
{
    const unsigned first = rings->send_first + rings->send_count;
    if (!map_packet(rings, packet, first, count))
        return false;
    for (unsigned i = 0; i < count; i++)
        tells = tells || (first + i) % TELL_EVERY == 0;
    for (unsigned i = count; i-- > 0;) {
        const unsigned index = (first + i) % RING;
        sunxi_gmac_descriptor *d = send_at(rings, index);
        d->control = (uint32_t)rings->sent[index].len | (i == 0 ? FIRST : 0) |
                     (i == count - 1 ? LAST | (tells ? TELLS : 0) : 0) |
                     (packet->checksum == FA_PACKET_PARTIAL ? CHECKSUMS : 0) |
                     (index == RING - 1 ? END_OF_RING : 0);
        d->buffer = (uint32_t)rings->sent[index].addr.address;
        hand_over(d);
    }
    rings->send_count += count;
    return true;
}
