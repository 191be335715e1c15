/* SPDX-License-Identifier: ISC */
/* The switch: see switch.h. */
#include "switch.h"
#include <fata/panic.h>
#include <string.h>

static void deliver(sim_port *to, const fa_packet *packet)
{
    fa_packet *copy = to->netif.link_up && to->inbox.count < SIM_INBOX_MAX
                          ? fa_packet_alloc(to->pool)
                          : NULL;
    fa_err err = copy != NULL ? FA_OK : FA_ENOMEM;
    for (unsigned i = 0; err == FA_OK && i < packet->segment_count; i++)
        err = fa_packet_append_bytes(
            copy, packet->segments[i].page->bytes + packet->segments[i].offset,
            packet->segments[i].len);
    if (err != FA_OK) {
        fa_packet_free(copy);
        to->netif.dropped_packets++;
        return;
    }
    copy->checksum = packet->checksum;
    copy->checksum_start = packet->checksum_start;
    copy->checksum_offset = packet->checksum_offset;
    copy->segment_payload_bytes = packet->segment_payload_bytes;
    copy->header_bytes = packet->header_bytes;
    fa_packet_queue_add(&to->inbox, copy);
    to->netif.received_packets++;
    to->netif.received_bytes += packet->len;
    if (to->netif.wake != NULL)
        to->netif.wake(to->netif.wake_arg);
}

static void transmit(fa_netif *netif, fa_packet_queue *queue)
{
    sim_port *port = (sim_port *)(void *)netif;
    for (fa_packet *packet; (packet = fa_packet_queue_take(queue)) != NULL;) {
        uint8_t to[6];
        const bool whole = fa_packet_copy(packet, 0, to, sizeof to);
        fa_assert(whole);
        /* What a device would have to refuse, and a host must not send. */
        fa_assert(packet->segment_payload_bytes != 0 ? (netif->features & FA_NETIF_TSO4) != 0
                                                     : packet->len <= netif->mtu + 14u);
        fa_assert(packet->checksum != FA_PACKET_PARTIAL ||
                  (netif->features & FA_NETIF_CHECKSUM) != 0);
        for (unsigned i = 0; netif->link_up && i < port->home->port_count; i++) {
            sim_port *other = port->home->ports[i];
            if (other != port && ((to[0] & 1) != 0 || memcmp(to, other->netif.mac, 6) == 0))
                deliver(other, packet);
        }
        netif->sent_packets++;
        netif->sent_bytes += packet->len;
        fa_packet_free(packet);
    }
}

static void receive(fa_netif *netif, fa_packet_queue *queue_out, unsigned max)
{
    sim_port *port = (sim_port *)(void *)netif;
    for (; max > 0 && port->inbox.count > 0; max--)
        fa_packet_queue_add(queue_out, fa_packet_queue_take(&port->inbox));
}

static bool arm(fa_netif *netif)
{
    return ((sim_port *)(void *)netif)->inbox.count > 0;
}

static void close(fa_netif *netif)
{
    sim_port *port = (sim_port *)(void *)netif;
    sim_switch *home = port->home;
    fa_packet_queue_free(&port->inbox);
    unsigned kept = 0;
    for (unsigned i = 0; i < home->port_count; i++)
        if (home->ports[i] != port)
            home->ports[kept++] = home->ports[i];
    home->port_count = kept;
}

void sim_port_init(sim_port *port, sim_switch *home, fa_packet_pool *pool, uint8_t number,
                   uint16_t mtu, uint32_t features)
{
    static const fa_netif_ops ops = {transmit, receive, arm, close};
    *port = (sim_port){
        .netif = {.ops = &ops, .name = "sim", .mac = {2, 0, 0, 0, 0, number}, .mtu = mtu,
                  .features = features, .link_up = true},
        .home = home,
        .pool = pool,
    };
    fa_assert(home->port_count < SIM_PORTS_MAX);
    home->ports[home->port_count++] = port;
}
