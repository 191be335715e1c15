/* SPDX-License-Identifier: ISC */
/* TCP for who uses it: the application's reads and writes, closing, news for it, and what the rest
 * of the host says: ICMP errors, another address. */
#include "tcp_record.h"
#include <fata/panic.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MIN 16u
#define MTU_MIN 552u /* RFC 5927, 7.2 has the reasons not to believe in less */
#define ICMP_UNREACHABLE 3u
#define ICMP_PROTOCOL_UNREACHABLE 2u
#define ICMP_PORT_UNREACHABLE 3u
#define ICMP_FRAGMENTATION_NEEDED 4u

static void time_wait_fire(fa_wheel_timer *timer, void *owner)
{
    fa_host *host = owner;
    fa_tcp_time_wait *first;
    while ((first = host->tcp.time_wait_first) != NULL && first->until_ns <= host->now_ns)
        fa_tcp_wait_end(host, first);
    if (first != NULL)
        fa_wheel_arm(&host->wheel, timer, first->until_ns);
}

/* fa_tcp_flush(), which comes after the timers, does the rest. */
static void starving_fire(fa_wheel_timer *timer, void *owner)
{
    (void)timer;
    (void)owner;
}

fa_err fa_tcp_init(fa_host *host)
{
    fa_tcp_state *state = &host->tcp;
    *state = (fa_tcp_state){.ms_ns = host->now_ns};
    host->options.random(state->secret, sizeof state->secret);
    host->options.random(&state->now_ms, sizeof state->now_ms);
    state->memory_max_bytes = host->options.pool->page_count * FA_PACKET_PAGE_BYTES / 2;
    state->connections_max = host->options.tcp_connections_max;
    if (state->connections_max == 0)
        state->connections_max = (uint32_t)(state->memory_max_bytes / (2 * sizeof(fa_tcp)));
    if (state->connections_max < CONNECTIONS_MIN)
        state->connections_max = CONNECTIONS_MIN;
    state->time_wait_timer.fire = time_wait_fire;
    state->starving_timer.fire = starving_fire;
    return FA_OK;
}

static void free_entry(fa_host *host, fa_tcp_entry *entry)
{
    if (entry->kind == FA_TCP_HALF_OPEN) {
        fa_tcp_half_open_end((fa_tcp_half_open *)entry);
    } else if (entry->kind == FA_TCP_WAITING) {
        fa_tcp_wait_end(host, (fa_tcp_time_wait *)entry);
    } else {
        fa_tcp_end((fa_tcp *)entry, FA_ECLOSED);
    }
}

static void unlink_ended(fa_tcp *tcp)
{
    *tcp->previous_ended = tcp->next_accept;
    if (tcp->next_accept != NULL)
        tcp->next_accept->previous_ended = tcp->previous_ended;
    tcp->owned = false;
    tcp->dead = true;
    fa_tcp_queue_free(&tcp->receive);
    fa_tcp_charge(tcp);
    fa_tcp_release(tcp);
}

void fa_tcp_free(fa_host *host)
{
    fa_tcp_state *state = &host->tcp;
    unsigned events;
    while (state->listeners != NULL)
        fa_tcp_unlisten(host, state->listeners);
    for (uint32_t i = 0; i < state->bucket_count; i++)
        while (state->buckets[i] != NULL)
            free_entry(host, state->buckets[i]);
    while (state->ended != NULL)
        unlink_ended(state->ended);
    /* All are dead now; who is in a list is freed as it leaves it. */
    fa_tcp_flush(host);
    while (fa_tcp_take_changed(host, &events) != NULL) {
    }
    fa_wheel_disarm(&host->wheel, &state->time_wait_timer);
    fa_wheel_disarm(&host->wheel, &state->starving_timer);
    fa_assert(state->memory_bytes == 0);
    free(state->buckets);
    *state = (fa_tcp_state){0};
}

void fa_tcp_address_changed(fa_host *host)
{
    fa_tcp_state *state = &host->tcp;
    for (uint32_t i = 0; i < state->bucket_count; i++) {
        for (fa_tcp_entry *entry = state->buckets[i]; entry != NULL;) {
            if (fa_ip4_is(entry->local, host->address)) {
                entry = entry->next;
            } else {
                free_entry(host, entry);
                entry = state->buckets[i]; /* the list is another one now */
            }
        }
    }
}

fa_err fa_tcp_status(const fa_tcp *tcp)
{
    if (tcp->error != FA_OK)
        return (fa_err)tcp->error;
    return tcp->phase == FA_TCP_SYN_SENT || tcp->phase == FA_TCP_SYN_RECEIVED ? FA_EAGAIN : FA_OK;
}

fa_endpoint fa_tcp_peer(const fa_tcp *tcp)
{
    return (fa_endpoint){tcp->entry.peer, tcp->entry.peer_port};
}

void *fa_tcp_user(const fa_tcp *tcp)
{
    return tcp->user;
}

void fa_tcp_set_user(fa_tcp *tcp, void *user)
{
    tcp->user = user;
}

void fa_tcp_keep_alive(fa_tcp *tcp, bool on)
{
    tcp->keep_alive = on;
    fa_tcp_life_arm(tcp);
    fa_tcp_timer_update(tcp);
}

bool fa_tcp_readable(const fa_tcp *tcp)
{
    return tcp->receive.len > 0 || tcp->fin_received || tcp->error != FA_OK ||
           tcp->phase == FA_TCP_CLOSED;
}

static bool may_write(const fa_tcp *tcp)
{
    return tcp->phase == FA_TCP_ESTABLISHED || tcp->phase == FA_TCP_CLOSE_WAIT;
}

static void starve(fa_tcp *tcp)
{
    if (tcp->in_starving)
        return;
    tcp->in_starving = true;
    tcp->next_starving = tcp->host->tcp.starving;
    tcp->host->tcp.starving = tcp;
}

/* How many pages a write may take. When memory is tight, an empty queue gets one, so that who reads is
 * not stopped by who does not; and none gets the last of the pool: what arrives needs it. */
uint32_t fa_tcp_pages_allowed(const fa_tcp *tcp)
{
    const fa_packet_pool *pool = tcp->host->options.pool;
    if (!fa_tcp_memory_tight(tcp->host) && !fa_packet_pool_is_low(pool))
        return FA_TCP_QUEUE_SEGMENTS_MAX;
    return tcp->send.len == 0 && fa_tcp_pool_has_pages(tcp->host) ? 1 : 0;
}

bool fa_tcp_writable(fa_tcp *tcp)
{
    if (tcp->phase == FA_TCP_SYN_SENT || tcp->phase == FA_TCP_SYN_RECEIVED)
        return false;
    if (!may_write(tcp))
        return true; /* it says so at once */
    if (tcp->in_starving)
        return false;
    tcp->wants_room = !fa_tcp_room_is_enough(tcp);
    if (tcp->wants_room)
        return false;
    if (fa_tcp_pages_allowed(tcp) > 0)
        return true;
    starve(tcp);
    return false;
}

/* Doubles the window of who reads as much as it within a round trip (as Linux's receive buffer tuning
 * does), while there is memory. */
static void tune(fa_tcp *tcp)
{
    const uint32_t now = fa_tcp_ms(tcp->host);
    const uint32_t rtt = tcp->srtt_x8 / 8 + 1;
    const uint32_t taken = tcp->rcv_nxt - tcp->receive.len - tcp->tune_sequence;
    if (taken >= tcp->rcv_budget / 4 * 3 && tcp->rcv_budget < FA_TCP_WINDOW_BYTES_MAX &&
        tcp->host->tcp.memory_bytes < tcp->host->tcp.memory_max_bytes / 2) {
        tcp->rcv_budget *= 2;
    } else if (now - tcp->tune_ms <= rtt) {
        return;
    }
    tcp->tune_ms = now;
    tcp->tune_sequence = tcp->rcv_nxt - tcp->receive.len;
}

fa_err fa_tcp_read(fa_host *host, fa_tcp *tcp, void *bytes_out, size_t cap, size_t *len_out)
{
    (void)host;
    *len_out = 0;
    if (tcp->error != FA_OK)
        return (fa_err)tcp->error;
    if (tcp->receive.len == 0)
        return tcp->fin_received || tcp->phase == FA_TCP_CLOSED ? FA_OK : FA_EAGAIN;
    *len_out = fa_tcp_queue_read(&tcp->receive, bytes_out, cap);
    fa_tcp_charge(tcp);
    if (tcp->phase != FA_TCP_CLOSED) {
        tune(tcp);
        fa_tcp_window_opened(tcp);
    }
    return FA_OK;
}

fa_err fa_tcp_write(fa_host *host, fa_tcp *tcp, const fa_slice *slices, size_t count, size_t *len_out)
{
    *len_out = 0;
    if (tcp->error != FA_OK)
        return (fa_err)tcp->error;
    if (tcp->phase == FA_TCP_SYN_SENT || tcp->phase == FA_TCP_SYN_RECEIVED)
        return FA_EAGAIN;
    if (!may_write(tcp))
        return FA_ECLOSED;
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t room = fa_tcp_send_room(tcp);
        const size_t len = slices[i].len < room ? slices[i].len : room;
        wanted += slices[i].len;
        const size_t done = fa_tcp_queue_write(&tcp->send, host->options.pool, slices[i].bytes, len,
                                               fa_tcp_pages_allowed(tcp));
        *len_out += done;
        if (done < len) {
            starve(tcp);
            break;
        }
        if (done < slices[i].len)
            break;
    }
    fa_tcp_charge(tcp);
    if (*len_out > 0)
        fa_tcp_pend(tcp);
    return *len_out > 0 || wanted == 0 ? FA_OK : FA_EAGAIN;
}

void fa_tcp_shutdown(fa_host *host, fa_tcp *tcp)
{
    (void)host;
    if (tcp->phase == FA_TCP_CLOSED || tcp->fin_queued)
        return;
    switch (tcp->phase) {
    case FA_TCP_ESTABLISHED:
        tcp->phase = FA_TCP_FIN_WAIT_1;
        break;
    case FA_TCP_CLOSE_WAIT:
        tcp->phase = FA_TCP_LAST_ACK;
        break;
    case FA_TCP_SYN_SENT:
    case FA_TCP_SYN_RECEIVED:
        break;
    default:
        return;
    }
    tcp->fin_queued = true;
    fa_tcp_pend(tcp);
}

void fa_tcp_close(fa_host *host, fa_tcp *tcp, bool abort)
{
    fa_assert(tcp->owned);
    if (tcp->phase == FA_TCP_CLOSED) {
        unlink_ended(tcp);
        return;
    }
    tcp->owned = false;
    if (abort || tcp->receive.len > 0 || tcp->phase == FA_TCP_SYN_SENT) {
        fa_tcp_send_reset(tcp);
        fa_tcp_end(tcp, FA_ECLOSED);
        return;
    }
    tcp->orphan_ms = fa_tcp_ms(host);
    fa_tcp_shutdown(host, tcp);
    fa_tcp_life_arm(tcp);
    fa_tcp_timer_update(tcp);
}

fa_tcp *fa_tcp_take_changed(fa_host *host, unsigned *events_out)
{
    fa_tcp *tcp;
    while ((tcp = host->tcp.changed) != NULL) {
        host->tcp.changed = tcp->next_changed;
        tcp->in_changed = false;
        if (tcp->owned) {
            *events_out = tcp->events;
            tcp->events = 0;
            return tcp;
        }
        fa_tcp_release(tcp);
    }
    return NULL;
}

/* RFC 1191, RFC 5927, 7: smaller segments, from the first that is not acknowledged. */
static void path_mtu(fa_tcp *tcp, uint16_t next_hop_mtu)
{
    uint32_t mtu = next_hop_mtu;
    if (mtu < MTU_MIN)
        mtu = MTU_MIN;
    fa_ipv4_learn_path(tcp->host, tcp->entry.peer, (uint16_t)mtu);
    const uint32_t mss =
        mtu - 40 - (tcp->timestamps ? FA_TCP_TIMESTAMPS_BYTES : 0); /* IPv4's header and TCP's */
    if (mss >= tcp->mss)
        return;
    tcp->mss = (uint16_t)mss;
    tcp->snd_nxt = tcp->snd_una;
    tcp->recovering = tcp->resend_first = tcp->rtt_timing = false;
    fa_tcp_pend(tcp);
}

void fa_tcp_icmp_error(fa_host *host, fa_ip4 peer, const uint8_t *header, size_t len, uint8_t type,
                       uint8_t code, uint16_t next_hop_mtu)
{
    fa_reader reader = fa_reader_of(header, len);
    const uint16_t local_port = fa_read_be16(&reader), peer_port = fa_read_be16(&reader);
    const uint32_t sequence = fa_read_be32(&reader);
    if (reader.failed || type != ICMP_UNREACHABLE)
        return;
    fa_tcp_entry *entry = fa_tcp_find(host, host->address, local_port, peer, peer_port);
    if (entry == NULL || entry->kind != FA_TCP_CONNECTION)
        return;
    fa_tcp *tcp = (fa_tcp *)entry;
    /* RFC 5927, 4.1: it must be about something that is on its way. */
    if (fa_tcp_before(sequence, tcp->snd_una) || !fa_tcp_before(sequence, tcp->snd_max))
        return;
    if (tcp->phase == FA_TCP_SYN_SENT) {
        if (code == ICMP_PROTOCOL_UNREACHABLE || code == ICMP_PORT_UNREACHABLE)
            fa_tcp_end(tcp, FA_ECLOSED);
    } else if (code == ICMP_FRAGMENTATION_NEEDED && tcp->phase != FA_TCP_SYN_RECEIVED) {
        path_mtu(tcp, next_hop_mtu);
    }
}
