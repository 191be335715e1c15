/* SPDX-License-Identifier: ISC */
/* What TCP sends, and when: segments made of a header and references to the send queue, with one
 * acknowledgment for a whole batch of input. Nagle's algorithm is Minshall's form of it: a small
 * segment waits only while an earlier small one is unacknowledged, so that the end of a long answer
 * does not wait for the peer's delayed acknowledgment. */
#include "tcp_record.h"
#include <fata/panic.h>
#include <string.h>

void fa_tcp_pend(fa_tcp *tcp)
{
    if (tcp->in_pending)
        return;
    tcp->in_pending = true;
    tcp->next_pending = tcp->host->tcp.pending;
    tcp->host->tcp.pending = tcp;
}

/* The window (RFC 9293, 3.8.6). */

/* What may come: what the queue has room for. When memory is tight, what the peer was promised
 * before, and a little for who has nothing: no connection stops for ever. */
uint32_t fa_tcp_receive_window(const fa_tcp *tcp)
{
    const uint32_t promised =
        fa_tcp_before(tcp->rcv_nxt, tcp->rcv_adv) ? tcp->rcv_adv - tcp->rcv_nxt : 0;
    uint32_t room = tcp->rcv_budget > tcp->receive.len ? tcp->rcv_budget - tcp->receive.len : 0;
    if (fa_tcp_memory_tight(tcp->host)) {
        const uint32_t least = tcp->receive.len == 0 ? 2u * tcp->rcv_mss : 0;
        room = room < least ? room : least;
    }
    const uint32_t most = (uint32_t)UINT16_MAX << tcp->rcv_shift;
    /* Silly windows are avoided (RFC 9293, 3.8.6.2.2): the edge moves by a segment at least. */
    if (room < promised + tcp->rcv_mss && room < tcp->rcv_budget)
        room = promised;
    return room < most ? room : most;
}

void fa_tcp_window_opened(fa_tcp *tcp)
{
    if (tcp->phase != FA_TCP_ESTABLISHED && tcp->phase != FA_TCP_FIN_WAIT_1 &&
        tcp->phase != FA_TCP_FIN_WAIT_2)
        return;
    const uint32_t promised =
        fa_tcp_before(tcp->rcv_nxt, tcp->rcv_adv) ? tcp->rcv_adv - tcp->rcv_nxt : 0;
    const uint32_t window = fa_tcp_receive_window(tcp);
    if (window <= promised)
        return;
    const uint32_t gain = window - promised;
    if (gain >= tcp->rcv_budget / 4 || (promised < 2u * tcp->rcv_mss && gain >= tcp->rcv_mss)) {
        tcp->ack_now = true;
        fa_tcp_pend(tcp);
    }
}

/* The window field of the next segment, and that the peer knows it. It is rounded up, so that its
 * right edge never moves back. */
static uint16_t advertise(fa_tcp *tcp)
{
    const uint32_t window = fa_tcp_receive_window(tcp);
    uint32_t field = (window + (1u << tcp->rcv_shift) - 1) >> tcp->rcv_shift;
    if (field > UINT16_MAX)
        field = UINT16_MAX;
    tcp->rcv_adv = tcp->rcv_nxt + (field << tcp->rcv_shift);
    tcp->last_ack_sent = tcp->rcv_nxt;
    tcp->ack_now = tcp->ack_due = false;
    tcp->ack_at = FA_FOREVER;
    return (uint16_t)field;
}

/* Segments. */

static void put_timestamps(fa_writer *writer, uint32_t value, uint32_t echo)
{
    fa_write_be32(writer, (uint32_t)FA_TCP_OPTION_NOP << 24 | FA_TCP_OPTION_NOP << 16 |
                              FA_TCP_OPTION_TIMESTAMPS << 8 | 10); /* RFC 7323, A */
    fa_write_be32(writer, value);
    fa_write_be32(writer, echo);
}

static void put_syn_options(fa_writer *writer, uint16_t mss, bool scale, bool sack)
{
    fa_write_be32(writer, (uint32_t)FA_TCP_OPTION_MSS << 24 | 4u << 16 | mss);
    if (scale)
        fa_write_be32(writer, (uint32_t)FA_TCP_OPTION_NOP << 24 | FA_TCP_OPTION_SCALE << 16 |
                                  3u << 8 | FA_TCP_WINDOW_SHIFT);
    if (sack)
        fa_write_be32(writer, (uint32_t)FA_TCP_OPTION_NOP << 24 | FA_TCP_OPTION_NOP << 16 |
                                  FA_TCP_OPTION_SACK_PERMITTED << 8 | 2u);
}

/* The peer's FIN is here, but not all in front of it: it is out of order as data is, and has a number. */
static bool fin_waits(const fa_tcp *tcp)
{
    return tcp->fin_seen && fa_tcp_before(tcp->rcv_nxt, tcp->fin_sequence);
}

static bool has_blocks(const fa_tcp *tcp)
{
    return tcp->sack && (tcp->out_of_order != NULL || fin_waits(tcp));
}

/* The blocks of what is here out of order, the one that grew last first (RFC 2018, 4). */
static void put_sack(fa_writer *writer, const fa_tcp *tcp)
{
    fa_tcp_range blocks[FA_TCP_SACK_BLOCKS_MAX];
    const unsigned most = tcp->timestamps ? FA_TCP_SACK_BLOCKS_MAX - 1 : FA_TCP_SACK_BLOCKS_MAX;
    unsigned count = 1; /* the first place is for the recent one */
    bool fin = fin_waits(tcp);
    fa_tcp_range range = {0, 0};
    blocks[0] = range;
    for (const fa_packet *packet = tcp->out_of_order; packet != NULL || fin;) {
        range.start = range.end = packet != NULL ? fa_tcp_packet_sequence(packet) : tcp->fin_sequence;
        for (; packet != NULL && fa_tcp_packet_sequence(packet) == range.end; packet = packet->next)
            range.end += packet->len;
        if (fin && range.end == tcp->fin_sequence) {
            range.end++;
            fin = false;
        }
        if (!fa_tcp_before(tcp->sack_recent, range.start) &&
            fa_tcp_before(tcp->sack_recent, range.end))
            blocks[0] = range;
        else if (count < most)
            blocks[count++] = range;
    }
    const unsigned first = blocks[0].start == blocks[0].end ? 1 : 0;
    if (first == count)
        return;
    fa_write_be32(writer, (uint32_t)FA_TCP_OPTION_NOP << 24 | FA_TCP_OPTION_NOP << 16 |
                              FA_TCP_OPTION_SACK << 8 | (2 + 8 * (count - first)));
    for (unsigned i = first; i < count; i++) {
        fa_write_be32(writer, blocks[i].start);
        fa_write_be32(writer, blocks[i].end);
    }
}

/* Each field is one store by these; of an initializer compilers make a vector, byte by byte. */
static void put_be16(fa_be16 *field, uint16_t n)
{
    const fa_be16 wire = fa_be16_of(n);
    memcpy(field, &wire, sizeof wire);
}

static void put_be32(fa_be32 *field, uint32_t n)
{
    const fa_be32 wire = fa_be32_of(n);
    memcpy(field, &wire, sizeof wire);
}

static void put_header(uint8_t *at, uint16_t local_port, uint16_t peer_port, uint32_t sequence,
                       uint32_t acknowledgment, size_t header_len, uint8_t flags, uint16_t window)
{
    fa_tcp_header *header = (fa_tcp_header *)at;
    put_be16(&header->source_port, local_port);
    put_be16(&header->destination_port, peer_port);
    put_be32(&header->sequence, sequence);
    put_be32(&header->acknowledgment, acknowledgment);
    header->data_offset = (uint8_t)(header_len / 4 << 4);
    header->flags = flags;
    put_be16(&header->window, window);
    put_be16(&header->checksum, 0);
    put_be16(&header->urgent, 0);
}

/* Owns the packet, which begins with the header. */
static fa_err dispatch(fa_host *host, fa_packet *packet, uint8_t *header, fa_ip4 local, fa_ip4 peer)
{
    const fa_be16 pseudo = fa_be16_of((uint16_t)~fa_checksum_fold(
        fa_ipv4_pseudo_sum(local, peer, FA_IPV4_TCP, packet->len)));
    memcpy(header + FA_TCP_CHECKSUM_OFFSET, &pseudo, sizeof pseudo);
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_start = 0;
    packet->checksum_offset = FA_TCP_CHECKSUM_OFFSET;
    if ((host->options.features & FA_NETIF_CHECKSUM) == 0)
        fa_packet_finish_checksum(packet);
    return fa_ipv4_send(host, packet, local, peer, FA_IPV4_TCP);
}

bool fa_tcp_send_bare(fa_host *host, const fa_tcp_bare *bare)
{
    uint8_t options[FA_TCP_HEADER_BYTES_MAX - FA_TCP_HEADER_BYTES];
    fa_writer writer = fa_writer_of(options, sizeof options);
    if ((bare->flags & FA_TCP_SYN) != 0)
        put_syn_options(&writer, bare->mss, bare->scale, bare->sack);
    if (bare->timestamps)
        put_timestamps(&writer, bare->ts_value, bare->ts_echo);
    fa_packet *packet = fa_packet_alloc(host->options.pool);
    if (packet == NULL)
        return false;
    const size_t header_len = FA_TCP_HEADER_BYTES + writer.len;
    uint8_t *header = fa_packet_append(packet, header_len);
    fa_assert(header != NULL);
    put_header(header, bare->local_port, bare->peer_port, bare->sequence, bare->acknowledgment,
               header_len, bare->flags, bare->window);
    memcpy(header + FA_TCP_HEADER_BYTES, options, writer.len);
    if ((bare->flags & FA_TCP_RST) != 0)
        host->tcp.resets_sent++;
    return dispatch(host, packet, header, bare->local, bare->peer) == FA_OK;
}

void fa_tcp_refuse(fa_host *host, const fa_tcp_segment *segment)
{
    if ((segment->flags & FA_TCP_RST) != 0 || segment->info->to_broadcast)
        return;
    fa_tcp_bare bare = {.local = segment->info->destination,
                        .peer = segment->info->source,
                        .local_port = segment->local_port,
                        .peer_port = segment->peer_port,
                        .flags = FA_TCP_RST};
    if ((segment->flags & FA_TCP_ACK) != 0) {
        bare.sequence = segment->acknowledgment;
    } else {
        bare.flags |= FA_TCP_ACK;
        bare.acknowledgment = segment->sequence + segment->len +
                              ((segment->flags & FA_TCP_SYN) != 0 ? 1 : 0) +
                              ((segment->flags & FA_TCP_FIN) != 0 ? 1 : 0);
    }
    (void)fa_tcp_send_bare(host, &bare);
}

bool fa_tcp_challenge_allowed(fa_host *host, uint32_t *last_ms)
{
    const uint32_t now = fa_tcp_ms(host);
    if (now - *last_ms < FA_TCP_CHALLENGE_MS)
        return false;
    *last_ms = now;
    host->tcp.challenges_sent++;
    return true;
}

static fa_tcp_bare bare_of(fa_tcp *tcp, uint32_t sequence, uint8_t flags)
{
    return (fa_tcp_bare){.local = tcp->entry.local,
                         .peer = tcp->entry.peer,
                         .local_port = tcp->entry.local_port,
                         .peer_port = tcp->entry.peer_port,
                         .sequence = sequence,
                         .acknowledgment = tcp->rcv_nxt,
                         .flags = flags,
                         .timestamps = tcp->timestamps,
                         .ts_value = fa_tcp_ms(tcp->host) + tcp->ts_offset,
                         .ts_echo = tcp->ts_recent};
}

/* The sequence number of a segment without payload: behind all that was sent, but in the window. */
static uint32_t bare_sequence(const fa_tcp *tcp)
{
    const uint32_t edge = tcp->snd_una + tcp->snd_wnd;
    return fa_tcp_before(edge, tcp->snd_max) ? edge : tcp->snd_max;
}

void fa_tcp_send_reset(fa_tcp *tcp)
{
    if (tcp->phase <= FA_TCP_SYN_SENT)
        return;
    const fa_tcp_bare bare = bare_of(tcp, bare_sequence(tcp), FA_TCP_RST | FA_TCP_ACK);
    (void)fa_tcp_send_bare(tcp->host, &bare);
}

static void send_syn(fa_tcp *tcp)
{
    const bool answer = tcp->phase == FA_TCP_SYN_RECEIVED;
    fa_tcp_bare bare = bare_of(tcp, tcp->iss, (uint8_t)(FA_TCP_SYN | (answer ? FA_TCP_ACK : 0)));
    bare.window = UINT16_MAX;
    bare.mss = fa_tcp_mss_own(tcp->host);
    bare.timestamps = !answer || tcp->timestamps;
    bare.scale = !answer || tcp->scale;
    bare.sack = !answer || tcp->sack;
    if (!answer)
        bare.acknowledgment = bare.ts_echo = 0;
    tcp->ack_now = tcp->ack_due = false;
    tcp->snd_nxt = tcp->snd_max = tcp->iss + 1;
    tcp->sent_ms = fa_tcp_ms(tcp->host);
    (void)fa_tcp_send_bare(tcp->host, &bare);
    if (tcp->retransmit_at == FA_FOREVER)
        fa_tcp_retransmit_arm(tcp);
}

/* Takes in the payload: copied behind the header when it is little, else by reference. False: the
 * pool is empty, or the packet. */
static fa_packet *make_packet(fa_tcp *tcp, uint32_t sequence, size_t header_len, uint32_t *len,
                              uint8_t **header_out)
{
    fa_packet *packet = fa_packet_alloc(tcp->host->options.pool);
    if (packet == NULL)
        return NULL;
    const bool copied = *len <= FA_TCP_COPY_BYTES_MAX;
    const size_t offset = sequence - tcp->snd_una;
    *header_out = fa_packet_append(packet, header_len + (copied ? *len : 0));
    fa_assert(*header_out != NULL);
    if (*len == 0)
        return packet;
    if (copied)
        fa_tcp_queue_copy(&tcp->send, offset, *header_out + header_len, *len);
    else
        *len = (uint32_t)fa_tcp_queue_refer(&tcp->send, offset, *len, packet);
    return packet;
}

/* Sends what is in the send queue from `sequence` on, with FIN if that is behind it. How many
 * sequence numbers it took; 0: nothing could be sent. A pure acknowledgment has len 0 and no FIN. */
static bool send_segment(fa_tcp *tcp, uint32_t sequence, uint32_t len, bool fin, uint32_t *end_out)
{
    fa_host *host = tcp->host;
    uint8_t options[FA_TCP_HEADER_BYTES_MAX - FA_TCP_HEADER_BYTES];
    fa_writer writer = fa_writer_of(options, sizeof options);
    if (tcp->timestamps)
        put_timestamps(&writer, fa_tcp_ms(host) + tcp->ts_offset, tcp->ts_recent);
    if (len == 0 && !fin && has_blocks(tcp))
        put_sack(&writer, tcp);
    const size_t header_len = FA_TCP_HEADER_BYTES + writer.len;
    const uint32_t wanted = len;
    uint8_t *header;
    fa_packet *packet = make_packet(tcp, sequence, header_len, &len, &header);
    if (packet == NULL || (len == 0 && wanted > 0)) {
        fa_packet_free(packet);
        return false;
    }
    if (len < wanted) { /* it has no more segments: only whole ones are sent */
        fin = false;
        len -= len > tcp->mss ? len % tcp->mss : 0;
        fa_packet_truncate(packet, header_len + len);
    }
    uint8_t flags = FA_TCP_ACK;
    if (len > 0 && sequence + len == tcp->snd_una + tcp->send.len)
        flags |= FA_TCP_PSH;
    if (fin)
        flags |= FA_TCP_FIN;
    put_header(header, tcp->entry.local_port, tcp->entry.peer_port, sequence, tcp->rcv_nxt,
               header_len, flags, advertise(tcp));
    memcpy(header + FA_TCP_HEADER_BYTES, options, writer.len);
    if (len > tcp->mss) {
        packet->segment_payload_bytes = tcp->mss;
        packet->header_bytes = (uint16_t)header_len;
    }
    if (end_out != NULL)
        *end_out = sequence + len + (fin ? 1 : 0);
    /* A packet that cannot be sent now is lost, as on the way: the timer sends it again. */
    (void)dispatch(host, packet, header, tcp->entry.local, tcp->entry.peer);
    return true;
}

/* The pool was empty: soon again. */
static void retry_soon(fa_tcp *tcp)
{
    const fa_deadline soon = tcp->host->now_ns + FA_TCP_RETRY_MS * FA_NS_PER_MS;
    if (tcp->ack_at > soon)
        tcp->ack_at = soon;
}

void fa_tcp_send_ack(fa_tcp *tcp)
{
    if (!send_segment(tcp, bare_sequence(tcp), 0, false, NULL)) {
        tcp->ack_now = true;
        retry_soon(tcp);
    }
}

/* What the peer must answer: one byte that its window has no room for (RFC 9293, 3.8.6.1), as much as
 * its small window has room for (3.8.6.2.1), or, with nothing to send, what it has already (keep-alive;
 * RFC 1122, 4.2.3.6). */
void fa_tcp_send_probe(fa_tcp *tcp)
{
    uint32_t end;
    if (fa_tcp_send_end(tcp) == tcp->snd_una) {
        fa_tcp_bare bare = bare_of(tcp, tcp->snd_una - 1, FA_TCP_ACK);
        bare.window = advertise(tcp);
        (void)fa_tcp_send_bare(tcp->host, &bare);
        return;
    }
    uint32_t len = tcp->snd_wnd == 0 ? 1 : tcp->snd_wnd;
    if (len > tcp->mss)
        len = tcp->mss;
    if (len > tcp->send.len)
        len = tcp->send.len;
    if (!send_segment(tcp, tcp->snd_una, len, len == 0, &end))
        return;
    tcp->snd_max = fa_tcp_later(tcp->snd_max, end);
    tcp->rtt_timing = false;
    if (tcp->snd_wnd > 0)
        tcp->snd_nxt = end;
    if (tcp->unanswered_ms == 0)
        tcp->unanswered_ms = fa_tcp_ms(tcp->host) | 1;
}

/* Data has been sent up to `end`. */
static void sent(fa_tcp *tcp, uint32_t start, uint32_t end, bool small)
{
    const uint32_t now = fa_tcp_ms(tcp->host);
    const bool again = fa_tcp_before(start, tcp->snd_max);
    if (again)
        tcp->host->tcp.retransmitted_segments++;
    if (again && tcp->rtt_timing && !fa_tcp_before(tcp->rtt_sequence, start))
        tcp->rtt_timing = false; /* Karn's algorithm (RFC 6298, 3) */
    if (!again && !tcp->rtt_timing) {
        tcp->rtt_timing = true;
        tcp->rtt_sequence = start;
        tcp->rtt_ms = now;
    }
    if (small)
        tcp->small_end = end;
    tcp->snd_max = fa_tcp_later(tcp->snd_max, end);
    tcp->sent_ms = now;
    if (tcp->unanswered_ms == 0)
        tcp->unanswered_ms = now | 1;
    if (tcp->retransmit_at == FA_FOREVER)
        fa_tcp_retransmit_arm(tcp);
}

/* RFC 8985, 7.3: a new segment, if there is one that the peer has room for; else the last one again. */
bool fa_tcp_send_tail_probe(fa_tcp *tcp)
{
    const uint32_t data_end = tcp->snd_una + tcp->send.len;
    const uint32_t edge = tcp->snd_una + tcp->snd_wnd;
    const uint32_t behind = fa_tcp_before(edge, data_end) ? edge : data_end;
    const bool again = !fa_tcp_before(tcp->snd_max, behind);
    uint32_t start = tcp->snd_max, end = behind;
    if (again) {
        end = fa_tcp_before(tcp->snd_max, data_end) ? tcp->snd_max : data_end;
        start = end - tcp->snd_una > tcp->mss ? end - tcp->mss : tcp->snd_una;
    } else if (end - start > tcp->mss) {
        end = start + tcp->mss;
    }
    const uint32_t len = end - start;
    const bool fin = again && fa_tcp_before(data_end, tcp->snd_max);
    if (!send_segment(tcp, start, len, fin, &end))
        return false;
    tcp->probing = true;
    tcp->probe_again = again;
    sent(tcp, start, end, len % tcp->mss != 0);
    tcp->snd_nxt = fa_tcp_later(tcp->snd_nxt, end);
    tcp->probe_end = tcp->snd_max;
    return true;
}

/* How much of `len` bytes, all that the window lets through of `unsent` ones, to put into the next
 * segment; 0: they wait. */
static uint32_t segment_len(const fa_tcp *tcp, uint32_t len, uint32_t unsent)
{
    const bool cut = (tcp->host->options.features & FA_NETIF_TSO4) != 0;
    const uint32_t most = cut ? FA_TCP_TSO_BYTES_MAX - FA_TCP_TSO_BYTES_MAX % tcp->mss : tcp->mss;
    if (len >= most)
        return most;
    const uint32_t tail = len % tcp->mss;
    if (tail == 0)
        return len;
    /* RFC 9293, 3.8.6.2.1 and 3.7.4: the end of the data, if no small segment is on its way, or a good
     * part of the peer's window. */
    const bool waits = fa_tcp_before(tcp->snd_una, tcp->small_end) && !tcp->fin_queued;
    if ((len == unsent && !waits) || tail >= tcp->snd_wnd_max / 2)
        return len;
    return len - tail;
}

static void output_recovery(fa_tcp *tcp)
{
    fa_tcp_range range;
    while (fa_tcp_recovery_next(tcp, &range)) {
        uint32_t end;
        const uint32_t data_end = tcp->snd_una + tcp->send.len;
        const bool fin = tcp->fin_queued && range.end == data_end + 1;
        if (!send_segment(tcp, range.start, range.end - range.start - (fin ? 1 : 0), fin, &end)) {
            retry_soon(tcp);
            return;
        }
        tcp->resend_first = false;
        if (fa_tcp_before(range.start, tcp->snd_max)) /* not new: HighRxt (RFC 6675, 2) */
            tcp->high_rxt = fa_tcp_later(tcp->high_rxt, end);
        sent(tcp, range.start, end, false);
        tcp->snd_nxt = fa_tcp_later(tcp->snd_nxt, end);
    }
}

/* After a timeout: what the peer has said meanwhile that it has is not sent again. */
static void skip_sacked(fa_tcp *tcp)
{
    for (uint32_t i = 0; tcp->scoreboard != NULL && i < tcp->scoreboard->count; i++) {
        const fa_tcp_range *range = &tcp->scoreboard->ranges[i];
        if (!fa_tcp_before(tcp->snd_nxt, range->start) && fa_tcp_before(tcp->snd_nxt, range->end))
            tcp->snd_nxt = range->end;
    }
}

static void output_data(fa_tcp *tcp)
{
    /* RFC 5681, 3.2: limited transmit on the first two duplicates (RFC 3042). */
    const uint32_t extra =
        !tcp->recovering && tcp->dup_acks < FA_TCP_DUP_THRESHOLD ? tcp->dup_acks * tcp->mss : 0u;
    const uint32_t congestion = tcp->cwnd + extra;
    const uint32_t window = tcp->snd_wnd < congestion ? tcp->snd_wnd : congestion;
    for (;;) {
        if (fa_tcp_before(tcp->snd_nxt, tcp->snd_max))
            skip_sacked(tcp);
        const uint32_t flight = tcp->snd_nxt - tcp->snd_una;
        const uint32_t unsent = tcp->send.len > flight ? tcp->send.len - flight : 0;
        const bool fin_unsent = tcp->fin_queued && flight <= tcp->send.len;
        const uint32_t usable = window > flight ? window - flight : 0;
        const uint32_t open = unsent < usable ? unsent : usable;
        const uint32_t len = open > 0 ? segment_len(tcp, open, unsent) : 0;
        const bool fin = fin_unsent && len == unsent;
        tcp->cwnd_limited = open < unsent && usable < tcp->mss && congestion <= tcp->snd_wnd;
        if (len == 0 && !fin)
            return;
        uint32_t end;
        const uint32_t start = tcp->snd_nxt;
        if (!send_segment(tcp, start, len, fin, &end)) {
            retry_soon(tcp);
            return;
        }
        tcp->snd_nxt = end;
        sent(tcp, start, end, len % tcp->mss != 0);
        fa_tcp_probe_arm(tcp);
    }
}

void fa_tcp_output(fa_tcp *tcp)
{
    switch (tcp->phase) {
    case FA_TCP_CLOSED:
        return;
    case FA_TCP_SYN_SENT:
    case FA_TCP_SYN_RECEIVED:
        if (tcp->snd_nxt == tcp->iss || tcp->ack_now)
            send_syn(tcp);
        break;
    default:
        /* RFC 5681, 4.1: after a pause, the path is learned anew. */
        if (tcp->snd_una == tcp->snd_max && tcp->send.len > 0 &&
            fa_tcp_ms(tcp->host) - tcp->sent_ms > tcp->rto_ms)
            fa_tcp_congestion_idle(tcp);
        if (tcp->ack_now && has_blocks(tcp))
            fa_tcp_send_ack(tcp); /* with its blocks, for which segments with data have no room */
        if (tcp->recovering)
            output_recovery(tcp);
        else
            output_data(tcp);
        if (tcp->ack_now)
            fa_tcp_send_ack(tcp);
        /* Nothing is on its way that the peer would answer, and it has no room: probes. */
        if (tcp->retransmit_at == FA_FOREVER &&
            (tcp->snd_una != tcp->snd_max || fa_tcp_send_end(tcp) != tcp->snd_una))
            fa_tcp_retransmit_arm(tcp);
        break;
    }
    fa_tcp_timer_update(tcp);
}

void fa_tcp_flush(fa_host *host)
{
    fa_tcp *tcp;
    while ((tcp = host->tcp.pending) != NULL) {
        host->tcp.pending = tcp->next_pending;
        tcp->in_pending = false;
        if (tcp->dead)
            fa_tcp_release(tcp);
        else
            fa_tcp_output(tcp);
    }
    for (fa_tcp **link = &host->tcp.starving; (tcp = *link) != NULL;) {
        if (!tcp->dead && fa_tcp_pages_allowed(tcp) == 0) {
            link = &tcp->next_starving;
            continue;
        }
        *link = tcp->next_starving;
        tcp->in_starving = false;
        if (tcp->dead)
            fa_tcp_release(tcp);
        else
            fa_tcp_notify(tcp, FA_TCP_WRITABLE);
    }
    if (host->tcp.starving != NULL && !fa_wheel_armed(&host->tcp.starving_timer))
        fa_wheel_arm(&host->wheel, &host->tcp.starving_timer,
                     host->now_ns + FA_TCP_RETRY_MS * FA_NS_PER_MS);
}
