/* SPDX-License-Identifier: ISC */
/* A segment arrives (RFC 9293, 3.10.7): its form and checksum, whom it is for, whether it belongs
 * there (RFC 5961, RFC 7323), and then what it does, in the RFC's order. */
#include "tcp_record.h"
#include <fata/panic.h>
#include <string.h>

/* What nearly every segment has that is no SYN: two NOPs and the timestamps (RFC 7323, appendix A). */
static bool parse_usual(const uint8_t *bytes, size_t len, fa_tcp_options *options_out)
{
    static const uint8_t kinds[] = {FA_TCP_OPTION_NOP, FA_TCP_OPTION_NOP, FA_TCP_OPTION_TIMESTAMPS, 10};
    struct {
        uint8_t kinds[sizeof kinds];
        fa_be32 value, echo;
    } usual;
    if (len != sizeof usual || memcmp(bytes, kinds, sizeof kinds) != 0)
        return false;
    memcpy(&usual, bytes, sizeof usual);
    options_out->timestamps = true;
    options_out->ts_value = fa_be32_get(usual.value);
    options_out->ts_echo = fa_be32_get(usual.echo);
    return true;
}

void fa_tcp_options_parse(const uint8_t *bytes, size_t len, fa_tcp_options *options_out)
{
    fa_reader reader = fa_reader_of(bytes, len);
    *options_out = (fa_tcp_options){0};
    if (parse_usual(bytes, len, options_out))
        return;
    while (reader.left_bytes > 0) {
        const uint8_t kind = fa_read_u8(&reader);
        if (kind == FA_TCP_OPTION_END)
            return;
        if (kind == FA_TCP_OPTION_NOP)
            continue;
        const uint8_t option_len = fa_read_u8(&reader);
        if (option_len < 2 || option_len - 2u > reader.left_bytes)
            return;
        fa_reader body = fa_reader_of(fa_read_bytes(&reader, option_len - 2u), option_len - 2u);
        if (kind == FA_TCP_OPTION_TIMESTAMPS && option_len == 10) {
            options_out->timestamps = true;
            options_out->ts_value = fa_read_be32(&body);
            options_out->ts_echo = fa_read_be32(&body);
        } else if (kind == FA_TCP_OPTION_SACK && option_len % 8 == 2) {
            while (body.left_bytes > 0 && options_out->sack_count < FA_TCP_SACK_BLOCKS_MAX) {
                fa_tcp_range *range = &options_out->sack[options_out->sack_count++];
                range->start = fa_read_be32(&body);
                range->end = fa_read_be32(&body);
            }
        } else if (kind == FA_TCP_OPTION_MSS && option_len == 4) {
            options_out->mss = fa_read_be16(&body);
        } else if (kind == FA_TCP_OPTION_SCALE && option_len == 3) {
            const uint8_t shift = fa_read_u8(&body);
            options_out->scale = true;
            options_out->shift = shift < FA_TCP_SCALE_MAX ? shift : FA_TCP_SCALE_MAX;
        } else if (kind == FA_TCP_OPTION_SACK_PERMITTED && option_len == 2) {
            options_out->sack_permitted = true;
        }
    }
}

/* SYN-SENT (RFC 9293, 3.10.7.3). */
static void syn_sent_input(fa_tcp *tcp, fa_tcp_segment *segment)
{
    const bool acked = (segment->flags & FA_TCP_ACK) != 0;
    if (acked && segment->acknowledgment != tcp->iss + 1) {
        fa_tcp_refuse(tcp->host, segment);
        return;
    }
    if ((segment->flags & FA_TCP_RST) != 0) {
        if (acked)
            fa_tcp_end(tcp, FA_ECLOSED);
        return;
    }
    if ((segment->flags & FA_TCP_SYN) == 0)
        return;
    fa_tcp_handshake handshake = fa_tcp_handshake_of(segment);
    handshake.iss = tcp->iss;
    handshake.syn_lost = tcp->syn_lost;
    if (acked)
        handshake.rtt_ms = fa_tcp_handshake_rtt(tcp->host, &handshake, segment, tcp->sent_ms);
    fa_tcp_begin(tcp, &handshake);
    if (acked) {
        tcp->ack_now = true;
        fa_tcp_notify(tcp, FA_TCP_CONNECTED | FA_TCP_WRITABLE);
    } else {
        /* Both have begun at once (RFC 9293, 3.5, figure 7): our SYN goes again, with ACK. */
        tcp->phase = FA_TCP_SYN_RECEIVED;
        tcp->snd_una = tcp->snd_nxt = tcp->iss;
        tcp->snd_max = tcp->iss + 1;
    }
    fa_tcp_pend(tcp);
}

/* The acknowledgment of our SYN in a simultaneous open. False: it is none. */
static bool syn_received_acked(fa_tcp *tcp, const fa_tcp_segment *segment)
{
    if (segment->acknowledgment != tcp->iss + 1) {
        fa_tcp_refuse(tcp->host, segment);
        return false;
    }
    tcp->snd_una = tcp->snd_nxt = tcp->snd_max = tcp->iss + 1;
    tcp->phase = tcp->fin_queued ? FA_TCP_FIN_WAIT_1 : FA_TCP_ESTABLISHED;
    tcp->retransmit_at = FA_FOREVER;
    tcp->unanswered_ms = 0;
    tcp->backoff = 0;
    fa_tcp_notify(tcp, FA_TCP_CONNECTED | FA_TCP_WRITABLE);
    fa_tcp_pend(tcp);
    return true;
}

/* What does not belong here is answered with what would; what has neither data nor a flag, rarely, so
 * that two that disagree do not answer each other for ever. */
static void challenge(fa_tcp *tcp, bool rarely)
{
    if (rarely && !fa_tcp_challenge_allowed(tcp->host, &tcp->challenge_ms))
        return;
    tcp->ack_now = true;
    fa_tcp_pend(tcp);
}

/* After TS.Recent: the peer's clock may have gone half its way round since a very old one, which is
 * compared with nothing any more (RFC 7323, 5.5). */
static bool is_newer(const fa_tcp *tcp, uint32_t ts_value)
{
    return !fa_tcp_before(ts_value, tcp->ts_recent) ||
           tcp->host->now_ns - tcp->ts_recent_ns >= FA_TCP_PAWS_NS;
}

/* PAWS (RFC 7323, 5.3). */
static bool is_stale(const fa_tcp *tcp, const fa_tcp_segment *segment)
{
    return tcp->timestamps && segment->options.timestamps &&
           (segment->flags & FA_TCP_RST) == 0 && !is_newer(tcp, segment->options.ts_value);
}

/* RFC 9293, 3.10.7.4, first to fourth: sequence number, RST, SYN, ACK. False: that is all. */
static bool is_acceptable(fa_tcp *tcp, fa_tcp_segment *segment)
{
    const uint32_t window =
        fa_tcp_before(tcp->rcv_nxt, tcp->rcv_adv) ? tcp->rcv_adv - tcp->rcv_nxt : 0;
    const uint32_t offset = segment->sequence - tcp->rcv_nxt; /* in the window when it is less */
    const uint32_t len = segment->len + ((segment->flags & FA_TCP_FIN) != 0 ? 1 : 0);
    const bool starts_inside = offset < window || offset == 0;
    const bool reaches_inside = len > 0 && fa_tcp_before(segment->sequence, tcp->rcv_nxt) &&
                                fa_tcp_before(tcp->rcv_nxt, segment->sequence + len);
    if (is_stale(tcp, segment) || (!starts_inside && !reaches_inside)) {
        if ((segment->flags & FA_TCP_RST) == 0)
            challenge(tcp, len == 0);
        return false;
    }
    if ((segment->flags & FA_TCP_RST) != 0) { /* RFC 5961, 3.2 */
        if (offset == 0)
            fa_tcp_end(tcp, FA_ECLOSED);
        else
            challenge(tcp, true);
        return false;
    }
    if ((segment->flags & FA_TCP_SYN) != 0) { /* RFC 5961, 4.2 */
        challenge(tcp, true);
        return false;
    }
    /* RFC 7323, 3.2: with timestamps agreed on, what has none is not of this connection. */
    if ((segment->flags & FA_TCP_ACK) == 0 || (tcp->timestamps && !segment->options.timestamps))
        return false;
    return true;
}

/* Cuts off what was here before, and what has no room. */
static void trim(fa_tcp *tcp, fa_tcp_segment *segment)
{
    if (fa_tcp_before(segment->sequence, tcp->rcv_nxt)) {
        const uint32_t known = tcp->rcv_nxt - segment->sequence;
        const uint32_t data = known < segment->len ? known : segment->len;
        fa_packet_pull(segment->packet, data);
        segment->len -= data;
        segment->sequence = tcp->rcv_nxt;
        if (known > data)
            segment->flags &= (uint8_t)~FA_TCP_FIN;
        challenge(tcp, false);
    }
    uint32_t edge = fa_tcp_later(tcp->rcv_nxt, tcp->rcv_adv);
    if (tcp->fin_seen && fa_tcp_before(tcp->fin_sequence, edge))
        edge = tcp->fin_sequence;
    const uint32_t room = fa_tcp_before(segment->sequence, edge) ? edge - segment->sequence : 0;
    if (segment->len > room) {
        fa_packet_truncate(segment->packet, room);
        segment->len = room;
        segment->flags &= (uint8_t)~FA_TCP_FIN;
        challenge(tcp, false);
    }
}

/* RFC 9293, 3.10.7.4, eighth: the peer's half ends, and all of it is here. */
static void fin_received(fa_tcp *tcp)
{
    tcp->rcv_nxt++;
    tcp->fin_received = true;
    tcp->ack_now = true;
    fa_tcp_pend(tcp);
    fa_tcp_notify(tcp, FA_TCP_READABLE);
    switch (tcp->phase) {
    case FA_TCP_ESTABLISHED:
        tcp->phase = FA_TCP_CLOSE_WAIT;
        break;
    case FA_TCP_FIN_WAIT_1:
        tcp->phase = FA_TCP_CLOSING;
        break;
    default: /* FIN-WAIT-2 */
        fa_tcp_send_ack(tcp);
        fa_tcp_wait(tcp);
        break;
    }
}

static bool receives(const fa_tcp *tcp)
{
    return tcp->phase == FA_TCP_ESTABLISHED || tcp->phase == FA_TCP_FIN_WAIT_1 ||
           tcp->phase == FA_TCP_FIN_WAIT_2;
}

void fa_tcp_connection_input(fa_tcp *tcp, fa_tcp_segment *segment)
{
    if (tcp->phase == FA_TCP_SYN_SENT) {
        syn_sent_input(tcp, segment);
        return;
    }
    if (tcp->phase == FA_TCP_SYN_RECEIVED && segment->sequence == tcp->irs &&
        (segment->flags & (FA_TCP_SYN | FA_TCP_ACK)) == (FA_TCP_SYN | FA_TCP_ACK)) {
        segment->sequence++; /* the peer's SYN again, which acknowledges ours */
        segment->flags &= (uint8_t)~FA_TCP_SYN;
    }
    if (!is_acceptable(tcp, segment))
        return;
    if (tcp->phase == FA_TCP_SYN_RECEIVED && !syn_received_acked(tcp, segment))
        return;
    /* RFC 5961, 5.2: what is acknowledged was sent, and not long ago. */
    if (fa_tcp_before(tcp->snd_max, segment->acknowledgment) ||
        fa_tcp_before(segment->acknowledgment, tcp->snd_una - tcp->snd_wnd_max)) {
        challenge(tcp, true);
        return;
    }
    /* It is the peer's: not before now, or who guesses keeps a peer alive that is not. */
    tcp->heard_ns = tcp->host->now_ns;
    tcp->keep_alive_probes = 0;
    /* RFC 7323, 4.3. */
    if (tcp->timestamps && !fa_tcp_before(tcp->last_ack_sent, segment->sequence) &&
        is_newer(tcp, segment->options.ts_value)) {
        tcp->ts_recent = segment->options.ts_value;
        tcp->ts_recent_ns = tcp->heard_ns;
    }
    if (!fa_tcp_acknowledged(tcp, segment))
        return;
    if (segment->len == 0 && (segment->flags & FA_TCP_FIN) == 0)
        return;
    trim(tcp, segment);
    if (!receives(tcp)) {
        challenge(tcp, false); /* after its FIN: it is that again */
        return;
    }
    if (segment->len > 0 && fa_tcp_is_orphan(tcp)) { /* nobody will read it (RFC 2525, 2.17) */
        fa_tcp_send_reset(tcp);
        fa_tcp_end(tcp, FA_ECLOSED);
        return;
    }
    if ((segment->flags & FA_TCP_FIN) != 0 && !tcp->fin_seen) {
        tcp->fin_seen = true;
        tcp->fin_sequence = tcp->sack_recent = segment->sequence + segment->len;
    }
    if (segment->len > 0)
        fa_tcp_take_payload(tcp, segment);
    if (tcp->fin_seen && tcp->rcv_nxt == tcp->fin_sequence)
        fin_received(tcp);
    else if ((segment->flags & FA_TCP_FIN) != 0)
        challenge(tcp, false);
}

/* Reads the header and pulls the packet to the payload. False: it is not right. */
static bool parse(fa_packet *packet, const fa_ipv4_info *info, fa_tcp_segment *segment_out)
{
    const uint8_t *bytes = fa_packet_head(packet, FA_TCP_HEADER_BYTES);
    if (bytes == NULL)
        return false;
    fa_tcp_header header;
    memcpy(&header, bytes, sizeof header);
    const size_t header_len = (size_t)(header.data_offset >> 4) * 4;
    if (header_len < FA_TCP_HEADER_BYTES || header_len > packet->len)
        return false;
    if (packet->checksum == FA_PACKET_UNCHECKED &&
        fa_checksum_fold(fa_packet_checksum_add(
            fa_ipv4_pseudo_sum(info->source, info->destination, FA_IPV4_TCP, packet->len), packet, 0,
            packet->len)) != 0)
        return false;
    *segment_out = (fa_tcp_segment){.packet = packet,
                                    .info = info,
                                    .local_port = fa_be16_get(header.destination_port),
                                    .peer_port = fa_be16_get(header.source_port),
                                    .sequence = fa_be32_get(header.sequence),
                                    .acknowledgment = fa_be32_get(header.acknowledgment),
                                    .window = fa_be16_get(header.window),
                                    .len = (uint32_t)(packet->len - header_len),
                                    .flags = header.flags};
    if (header_len > FA_TCP_HEADER_BYTES) {
        bytes = fa_packet_head(packet, header_len);
        if (bytes == NULL)
            return false;
        fa_tcp_options_parse(bytes + FA_TCP_HEADER_BYTES, header_len - FA_TCP_HEADER_BYTES,
                             &segment_out->options);
    }
    fa_packet_pull(packet, header_len);
    return segment_out->local_port != 0 && segment_out->peer_port != 0;
}

void fa_tcp_input(fa_host *host, fa_packet *packet, const fa_ipv4_info *info)
{
    fa_tcp_segment segment;
    if (info->to_broadcast || !parse(packet, info, &segment)) {
        host->dropped_packets++;
        fa_packet_free(packet);
        return;
    }
    fa_tcp_entry *entry = fa_tcp_find(host, info->destination, segment.local_port, info->source,
                                      segment.peer_port);
    fa_tcp_listener *listener =
        entry == NULL ? fa_tcp_listener_find(host, segment.local_port) : NULL;
    if (entry == NULL && listener == NULL)
        fa_tcp_refuse(host, &segment);
    else if (entry == NULL)
        fa_tcp_listener_input(host, listener, &segment, 0);
    else if (entry->kind == FA_TCP_CONNECTION)
        fa_tcp_connection_input((fa_tcp *)entry, &segment);
    else if (entry->kind == FA_TCP_HALF_OPEN)
        fa_tcp_half_open_input((fa_tcp_half_open *)entry, &segment);
    else
        fa_tcp_wait_input(host, (fa_tcp_time_wait *)entry, &segment);
    fa_packet_free(segment.packet);
}
