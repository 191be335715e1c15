/* SPDX-License-Identifier: ISC */
/* How fast to send and what to send again: round-trip times (RFC 6298), slow start and congestion
 * avoidance (RFC 5681, counting bytes), fast recovery with SACK (RFC 6675) and without (NewReno, RFC
 * 6582), and what a tail loss probe tells (RFC 8985, 7). */
#include "tcp_record.h"
#include <stdlib.h>
#include <string.h>

#define SSTHRESH_UNKNOWN UINT32_C(0x7fffffff)
#define CWND_MAX (4 * (uint32_t)FA_TCP_WINDOW_BYTES_MAX)
#define RTT_MS_MAX 120000u /* what is longer is no round trip */

/* RFC 6298, 2: SRTT in eighths and RTTVAR in quarters of a millisecond. */
void fa_tcp_rtt_sample(fa_tcp *tcp, uint32_t ms)
{
    if (ms > RTT_MS_MAX)
        return;
    if (ms == 0)
        ms = 1;
    if (tcp->srtt_x8 == 0) {
        tcp->srtt_x8 = ms * 8;
        tcp->rttvar_x4 = ms * 2;
    } else {
        const uint32_t srtt = tcp->srtt_x8 / 8;
        const uint32_t difference = srtt > ms ? srtt - ms : ms - srtt;
        tcp->rttvar_x4 = tcp->rttvar_x4 - tcp->rttvar_x4 / 4 + difference;
        tcp->srtt_x8 = tcp->srtt_x8 - srtt + ms;
    }
    uint32_t rto = tcp->srtt_x8 / 8 + (tcp->rttvar_x4 > 0 ? tcp->rttvar_x4 : 1);
    if (rto < FA_TCP_RTO_MIN_MS)
        rto = FA_TCP_RTO_MIN_MS;
    tcp->rto_ms = rto < FA_TCP_RTO_MAX_MS ? rto : FA_TCP_RTO_MAX_MS;
}

/* RFC 6928, 2. */
static uint32_t initial_window(const fa_tcp *tcp)
{
    if (tcp->syn_lost)
        return tcp->mss; /* RFC 5681, 3.1 */
    const uint32_t least = 2u * tcp->mss;
    const uint32_t bytes = FA_TCP_INITIAL_WINDOW_BYTES > least ? FA_TCP_INITIAL_WINDOW_BYTES : least;
    const uint32_t segments = FA_TCP_INITIAL_WINDOW_SEGMENTS * tcp->mss;
    return segments < bytes ? segments : bytes;
}

void fa_tcp_congestion_begin(fa_tcp *tcp)
{
    tcp->cwnd = initial_window(tcp);
    tcp->ssthresh = SSTHRESH_UNKNOWN;
    tcp->acked_bytes = 0;
}

void fa_tcp_congestion_idle(fa_tcp *tcp)
{
    const uint32_t window = initial_window(tcp);
    if (tcp->cwnd > window)
        tcp->cwnd = window;
}

static uint32_t half_flight(const fa_tcp *tcp)
{
    const uint32_t half = (tcp->snd_max - tcp->snd_una) / 2, least = 2u * tcp->mss;
    return half > least ? half : least;
}

static void grow(fa_tcp *tcp, uint32_t acked)
{
    if (!tcp->cwnd_limited || tcp->cwnd >= CWND_MAX)
        return;
    if (tcp->cwnd < tcp->ssthresh) {
        /* All that was acknowledged, as RFC 9002, 7.3.1 does: one acknowledgment stands for many
         * segments, of peers that handle them in batches. After a timeout, when it may be for what had
         * arrived long ago, RFC 3465, 2.3. */
        const uint32_t most = fa_tcp_before(tcp->snd_una, tcp->recover) ? 2u * tcp->mss : acked;
        tcp->cwnd += acked < most ? acked : most;
        return;
    }
    tcp->acked_bytes += acked;
    if (tcp->acked_bytes >= tcp->cwnd) {
        tcp->acked_bytes -= tcp->cwnd;
        tcp->cwnd += tcp->mss;
    }
}

static void trim_scoreboard(fa_tcp *tcp)
{
    fa_tcp_scoreboard *board = tcp->scoreboard;
    uint32_t gone = 0;
    while (gone < board->count && !fa_tcp_before(tcp->snd_una, board->ranges[gone].end))
        gone++;
    board->count -= gone;
    memmove(board->ranges, board->ranges + gone, board->count * sizeof board->ranges[0]);
    if (board->count == 0)
        fa_tcp_scoreboard_free(tcp);
    else if (fa_tcp_before(board->ranges[0].start, tcp->snd_una))
        board->ranges[0].start = tcp->snd_una;
}

void fa_tcp_congestion_acked(fa_tcp *tcp, uint32_t acked)
{
    tcp->dup_acks = 0;
    tcp->lost_end = fa_tcp_later(tcp->lost_end, tcp->snd_una);
    if (tcp->scoreboard != NULL)
        trim_scoreboard(tcp);
    if (!tcp->recovering) {
        grow(tcp, acked);
        return;
    }
    tcp->high_rxt = fa_tcp_later(tcp->high_rxt, tcp->snd_una);
    if (!fa_tcp_before(tcp->snd_una, tcp->recover)) { /* RFC 6582, 3.2, step 3: a full one */
        const uint32_t flight = tcp->snd_max - tcp->snd_una;
        const uint32_t least = (flight > tcp->mss ? flight : tcp->mss) + tcp->mss;
        tcp->cwnd = tcp->ssthresh < least ? tcp->ssthresh : least;
        tcp->recovering = tcp->resend_first = false;
        tcp->acked_bytes = 0;
    } else if (!tcp->sack) { /* a partial one: the next segment is lost too */
        tcp->resend_first = true;
        tcp->cwnd = tcp->cwnd > acked ? tcp->cwnd - acked : 0;
        if (acked >= tcp->mss || tcp->cwnd < tcp->mss)
            tcp->cwnd += tcp->mss;
    }
}

/* RFC 5681, 3.1 and 4.3: back to one segment, from the first that is not acknowledged; and RFC 2018,
 * 8: what the peer said that it has, it may have thrown away. */
void fa_tcp_congestion_timeout(fa_tcp *tcp)
{
    if (tcp->backoff == 0)
        tcp->ssthresh = half_flight(tcp);
    tcp->cwnd = tcp->mss;
    tcp->acked_bytes = 0;
    tcp->recovering = tcp->resend_first = tcp->rtt_timing = tcp->probing = false;
    tcp->probe_at = FA_FOREVER;
    tcp->dup_acks = 0;
    tcp->lost_end = tcp->snd_una;
    tcp->recover = tcp->snd_max;
    tcp->small_end = tcp->snd_una;
    tcp->snd_nxt = tcp->snd_una;
    fa_tcp_scoreboard_free(tcp);
}

void fa_tcp_scoreboard_free(fa_tcp *tcp)
{
    free(tcp->scoreboard);
    tcp->scoreboard = NULL;
}

/* Adds a range, joined with those that it touches. True: some of it is new. */
static bool add_range(fa_tcp_scoreboard *board, fa_tcp_range range)
{
    uint32_t first = 0;
    while (first < board->count && fa_tcp_before(board->ranges[first].end, range.start))
        first++;
    uint32_t behind = first;
    while (behind < board->count && !fa_tcp_before(range.end, board->ranges[behind].start))
        behind++;
    if (behind > first) {
        fa_tcp_range *at = &board->ranges[first];
        if (behind == first + 1 && !fa_tcp_before(range.start, at->start) &&
            !fa_tcp_before(at->end, range.end))
            return false;
        if (fa_tcp_before(range.start, at->start))
            at->start = range.start;
        at->end = fa_tcp_later(board->ranges[behind - 1].end, range.end);
        memmove(at + 1, board->ranges + behind, (board->count - behind) * sizeof *at);
        board->count -= behind - first - 1;
        return true;
    }
    if (board->count == FA_TCP_SACK_RANGES_MAX) {
        if (first == board->count)
            return false; /* the highest are forgotten: they will be said again */
        board->count--;
    }
    memmove(board->ranges + first + 1, board->ranges + first,
            (board->count - first) * sizeof board->ranges[0]);
    board->ranges[first] = range;
    board->count++;
    return true;
}

bool fa_tcp_sack_take(fa_tcp *tcp, const fa_tcp_segment *segment)
{
    bool news = false;
    for (unsigned i = 0; i < segment->options.sack_count; i++) {
        const fa_tcp_range range = segment->options.sack[i];
        /* Duplicates (RFC 2883) and nonsense lie outside. */
        if (!fa_tcp_before(range.start, range.end) || fa_tcp_before(range.start, tcp->snd_una) ||
            fa_tcp_before(range.start, segment->acknowledgment) ||
            fa_tcp_before(tcp->snd_max, range.end))
            continue;
        if (tcp->scoreboard == NULL)
            tcp->scoreboard = calloc(1, sizeof *tcp->scoreboard);
        if (tcp->scoreboard == NULL)
            return news;
        if (add_range(tcp->scoreboard, range))
            news = true;
    }
    return news;
}

/* RFC 6675, 4, IsLost(): of what is in front of range `index`. */
static bool lost_before(const fa_tcp *tcp, uint32_t index)
{
    const fa_tcp_scoreboard *board = tcp->scoreboard;
    uint32_t bytes = 0;
    if (board == NULL || index >= board->count)
        return false;
    if (!fa_tcp_before(tcp->lost_end, board->ranges[index].start))
        return true;
    if (board->count - index >= FA_TCP_DUP_THRESHOLD)
        return true;
    for (; index < board->count; index++)
        bytes += board->ranges[index].end - board->ranges[index].start;
    return bytes > (FA_TCP_DUP_THRESHOLD - 1) * tcp->mss;
}

/* RFC 8985, 7.4: whether the probe, sent again, has repaired a loss, which is a sign of congestion as any
 * other; or the segment was there. That is said by a duplicate acknowledgment, or a D-SACK (RFC 2883). */
void fa_tcp_probe_answered(fa_tcp *tcp, const fa_tcp_segment *segment)
{
    const uint32_t acknowledgment = segment->acknowledgment;
    if (fa_tcp_before(acknowledgment, tcp->probe_end))
        return;
    const fa_tcp_range *first = &segment->options.sack[0];
    const bool twice = segment->options.sack_count > 0 && fa_tcp_before(first->start, first->end) &&
                       !fa_tcp_before(acknowledgment, first->end);
    if (!tcp->probe_again || twice ||
        (acknowledgment == tcp->probe_end && acknowledgment == tcp->snd_una && segment->len == 0)) {
        tcp->probing = false;
    } else if (acknowledgment != tcp->probe_end) {
        tcp->probing = false;
        tcp->ssthresh = half_flight(tcp);
        if (tcp->cwnd > tcp->ssthresh)
            tcp->cwnd = tcp->ssthresh;
        tcp->acked_bytes = 0;
    }
}

/* The peer has what the probe brought, and not all that was sent two round trips before: that is lost (as
 * RFC 8985, 6.2 has it of what was sent so much earlier). */
static bool probe_tells_loss(fa_tcp *tcp)
{
    const fa_tcp_scoreboard *board = tcp->scoreboard;
    if (!tcp->probing || board == NULL || board->count == 0)
        return false;
    const fa_tcp_range *last = &board->ranges[board->count - 1];
    if (fa_tcp_before(last->end, tcp->probe_end))
        return false;
    tcp->lost_end = last->start;
    return true;
}

void fa_tcp_duplicate_ack(fa_tcp *tcp, bool sack_news)
{
    if (tcp->snd_nxt == tcp->snd_una || (tcp->sack && !sack_news))
        return;
    if (tcp->dup_acks < UINT8_MAX)
        tcp->dup_acks++;
    fa_tcp_pend(tcp);
    if (tcp->recovering) {
        if (!tcp->sack && tcp->cwnd < CWND_MAX)
            tcp->cwnd += tcp->mss;
        return;
    }
    if ((tcp->dup_acks < FA_TCP_DUP_THRESHOLD && !probe_tells_loss(tcp) && !lost_before(tcp, 0)) ||
        fa_tcp_before(tcp->snd_una, tcp->recover))
        return;
    tcp->probing = false;
    tcp->probe_at = FA_FOREVER;
    tcp->recovering = tcp->resend_first = true;
    tcp->recover = tcp->snd_max;
    tcp->high_rxt = tcp->snd_una;
    tcp->ssthresh = half_flight(tcp);
    tcp->cwnd = tcp->ssthresh + (tcp->sack ? 0u : FA_TCP_DUP_THRESHOLD * tcp->mss);
    tcp->rtt_timing = false;
}

/* The gap in front of range `index`; behind the last one, up to SND.MAX. */
static fa_tcp_range gap(const fa_tcp *tcp, uint32_t index)
{
    const fa_tcp_scoreboard *board = tcp->scoreboard;
    const uint32_t count = board != NULL ? board->count : 0;
    return (fa_tcp_range){index == 0 ? tcp->snd_una : board->ranges[index - 1].end,
                          index == count ? tcp->snd_max : board->ranges[index].start};
}

/* RFC 6675, 4, SetPipe(): what is probably on its way. */
static uint32_t pipe_bytes(const fa_tcp *tcp)
{
    const uint32_t count = tcp->scoreboard != NULL ? tcp->scoreboard->count : 0;
    uint32_t pipe = 0;
    for (uint32_t i = 0; i <= count; i++) {
        const fa_tcp_range range = gap(tcp, i);
        if (!lost_before(tcp, i))
            pipe += range.end - range.start;
        if (fa_tcp_before(range.start, tcp->high_rxt))
            pipe += (fa_tcp_before(tcp->high_rxt, range.end) ? tcp->high_rxt : range.end) -
                    range.start;
    }
    return pipe;
}

/* Cuts it to a segment; a FIN at its end goes with the data in front of it, if both fit. */
static fa_tcp_range cut(const fa_tcp *tcp, fa_tcp_range range)
{
    const uint32_t data_end = tcp->snd_una + tcp->send.len;
    const uint32_t data = fa_tcp_before(range.start, data_end) ? data_end - range.start : 0;
    if (data > tcp->mss && range.end - range.start > tcp->mss)
        range.end = range.start + tcp->mss;
    return range;
}

bool fa_tcp_recovery_next(fa_tcp *tcp, fa_tcp_range *range_out)
{
    const uint32_t count = tcp->scoreboard != NULL ? tcp->scoreboard->count : 0;
    const uint32_t flight = tcp->sack ? pipe_bytes(tcp) : tcp->snd_nxt - tcp->snd_una;
    fa_tcp_range again = {0, 0};
    if (tcp->resend_first) {
        *range_out = cut(tcp, gap(tcp, 0));
        return true;
    }
    if (tcp->cwnd < flight + tcp->mss)
        return false;
    /* RFC 6675, 4, NextSeg(): (1) what is lost, (2) what is new, (3) what may be lost. */
    for (uint32_t i = 0; i < count; i++) {
        fa_tcp_range range = gap(tcp, i);
        range.start = fa_tcp_later(range.start, tcp->high_rxt);
        if (!fa_tcp_before(range.start, range.end))
            continue;
        if (lost_before(tcp, i)) {
            *range_out = cut(tcp, range);
            return true;
        }
        if (again.start == again.end)
            again = range;
    }
    const fa_tcp_range news = {tcp->snd_max, fa_tcp_send_end(tcp)};
    const uint32_t edge = tcp->snd_una + tcp->snd_wnd;
    *range_out = cut(tcp, news);
    if (fa_tcp_before(news.start, news.end) && !fa_tcp_before(edge, range_out->end))
        return true;
    *range_out = cut(tcp, again);
    return again.start != again.end;
}
