/* SPDX-License-Identifier: ISC */
/* Ethernet frames in and out: see ethernet.h. */
#include "host.h"
#include <string.h>

bool fa_mac_is(fa_mac a, fa_mac b)
{
    return memcmp(a.byte, b.byte, sizeof a.byte) == 0;
}

void fa_ethernet_input(fa_host *host, fa_packet *packet)
{
    fa_ethernet_header header;
    fa_mac own;
    memcpy(own.byte, host->options.mac, sizeof own.byte);
    if (!fa_packet_copy(packet, 0, &header, sizeof header) || !host->link_up ||
        (!fa_mac_is_group(header.destination) && !fa_mac_is(header.destination, own))) {
        fa_host_drop(host, packet);
        return;
    }
    fa_packet_pull(packet, sizeof header);
    /* Of a packet that has never left this machine, checksum and segmentation are still to be done
     * (virtio 1.2, 5.1.6.4): there is nothing to be checked. */
    if (packet->checksum == FA_PACKET_PARTIAL)
        packet->checksum = FA_PACKET_VERIFIED;
    packet->segment_payload_bytes = 0;
    switch (fa_be16_get(header.type)) {
    case FA_ETHERNET_IPV4:
        fa_ipv4_input(host, packet, fa_mac_is_group(header.destination));
        break;
    case FA_ETHERNET_ARP:
        fa_arp_input(host, packet);
        break;
    default:
        fa_host_drop(host, packet);
    }
}

void fa_ethernet_send(fa_host *host, fa_packet *packet, fa_mac destination, uint16_t type)
{
    fa_ethernet_header header = {.destination = destination, .type = fa_be16_of(type)};
    memcpy(header.source.byte, host->options.mac, sizeof header.source.byte);
    uint8_t *room = NULL;
    if (host->link_up && host->output.count < FA_HOST_OUTPUT_MAX)
        room = fa_packet_prepend(packet, sizeof header);
    if (room == NULL) {
        fa_host_drop(host, packet);
        return;
    }
    memcpy(room, &header, sizeof header);
    fa_packet_queue_add(&host->output, packet);
}
