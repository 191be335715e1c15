/* SPDX-License-Identifier: ISC */
/* ICMP in and out, within the rates of icmp.h: answers, and errors for TCP and for those who ask in vain. */
#include "host.h"
#include <string.h>

#define QUOTE_BYTES_MAX 64u /* of the segment in an error that is read: TCP needs 8 */

/* Whether one more is allowed at that rate: each uses up its part of a second, and at most
 * FA_ICMP_BURST_NS are there to be used. */
static bool take_token(uint64_t *used_ns, uint64_t now_ns, unsigned rate)
{
    const uint64_t floor_ns = now_ns > FA_ICMP_BURST_NS ? now_ns - FA_ICMP_BURST_NS : 0;
    const uint64_t from_ns = *used_ns > floor_ns ? *used_ns : floor_ns;
    if (from_ns + FA_NS_PER_S / rate > now_ns)
        return false;
    *used_ns = from_ns + FA_NS_PER_S / rate;
    return true;
}

/* The request itself goes back, with another type; its checksum with it (RFC 1624). */
static void answer_echo(fa_host *host, fa_packet *packet, const fa_ipv4_info *info)
{
    uint8_t *head = fa_packet_head(packet, sizeof(fa_icmp_header));
    if (head == NULL || info->to_broadcast ||
        !take_token(&host->icmp.echo_used_ns, host->now_ns, FA_ICMP_ECHO_RATE)) {
        fa_host_drop(host, packet);
        return;
    }
    fa_icmp_header header;
    memcpy(&header, head, sizeof header);
    header.type = FA_ICMP_ECHO_REPLY;
    const uint32_t sum = (uint32_t)(uint16_t)~fa_be16_get(header.checksum) +
                         (uint16_t)~(uint16_t)(FA_ICMP_ECHO << 8);
    header.checksum = fa_be16_of(fa_checksum_fold(sum));
    memcpy(head, &header, sizeof header);
    packet->checksum = FA_PACKET_UNCHECKED;
    const fa_err err = fa_ipv4_send(host, packet, info->destination, info->source, FA_IPV4_ICMP);
    (void)err; /* what does not get through was lost */
}

/* An error about something that we sent: TCP hears of it. */
static void hand_on_error(fa_host *host, fa_packet *packet, const fa_icmp_header *header)
{
    fa_ipv4_header about;
    uint8_t quote[QUOTE_BYTES_MAX];
    if (fa_packet_copy(packet, sizeof *header, &about, sizeof about) &&
        about.version_ihl >> 4 == 4 && about.protocol == FA_IPV4_TCP &&
        fa_ip4_is(about.source, host->address) &&
        (fa_be16_get(about.flags_fragment_offset) & FA_IPV4_OFFSET_MASK) == 0) {
        const size_t at = sizeof *header + (about.version_ihl & 0xfu) * 4u;
        const size_t left = packet->len > at ? packet->len - at : 0;
        const size_t len = left < sizeof quote ? left : sizeof quote;
        const bool too_big = header->type == FA_ICMP_UNREACHABLE &&
                             header->code == FA_ICMP_UNREACHABLE_FRAGMENTATION;
        if (len >= FA_ICMP_QUOTE_BYTES && fa_packet_copy(packet, at, quote, len))
            fa_tcp_icmp_error(host, about.destination, quote, len, header->type, header->code,
                              too_big ? fa_be16_get(header->low) : 0);
    }
    fa_packet_free(packet);
}

void fa_icmp_input(fa_host *host, fa_packet *packet, const fa_ipv4_info *info)
{
    fa_icmp_header header;
    if (!fa_packet_copy(packet, 0, &header, sizeof header) ||
        fa_checksum_fold(fa_packet_checksum_add(0, packet, 0, packet->len)) != 0) {
        fa_host_drop(host, packet);
        return;
    }
    switch (header.type) {
    case FA_ICMP_ECHO:
        answer_echo(host, packet, info);
        break;
    case FA_ICMP_UNREACHABLE:
    case FA_ICMP_TIME_EXCEEDED:
    case FA_ICMP_PARAMETER_PROBLEM:
        hand_on_error(host, packet, &header);
        break;
    default:
        fa_packet_free(packet);
    }
}

/* An error, or what nobody knows (RFC 1122, 3.2.2: no error about an error). */
static bool may_be_error(const fa_packet *packet, const fa_ipv4_info *info)
{
    uint8_t type;
    return info->protocol == FA_IPV4_ICMP &&
           (!fa_packet_copy(packet, 0, &type, 1) || type != FA_ICMP_ECHO);
}

void fa_icmp_error(fa_host *host, fa_packet *packet, const fa_ipv4_info *info, uint8_t type,
                   uint8_t code)
{
    /* Not about what was sent to many, or by nobody (RFC 1122, 3.2.2). */
    if (info->to_broadcast || fa_ip4_number(info->source) == 0 ||
        fa_ip4_number(host->address) == 0 || may_be_error(packet, info) ||
        !take_token(&host->icmp.error_used_ns, host->now_ns, FA_ICMP_ERROR_RATE)) {
        fa_host_drop(host, packet);
        return;
    }
    fa_ipv4_header about = *info->header;
    about.version_ihl = 0x45; /* without options */
    struct {
        fa_icmp_header header;
        fa_ipv4_header about;
        uint8_t quote[FA_ICMP_QUOTE_BYTES];
    } message = {.header = {.type = type, .code = code}, .about = about};
    const size_t quoted = packet->len < sizeof message.quote ? packet->len : sizeof message.quote;
    const bool copied = fa_packet_copy(packet, 0, message.quote, quoted);
    fa_packet_free(packet);
    const size_t len = offsetof(__typeof__(message), quote) + quoted;
    message.header.checksum = fa_be16_of(fa_checksum_fold(fa_checksum_add(0, &message, len)));
    fa_packet *error = copied ? fa_packet_alloc(host->options.pool) : NULL;
    if (error == NULL)
        return;
    memcpy(fa_packet_append(error, len), &message, len);
    const fa_err err = fa_ipv4_send(host, error, info->destination, info->source, FA_IPV4_ICMP);
    (void)err;
}
