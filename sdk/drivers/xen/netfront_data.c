/* SPDX-License-Identifier: ISC */
/* Packets through the rings of a network device (Xen's public header io/netif.h). The slots of either
 * direction keep their grant references for good; a page is granted from its request to its answer
 * and not a moment longer, which takes no call of Xen: what the stack looks at, the back end cannot
 * change. What it still uses when it has answered, or when its device goes, stays aside until it
 * lets go. */
#include "grants.h"
#include "netfront_data.h"
#include "netif_abi.h"
#include <fata/log.h>
#include <fata/panic.h>
#include <string.h>

FA_LOG_MODULE("netfront");

static netfront *net_of(fa_netif *netif)
{
    return (netfront *)(void *)netif;
}

/* The rings are not looked at any more; the device's fiber does the rest. */
static void break_device(netfront *net, const char *why)
{
    if (!net->is_live)
        return;
    net->is_live = false;
    net->netif.link_up = false;
    net->has_news = true;
    xen_bus_fail(&net->bus, why);
}

/* Slots. */

void xen_netfront_queue_init(netfront_queue *queue, netfront *net, plat_dma_direction direction)
{
    queue->net = net;
    queue->direction = direction;
    queue->first_free = NETFRONT_NO_SLOT;
    for (uint16_t i = NETFRONT_PLACES; i-- > 0;) {
        queue->slots[i].queue = queue;
        queue->slots[i].next_free = queue->first_free;
        queue->first_free = i;
    }
}

static uint16_t number_of(const netfront_slot *slot)
{
    return (uint16_t)(slot - slot->queue->slots);
}

static void free_slot(netfront_slot *slot)
{
    slot->page = NULL;
    slot->next_free = slot->queue->first_free;
    slot->queue->first_free = number_of(slot);
}

static void unmap(const netfront_slot *slot)
{
    plat_dma_unmap(slot->page->bytes + slot->offset, slot->len, slot->queue->direction,
                   PLAT_DMA_COHERENT, slot->addr);
}

/* The back end has let go of it at last. */
static void slot_ended(void *arg)
{
    netfront_slot *slot = arg;
    unmap(slot);
    fa_packet_page_release(slot->page);
    free_slot(slot);
}

static void abandon(netfront_slot *slot)
{
    const uint32_t ref = slot->ref;
    slot->queue->posted_count--;
    slot->is_posted = false;
    slot->ref = 0;
    xen_grant_abandon(ref, slot_ended, slot);
}

/* The page is ours again, with the slot's share in it; NULL: the back end has it still. */
static fa_packet_page *take_back(netfront_slot *slot)
{
    if (!xen_grant_end(slot->ref)) {
        abandon(slot);
        return NULL;
    }
    fa_packet_page *page = slot->page;
    unmap(slot);
    slot->queue->posted_count--;
    slot->is_posted = false;
    free_slot(slot);
    return page;
}

/* Grants a range of a page, of which it takes a share. NULL: no slot, no reference, or no memory. */
static netfront_slot *give(netfront_queue *queue, fa_packet_page *page, uint16_t offset, uint16_t len)
{
    if (queue->first_free == NETFRONT_NO_SLOT)
        return NULL;
    netfront_slot *slot = &queue->slots[queue->first_free];
    queue->first_free = slot->next_free; /* before slot_ended(), which a reservation may call */
    if ((slot->ref == 0 && xen_grant_reserve(&slot->ref) != FA_OK) ||
        plat_dma_map(page->bytes + offset, len, queue->direction, PLAT_DMA_COHERENT, &slot->addr) !=
            FA_OK) {
        free_slot(slot);
        return NULL;
    }
    queue->posted_count++;
    slot->page = page;
    slot->offset = offset;
    slot->len = len;
    slot->is_posted = true;
    fa_packet_page_keep(page);
    xen_grant_give(slot->ref, queue->net->bus.backend_domain, slot->addr,
                   queue->direction == PLAT_DMA_FROM_DEVICE);
    return slot;
}

/* Rings. */

fa_err xen_netfront_queue_open(netfront_queue *queue, uint16_t domain, uint32_t place_bytes)
{
    void *page;
    plat_dma_addr addr;
    fa_err err = plat_dma_alloc(XEN_PAGE_BYTES, PLAT_DMA_COHERENT, &page, &addr);
    if (err != FA_OK)
        return err;
    err = xen_grant_reserve(&queue->ring_ref);
    if (err != FA_OK) {
        plat_dma_free(page, XEN_PAGE_BYTES, PLAT_DMA_COHERENT);
        return err;
    }
    xen_ring_open(&queue->ring, page, 1, place_bytes);
    xen_grant_give(queue->ring_ref, domain, addr, true);
    return FA_OK;
}

static void ring_ended(void *page)
{
    plat_dma_free(page, XEN_PAGE_BYTES, PLAT_DMA_COHERENT);
}

void xen_netfront_queue_close(netfront_queue *queue)
{
    xen_event_close(&queue->event);
    for (unsigned i = 0; i < NETFRONT_PLACES; i++) {
        netfront_slot *slot = &queue->slots[i];
        if (slot->is_posted)
            abandon(slot);
        if (slot->ref != 0)
            xen_grant_release(slot->ref);
        slot->ref = 0;
    }
    if (queue->ring_ref != 0)
        xen_grant_abandon(queue->ring_ref, ring_ended, queue->ring.page);
    queue->ring_ref = 0;
    queue->ring = (xen_ring){0};
}

static void push(netfront_queue *queue)
{
    const netfront *net = queue->net;
    if (queue->ring.produced != queue->ring.pushed && xen_ring_push(&queue->ring))
        xen_event_notify(net->is_split ? &queue->event : &net->receive.event);
}

/* Sending. */

static void finish_sent(netfront *net, netif_send_answer answer)
{
    netfront_queue *queue = &net->send;
    if (answer.status == NETIF_STATUS_NULL)
        return;
    if (answer.id >= NETFRONT_PLACES || !queue->slots[answer.id].is_posted) {
        break_device(net, "answers a request that was not made (sending)");
        return;
    }
    fa_packet_page *page = take_back(&queue->slots[answer.id]);
    if (page != NULL)
        fa_packet_page_release(page);
    if (answer.status < 0)
        net->netif.dropped_packets++; /* once for each of its parts */
}

static void reap_sent(netfront *net)
{
    xen_ring *ring = &net->send.ring;
    for (uint32_t left = xen_ring_answers(ring); left > 0 && net->is_live; left--) {
        netif_send_answer answer;
        xen_ring_read(ring, ring->consumed++, &answer, sizeof answer);
        finish_sent(net, answer);
        net->no_room = false;
    }
    if (ring->is_broken)
        break_device(net, "has answered more than was asked (sending)");
    else if (ring->consumed == ring->produced && net->send.posted_count > 0)
        break_device(net, "has left a request without its answer");
}

/* Grants the parts of a packet; false: one of them cannot be, and none is. */
static bool give_parts(netfront *net, const fa_packet *packet,
                       netfront_slot *slots_out[FA_PACKET_SEGMENTS_MAX], unsigned *count_out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < packet->segment_count; i++) {
        const fa_packet_segment *s = &packet->segments[i];
        if (s->len == 0)
            continue;
        slots_out[count] = give(&net->send, s->page, s->offset, s->len);
        if (slots_out[count++] != NULL)
            continue;
        for (count--; count-- > 0;)
            abandon(slots_out[count]);
        return false;
    }
    *count_out = count;
    return count > 0;
}

static void write_gso(xen_ring *ring, const fa_packet *packet)
{
    const netif_extra extra = {.type = NETIF_EXTRA_GSO,
                               .gso_size = packet->segment_payload_bytes,
                               .gso_type = NETIF_GSO_TCPV4};
    memcpy(xen_ring_place(ring, ring->produced++), &extra, sizeof extra);
}

/* Puts a packet into one page. */
static bool gather(fa_packet *packet)
{
    const uint32_t len = packet->len;
    if (packet->segment_count == 1)
        return true;
    fa_packet_page *page =
        len <= FA_PACKET_PAGE_BYTES ? fa_packet_page_alloc(packet->pool) : NULL;
    if (page == NULL)
        return false;
    const bool is_copied = fa_packet_copy(packet, 0, page->bytes, len);
    fa_assert(is_copied);
    fa_packet_truncate(packet, 0);
    const fa_err err = fa_packet_append_page(packet, page, 0, len);
    fa_packet_page_release(page);
    return err == FA_OK;
}

/* As the back end wants it: no longer than its size's 16 bits, the Ethernet header in the first part
 * (netback drops what has less there), not to be cut if it does not cut. The stack may have made it
 * for another back end, which was here before. */
static bool fit_packet(const netfront *net, fa_packet *packet)
{
    if (packet->len < ETHERNET_HEADER_BYTES || packet->len > NETIF_SEND_BYTES_MAX ||
        (packet->segment_payload_bytes > 0 && !(net->netif.features & FA_NETIF_TSO4)))
        return false;
    if (packet->checksum == FA_PACKET_PARTIAL && !(net->netif.features & FA_NETIF_CHECKSUM))
        fa_packet_finish_checksum(packet);
    return net->takes_parts ? fa_packet_head(packet, ETHERNET_HEADER_BYTES) != NULL : gather(packet);
}

/* Writes the packet's requests, for which there is room. False: it cannot be sent. */
static bool post_packet(netfront *net, fa_packet *packet)
{
    xen_ring *ring = &net->send.ring;
    netfront_slot *slots[FA_PACKET_SEGMENTS_MAX];
    unsigned count;
    if (!fit_packet(net, packet) || !give_parts(net, packet, slots, &count))
        return false;
    const bool is_cut = packet->segment_payload_bytes > 0;
    for (unsigned i = 0; i < count; i++) {
        netif_send_request request = {
            .ref = slots[i]->ref,
            .offset = (uint16_t)(slots[i]->addr.address % XEN_PAGE_BYTES),
            .flags = i + 1 < count ? NETIF_SEND_MORE_DATA : 0,
            .id = number_of(slots[i]),
            .size = (uint16_t)(i == 0 ? packet->len : slots[i]->len),
        };
        if (i == 0 && packet->checksum == FA_PACKET_PARTIAL)
            request.flags |= NETIF_SEND_CSUM_BLANK | NETIF_SEND_DATA_VALIDATED;
        if (i == 0 && is_cut)
            request.flags |= NETIF_SEND_EXTRA_INFO;
        memcpy(xen_ring_place(ring, ring->produced++), &request, sizeof request);
        if (i == 0 && is_cut)
            write_gso(ring, packet);
    }
    return true;
}

/* For any packet: its parts, and the extra information. */
static bool has_room(const netfront *net, const fa_packet *packet)
{
    const unsigned need = packet->segment_count + 1u;
    return xen_ring_room(&net->send.ring) >= need &&
           NETFRONT_PLACES - net->send.posted_count >= need;
}

void xen_netfront_transmit(fa_netif *netif, fa_packet_queue *queue)
{
    netfront *net = net_of(netif);
    if (net->is_live)
        reap_sent(net);
    while (queue->first != NULL) {
        if (net->is_live && !has_room(net, queue->first)) {
            net->no_room = true;
            break;
        }
        fa_packet *packet = fa_packet_queue_take(queue);
        if (net->is_live && post_packet(net, packet)) {
            netif->sent_packets++;
            netif->sent_bytes += packet->len;
        } else {
            netif->dropped_packets++;
        }
        fa_packet_free(packet); /* its pages have the slots' shares */
    }
    if (net->is_live)
        push(&net->send);
}

/* Receiving. */

void xen_netfront_refill(netfront *net)
{
    netfront_queue *queue = &net->receive;
    net->no_pages = false;
    while (queue->posted_count < net->receive_pages && xen_ring_room(&queue->ring) > 0) {
        fa_packet_page *page = fa_packet_page_alloc(net->pool);
        net->no_pages = page == NULL;
        if (page == NULL)
            break;
        const netfront_slot *slot = give(queue, page, 0, FA_PACKET_PAGE_BYTES);
        fa_packet_page_release(page);
        net->no_pages = slot == NULL; /* none that can be given: what was kept aside may be, again */
        if (slot == NULL)
            break;
        const netif_receive_request request = {.id = number_of(slot), .ref = slot->ref};
        queue->at[queue->ring.produced % NETFRONT_PLACES] = request.id;
        memcpy(xen_ring_place(&queue->ring, queue->ring.produced++), &request, sizeof request);
    }
    push(queue);
}

void xen_netfront_drop_arriving(netfront *net)
{
    fa_packet_free(net->arriving);
    net->arriving = NULL;
    net->is_bad = net->more_follows = false;
    net->extras_left = 0;
}

/* What takes the place of an answer tells what the packet is: the stack finds that out itself. */
static void take_extra(netfront *net, const netif_receive_answer *place)
{
    netif_extra extra;
    memcpy(&extra, place, sizeof extra);
    net->extras_left--;
    if (!(extra.flags & NETIF_EXTRA_FLAG_MORE))
        net->extras_left = 0;
    else if (net->extras_left == 0)
        break_device(net, "has more extra information than there are kinds of it");
}

/* The first part says what is known about the checksum. One that the sender has left blank was never
 * on a wire: nothing can have damaged it. */
static void begin_packet(netfront *net, const netif_receive_answer *answer)
{
    net->arriving = fa_packet_alloc_empty(net->pool);
    net->is_bad = net->arriving == NULL;
    if (net->arriving != NULL &&
        answer->flags & (NETIF_RECEIVE_DATA_VALIDATED | NETIF_RECEIVE_CSUM_BLANK))
        net->arriving->checksum = FA_PACKET_VERIFIED;
    if (answer->flags & NETIF_RECEIVE_EXTRA_INFO)
        net->extras_left = NETIF_EXTRA_TYPES;
}

static void take_part(netfront *net, fa_packet_page *page, const netif_receive_answer *answer)
{
    if (!net->more_follows)
        begin_packet(net, answer);
    net->more_follows = answer->flags & NETIF_RECEIVE_MORE_DATA;
    if (answer->status > 0 && (size_t)answer->offset + (size_t)answer->status > FA_PACKET_PAGE_BYTES) {
        break_device(net, "has written past a page");
        return;
    }
    if (!net->is_bad)
        net->is_bad = page == NULL || answer->status <= 0 ||
                      fa_packet_append_page(net->arriving, page, answer->offset,
                                            (size_t)answer->status) != FA_OK;
}

/* One answer, or what takes its place. */
static void take_answer(netfront *net, uint32_t number)
{
    netfront_queue *queue = &net->receive;
    netif_receive_answer answer;
    xen_ring_read(&queue->ring, number, &answer, sizeof answer);
    netfront_slot *slot = &queue->slots[queue->at[number % NETFRONT_PLACES]];
    const bool is_extra = net->extras_left > 0;
    if (!is_extra && answer.id != number_of(slot)) {
        break_device(net, "answers a request that was not made (receiving)");
        return;
    }
    fa_packet_page *page = take_back(slot);
    if (is_extra)
        take_extra(net, &answer);
    else
        take_part(net, page, &answer);
    if (page != NULL)
        fa_packet_page_release(page);
}

/* The packet, if it is complete; NULL: not yet, or it was dropped. */
static fa_packet *finish_packet(netfront *net)
{
    if (net->more_follows || net->extras_left > 0 || !net->is_live)
        return NULL;
    fa_packet *packet = net->arriving;
    const bool is_good = !net->is_bad && packet->len >= ETHERNET_HEADER_BYTES;
    net->arriving = is_good ? NULL : packet;
    xen_netfront_drop_arriving(net);
    if (!is_good)
        net->netif.dropped_packets++;
    return is_good ? packet : NULL;
}

static void receive_live(netfront *net, fa_packet_queue *queue_out, unsigned max)
{
    fa_netif *netif = &net->netif;
    xen_ring *ring = &net->receive.ring;
    uint32_t left = xen_ring_answers(ring);
    for (unsigned count = 0; left > 0 && count < max && net->is_live; left--) {
        take_answer(net, ring->consumed++);
        fa_packet *packet = finish_packet(net);
        if (packet == NULL)
            continue;
        count++;
        netif->received_packets++;
        netif->received_bytes += packet->len;
        fa_packet_queue_add(queue_out, packet);
    }
    if (ring->is_broken)
        break_device(net, "has answered more than was asked (receiving)");
    if (net->is_live)
        xen_netfront_refill(net);
}

void xen_netfront_receive(fa_netif *netif, fa_packet_queue *queue_out, unsigned max)
{
    netfront *net = net_of(netif);
    net->has_news = false;
    if (net->is_live)
        reap_sent(net);
    if (net->is_live)
        receive_live(net, queue_out, max);
}

/* Waking. */

void xen_netfront_wake(netfront *net)
{
    if (!net->is_armed)
        return;
    net->is_armed = false;
    net->netif.wake(net->netif.wake_arg);
}

static void page_freed(void *arg)
{
    xen_netfront_wake(arg);
}

bool xen_netfront_arm(fa_netif *netif)
{
    netfront *net = net_of(netif);
    bool news = net->has_news;
    if (net->is_live) {
        xen_netfront_refill(net);
        fa_packet_pool_await(net->pool, net->no_pages ? page_freed : NULL, net);
        news = xen_ring_arm(&net->receive.ring, 1) || net->receive.ring.is_broken || news;
        /* Not at the first room there is, but when there is some for a batch. */
        const uint32_t waiting = net->send.ring.pushed - net->send.ring.consumed;
        if (net->no_room)
            news = xen_ring_arm(&net->send.ring, waiting / 2 + 1) || news;
    }
    net->is_armed = !news;
    return news;
}
