/* SPDX-License-Identifier: ISC */
/* Putting IPv4's fragments together (RFC 815, 1122 3.3.2), within the bounds of ipv4.h. Fragments that
 * overlap are an attack or a defect: all of their datagram goes (as RFC 5722 has it for IPv6); one that
 * came twice is dropped once. A fragment's offset stands in checksum_start, which nobody else needs. */
#include "host.h"
#include <string.h>

static void release(fa_host *host, fa_ipv4_reassembly *parts)
{
    fa_wheel_disarm(&host->wheel, &parts->timer);
    host->ipv4.fragment_count -= parts->fragment_count;
    while (parts->fragments != NULL) {
        fa_packet *next = parts->fragments->next;
        fa_packet_free(parts->fragments);
        parts->fragments = next;
    }
    *parts = (fa_ipv4_reassembly){0};
}

static void give_up(fa_host *host, fa_ipv4_reassembly *parts)
{
    host->dropped_packets += parts->fragment_count;
    release(host, parts);
}

/* RFC 1122, 3.3.2: who sent it is told, if the first fragment has come. */
static void too_late(fa_wheel_timer *timer, void *owner)
{
    fa_host *host = owner;
    fa_ipv4_reassembly *parts = (fa_ipv4_reassembly *)(void *)timer; /* its first member */
    fa_packet *first = parts->fragments;
    if (first->checksum_start != 0) {
        give_up(host, parts);
        return;
    }
    const fa_ipv4_header header = parts->header;
    parts->fragments = first->next;
    host->dropped_packets += parts->fragment_count - 1;
    release(host, parts);
    const fa_ipv4_info info = fa_ipv4_info_of(host, &header);
    fa_icmp_error(host, first, &info, FA_ICMP_TIME_EXCEEDED, FA_ICMP_TIME_EXCEEDED_REASSEMBLY);
}

void fa_ipv4_forget_fragments(fa_host *host)
{
    for (unsigned i = 0; i < FA_IPV4_REASSEMBLIES_MAX; i++)
        give_up(host, &host->ipv4.reassemblies[i]);
}

static fa_ipv4_reassembly *oldest_of(fa_host *host)
{
    fa_ipv4_reassembly *oldest = NULL;
    for (unsigned i = 0; i < FA_IPV4_REASSEMBLIES_MAX; i++) {
        fa_ipv4_reassembly *parts = &host->ipv4.reassemblies[i];
        if (parts->fragment_count > 0 &&
            (oldest == NULL || parts->timer.deadline < oldest->timer.deadline))
            oldest = parts;
    }
    return oldest;
}

/* Whether two fragments are of the same datagram (RFC 791, 3.2). */
static bool is_of(const fa_ipv4_header *a, const fa_ipv4_header *b)
{
    return fa_be16_get(a->identification) == fa_be16_get(b->identification) &&
           a->protocol == b->protocol && fa_ip4_is(a->source, b->source) &&
           fa_ip4_is(a->destination, b->destination);
}

/* The record of a datagram: its own, or a new one, for which the oldest makes room. */
static fa_ipv4_reassembly *find(fa_host *host, const fa_ipv4_header *header)
{
    const uint32_t most = host->options.pool->page_count / 4;
    fa_ipv4_reassembly *unused = NULL;
    while (host->ipv4.fragment_count > 0 &&
           (host->ipv4.fragment_count >= most || fa_packet_pool_is_low(host->options.pool)))
        give_up(host, oldest_of(host));
    for (unsigned i = 0; i < FA_IPV4_REASSEMBLIES_MAX; i++) {
        fa_ipv4_reassembly *parts = &host->ipv4.reassemblies[i];
        if (parts->fragment_count == 0)
            unused = parts;
        else if (is_of(&parts->header, header))
            return parts;
    }
    if (unused == NULL) {
        unused = oldest_of(host);
        give_up(host, unused);
    }
    unused->header = *header;
    unused->timer.fire = too_late;
    fa_wheel_arm(&host->wheel, &unused->timer, host->now_ns + FA_IPV4_REASSEMBLY_NS);
    return unused;
}

typedef enum placing { PLACED, TWICE, REFUSED } placing;

/* Puts a fragment in its place; the packet stays the caller's unless it is PLACED. */
static placing place(fa_ipv4_reassembly *parts, fa_packet *packet, size_t at, bool more)
{
    const size_t end = at + packet->len;
    if (parts->fragment_count >= FA_IPV4_FRAGMENTS_MAX)
        return REFUSED;
    if (parts->total_bytes != 0 && (more ? end >= parts->total_bytes : end != parts->total_bytes))
        return REFUSED;
    fa_packet **link = &parts->fragments;
    while (*link != NULL && (*link)->checksum_start + (*link)->len <= at)
        link = &(*link)->next;
    fa_packet *behind = *link;
    if (behind != NULL && behind->checksum_start < end)
        return behind->checksum_start == at && behind->len == packet->len ? TWICE : REFUSED;
    if (!more && behind != NULL)
        return REFUSED; /* something lies behind the end */
    packet->checksum_start = (uint16_t)at;
    packet->next = behind;
    *link = packet;
    parts->fragment_count++;
    parts->received_bytes += packet->len;
    if (!more)
        parts->total_bytes = (uint32_t)end;
    return PLACED;
}

/* Copied together: a packet has fewer segments than a datagram may have fragments. */
static fa_packet *join(fa_host *host, fa_ipv4_reassembly *parts)
{
    fa_packet *whole = fa_packet_alloc(host->options.pool);
    fa_err err = whole != NULL ? FA_OK : FA_ENOMEM;
    for (const fa_packet *part = parts->fragments; part != NULL; part = part->next)
        for (unsigned i = 0; err == FA_OK && i < part->segment_count; i++) {
            const fa_packet_segment *segment = &part->segments[i];
            err = fa_packet_append_bytes(whole, segment->page->bytes + segment->offset, segment->len);
        }
    if (err != FA_OK) {
        fa_packet_free(whole);
        give_up(host, parts);
        return NULL;
    }
    release(host, parts);
    return whole;
}

fa_packet *fa_ipv4_reassemble(fa_host *host, fa_packet *packet, const fa_ipv4_header *header)
{
    const unsigned fragment = fa_be16_get(header->flags_fragment_offset);
    const size_t at = (size_t)(fragment & FA_IPV4_OFFSET_MASK) * 8;
    const bool more = (fragment & FA_IPV4_MORE_FRAGMENTS) != 0;
    if (packet->len == 0 || (more && packet->len % 8 != 0) ||
        at + packet->len > UINT16_MAX - sizeof *header) {
        fa_host_drop(host, packet);
        return NULL;
    }
    fa_ipv4_reassembly *parts = find(host, header);
    const placing placed = place(parts, packet, at, more);
    if (placed == PLACED) {
        if (at == 0)
            parts->header = *header;
        host->ipv4.fragment_count++;
        return parts->received_bytes == parts->total_bytes ? join(host, parts) : NULL;
    }
    fa_host_drop(host, packet);
    if (placed == REFUSED)
        give_up(host, parts);
    return NULL;
}
