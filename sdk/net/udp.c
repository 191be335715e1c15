/* SPDX-License-Identifier: ISC */
/* UDP in and out: ports, their bounded queues, and datagrams with their checksums. See udp.h. */
#include "host.h"
#include <fata/panic.h>
#include <string.h>

#define PORT_COUNT ((1u << 16) - FA_UDP_PORT_FIRST) /* of those chosen at random */

static fa_udp_socket **bucket_of(fa_host *host, uint16_t number)
{
    return &host->udp.buckets[number % FA_UDP_BUCKETS];
}

static fa_udp_socket *find(fa_host *host, uint16_t number)
{
    fa_udp_socket *socket = *bucket_of(host, number);
    while (socket != NULL && socket->number != number)
        socket = socket->next;
    return socket;
}

fa_err fa_udp_bind(fa_host *host, fa_udp_socket *socket, uint16_t number)
{
    if (number != 0 && find(host, number) != NULL)
        return FA_EEXIST;
    if (number == 0) {
        /* RFC 6056, 3.3.1: from a random one on, the first that is free. */
        const uint32_t random = fa_host_random(host);
        unsigned i = 0;
        do
            number = (uint16_t)(FA_UDP_PORT_FIRST + (random + i) % PORT_COUNT);
        while (find(host, number) != NULL && ++i < PORT_COUNT);
        if (i == PORT_COUNT)
            return FA_ELIMIT;
    }
    socket->number = number;
    socket->queue = (fa_packet_queue){0};
    socket->changed = false;
    socket->next = *bucket_of(host, number);
    *bucket_of(host, number) = socket;
    return FA_OK;
}

void fa_udp_unbind(fa_host *host, fa_udp_socket *socket)
{
    fa_udp_socket **link = bucket_of(host, socket->number);
    while (*link != NULL && *link != socket)
        link = &(*link)->next;
    if (*link == NULL)
        return; /* it is not bound */
    *link = socket->next;
    for (link = &host->udp.changed; socket->changed && *link != NULL; link = &(*link)->next_changed)
        if (*link == socket) {
            *link = socket->next_changed;
            break;
        }
    socket->changed = false;
    fa_packet_queue_free(&socket->queue);
}

void fa_udp_free(fa_host *host)
{
    for (unsigned i = 0; i < FA_UDP_BUCKETS; i++)
        while (host->udp.buckets[i] != NULL)
            fa_udp_unbind(host, host->udp.buckets[i]);
}

fa_udp_socket *fa_udp_take_changed(fa_host *host)
{
    fa_udp_socket *socket = host->udp.changed;
    if (socket != NULL) {
        host->udp.changed = socket->next_changed;
        socket->changed = false;
    }
    return socket;
}

/* In. */

/* Checks the header and cuts what is behind the datagram; false: it is wrong. */
static bool check(fa_packet *packet, const fa_ipv4_info *info, fa_udp_header *header_out)
{
    if (!fa_packet_copy(packet, 0, header_out, sizeof *header_out))
        return false;
    const size_t len = fa_be16_get(header_out->length);
    if (len < sizeof *header_out || len > packet->len)
        return false;
    fa_packet_truncate(packet, len);
    if (packet->checksum == FA_PACKET_VERIFIED || fa_be16_get(header_out->checksum) == 0)
        return true;
    const uint32_t sum =
        fa_ipv4_pseudo_sum(info->source, info->destination, FA_IPV4_UDP, len);
    return fa_checksum_fold(fa_packet_checksum_add(sum, packet, 0, len)) == 0;
}

static void enqueue(fa_host *host, fa_udp_socket *socket, fa_packet *packet, fa_ip4 source)
{
    uint8_t *head = fa_packet_head(packet, sizeof(fa_udp_queued));
    if (head == NULL || socket->queue.count >= FA_UDP_QUEUE_MAX ||
        fa_packet_pool_is_low(host->options.pool)) {
        fa_host_drop(host, packet);
        return;
    }
    memcpy(head + offsetof(fa_udp_queued, source), &source, sizeof source);
    fa_packet_queue_add(&socket->queue, packet);
    if (!socket->changed) {
        socket->changed = true;
        socket->next_changed = host->udp.changed;
        host->udp.changed = socket;
    }
}

void fa_udp_input(fa_host *host, fa_packet *packet, const fa_ipv4_info *info)
{
    fa_udp_header header;
    if (!check(packet, info, &header) || fa_be16_get(header.destination_port) == 0) {
        fa_host_drop(host, packet);
        return;
    }
    fa_udp_socket *socket = find(host, fa_be16_get(header.destination_port));
    if (socket == NULL) {
        fa_icmp_error(host, packet, info, FA_ICMP_UNREACHABLE, FA_ICMP_UNREACHABLE_PORT);
    } else if (socket->take != NULL) {
        fa_packet_pull(packet, sizeof header);
        socket->take(host, socket, packet,
                     (fa_endpoint){info->source, fa_be16_get(header.source_port)});
    } else {
        enqueue(host, socket, packet, info->source);
    }
}

fa_packet *fa_udp_take(fa_host *host, fa_udp_socket *socket, fa_endpoint *from_out)
{
    (void)host;
    fa_packet *packet = fa_packet_queue_take(&socket->queue);
    if (packet == NULL)
        return NULL;
    fa_udp_queued head;
    const bool there = fa_packet_copy(packet, 0, &head, sizeof head);
    fa_assert(there);
    *from_out = (fa_endpoint){head.source, fa_be16_get(head.source_port)};
    fa_packet_pull(packet, sizeof head);
    return packet;
}

/* Out. */

/* A packet with the datagram, all but its checksum; NULL: no memory. */
static fa_packet *make(fa_host *host, uint16_t from, uint16_t to, const void *bytes, size_t len)
{
    const fa_udp_header header = {
        .source_port = fa_be16_of(from),
        .destination_port = fa_be16_of(to),
        .length = fa_be16_of((uint16_t)(len + sizeof header)),
    };
    fa_packet *packet = fa_packet_alloc(host->options.pool);
    if (packet == NULL)
        return NULL;
    memcpy(fa_packet_append(packet, sizeof header), &header, sizeof header);
    if (fa_packet_append_bytes(packet, bytes, len) != FA_OK) {
        fa_packet_free(packet);
        return NULL;
    }
    return packet;
}

/* Has the device add up the datagram where it can; else it is done here. */
static void add_checksum(fa_host *host, fa_packet *packet, fa_ip4 source, fa_ip4 destination)
{
    const uint32_t sum = fa_ipv4_pseudo_sum(source, destination, FA_IPV4_UDP, packet->len);
    const fa_be16 field = fa_be16_of((uint16_t)~fa_checksum_fold(sum));
    memcpy(fa_packet_head(packet, sizeof(fa_udp_header)) + offsetof(fa_udp_header, checksum), &field,
           sizeof field);
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_start = 0;
    packet->checksum_offset = offsetof(fa_udp_header, checksum);
    if ((host->options.features & FA_NETIF_CHECKSUM) == 0)
        fa_packet_finish_checksum(packet);
}

fa_err fa_udp_send_bytes(fa_host *host, const fa_udp_socket *socket, fa_endpoint to,
                         const void *bytes, size_t len)
{
    if (len > FA_UDP_BYTES_MAX)
        return FA_ELIMIT;
    const fa_ip4 source = fa_ipv4_source(host, to.address);
    fa_packet *packet = make(host, socket->number, to.port, bytes, len);
    if (packet == NULL)
        return FA_ENOMEM;
    add_checksum(host, packet, source, to.address);
    return fa_ipv4_send(host, packet, source, to.address, FA_IPV4_UDP);
}

fa_err fa_udp_broadcast_unconfigured(fa_host *host, const fa_udp_socket *socket, uint16_t to,
                                     const void *bytes, size_t len)
{
    fa_packet *packet = make(host, socket->number, to, bytes, len);
    if (packet == NULL)
        return FA_ENOMEM;
    add_checksum(host, packet, (fa_ip4){{0}}, fa_ip4_of(UINT32_MAX));
    return fa_ipv4_send_unconfigured(host, packet, FA_IPV4_UDP);
}
