/* SPDX-License-Identifier: ISC */
/* IPv4: see ipv4.h. What comes in is checked and goes up; what goes out finds its way. */
#include "host.h"
#include <string.h>

#define LOOPBACK_NET 127u

static bool is_loopback(fa_ip4 address)
{
    return address.byte[0] == LOOPBACK_NET;
}

static bool is_multicast(fa_ip4 address)
{
    return (address.byte[0] & 0xf0) == 0xe0;
}

/* To all of the link: 255.255.255.255, or the highest address of our network (RFC 919). */
static bool is_broadcast(const fa_host *host, fa_ip4 address)
{
    const uint32_t number = fa_ip4_number(address), mask = fa_ip4_number(host->netmask);
    if (number == UINT32_MAX)
        return true;
    return ~mask > 1 && fa_ip4_number(host->address) != 0 && /* (/31 has none: RFC 3021) */
           number == (fa_ip4_number(host->address) | ~mask);
}

static bool is_own(const fa_host *host, fa_ip4 address)
{
    return is_loopback(address) ||
           (fa_ip4_number(host->address) != 0 && fa_ip4_is(address, host->address));
}

bool fa_ipv4_on_link(const fa_host *host, fa_ip4 address)
{
    const uint32_t mask = fa_ip4_number(host->netmask);
    /* Link-local addresses always are (RFC 3927, 2.6.2). */
    return ((fa_ip4_number(address) ^ fa_ip4_number(host->address)) & mask) == 0 ||
           (address.byte[0] == 169 && address.byte[1] == 254);
}

fa_ip4 fa_ipv4_source(const fa_host *host, fa_ip4 destination)
{
    return is_loopback(destination) ? destination : host->address;
}

uint16_t fa_ipv4_link_payload_max(const fa_host *host)
{
    return (uint16_t)(host->options.mtu - sizeof(fa_ipv4_header));
}

uint32_t fa_ipv4_pseudo_sum(fa_ip4 source, fa_ip4 destination, uint8_t protocol, size_t len)
{
    const uint32_t a = fa_ip4_number(source), b = fa_ip4_number(destination);
    return (a >> 16) + (a & 0xffff) + (b >> 16) + (b & 0xffff) + protocol + (uint32_t)len;
}

void fa_ipv4_init(fa_host *host)
{
    host->ipv4.identification = (uint16_t)fa_host_random(host);
}

void fa_ipv4_free(fa_host *host)
{
    fa_ipv4_forget_fragments(host);
}

/* In. */

/* Options are seldom: without any, the copy is all of it. */
static uint32_t header_sum(const fa_packet *packet, const fa_ipv4_header *header, size_t header_bytes)
{
    return header_bytes == sizeof *header ? fa_checksum_add(0, header, sizeof *header)
                                          : fa_packet_checksum_add(0, packet, 0, header_bytes);
}

/* Takes the header off, and what Ethernet padded; false: it is wrong. */
static bool take_header(fa_packet *packet, fa_ipv4_header *header_out)
{
    if (!fa_packet_copy(packet, 0, header_out, sizeof *header_out))
        return false;
    const size_t header_bytes = (header_out->version_ihl & 0xfu) * 4u;
    const size_t total_bytes = fa_be16_get(header_out->total_length);
    if (header_out->version_ihl >> 4 != 4 || header_bytes < sizeof *header_out ||
        total_bytes < header_bytes || total_bytes > packet->len ||
        fa_checksum_fold(header_sum(packet, header_out, header_bytes)) != 0)
        return false;
    if (total_bytes < packet->len)
        fa_packet_truncate(packet, total_bytes);
    fa_packet_pull(packet, header_bytes); /* options, if there are any, mean nothing to us */
    return true;
}

/* Whether it can have come from there (RFC 1122, 3.2.1.3). */
static bool is_good_source(const fa_host *host, const fa_ipv4_header *header)
{
    const fa_ip4 source = header->source;
    if (fa_ip4_number(source) == 0) /* a host that asks for an address */
        return header->protocol == FA_IPV4_UDP;
    return !is_multicast(source) && !is_broadcast(host, source) && !is_own(host, source);
}

/* Whether it is for this host. A host without an address takes UDP to any: DHCP's answers. */
static bool is_for_us(const fa_host *host, const fa_ipv4_header *header, bool to_all)
{
    const fa_ip4 to = header->destination;
    if (!to_all && fa_ip4_number(to) != 0 && fa_ip4_is(to, host->address)) /* nearly always */
        return true;
    if (is_broadcast(host, to))
        return true;
    if (to_all || is_multicast(to) || is_loopback(to)) /* RFC 1122, 3.3.6 */
        return false;
    return is_own(host, to) ||
           (fa_ip4_number(host->address) == 0 && header->protocol == FA_IPV4_UDP);
}

fa_ipv4_info fa_ipv4_info_of(const fa_host *host, const fa_ipv4_header *header)
{
    return (fa_ipv4_info){
        .source = header->source,
        .destination = header->destination,
        .protocol = header->protocol,
        .ttl = header->ttl,
        .tos = header->tos,
        .to_broadcast = !fa_ip4_is(header->destination, host->address) &&
                        is_broadcast(host, header->destination),
        .header = header,
    };
}

static void deliver(fa_host *host, fa_packet *packet, fa_ipv4_header *header)
{
    const unsigned fragment = fa_be16_get(header->flags_fragment_offset);
    if ((fragment & (FA_IPV4_MORE_FRAGMENTS | FA_IPV4_OFFSET_MASK)) != 0) {
        packet = fa_ipv4_reassemble(host, packet, header);
        if (packet == NULL)
            return;
        header->flags_fragment_offset = fa_be16_of(0);
    }
    const fa_ipv4_info info = fa_ipv4_info_of(host, header);
    switch (header->protocol) {
    case FA_IPV4_TCP:
        fa_tcp_input(host, packet, &info);
        break;
    case FA_IPV4_UDP:
        fa_udp_input(host, packet, &info);
        break;
    case FA_IPV4_ICMP:
        fa_icmp_input(host, packet, &info);
        break;
    default:
        fa_icmp_error(host, packet, &info, FA_ICMP_UNREACHABLE, FA_ICMP_UNREACHABLE_PROTOCOL);
    }
}

void fa_ipv4_input(fa_host *host, fa_packet *packet, bool to_all)
{
    fa_ipv4_header header;
    if (take_header(packet, &header) && is_good_source(host, &header) &&
        is_for_us(host, &header, to_all))
        deliver(host, packet, &header);
    else
        fa_host_drop(host, packet);
}

void fa_ipv4_loopback(fa_host *host)
{
    fa_packet_queue queue = {0};
    fa_packet_queue_move(&queue, &host->loopback);
    for (fa_packet *packet; (packet = fa_packet_queue_take(&queue)) != NULL;) {
        fa_ipv4_header header;
        if (take_header(packet, &header))
            deliver(host, packet, &header);
        else
            fa_host_drop(host, packet);
    }
}

/* Out. */

static bool push_header(fa_packet *packet, const fa_ipv4_header *fields)
{
    uint8_t *room = fa_packet_prepend(packet, sizeof *fields);
    if (room == NULL)
        return false;
    fa_ipv4_header header = *fields;
    header.total_length = fa_be16_of((uint16_t)packet->len);
    header.checksum = fa_be16_of(fa_checksum_fold(fa_checksum_add(0, &header, sizeof header)));
    memcpy(room, &header, sizeof header);
    return true;
}

/* A packet that has its header goes to the next hop; what cannot be resolved is asked for. */
static void send_to(fa_host *host, fa_packet *packet, fa_ip4 destination, fa_ip4 next_hop)
{
    if (is_broadcast(host, destination)) {
        fa_ethernet_send(host, packet, FA_MAC_BROADCAST, FA_ETHERNET_IPV4);
    } else if (is_multicast(destination)) { /* RFC 1112, 6.4 */
        const fa_mac group = {{0x01, 0x00, 0x5e, destination.byte[1] & 0x7f, destination.byte[2],
                               destination.byte[3]}};
        fa_ethernet_send(host, packet, group, FA_ETHERNET_IPV4);
    } else {
        fa_arp_send(host, packet, next_hop);
    }
}

/* Adds a range of one packet to another, which shares its pages then. */
static fa_err share(fa_packet *to, const fa_packet *from, size_t offset, size_t len)
{
    fa_err err = FA_OK;
    for (unsigned i = 0; err == FA_OK && len > 0 && i < from->segment_count; i++) {
        const fa_packet_segment *segment = &from->segments[i];
        if (offset >= segment->len) {
            offset -= segment->len;
            continue;
        }
        const size_t here = segment->len - offset < len ? segment->len - offset : len;
        err = fa_packet_append_page(to, segment->page, segment->offset + offset, here);
        len -= here;
        offset = 0;
    }
    return err;
}

/* In pieces that fit (RFC 791, 2.3): all of them, or none. */
static fa_err send_fragments(fa_host *host, fa_packet *packet, const fa_ipv4_header *fields,
                             fa_ip4 next_hop)
{
    fa_packet_queue queue = {0};
    const size_t step = fa_ipv4_payload_max(host, fields->destination) & ~(size_t)7;
    fa_err err = packet->len <= UINT16_MAX - sizeof *fields ? FA_OK : FA_ELIMIT;
    if (packet->checksum == FA_PACKET_PARTIAL)
        fa_packet_finish_checksum(packet);
    for (size_t at = 0; err == FA_OK && at < packet->len; at += step) {
        const bool more = packet->len - at > step;
        fa_ipv4_header header = *fields;
        header.flags_fragment_offset =
            fa_be16_of((uint16_t)(at / 8 | (more ? FA_IPV4_MORE_FRAGMENTS : 0)));
        fa_packet *part = fa_packet_alloc_empty(host->options.pool);
        if (part == NULL) {
            err = FA_ENOMEM;
            break;
        }
        fa_packet_queue_add(&queue, part);
        err = share(part, packet, at, more ? step : packet->len - at);
        if (err == FA_OK && !push_header(part, &header))
            err = FA_ENOMEM;
    }
    fa_packet_free(packet);
    for (fa_packet *part; err == FA_OK && (part = fa_packet_queue_take(&queue)) != NULL;)
        send_to(host, part, fields->destination, next_hop);
    host->dropped_packets += queue.count;
    fa_packet_queue_free(&queue);
    return err;
}

static fa_err loop_back(fa_host *host, fa_packet *packet, const fa_ipv4_header *fields)
{
    if (host->loopback.count >= FA_HOST_LOOPBACK_MAX || packet->len > UINT16_MAX - sizeof *fields ||
        !push_header(packet, fields)) {
        fa_host_drop(host, packet);
        return FA_ENOMEM;
    }
    packet->checksum = FA_PACKET_VERIFIED;
    packet->segment_payload_bytes = 0;
    fa_packet_queue_add(&host->loopback, packet);
    return FA_OK;
}

/* 0.0.0.0: there is no way. */
static fa_ip4 find_next_hop(const fa_host *host, fa_ip4 destination)
{
    if (is_broadcast(host, destination) || is_multicast(destination) ||
        fa_ipv4_on_link(host, destination))
        return destination;
    return host->gateway;
}

bool fa_ipv4_reachable(const fa_host *host, fa_ip4 destination)
{
    return is_own(host, destination) || fa_ip4_number(find_next_hop(host, destination)) != 0;
}

static fa_err output(fa_host *host, fa_packet *packet, fa_ip4 source, fa_ip4 destination,
                     uint8_t protocol)
{
    fa_ipv4_header fields = {
        .version_ihl = 0x45,
        .ttl = FA_IPV4_TTL,
        .protocol = protocol,
        .source = source,
        .destination = destination,
    };
    if (is_own(host, destination))
        return loop_back(host, packet, &fields);
    const fa_ip4 next_hop = find_next_hop(host, destination);
    if (fa_ip4_number(next_hop) == 0 || is_loopback(source)) {
        fa_host_drop(host, packet);
        return FA_ENOENT;
    }
    /* TCP finds out what fits, each connection for itself (RFC 1191); its datagrams need no number then
     * (RFC 6864, 4.1). */
    if (protocol == FA_IPV4_TCP)
        fields.flags_fragment_offset = fa_be16_of(FA_IPV4_DONT_FRAGMENT);
    else
        fields.identification = fa_be16_of(host->ipv4.identification++);
    const bool fits = packet->len <= (protocol == FA_IPV4_TCP ? fa_ipv4_link_payload_max(host)
                                                              : fa_ipv4_payload_max(host, destination));
    if (!fits && protocol != FA_IPV4_TCP)
        return send_fragments(host, packet, &fields, next_hop);
    fa_err err = fits || packet->segment_payload_bytes != 0 ? FA_OK : FA_ELIMIT;
    if (err == FA_OK && !push_header(packet, &fields))
        err = FA_ENOMEM;
    if (err == FA_OK)
        send_to(host, packet, destination, next_hop);
    else
        fa_host_drop(host, packet);
    return err;
}

fa_err fa_ipv4_send(fa_host *host, fa_packet *packet, fa_ip4 source, fa_ip4 destination,
                    uint8_t protocol)
{
    if (fa_ip4_number(source) == 0)
        source = fa_ipv4_source(host, destination);
    if (fa_ip4_number(source) == 0 || fa_ip4_number(destination) == 0) {
        fa_host_drop(host, packet);
        return FA_ENOENT;
    }
    return output(host, packet, source, destination, protocol);
}

fa_err fa_ipv4_send_unconfigured(fa_host *host, fa_packet *packet, uint8_t protocol)
{
    return output(host, packet, (fa_ip4){{0}}, fa_ip4_of(UINT32_MAX), protocol);
}
