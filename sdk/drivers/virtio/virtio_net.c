/* SPDX-License-Identifier: ISC */
/* The network device: 5.1. Received packets come in whole pages, with the device's header in front;
 * one that takes several pages is one packet of so many segments. What is sent is not touched: its
 * headers lie in memory of their own, one for each descriptor of the queue. */
#include "virtio_net.h"
#include <fata/bytes.h>
#include <fata/log.h>
#include <fata/random.h>
#include <string.h>

FA_LOG_MODULE("virtio");

/* 5.1.3 */
#define F_CSUM (UINT64_C(1) << 0)
#define F_GUEST_CSUM (UINT64_C(1) << 1)
#define F_MAC (UINT64_C(1) << 5)
#define F_GUEST_TSO4 (UINT64_C(1) << 7)
#define F_HOST_TSO4 (UINT64_C(1) << 11)
#define F_MRG_RXBUF (UINT64_C(1) << 15)
#define F_STATUS (UINT64_C(1) << 16)

enum { QUEUE_RECEIVE, QUEUE_TRANSMIT };
/* 5.1.4: the configuration. */
#define CONFIG_MAC 0u
#define CONFIG_STATUS 6u
#define STATUS_LINK_UP 1u

/* 5.1.6: in front of every packet, either way. */
typedef struct header {
    uint8_t flags;
    uint8_t gso_type;
    fa_le16 header_bytes;
    fa_le16 gso_bytes;
    fa_le16 checksum_start;
    fa_le16 checksum_offset;
    fa_le16 buffer_count; /* legacy: only with F_MRG_RXBUF */
} header;
#define HEADER_BYTES_LEGACY 10u
#define FLAG_NEEDS_CSUM 1u
#define FLAG_DATA_VALID 2u
#define GSO_TCPV4 1u

#define ETHERNET_HEADER_BYTES 14u
#define MTU 1500u
/* To receive what a host has not cut up takes so many pages for one packet. */
#define RECEIVE_PAGES_TSO (2 * FA_PACKET_SEGMENTS_MAX)

static fa_err map(void *bytes, size_t len, plat_dma_direction direction, plat_dma_addr *addr_out)
{
    return plat_dma_map(bytes, len, direction, PLAT_DMA_COHERENT, addr_out);
}

static void unmap(void *bytes, size_t len, plat_dma_direction direction, plat_dma_addr addr)
{
    plat_dma_unmap(bytes, len, direction, PLAT_DMA_COHERENT, addr);
}

static virtio_net *net_of(fa_netif *netif)
{
    return (virtio_net *)(void *)netif;
}

static bool is_broken(const virtio_net *net)
{
    return net->receive.is_broken || net->transmit.is_broken;
}

static void read_link(virtio_net *net)
{
    uint8_t status[2] = {STATUS_LINK_UP, 0};
    net->config_changed = false;
    if (net->device->features & F_STATUS)
        virtio_config(net->device, CONFIG_STATUS, status, sizeof status);
    net->netif.link_up = (status[0] & STATUS_LINK_UP) != 0;
}

/* Sending. */

static void unmap_sent(const fa_packet *packet, const plat_dma_addr *addrs, unsigned count)
{
    unsigned part = 0;
    for (unsigned i = 0; i < packet->segment_count && part < count; i++) {
        const fa_packet_segment *s = &packet->segments[i];
        if (s->len > 0)
            unmap(s->page->bytes + s->offset, s->len, PLAT_DMA_TO_DEVICE, addrs[part++]);
    }
}

static void finish_sent(virtio_net *net, const virtio_used *used)
{
    plat_dma_addr addrs[VIRTIO_QUEUE_PARTS_MAX];
    virtio_queue_parts(&net->transmit, used->head, addrs);
    unmap_sent(used->token, addrs + 1, FA_PACKET_SEGMENTS_MAX);
    virtio_queue_give_back(&net->transmit, used->head);
    fa_packet_free(used->token);
}

static void reap_sent(virtio_net *net)
{
    virtio_used used;
    while (virtio_queue_take(&net->transmit, &used)) {
        finish_sent(net, &used);
        net->no_room = false;
    }
}

static void write_header(header *h, const fa_packet *packet)
{
    *h = (header){0};
    if (packet->checksum != FA_PACKET_PARTIAL)
        return;
    h->flags = FLAG_NEEDS_CSUM;
    h->checksum_start = fa_le16_of(packet->checksum_start);
    h->checksum_offset = fa_le16_of(packet->checksum_offset);
    if (packet->segment_payload_bytes == 0)
        return;
    h->gso_type = GSO_TCPV4;
    h->gso_bytes = fa_le16_of(packet->segment_payload_bytes);
    h->header_bytes = fa_le16_of(packet->header_bytes);
}

/* Gives the packet to the queue, which has room for it. False: it could not be mapped. */
static bool post_packet(virtio_net *net, fa_packet *packet)
{
    const uint16_t head = virtio_queue_next(&net->transmit);
    virtio_part parts[VIRTIO_QUEUE_PARTS_MAX];
    plat_dma_addr addrs[FA_PACKET_SEGMENTS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < packet->segment_count; i++) {
        const fa_packet_segment *s = &packet->segments[i];
        if (s->len == 0)
            continue;
        if (map(s->page->bytes + s->offset, s->len, PLAT_DMA_TO_DEVICE, &addrs[count]) !=
            FA_OK) {
            unmap_sent(packet, addrs, count);
            return false;
        }
        parts[1 + count] = (virtio_part){addrs[count], s->len};
        count++;
    }
    const size_t header_at = head * sizeof(header);
    write_header((header *)(void *)(net->headers + header_at), packet);
    parts[0] = (virtio_part){{net->headers_addr.address + header_at}, (uint32_t)net->header_bytes};
    return count > 0 && virtio_queue_post(&net->transmit, parts, count + 1, count + 1, packet);
}

static void transmit(fa_netif *netif, fa_packet_queue *queue)
{
    virtio_net *net = net_of(netif);
    while (queue->first != NULL) {
        fa_packet *packet = queue->first;
        if (packet->segment_count + 1u > net->transmit.free_count)
            reap_sent(net);
        if (packet->segment_count + 1u > net->transmit.free_count && !is_broken(net)) {
            net->no_room = true;
            break;
        }
        packet = fa_packet_queue_take(queue);
        const uint32_t len = packet->len;
        if (packet->checksum == FA_PACKET_PARTIAL && !(netif->features & FA_NETIF_CHECKSUM))
            fa_packet_finish_checksum(packet);
        if (is_broken(net) || !post_packet(net, packet)) {
            netif->dropped_packets++;
            fa_packet_free(packet);
            continue;
        }
        netif->sent_packets++;
        netif->sent_bytes += len;
    }
    virtio_queue_kick(&net->transmit);
}

/* Receiving. */

/* Gives the device pages to receive into, as far as there are some. */
static void refill(virtio_net *net)
{
    net->no_pages = false;
    while (net->receive.posted_count < net->receive_pages) {
        fa_packet_page *page = fa_packet_page_alloc(net->pool);
        virtio_part part = {.len = FA_PACKET_PAGE_BYTES};
        net->no_pages = page == NULL;
        if (page == NULL)
            break;
        if (map(page->bytes, FA_PACKET_PAGE_BYTES, PLAT_DMA_FROM_DEVICE, &part.addr) !=
            FA_OK) {
            fa_packet_page_release(page);
            break;
        }
        if (!virtio_queue_post(&net->receive, &part, 1, 0, page)) {
            unmap(page->bytes, FA_PACKET_PAGE_BYTES, PLAT_DMA_FROM_DEVICE, part.addr);
            fa_packet_page_release(page);
            break;
        }
    }
    virtio_queue_kick(&net->receive);
}

/* A page that the device had is the CPU's again. */
static fa_packet_page *finish_received(virtio_net *net, const virtio_used *used)
{
    fa_packet_page *page = used->token;
    plat_dma_addr addr;
    virtio_queue_parts(&net->receive, used->head, &addr);
    virtio_queue_give_back(&net->receive, used->head);
    unmap(page->bytes, FA_PACKET_PAGE_BYTES, PLAT_DMA_FROM_DEVICE, addr);
    return page;
}

/* The next page that the device has written `*len_out` bytes of; NULL: none. */
static fa_packet_page *take_page(virtio_net *net, uint32_t *len_out)
{
    virtio_used used;
    if (!virtio_queue_take(&net->receive, &used))
        return NULL;
    fa_packet_page *page = finish_received(net, &used);
    if (used.len > FA_PACKET_PAGE_BYTES) {
        virtio_queue_break(&net->receive, "has written past a page, bytes:", (unsigned)used.len);
        fa_packet_page_release(page);
        return NULL;
    }
    *len_out = used.len;
    return page;
}

/* Puts a page's bytes into the packet, or drops it. */
static bool add_page(fa_packet *packet, fa_packet_page *page, size_t offset, size_t len)
{
    const bool ok = packet != NULL && len > offset &&
                    fa_packet_append_page(packet, page, offset, len - offset) == FA_OK;
    fa_packet_page_release(page);
    return ok;
}

/* What the device knows about the checksum. One that the sender left to the device was never on a
 * wire: nothing can have damaged it. */
static uint8_t checksum_of(const header *h)
{
    return h->flags & (FLAG_NEEDS_CSUM | FLAG_DATA_VALID) ? FA_PACKET_VERIFIED
                                                          : FA_PACKET_UNCHECKED;
}

/* The packet that begins in a page, with the other pages that it has; NULL: it was dropped. */
static fa_packet *take_packet(virtio_net *net, fa_packet_page *page, uint32_t len)
{
    header h = {0};
    memcpy(&h, page->bytes, net->header_bytes);
    const unsigned page_count =
        net->device->features & F_MRG_RXBUF ? fa_le16_get(h.buffer_count) : 1;
    fa_packet *packet = fa_packet_alloc_empty(net->pool);
    bool ok = add_page(packet, page, net->header_bytes, len);
    if (page_count == 0 || page_count > FA_PACKET_SEGMENTS_MAX) {
        virtio_queue_break(&net->receive, "has written a packet of pages:", page_count);
        ok = false;
    }
    for (unsigned i = 1; i < page_count && !net->receive.is_broken; i++) {
        page = take_page(net, &len);
        if (page == NULL && !net->receive.is_broken)
            virtio_queue_break(&net->receive, "has written a packet without its page", i);
        if (page != NULL)
            ok = add_page(ok ? packet : NULL, page, 0, len) && ok;
    }
    if (!ok || net->receive.is_broken || packet->len < ETHERNET_HEADER_BYTES) {
        net->netif.dropped_packets++;
        fa_packet_free(packet);
        return NULL;
    }
    packet->checksum = checksum_of(&h);
    return packet;
}

static void receive(fa_netif *netif, fa_packet_queue *queue_out, unsigned max)
{
    virtio_net *net = net_of(netif);
    reap_sent(net);
    if (net->config_changed)
        read_link(net);
    uint32_t len;
    fa_packet_page *page;
    for (unsigned i = 0; i < max && (page = take_page(net, &len)) != NULL; i++) {
        fa_packet *packet = take_packet(net, page, len);
        if (packet == NULL)
            continue;
        netif->received_packets++;
        netif->received_bytes += packet->len;
        fa_packet_queue_add(queue_out, packet);
    }
    if (is_broken(net))
        netif->link_up = false;
    else
        refill(net);
}

static void wake(virtio_net *net)
{
    if (!net->is_armed)
        return;
    net->is_armed = false;
    net->netif.wake(net->netif.wake_arg);
}

static void page_freed(void *arg)
{
    wake(arg);
}

static bool arm(fa_netif *netif)
{
    virtio_net *net = net_of(netif);
    if (is_broken(net))
        return false;
    refill(net);
    net->is_armed = true;
    fa_packet_pool_await(net->pool, net->no_pages ? page_freed : NULL, net);
    bool news = virtio_queue_arm(&net->receive, 1);
    /* Not at the first room there is, but when there is some for a batch. */
    if (net->no_room)
        news = virtio_queue_arm(&net->transmit, (uint16_t)(net->transmit.posted_count / 2 + 1)) || news;
    if (news || net->config_changed)
        net->is_armed = false;
    return !net->is_armed;
}

void virtio_net_interrupt(void *arg)
{
    virtio_net *net = arg;
    if (net->device == NULL)
        return;
    const unsigned why = net->device->transport->take_interrupt(net->device);
    net->config_changed = net->config_changed || (why & VIRTIO_INTERRUPT_CONFIG);
    if (why != 0)
        wake(net);
}

void virtio_net_config_interrupt(void *arg)
{
    virtio_net *net = arg;
    net->config_changed = true;
    wake(net);
}

/* What a device may still write to after a reset that it has not confirmed stays taken for good. */
static void close_device(fa_netif *netif)
{
    virtio_net *net = net_of(netif);
    virtio_used used;
    net->is_armed = false;
    fa_packet_pool_await(net->pool, NULL, NULL);
    if (virtio_reset(net->device) != FA_OK) {
        fa_log_error("%s does not stop: its memory is lost", netif->name);
        return;
    }
    while (virtio_queue_recall(&net->receive, &used))
        fa_packet_page_release(finish_received(net, &used));
    while (virtio_queue_recall(&net->transmit, &used))
        finish_sent(net, &used);
    virtio_queue_close(&net->receive);
    virtio_queue_close(&net->transmit);
    plat_dma_free(net->headers, VIRTIO_NET_QUEUE_SIZE * sizeof(header), PLAT_DMA_COHERENT);
    net->device = NULL;
}

/* Opening. */

static fa_err negotiate(virtio_net *net)
{
    virtio_device *device = net->device;
    uint64_t wanted = F_CSUM | F_GUEST_CSUM | F_MAC | F_HOST_TSO4 | F_MRG_RXBUF | F_STATUS |
                      VIRTIO_F_EVENT_IDX;
    if (device->is_legacy)
        wanted |= VIRTIO_F_ANY_LAYOUT;
    if (net->receive_pages >= RECEIVE_PAGES_TSO &&
        (device->transport->features(device) & F_MRG_RXBUF))
        wanted |= F_GUEST_TSO4;
    const fa_err err = virtio_negotiate(device, wanted);
    if (err != FA_OK)
        return err;
    /* The header of a packet that is received stands in one piece with it. */
    if (device->is_legacy && !(device->features & (F_MRG_RXBUF | VIRTIO_F_ANY_LAYOUT)))
        return FA_ENOTSUP;
    net->header_bytes =
        device->is_legacy && !(device->features & F_MRG_RXBUF) ? HEADER_BYTES_LEGACY : sizeof(header);
    if (device->features & F_CSUM)
        net->netif.features |= FA_NETIF_CHECKSUM;
    if ((device->features & (F_CSUM | F_HOST_TSO4)) == (F_CSUM | F_HOST_TSO4))
        net->netif.features |= FA_NETIF_TSO4;
    return FA_OK;
}

/* The device's address, or one of our own making: locally administered, of one station. */
static fa_err read_mac(virtio_net *net)
{
    uint8_t *mac = net->netif.mac;
    if (net->device->features & F_MAC) {
        virtio_config(net->device, CONFIG_MAC, mac, sizeof net->netif.mac);
        return FA_OK;
    }
    const fa_err err = fa_random_bytes(mac, sizeof net->netif.mac);
    mac[0] = (uint8_t)((mac[0] & ~1u) | 2u);
    return err;
}

static fa_err open_queue(virtio_net *net, virtio_queue *queue, uint16_t number)
{
    const fa_err err = virtio_queue_open(queue, net->device, number, VIRTIO_NET_QUEUE_SIZE);
    if (err == FA_OK && queue->size < VIRTIO_NET_QUEUE_SIZE_MIN) {
        virtio_queue_close(queue);
        return FA_ENOTSUP;
    }
    return err;
}

static fa_err open_queues(virtio_net *net)
{
    void *headers;
    fa_err err = plat_dma_alloc(VIRTIO_NET_QUEUE_SIZE * sizeof(header), PLAT_DMA_COHERENT, &headers,
                                &net->headers_addr);
    if (err != FA_OK)
        return err;
    net->headers = headers;
    err = open_queue(net, &net->receive, QUEUE_RECEIVE);
    if (err == FA_OK) {
        err = open_queue(net, &net->transmit, QUEUE_TRANSMIT);
        if (err == FA_OK)
            return FA_OK;
        virtio_queue_close(&net->receive);
    }
    plat_dma_free(headers, VIRTIO_NET_QUEUE_SIZE * sizeof(header), PLAT_DMA_COHERENT);
    return err;
}

fa_err virtio_net_open(virtio_net *net, virtio_device *device, fa_packet_pool *pool)
{
    static const fa_netif_ops ops = {transmit, receive, arm, close_device};
    if (net->device != NULL)
        return FA_EBUSY;
    const uint32_t share = pool->page_count / VIRTIO_NET_RECEIVE_SHARE;
    *net = (virtio_net){
        .netif = {.ops = &ops, .name = "virtio-net", .mtu = MTU},
        .device = device,
        .pool = pool,
        .receive_pages = (uint16_t)(share < VIRTIO_NET_QUEUE_SIZE ? share : VIRTIO_NET_QUEUE_SIZE),
    };
    fa_err err = negotiate(net);
    if (err == FA_OK)
        err = read_mac(net);
    if (err == FA_OK)
        err = open_queues(net);
    if (err == FA_OK && net->receive_pages > net->receive.size)
        net->receive_pages = net->receive.size;
    if (err != FA_OK) {
        device->transport->set_status(device, 0);
        net->device = NULL;
        return err;
    }
    read_link(net);
    virtio_start(device);
    refill(net);
    return FA_OK;
}
