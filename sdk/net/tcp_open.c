/* SPDX-License-Identifier: ISC */
/* How connections begin: ports that listen, SYNs that have been answered (small records of their own,
 * bounded), SYN cookies when there are too many of these (RFC 4987, 3.6), and connecting (RFC 9293,
 * 3.10.1). A half-open record costs no packet, no page and no connection. */
#include "tcp_record.h"
#include <fata/panic.h>
#include <stdlib.h>

/* Cookies (RFC 4987, 3.6): period, MSS and a keyed hash in the initial sequence number; with
 * timestamps, the peer's scale and SACK are in the low bits of ours, which come back as echo. */
static const uint16_t cookie_mss[8] = {216, 536, 1024, 1220, 1360, 1440, 1460, 8960};
#define COOKIE_HASH_MASK UINT32_C(0xffffff)
#define COOKIE_TS_MASK UINT32_C(31)
#define COOKIE_NO_SCALE 15u
#define COOKIE_SACK 16u

uint16_t fa_tcp_mss_for(fa_host *host, fa_ip4 peer, uint16_t peer_mss, bool timestamps)
{
    uint32_t mss = fa_ipv4_payload_max(host, peer) - FA_TCP_HEADER_BYTES;
    if (peer_mss == 0)
        peer_mss = FA_TCP_MSS_DEFAULT;
    if (peer_mss < mss)
        mss = peer_mss;
    if (mss < FA_TCP_MSS_MIN)
        mss = FA_TCP_MSS_MIN;
    return (uint16_t)(mss - (timestamps ? FA_TCP_TIMESTAMPS_BYTES : 0));
}

/* Listeners. */

fa_tcp_listener *fa_tcp_listener_find(fa_host *host, uint16_t port)
{
    fa_tcp_listener *listener = host->tcp.listeners;
    while (listener != NULL && listener->port != port)
        listener = listener->next;
    return listener;
}

/* A random number below `bound`. */
static uint16_t random_below(fa_host *host, uint16_t bound)
{
    uint32_t number;
    host->options.random(&number, sizeof number);
    return (uint16_t)(number % bound);
}

fa_err fa_tcp_listen(fa_host *host, uint16_t port, uint32_t backlog, void *user,
                     fa_tcp_listener **listener_out)
{
    const uint16_t ports = (uint16_t)(UINT16_MAX - FA_TCP_PORT_FIRST);
    if (port == 0) {
        uint16_t at = random_below(host, ports);
        for (uint32_t tried = 0; tried < ports && port == 0; tried++, at = (uint16_t)((at + 1u) % ports))
            if (fa_tcp_listener_find(host, (uint16_t)(FA_TCP_PORT_FIRST + at)) == NULL)
                port = (uint16_t)(FA_TCP_PORT_FIRST + at);
        if (port == 0)
            return FA_ELIMIT;
    } else if (fa_tcp_listener_find(host, port) != NULL) {
        return FA_EEXIST;
    }
    fa_tcp_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        return FA_ENOMEM;
    listener->host = host;
    listener->port = port;
    listener->user = user;
    listener->backlog = backlog == 0 ? 1 : backlog;
    if (listener->backlog > FA_TCP_BACKLOG_MAX)
        listener->backlog = FA_TCP_BACKLOG_MAX;
    listener->next = host->tcp.listeners;
    host->tcp.listeners = listener;
    *listener_out = listener;
    return FA_OK;
}

uint16_t fa_tcp_listener_port(const fa_tcp_listener *listener)
{
    return listener->port;
}

void *fa_tcp_listener_user(const fa_tcp_listener *listener)
{
    return listener->user;
}

fa_tcp *fa_tcp_accept(fa_tcp_listener *listener, void *user)
{
    fa_tcp *tcp = listener->accept_first;
    if (tcp == NULL)
        return NULL;
    listener->accept_first = tcp->next_accept;
    if (listener->accept_first == NULL)
        listener->accept_last = NULL;
    listener->accept_count--;
    tcp->listener = NULL;
    tcp->owned = true;
    tcp->user = user;
    return tcp;
}

void fa_tcp_unlisten(fa_host *host, fa_tcp_listener *listener)
{
    while (listener->half_open != NULL)
        fa_tcp_half_open_end(listener->half_open);
    while (listener->accept_first != NULL) {
        fa_tcp_send_reset(listener->accept_first);
        fa_tcp_end(listener->accept_first, FA_ECLOSED);
    }
    fa_tcp_listener **link = &host->tcp.listeners;
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    for (link = &host->tcp.listeners_changed; *link != NULL; link = &(*link)->next_changed) {
        if (*link == listener) {
            *link = listener->next_changed;
            break;
        }
    }
    free(listener);
}

fa_tcp_listener *fa_tcp_take_changed_listener(fa_host *host)
{
    fa_tcp_listener *listener = host->tcp.listeners_changed;
    if (listener != NULL) {
        host->tcp.listeners_changed = listener->next_changed;
        listener->changed = false;
    }
    return listener;
}

/* Half-open connections. */

void fa_tcp_half_open_end(fa_tcp_half_open *half)
{
    fa_host *host = half->host;
    fa_tcp_leave(host, &half->entry);
    fa_wheel_disarm(&host->wheel, &half->timer);
    *half->previous = half->next;
    if (half->next != NULL)
        half->next->previous = half->previous;
    host->tcp.half_open_count--;
    host->tcp.memory_bytes -= sizeof *half;
    free(half);
}

static void send_syn_ack(fa_host *host, const fa_tcp_entry *entry, const fa_tcp_handshake *handshake,
                         uint32_t ts_value)
{
    (void)fa_tcp_send_bare(
        host, &(fa_tcp_bare){.local = entry->local,
                             .peer = entry->peer,
                             .local_port = entry->local_port,
                             .peer_port = entry->peer_port,
                             .sequence = handshake->iss,
                             .acknowledgment = handshake->irs + 1,
                             .window = UINT16_MAX,
                             .flags = FA_TCP_SYN | FA_TCP_ACK,
                             .timestamps = handshake->timestamps,
                             .ts_value = ts_value,
                             .ts_echo = handshake->ts_recent,
                             .mss = fa_tcp_mss_own(host),
                             .scale = handshake->scale,
                             .sack = handshake->sack});
}

static uint32_t ts_now(fa_host *host, const fa_tcp_entry *entry)
{
    return fa_tcp_ms(host) + fa_tcp_timestamp_offset(host, entry->local, entry->peer);
}

static void half_open_answer(fa_tcp_half_open *half)
{
    send_syn_ack(half->host, &half->entry, &half->handshake, ts_now(half->host, &half->entry));
}

static void half_open_fire(fa_wheel_timer *timer, void *owner)
{
    fa_host *host = owner;
    fa_tcp_half_open *half =
        (fa_tcp_half_open *)((uint8_t *)timer - offsetof(fa_tcp_half_open, timer));
    if (half->tries >= FA_TCP_SYN_ACK_TRIES) {
        fa_tcp_half_open_end(half);
        return;
    }
    half->tries++;
    half->handshake.syn_lost = true;
    half_open_answer(half);
    fa_wheel_arm(&host->wheel, &half->timer,
                 host->now_ns + ((FA_TCP_RTO_INITIAL_MS * FA_NS_PER_MS) << half->tries));
}

static uint32_t cookie_hash(fa_host *host, const fa_tcp_entry *entry, uint32_t irs, uint32_t period,
                            uint32_t mss_index)
{
    const uint64_t first = fa_tcp_hash(
        host->tcp.secret,
        (uint64_t)fa_ip4_number(entry->peer) << 32 | fa_ip4_number(entry->local),
        UINT64_C(3) << 32 | (uint64_t)entry->local_port << 16 | entry->peer_port);
    return (uint32_t)fa_tcp_hash(host->tcp.secret, first,
                                 (uint64_t)irs << 32 | (period & 0xffffff) << 8 | mss_index) &
           COOKIE_HASH_MASK;
}

static uint32_t cookie_period(const fa_host *host)
{
    return (uint32_t)(host->now_ns / (FA_TCP_COOKIE_PERIOD_S * FA_NS_PER_S));
}

static void send_cookie(fa_host *host, const fa_tcp_entry *entry, fa_tcp_handshake *handshake)
{
    const uint32_t period = cookie_period(host);
    const uint16_t mss = handshake->mss != 0 ? handshake->mss : FA_TCP_MSS_DEFAULT;
    uint32_t index = FA_ARRAY_COUNT(cookie_mss) - 1;
    while (index > 0 && cookie_mss[index] > mss)
        index--;
    handshake->iss = (period & 31) << 27 | index << 24 |
                     cookie_hash(host, entry, handshake->irs, period, index);
    const uint32_t now = ts_now(host, entry);
    uint32_t ts_value = now;
    if (handshake->timestamps) {
        ts_value = (now & ~COOKIE_TS_MASK) | (handshake->scale ? handshake->shift : COOKIE_NO_SCALE) |
                   (handshake->sack ? COOKIE_SACK : 0);
        if (fa_tcp_before(now, ts_value))
            ts_value -= COOKIE_TS_MASK + 1; /* what follows must not seem older (PAWS) */
    } else {
        handshake->scale = handshake->sack = false;
    }
    host->tcp.cookie_ns = host->now_ns;
    host->tcp.cookies_sent++;
    send_syn_ack(host, entry, handshake, ts_value);
}

/* Whether the acknowledgment is of a cookie, and what that says. */
static bool cookie_take(fa_host *host, const fa_tcp_entry *entry, const fa_tcp_segment *segment,
                        fa_tcp_handshake *handshake_out)
{
    if (host->tcp.cookie_ns == 0 ||
        host->now_ns - host->tcp.cookie_ns > 2 * FA_TCP_COOKIE_PERIOD_S * FA_NS_PER_S)
        return false;
    const uint32_t cookie = segment->acknowledgment - 1, irs = segment->sequence - 1;
    const uint32_t index = cookie >> 24 & 7;
    const uint32_t now = cookie_period(host), age = (now - (cookie >> 27)) & 31;
    if (age > 1 ||
        cookie_hash(host, entry, irs, now - age, index) != (cookie & COOKIE_HASH_MASK))
        return false;
    *handshake_out = (fa_tcp_handshake){
        .iss = cookie, .irs = irs, .mss = cookie_mss[index], .window = segment->window};
    if (segment->options.timestamps) {
        const uint32_t bits = segment->options.ts_echo & COOKIE_TS_MASK;
        handshake_out->timestamps = true;
        handshake_out->ts_recent = segment->options.ts_value;
        handshake_out->scale = (bits & 15) != COOKIE_NO_SCALE;
        handshake_out->shift = handshake_out->scale ? (uint8_t)(bits & 15) : 0;
        handshake_out->sack = (bits & COOKIE_SACK) != 0;
    }
    return true;
}

/* The last part of the handshake has come. NULL: no room now; the peer will say it again. */
static fa_tcp *complete(fa_host *host, fa_tcp_listener *listener, const fa_tcp_entry *entry,
                        const fa_tcp_handshake *handshake)
{
    if (listener->accept_count >= listener->backlog ||
        host->tcp.connection_count >= host->tcp.connections_max)
        return NULL;
    fa_tcp *tcp = fa_tcp_new(host);
    if (tcp == NULL)
        return NULL;
    tcp->entry = *entry;
    tcp->entry.kind = FA_TCP_CONNECTION;
    if (!fa_tcp_enter(host, &tcp->entry)) {
        tcp->dead = true;
        fa_tcp_release(tcp);
        return NULL;
    }
    tcp->in_table = true;
    host->tcp.connection_count++;
    fa_tcp_begin(tcp, handshake);
    tcp->listener = listener;
    if (listener->accept_last != NULL)
        listener->accept_last->next_accept = tcp;
    else
        listener->accept_first = tcp;
    listener->accept_last = tcp;
    listener->accept_count++;
    if (!listener->changed) {
        listener->changed = true;
        listener->next_changed = host->tcp.listeners_changed;
        host->tcp.listeners_changed = listener;
    }
    return tcp;
}

static void syn_input(fa_host *host, fa_tcp_listener *listener, const fa_tcp_entry *entry,
                      const fa_tcp_segment *segment, uint32_t iss_min)
{
    fa_tcp_handshake handshake = fa_tcp_handshake_of(segment);
    /* Nobody accepts: it will be sent again, when perhaps somebody does. */
    if (listener->accept_count >= listener->backlog ||
        host->tcp.connection_count >= host->tcp.connections_max)
        return;
    fa_tcp_half_open *half = NULL;
    if (host->tcp.half_open_count < FA_TCP_HALF_OPEN_MAX && !fa_tcp_memory_tight(host))
        half = calloc(1, sizeof *half);
    if (half != NULL) {
        half->entry = *entry;
        half->entry.kind = FA_TCP_HALF_OPEN;
        if (!fa_tcp_enter(host, &half->entry)) {
            free(half);
            half = NULL;
        }
    }
    if (half == NULL) {
        send_cookie(host, entry, &handshake);
        return;
    }
    handshake.iss =
        fa_tcp_initial_sequence(host, (fa_endpoint){entry->local, entry->local_port},
                                (fa_endpoint){entry->peer, entry->peer_port});
    if (iss_min != 0)
        handshake.iss = fa_tcp_later(handshake.iss, iss_min);
    half->host = host;
    half->listener = listener;
    half->handshake = handshake;
    half->timer.fire = half_open_fire;
    half->sent_ms = fa_tcp_ms(host);
    half->challenge_ms = half->sent_ms - FA_TCP_CHALLENGE_MS;
    half->next = listener->half_open;
    half->previous = &listener->half_open;
    if (half->next != NULL)
        half->next->previous = &half->next;
    listener->half_open = half;
    host->tcp.half_open_count++;
    host->tcp.memory_bytes += sizeof *half;
    fa_wheel_arm(&host->wheel, &half->timer,
                 host->now_ns + FA_TCP_RTO_INITIAL_MS * FA_NS_PER_MS);
    half_open_answer(half);
}

/* RFC 9293, 3.10.7.2. */
void fa_tcp_listener_input(fa_host *host, fa_tcp_listener *listener, fa_tcp_segment *segment,
                           uint32_t iss_min)
{
    const fa_tcp_entry entry = {.local = segment->info->destination,
                                .peer = segment->info->source,
                                .local_port = segment->local_port,
                                .peer_port = segment->peer_port};
    if ((segment->flags & FA_TCP_RST) != 0)
        return;
    if ((segment->flags & FA_TCP_ACK) != 0) {
        fa_tcp_handshake handshake;
        if ((segment->flags & FA_TCP_SYN) != 0 ||
            !cookie_take(host, &entry, segment, &handshake)) {
            fa_tcp_refuse(host, segment);
            return;
        }
        fa_tcp *tcp = complete(host, listener, &entry, &handshake);
        if (tcp != NULL)
            fa_tcp_connection_input(tcp, segment);
        return;
    }
    if ((segment->flags & FA_TCP_SYN) != 0 && !segment->info->to_broadcast)
        syn_input(host, listener, &entry, segment, iss_min);
}

/* Timestamps tell which of our SYNs is answered (RFC 7323, 4); else, after a loss, nothing does. */
uint32_t fa_tcp_handshake_rtt(fa_host *host, const fa_tcp_handshake *handshake,
                              const fa_tcp_segment *segment, uint32_t sent_ms)
{
    const uint32_t now = fa_tcp_ms(host), since = now - sent_ms;
    const uint32_t offset =
        fa_tcp_timestamp_offset(host, segment->info->destination, segment->info->source);
    const uint32_t age = now - (segment->options.ts_echo - offset);
    if (handshake->timestamps && segment->options.timestamps && age <= since)
        return age + 1;
    return handshake->syn_lost ? 0 : since + 1;
}

/* RFC 9293, 3.10.7.4 in SYN-RECEIVED. */
void fa_tcp_half_open_input(fa_tcp_half_open *half, fa_tcp_segment *segment)
{
    fa_host *host = half->host;
    fa_tcp_handshake *handshake = &half->handshake;
    if ((segment->flags & FA_TCP_RST) != 0) {
        if (segment->sequence == handshake->irs + 1)
            fa_tcp_half_open_end(half);
        return;
    }
    if ((segment->flags & FA_TCP_SYN) != 0) {
        /* Again; or another one: the SYN-ACK makes who sent that one reset the old one. */
        if ((segment->flags & FA_TCP_ACK) != 0)
            return;
        /* RFC 7323, 4.3: else the peer would take the time since its first one for a round trip. */
        if (segment->sequence == handshake->irs && segment->options.timestamps &&
            fa_tcp_before(handshake->ts_recent, segment->options.ts_value))
            handshake->ts_recent = segment->options.ts_value;
        half_open_answer(half);
        return;
    }
    if ((segment->flags & FA_TCP_ACK) == 0)
        return;
    if (segment->acknowledgment != handshake->iss + 1) {
        fa_tcp_refuse(host, segment);
        return;
    }
    const bool stale = handshake->timestamps && segment->options.timestamps &&
                       fa_tcp_before(segment->options.ts_value, handshake->ts_recent);
    if (stale || segment->sequence - (handshake->irs + 1) > UINT16_MAX) {
        if (fa_tcp_challenge_allowed(host, &half->challenge_ms))
            half_open_answer(half);
        return;
    }
    fa_tcp_listener *listener = half->listener;
    if (listener->accept_count >= listener->backlog)
        return;
    const fa_tcp_entry entry = half->entry;
    fa_tcp_handshake copy = *handshake;
    copy.rtt_ms = fa_tcp_handshake_rtt(host, &copy, segment, half->sent_ms);
    fa_tcp_half_open_end(half);
    fa_tcp *tcp = complete(host, listener, &entry, &copy);
    if (tcp != NULL)
        fa_tcp_connection_input(tcp, segment);
}

/* What a handshake has agreed on becomes the connection's state. */
void fa_tcp_begin(fa_tcp *tcp, const fa_tcp_handshake *handshake)
{
    tcp->phase = tcp->fin_queued ? FA_TCP_FIN_WAIT_1 : FA_TCP_ESTABLISHED;
    tcp->iss = handshake->iss;
    tcp->snd_una = tcp->snd_nxt = tcp->snd_max = tcp->small_end = tcp->iss + 1;
    tcp->recover = tcp->high_rxt = tcp->lost_end = tcp->iss;
    tcp->snd_wnd = tcp->snd_wnd_max = handshake->window;
    tcp->snd_wl1 = handshake->irs;
    tcp->snd_wl2 = tcp->iss;
    tcp->irs = handshake->irs;
    tcp->rcv_nxt = tcp->last_ack_sent = tcp->tune_sequence = tcp->irs + 1;
    tcp->rcv_adv = tcp->rcv_nxt + UINT16_MAX; /* as our SYN said, without a scale */
    tcp->timestamps = handshake->timestamps;
    tcp->sack = handshake->sack;
    tcp->scale = handshake->scale;
    tcp->snd_shift = handshake->scale ? handshake->shift : 0;
    tcp->rcv_shift = handshake->scale ? FA_TCP_WINDOW_SHIFT : 0;
    tcp->ts_recent = handshake->ts_recent;
    tcp->ts_recent_ns = tcp->heard_ns = tcp->host->now_ns;
    tcp->tune_ms = fa_tcp_ms(tcp->host);
    tcp->ts_offset = fa_tcp_timestamp_offset(tcp->host, tcp->entry.local, tcp->entry.peer);
    tcp->mss = fa_tcp_mss_for(tcp->host, tcp->entry.peer, handshake->mss, handshake->timestamps);
    tcp->syn_lost = handshake->syn_lost;
    tcp->retransmit_at = FA_FOREVER;
    tcp->backoff = 0;
    tcp->unanswered_ms = 0;
    if (handshake->rtt_ms != 0)
        fa_tcp_rtt_sample(tcp, handshake->rtt_ms);
    else if (tcp->syn_lost)
        tcp->rto_ms = FA_TCP_RTO_AFTER_SYN_LOSS_MS;
    fa_tcp_congestion_begin(tcp);
}

fa_err fa_tcp_connect(fa_host *host, fa_endpoint peer, void *user, fa_tcp **tcp_out)
{
    fa_tcp_state *state = &host->tcp;
    if (fa_ip4_number(host->address) == 0 || fa_ip4_number(peer.address) == 0 ||
        !fa_ipv4_reachable(host, peer.address))
        return FA_ENOENT;
    if (state->connection_count >= state->connections_max)
        return FA_ELIMIT;
    const uint16_t ports = (uint16_t)(UINT16_MAX - FA_TCP_PORT_FIRST);
    uint16_t at = random_below(host, ports), port = 0;
    for (uint32_t tried = 0; tried < ports && port == 0; tried++, at = (uint16_t)((at + 1u) % ports)) {
        const uint16_t number = (uint16_t)(FA_TCP_PORT_FIRST + at);
        if (fa_tcp_find(host, host->address, number, peer.address, peer.port) == NULL)
            port = number;
    }
    if (port == 0)
        return FA_ELIMIT;
    fa_tcp *tcp = fa_tcp_new(host);
    if (tcp == NULL)
        return FA_ENOMEM;
    tcp->entry.local = host->address;
    tcp->entry.local_port = port;
    tcp->entry.peer = peer.address;
    tcp->entry.peer_port = peer.port;
    if (!fa_tcp_enter(host, &tcp->entry)) {
        tcp->dead = true;
        fa_tcp_release(tcp);
        return FA_ENOMEM;
    }
    tcp->in_table = true;
    state->connection_count++;
    tcp->owned = true;
    tcp->user = user;
    tcp->phase = FA_TCP_SYN_SENT;
    tcp->iss = fa_tcp_initial_sequence(host, (fa_endpoint){host->address, port}, peer);
    tcp->snd_una = tcp->snd_nxt = tcp->snd_max = tcp->iss;
    tcp->ts_offset = fa_tcp_timestamp_offset(host, host->address, peer.address);
    fa_tcp_pend(tcp);
    *tcp_out = tcp;
    return FA_OK;
}
