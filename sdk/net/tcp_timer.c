/* SPDX-License-Identifier: ISC */
/* What happens to a connection when nothing arrives: segments and probes are sent again, later each
 * time, until R2 (RFC 1122, 4.2.3.5); delayed acknowledgments go; what nobody wants any more ends. A
 * connection has one timer in the wheel, armed for its first deadline or earlier: that a deadline
 * moves away, as with each acknowledgment, costs nothing. */
#include "tcp_record.h"

#define KEEP_ALIVE_NS (FA_TCP_KEEP_ALIVE_MS * FA_NS_PER_MS)

static fa_deadline after_ms(const fa_tcp *tcp, uint64_t ms)
{
    return tcp->host->now_ns + ms * FA_NS_PER_MS;
}

void fa_tcp_timer_update(fa_tcp *tcp)
{
    fa_deadline first = tcp->retransmit_at;
    if (tcp->probe_at < first)
        first = tcp->probe_at;
    if (tcp->ack_at < first)
        first = tcp->ack_at;
    if (tcp->life_at < first)
        first = tcp->life_at;
    if (first != FA_FOREVER && (!fa_wheel_armed(&tcp->timer) || first < tcp->timer.deadline))
        fa_wheel_arm(&tcp->host->wheel, &tcp->timer, first);
}

/* RFC 6298, 5.5. */
void fa_tcp_retransmit_arm(fa_tcp *tcp)
{
    uint64_t ms = (uint64_t)tcp->rto_ms << (tcp->backoff < 16 ? tcp->backoff : 16);
    if (ms > FA_TCP_RTO_MAX_MS)
        ms = FA_TCP_RTO_MAX_MS;
    tcp->retransmit_at = after_ms(tcp, ms);
}

/* RFC 8985, 7.2, with a retransmission that comes as soon instead of it. Only with SACK: what the probe
 * finds out is told by that. */
void fa_tcp_probe_arm(fa_tcp *tcp)
{
    uint32_t ms = tcp->srtt_x8 / 8 * 2;
    tcp->probe_at = FA_FOREVER;
    if (!tcp->sack || tcp->srtt_x8 == 0 || tcp->probing || tcp->recovering || tcp->backoff > 0 ||
        tcp->scoreboard != NULL || tcp->snd_wnd == 0 || tcp->snd_nxt != tcp->snd_max)
        return;
    if (tcp->snd_max - tcp->snd_una <= tcp->mss)
        ms += FA_TCP_PROBE_ACK_MS;
    const fa_deadline at = after_ms(tcp, ms < FA_TCP_PROBE_MIN_MS ? FA_TCP_PROBE_MIN_MS : ms);
    if (at < tcp->retransmit_at)
        tcp->probe_at = at;
}

static void probe_passed(fa_tcp *tcp)
{
    tcp->probe_at = FA_FOREVER;
    if (tcp->recovering || tcp->snd_una == tcp->snd_max || tcp->snd_nxt != tcp->snd_max)
        return;
    if (fa_tcp_send_tail_probe(tcp))
        fa_tcp_retransmit_arm(tcp);
}

void fa_tcp_life_arm(fa_tcp *tcp)
{
    tcp->life_at = FA_FOREVER;
    if (fa_tcp_is_orphan(tcp)) {
        const uint32_t age = fa_tcp_ms(tcp->host) - tcp->orphan_ms;
        const uint32_t left = age < FA_TCP_ORPHAN_MS ? FA_TCP_ORPHAN_MS - age : 0;
        tcp->life_at = after_ms(tcp, left < FA_TCP_FIN_WAIT_2_MS ? left : FA_TCP_FIN_WAIT_2_MS);
    } else if (tcp->keep_alive) {
        tcp->life_at = tcp->keep_alive_probes > 0 ? after_ms(tcp, FA_TCP_KEEP_ALIVE_PROBE_MS)
                                                  : tcp->heard_ns + KEEP_ALIVE_NS;
    }
}

/* False: the connection is gone. */
static bool life_passed(fa_tcp *tcp)
{
    if (fa_tcp_is_orphan(tcp)) {
        fa_tcp_send_reset(tcp);
        fa_tcp_end(tcp, FA_ETIMEDOUT);
        return false;
    }
    if (tcp->phase >= FA_TCP_ESTABLISHED && tcp->snd_una == tcp->snd_max &&
        tcp->host->now_ns - tcp->heard_ns >= KEEP_ALIVE_NS) {
        if (tcp->keep_alive_probes >= FA_TCP_KEEP_ALIVE_PROBES) {
            fa_tcp_send_reset(tcp);
            fa_tcp_end(tcp, FA_ETIMEDOUT);
            return false;
        }
        tcp->keep_alive_probes++;
        fa_tcp_send_probe(tcp);
    }
    fa_tcp_life_arm(tcp);
    return true;
}

static bool retransmit_passed(fa_tcp *tcp)
{
    const uint32_t now = fa_tcp_ms(tcp->host);
    const bool opening = tcp->phase == FA_TCP_SYN_SENT || tcp->phase == FA_TCP_SYN_RECEIVED;
    const uint32_t r2 = opening                 ? FA_TCP_R2_SYN_MS
                        : fa_tcp_is_orphan(tcp) ? FA_TCP_R2_ORPHAN_MS
                        : tcp->snd_wnd == 0     ? FA_TCP_R2_WINDOW_MS
                                                : FA_TCP_R2_MS;
    if (tcp->unanswered_ms != 0 && now - tcp->unanswered_ms >= r2) {
        fa_tcp_send_reset(tcp);
        fa_tcp_end(tcp, FA_ETIMEDOUT);
        return false;
    }
    if (tcp->unanswered_ms == 0)
        tcp->unanswered_ms = now | 1;
    tcp->timeout_ms = now;
    if (opening) {
        tcp->syn_lost = true;
        tcp->snd_nxt = tcp->iss;
    } else if ((tcp->snd_wnd < tcp->mss && tcp->snd_wnd < tcp->send.len) ||
               tcp->snd_una == tcp->snd_max) {
        /* The peer has no room, or so little that output would wait for more. What was sent, it may
         * have thrown away. */
        tcp->snd_nxt = tcp->snd_una;
        tcp->recovering = tcp->resend_first = false;
        fa_tcp_send_probe(tcp);
    } else {
        fa_tcp_congestion_timeout(tcp);
    }
    if (tcp->backoff < UINT8_MAX)
        tcp->backoff++;
    fa_tcp_retransmit_arm(tcp);
    fa_tcp_pend(tcp);
    return true;
}

void fa_tcp_timer_fire(fa_wheel_timer *timer, void *owner)
{
    const fa_host *host = owner;
    fa_tcp *tcp = (fa_tcp *)((uint8_t *)timer - offsetof(fa_tcp, timer));
    const uint64_t now_ns = host->now_ns;
    if (tcp->ack_at <= now_ns) {
        tcp->ack_at = FA_FOREVER;
        if (tcp->ack_due)
            tcp->ack_now = true;
        fa_tcp_pend(tcp); /* or it is what could not be sent for want of packets */
    }
    if (tcp->life_at <= now_ns && !life_passed(tcp))
        return;
    if (tcp->retransmit_at <= now_ns && !retransmit_passed(tcp))
        return;
    if (tcp->probe_at <= now_ns)
        probe_passed(tcp);
    fa_tcp_timer_update(tcp);
}
