/* SPDX-License-Identifier: ISC */
/* What a segment brings: an acknowledgment, which frees what was sent, and payload, which goes to the
 * application in order. Pages of large payloads are kept as they came; small ones are copied
 * together. What is out of order waits, within bounds, in its packets. */
#include "tcp_record.h"
#include <fata/panic.h>
#include <string.h>

/* Acknowledgments. */

/* Our FIN has arrived. False: the connection is gone. */
static bool fin_acknowledged(fa_tcp *tcp)
{
    tcp->fin_queued = false;
    switch (tcp->phase) {
    case FA_TCP_FIN_WAIT_1:
        tcp->phase = FA_TCP_FIN_WAIT_2;
        return true;
    case FA_TCP_CLOSING:
        fa_tcp_wait(tcp);
        return false;
    default: /* LAST-ACK */
        fa_tcp_end(tcp, FA_OK);
        return false;
    }
}

/* A round trip, if one can be told. After some timeouts in a row without one it is the estimate that
 * is wrong, and the timeout stays as long as it was made (Karn's algorithm, RFC 6298, 5.7); before that,
 * it was losses, and waiting longer each time would only make them worse. */
static void measure(fa_tcp *tcp, const fa_tcp_segment *segment)
{
    const uint32_t now = fa_tcp_ms(tcp->host);
    const uint32_t echo_ms = segment->options.ts_echo - tcp->ts_offset;
    if (tcp->rtt_timing) {
        if (!fa_tcp_before(tcp->rtt_sequence, segment->acknowledgment))
            return;
        fa_tcp_rtt_sample(tcp, now - tcp->rtt_ms);
        tcp->rtt_timing = false;
    } else if (tcp->timestamps && segment->options.ts_echo != 0 &&
               now - echo_ms <= now - tcp->timeout_ms) { /* (ages: the timeout may be long ago) */
        /* Timestamps tell one sending from another (RFC 7323, 4), but not that a peer which had all
         * before answers now: its echo is of what it took then, before the timeout. */
        fa_tcp_rtt_sample(tcp, now - echo_ms);
    } else {
        if (tcp->backoff > 0 && tcp->srtt_x8 != 0 && tcp->unsampled < FA_TCP_UNSAMPLED_MAX) {
            tcp->unsampled++;
            tcp->backoff = 0;
        }
        return;
    }
    tcp->unsampled = 0;
    tcp->backoff = 0;
}

static bool advance(fa_tcp *tcp, const fa_tcp_segment *segment)
{
    const uint32_t acked = segment->acknowledgment - tcp->snd_una;
    const uint32_t data = acked < tcp->send.len ? acked : tcp->send.len;
    const bool fin = tcp->fin_queued && acked > tcp->send.len;
    measure(tcp, segment);
    fa_tcp_queue_drop(&tcp->send, data);
    fa_tcp_charge(tcp);
    tcp->snd_una = segment->acknowledgment;
    if (fa_tcp_before(tcp->snd_nxt, tcp->snd_una))
        tcp->snd_nxt = tcp->snd_una;
    if (fa_tcp_before(tcp->small_end, tcp->snd_una))
        tcp->small_end = tcp->snd_una;
    tcp->unanswered_ms = 0;
    tcp->retransmit_at = tcp->probe_at = FA_FOREVER;
    fa_tcp_congestion_acked(tcp, acked);
    if (tcp->snd_una != tcp->snd_max) {
        tcp->unanswered_ms = fa_tcp_ms(tcp->host) | 1;
        fa_tcp_retransmit_arm(tcp);
        fa_tcp_probe_arm(tcp);
    }
    if (fin && !fin_acknowledged(tcp))
        return false;
    if (fa_tcp_is_orphan(tcp))
        fa_tcp_life_arm(tcp);
    return true;
}

bool fa_tcp_acknowledged(fa_tcp *tcp, const fa_tcp_segment *segment)
{
    const uint32_t window = segment->window << tcp->snd_shift;
    if (tcp->probing)
        fa_tcp_probe_answered(tcp, segment);
    const bool news = segment->options.sack_count > 0 && tcp->sack && fa_tcp_sack_take(tcp, segment);
    if (fa_tcp_before(tcp->snd_una, segment->acknowledgment)) {
        fa_tcp_pend(tcp);
        if (!advance(tcp, segment))
            return false;
        if (news && tcp->probing)
            fa_tcp_duplicate_ack(tcp, news); /* the probe has arrived, behind a gap */
    } else if (segment->acknowledgment == tcp->snd_una && tcp->snd_una != tcp->snd_max &&
               (news || (segment->len == 0 && window == tcp->snd_wnd && window > 0 &&
                         (segment->flags & FA_TCP_FIN) == 0))) {
        fa_tcp_duplicate_ack(tcp, news); /* RFC 5681, 2 */
    }
    /* RFC 9293, 3.10.7.4: an older segment does not change the window. */
    if (fa_tcp_before(tcp->snd_wl1, segment->sequence) ||
        (tcp->snd_wl1 == segment->sequence &&
         !fa_tcp_before(segment->acknowledgment, tcp->snd_wl2))) {
        tcp->snd_wl1 = segment->sequence;
        tcp->snd_wl2 = segment->acknowledgment;
        if (window == 0 || tcp->snd_wnd == 0)
            tcp->unanswered_ms = 0; /* it lives, and says: not now, or again (RFC 9293, 3.8.6.1) */
        if (window != tcp->snd_wnd) {
            /* A window that opens is used at once: probing is over. */
            if (window > tcp->snd_wnd && tcp->snd_nxt == tcp->snd_una) {
                tcp->backoff = 0;
                tcp->retransmit_at = FA_FOREVER;
            }
            tcp->snd_wnd = window;
            if (window > tcp->snd_wnd_max)
                tcp->snd_wnd_max = window;
            fa_tcp_pend(tcp);
        }
    }
    if (tcp->wants_room && fa_tcp_room_is_enough(tcp)) {
        tcp->wants_room = false;
        fa_tcp_notify(tcp, FA_TCP_WRITABLE);
    }
    return true;
}

/* Payload. */

/* Puts a packet's payload behind what is there; frees it. How many bytes of it were taken: fewer
 * without memory. */
static uint32_t append(fa_tcp *tcp, fa_packet *packet)
{
    fa_tcp_queue *queue = &tcp->receive;
    const uint32_t before = queue->len;
    const bool crowded = queue->count * FA_PACKET_PAGE_BYTES > 2 * (size_t)tcp->rcv_budget ||
                         fa_tcp_memory_tight(tcp->host);
    const bool copied = (packet->len <= FA_TCP_COPY_BYTES_MAX || crowded) &&
                        fa_tcp_queue_fits(queue, packet->len);
    for (unsigned i = 0; i < packet->segment_count; i++) {
        const fa_packet_segment *range = &packet->segments[i];
        if (copied)
            (void)fa_tcp_queue_write(queue, packet->pool, range->page->bytes + range->offset,
                                     range->len, 0);
        else if (range->len > 0 && !fa_tcp_queue_add(queue, *range))
            break;
    }
    fa_packet_free(packet);
    return queue->len - before;
}

void fa_tcp_drop_out_of_order(fa_tcp *tcp)
{
    for (fa_packet *packet = tcp->out_of_order, *next; packet != NULL; packet = next) {
        next = packet->next;
        fa_packet_free(packet);
    }
    tcp->out_of_order = tcp->out_of_order_last = NULL;
    tcp->out_of_order_count = tcp->out_of_order_pages = 0;
}

static void unlink_after(fa_tcp *tcp, fa_packet *previous, fa_packet *packet)
{
    if (previous != NULL)
        previous->next = packet->next;
    else
        tcp->out_of_order = packet->next;
    if (tcp->out_of_order_last == packet)
        tcp->out_of_order_last = previous;
    tcp->out_of_order_count--;
    tcp->out_of_order_pages = (uint16_t)(tcp->out_of_order_pages - packet->segment_count);
    packet->next = NULL;
}

/* Finds the packet behind which one from `sequence` on belongs; NULL: in front of all. */
static fa_packet *place(const fa_tcp *tcp, uint32_t sequence)
{
    fa_packet *last = tcp->out_of_order_last;
    if (last != NULL && !fa_tcp_before(sequence, fa_tcp_packet_sequence(last)))
        return last;
    fa_packet *previous = NULL;
    for (fa_packet *each = tcp->out_of_order;
         each != NULL && !fa_tcp_before(sequence, fa_tcp_packet_sequence(each)); each = each->next)
        previous = each;
    return previous;
}

/* Owns the packet. What is there already is kept, and cut off the new one. */
static void insert(fa_tcp *tcp, fa_packet *packet, uint32_t sequence)
{
    fa_packet *previous = place(tcp, sequence);
    const uint32_t end = sequence + packet->len;
    tcp->sack_recent = sequence;
    if (previous != NULL) {
        const uint32_t known = fa_tcp_packet_sequence(previous) + previous->len;
        if (!fa_tcp_before(known, end)) {
            fa_packet_free(packet);
            return;
        }
        if (fa_tcp_before(sequence, known)) {
            fa_packet_pull(packet, known - sequence);
            sequence = known;
        }
    }
    for (;;) { /* those that it covers go; the next one cuts it */
        fa_packet *next = previous != NULL ? previous->next : tcp->out_of_order;
        if (next == NULL || !fa_tcp_before(fa_tcp_packet_sequence(next), end))
            break;
        if (fa_tcp_before(end, fa_tcp_packet_sequence(next) + next->len)) {
            fa_packet_truncate(packet, fa_tcp_packet_sequence(next) - sequence);
            break;
        }
        unlink_after(tcp, previous, next);
        fa_packet_free(next);
    }
    /* Nothing is left where two that are there touch. */
    if (packet->len == 0 || tcp->out_of_order_count >= FA_TCP_OUT_OF_ORDER_MAX) {
        fa_packet_free(packet);
        return;
    }
    packet->checksum = FA_PACKET_VERIFIED;
    packet->checksum_start = (uint16_t)(sequence >> 16);
    packet->checksum_offset = (uint16_t)sequence;
    packet->next = previous != NULL ? previous->next : tcp->out_of_order;
    if (previous != NULL)
        previous->next = packet;
    else
        tcp->out_of_order = packet;
    if (packet->next == NULL)
        tcp->out_of_order_last = packet;
    tcp->out_of_order_count++;
    tcp->out_of_order_pages = (uint16_t)(tcp->out_of_order_pages + packet->segment_count);
}

/* What was out of order and is not any more. */
static void join(fa_tcp *tcp)
{
    fa_packet *packet;
    while ((packet = tcp->out_of_order) != NULL) {
        const uint32_t sequence = fa_tcp_packet_sequence(packet), len = packet->len;
        if (fa_tcp_before(tcp->rcv_nxt, sequence))
            return;
        unlink_after(tcp, NULL, packet);
        const uint32_t known = tcp->rcv_nxt - sequence;
        if (known >= len) {
            fa_packet_free(packet);
            continue;
        }
        packet->checksum = FA_PACKET_VERIFIED;
        fa_packet_pull(packet, known);
        const uint32_t taken = append(tcp, packet);
        tcp->rcv_nxt += taken;
        if (taken < len - known)
            return;
    }
}

/* No memory for what comes: what is out of order is given up first (RFC 2018, 8 allows it), then, in
 * a queue that is not empty, what is in order: it will be sent again. None is kept in the last of the
 * pool: the device needs it to receive into. */
static bool has_memory(fa_tcp *tcp, bool in_order)
{
    const fa_tcp_state *state = &tcp->host->tcp;
    if (state->memory_bytes < state->memory_max_bytes &&
        !fa_packet_pool_is_low(tcp->host->options.pool))
        return true;
    fa_tcp_drop_out_of_order(tcp);
    fa_tcp_charge(tcp);
    return in_order && fa_tcp_pool_has_pages(tcp->host) &&
           (state->memory_bytes < state->memory_max_bytes || tcp->receive.len == 0);
}

void fa_tcp_take_payload(fa_tcp *tcp, fa_tcp_segment *segment)
{
    fa_packet *packet = segment->packet;
    const uint32_t len = packet->len;
    segment->packet = NULL;
    const bool in_order = segment->sequence == tcp->rcv_nxt;
    fa_tcp_pend(tcp);
    if (!has_memory(tcp, in_order)) {
        fa_packet_free(packet);
        tcp->ack_now = true;
        return;
    }
    if (!in_order) {
        insert(tcp, packet, segment->sequence);
        fa_tcp_charge(tcp);
        tcp->ack_now = true;
        if (!tcp->sack)
            fa_tcp_send_ack(tcp); /* each counts as one duplicate (RFC 5681, 4.2) */
        return;
    }
    /* The segment that fills a gap, or a part of it, is acknowledged at once (RFC 5681, 4.2). */
    if (tcp->out_of_order != NULL)
        tcp->ack_now = true;
    if (len > tcp->rcv_mss)
        tcp->rcv_mss = (uint16_t)(len < tcp->mss ? len : tcp->mss);
    tcp->rcv_nxt += append(tcp, packet);
    join(tcp);
    fa_tcp_charge(tcp);
    fa_tcp_notify(tcp, FA_TCP_READABLE);
    /* RFC 9293, 3.8.6.3: every second full segment at least. */
    if (tcp->rcv_nxt - tcp->last_ack_sent >= 2u * tcp->rcv_mss)
        tcp->ack_now = true;
    if (!tcp->ack_due) {
        tcp->ack_due = true;
        tcp->ack_at = tcp->host->now_ns + FA_TCP_ACK_DELAY_MS * FA_NS_PER_MS;
    }
}
