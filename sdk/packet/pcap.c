/* SPDX-License-Identifier: ISC */
/* Recording packets: see pcap.h. Numbers are written in little-endian order, which readers tell from
 * the magic number. */
#include "pcap.h"
#include "wrapper.h"
#include <fata/bytes.h>
#include <fata/clock.h>

typedef struct file_header {
    fa_le32 magic;
    fa_le16 major, minor;
    fa_le32 zone, accuracy, packet_bytes_max, link;
} file_header;

typedef struct record_header {
    fa_le32 seconds, ns, recorded_bytes, packet_bytes;
} record_header;

static void record(fa_pcap *pcap, const fa_packet *packet)
{
    const uint64_t now_ns = pcap->now_ns();
    const record_header header = {
        .seconds = fa_le32_of((uint32_t)(now_ns / FA_NS_PER_S)),
        .ns = fa_le32_of((uint32_t)(now_ns % FA_NS_PER_S)),
        .recorded_bytes = fa_le32_of(packet->len),
        .packet_bytes = fa_le32_of(packet->len),
    };
    pcap->write(pcap->user, &header, sizeof header);
    for (unsigned i = 0; i < packet->segment_count; i++)
        pcap->write(pcap->user, packet->segments[i].page->bytes + packet->segments[i].offset,
                    packet->segments[i].len);
}

/* The packets that the device had no room for come again, first in the queue. */
static void transmit(fa_netif *netif, fa_packet_queue *queue)
{
    fa_pcap *pcap = (fa_pcap *)(void *)netif;
    uint32_t number = 0;
    for (const fa_packet *packet = queue->first; packet != NULL; packet = packet->next)
        if (number++ >= pcap->recorded)
            record(pcap, packet);
    pcap->below->ops->transmit(pcap->below, queue);
    pcap->recorded = queue->count;
    fa_wrapper_update(netif, pcap->below);
}

static void receive(fa_netif *netif, fa_packet_queue *queue_out, unsigned max)
{
    fa_pcap *pcap = (fa_pcap *)(void *)netif;
    fa_packet_queue received = {0};
    pcap->below->ops->receive(pcap->below, &received, max);
    for (const fa_packet *packet = received.first; packet != NULL; packet = packet->next)
        record(pcap, packet);
    fa_packet_queue_move(queue_out, &received);
    fa_wrapper_update(netif, pcap->below);
}

static bool arm(fa_netif *netif)
{
    fa_pcap *pcap = (fa_pcap *)(void *)netif;
    const bool ready = pcap->below->ops->arm(pcap->below);
    fa_wrapper_update(netif, pcap->below);
    return ready;
}

static void close(fa_netif *netif)
{
    fa_pcap *pcap = (fa_pcap *)(void *)netif;
    pcap->below->ops->close(pcap->below);
}

void fa_pcap_init(fa_pcap *pcap, fa_netif *below,
                  void (*write)(void *user, const void *bytes, size_t len), void *user,
                  uint64_t (*now_ns)(void))
{
    static const fa_netif_ops ops = {transmit, receive, arm, close};
    const file_header header = {
        .magic = fa_le32_of(FA_PCAP_MAGIC_NS),
        .major = fa_le16_of(2),
        .minor = fa_le16_of(4),
        .packet_bytes_max = fa_le32_of(1 << 18),
        .link = fa_le32_of(FA_PCAP_ETHERNET),
    };
    *pcap = (fa_pcap){.below = below, .write = write, .user = user, .now_ns = now_ns};
    fa_wrapper_init(&pcap->netif, below, &ops);
    write(user, &header, sizeof header);
}
