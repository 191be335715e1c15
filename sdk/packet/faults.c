/* SPDX-License-Identifier: ISC */
/* A bad network: see faults.h. */
#include "faults.h"
#include "wrapper.h"
#include <fata/panic.h>
#include <string.h>

#define ETHERNET_BYTES 14u
#define ETHERNET_TYPE_AT 12u

static uint64_t random_below(fa_faults *faults, uint64_t limit)
{
    faults->random ^= faults->random >> 12; /* xorshift64* */
    faults->random ^= faults->random << 25;
    faults->random ^= faults->random >> 27;
    return (faults->random * UINT64_C(0x2545f4914f6cdd1d) >> 16) % limit;
}

static bool happens(fa_faults *faults, unsigned permille)
{
    return permille > 0 && random_below(faults, 1000) < permille;
}

/* In pages of its own, so that nothing that others hold changes. NULL: no room. */
static fa_packet *copy_of(const fa_packet *packet)
{
    fa_packet *copy = fa_packet_alloc(packet->pool);
    fa_err err = copy != NULL ? FA_OK : FA_ENOMEM;
    for (unsigned i = 0; err == FA_OK && i < packet->segment_count; i++)
        err = fa_packet_append_bytes(
            copy, packet->segments[i].page->bytes + packet->segments[i].offset,
            packet->segments[i].len);
    if (err != FA_OK) {
        fa_packet_free(copy);
        return NULL;
    }
    copy->checksum = packet->checksum;
    copy->checksum_start = packet->checksum_start;
    copy->checksum_offset = packet->checksum_offset;
    copy->segment_payload_bytes = packet->segment_payload_bytes;
    copy->header_bytes = packet->header_bytes;
    return copy;
}

/* One bit turns over; the packet is freed for the copy with it, or returned as it is. */
static fa_packet *damage(fa_faults *faults, fa_packet *packet)
{
    static const uint8_t ipv4[2] = {0x08, 0x00};
    uint8_t type[2];
    if (packet->segment_payload_bytes != 0 || packet->len <= ETHERNET_BYTES ||
        !fa_packet_copy(packet, ETHERNET_TYPE_AT, type, sizeof type) ||
        memcmp(type, ipv4, sizeof type) != 0)
        return packet;
    fa_packet *copy = copy_of(packet);
    if (copy == NULL)
        return packet;
    fa_packet_free(packet);
    if (copy->checksum == FA_PACKET_PARTIAL)
        fa_packet_finish_checksum(copy); /* or the damage would be made right by it */
    size_t at = ETHERNET_BYTES + (size_t)random_below(faults, copy->len - ETHERNET_BYTES);
    const fa_packet_segment *segment = copy->segments;
    for (; at >= segment->len; segment++)
        at -= segment->len;
    segment->page->bytes[segment->offset + at] ^= (uint8_t)(1u << random_below(faults, 8));
    faults->damaged++;
    return copy;
}

static void hold(fa_faults *faults, fa_packet *packet, fa_deadline due)
{
    if (faults->held_count == FA_FAULTS_HELD_MAX) {
        fa_packet_free(packet);
        faults->dropped++;
        return;
    }
    unsigned at = faults->held_count++;
    for (; at > 0 && faults->held[at - 1].due > due; at--)
        faults->held[at] = faults->held[at - 1];
    faults->held[at] = (fa_faults_held){due, packet};
}

static void take(fa_faults *faults, fa_packet *packet)
{
    const fa_faults_options *options = &faults->options;
    if (happens(faults, options->drop_permille)) {
        fa_packet_free(packet);
        faults->dropped++;
        return;
    }
    fa_packet *again = happens(faults, options->repeat_permille) ? copy_of(packet) : NULL;
    if (happens(faults, options->damage_permille))
        packet = damage(faults, packet);
    fa_deadline due = faults->now_ns(faults->user) + options->delay_ns;
    if (again != NULL) {
        hold(faults, again, due);
        faults->repeated++;
    }
    if (options->reorder_ns > 0 && happens(faults, options->reorder_permille)) {
        due += random_below(faults, options->reorder_ns) + 1;
        faults->reordered++;
    }
    hold(faults, packet, due);
}

static void send_due(fa_faults *faults)
{
    const uint64_t now_ns = faults->now_ns(faults->user);
    unsigned count = 0;
    for (; count < faults->held_count && faults->held[count].due <= now_ns; count++)
        fa_packet_queue_add(&faults->ready, faults->held[count].packet);
    faults->held_count -= count;
    memmove(faults->held, faults->held + count, faults->held_count * sizeof faults->held[0]);
    if (faults->ready.count > 0)
        faults->below->ops->transmit(faults->below, &faults->ready);
}

static void transmit(fa_netif *netif, fa_packet_queue *queue)
{
    fa_faults *faults = (fa_faults *)(void *)netif;
    for (fa_packet *packet; (packet = fa_packet_queue_take(queue)) != NULL;)
        take(faults, packet);
    send_due(faults);
    fa_wrapper_update(netif, faults->below);
}

static void receive(fa_netif *netif, fa_packet_queue *queue_out, unsigned max)
{
    fa_faults *faults = (fa_faults *)(void *)netif;
    send_due(faults);
    faults->below->ops->receive(faults->below, queue_out, max);
    fa_wrapper_update(netif, faults->below);
}

static bool arm(fa_netif *netif)
{
    fa_faults *faults = (fa_faults *)(void *)netif;
    const bool ready = faults->below->ops->arm(faults->below);
    fa_wrapper_update(netif, faults->below);
    return ready || fa_faults_next(faults) <= faults->now_ns(faults->user);
}

static void close(fa_netif *netif)
{
    fa_faults *faults = (fa_faults *)(void *)netif;
    for (unsigned i = 0; i < faults->held_count; i++)
        fa_packet_free(faults->held[i].packet);
    faults->held_count = 0;
    fa_packet_queue_free(&faults->ready);
    faults->below->ops->close(faults->below);
}

fa_deadline fa_faults_next(const fa_faults *faults)
{
    return faults->held_count > 0 ? faults->held[0].due : FA_FOREVER;
}

void fa_faults_init(fa_faults *faults, fa_netif *below, const fa_faults_options *options,
                    uint64_t (*now_ns)(void *user), void *user)
{
    static const fa_netif_ops ops = {transmit, receive, arm, close};
    fa_assert(options->seed != 0);
    *faults = (fa_faults){
        .below = below, .options = *options, .random = options->seed, .now_ns = now_ns, .user = user};
    fa_wrapper_init(&faults->netif, below, &ops);
}
