/* SPDX-License-Identifier: ISC */
/* TCP's records: found by addresses and ports in a table that grows, with a keyed hash so that
 * nobody can choose what falls together; made, charged for their memory, and given back. Also what
 * is derived from the secret: initial sequence numbers (RFC 6528) and offsets of timestamps. */
#include "tcp_record.h"
#include <fata/panic.h>
#include <stdlib.h>
#include <string.h>

static uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate(v[1], 13), v[1] ^= v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16), v[3] ^= v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21), v[3] ^= v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17), v[1] ^= v[2], v[2] = rotate(v[2], 32);
}

/* SipHash-2-4 (Aumasson and Bernstein, 2012) of a message of 16 bytes, a and b little-endian. */
uint64_t fa_tcp_hash(const uint64_t secret[2], uint64_t a, uint64_t b)
{
    const uint64_t words[3] = {a, b, UINT64_C(16) << 56};
    uint64_t v[4] = {secret[0] ^ UINT64_C(0x736f6d6570736575), secret[1] ^ UINT64_C(0x646f72616e646f6d),
                     secret[0] ^ UINT64_C(0x6c7967656e657261), secret[1] ^ UINT64_C(0x7465646279746573)};
    for (unsigned i = 0; i < 3; i++) {
        v[3] ^= words[i];
        sip_round(v);
        sip_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xff;
    for (unsigned i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Milliseconds, modulo 2^32; divides only when one has passed. */
uint32_t fa_tcp_ms(fa_host *host)
{
    fa_tcp_state *state = &host->tcp;
    const uint64_t since_ns = host->now_ns - state->ms_ns;
    if (since_ns >= FA_NS_PER_MS) {
        const uint64_t ms = since_ns < 2 * FA_NS_PER_MS ? 1 : since_ns / FA_NS_PER_MS;
        state->ms_ns += ms * FA_NS_PER_MS;
        state->now_ms += (uint32_t)ms;
    }
    return state->now_ms;
}

static uint64_t address_word(fa_ip4 local, fa_ip4 peer)
{
    return (uint64_t)fa_ip4_number(peer) << 32 | fa_ip4_number(local);
}

/* RFC 6528, 3: a clock of 4 microseconds, and a secret function of the addresses and ports. */
uint32_t fa_tcp_initial_sequence(fa_host *host, fa_endpoint local, fa_endpoint peer)
{
    const uint64_t hash = fa_tcp_hash(host->tcp.secret, address_word(local.address, peer.address),
                                      UINT64_C(1) << 32 | (uint64_t)local.port << 16 | peer.port);
    return (uint32_t)(host->now_ns / 4000) + (uint32_t)hash;
}

/* The same for all connections of two hosts, so that timestamps go up from one to the next (RFC
 * 7323, 5.4 and RFC 6191), and say nothing about the clock. */
uint32_t fa_tcp_timestamp_offset(fa_host *host, fa_ip4 local, fa_ip4 peer)
{
    return (uint32_t)fa_tcp_hash(host->tcp.secret, address_word(local, peer), UINT64_C(2) << 32);
}

static uint32_t entry_hash(const fa_tcp_state *state, fa_ip4 local, uint16_t local_port, fa_ip4 peer,
                           uint16_t peer_port)
{
    return (uint32_t)fa_tcp_hash(state->secret, address_word(local, peer),
                                 (uint64_t)local_port << 16 | peer_port);
}

static bool is_entry(const fa_tcp_entry *entry, fa_ip4 local, uint16_t local_port, fa_ip4 peer,
                     uint16_t peer_port)
{
    return entry->peer_port == peer_port && entry->local_port == local_port &&
           fa_ip4_is(entry->peer, peer) && fa_ip4_is(entry->local, local);
}

fa_tcp_entry *fa_tcp_find(fa_host *host, fa_ip4 local, uint16_t local_port, fa_ip4 peer,
                          uint16_t peer_port)
{
    fa_tcp_state *state = &host->tcp;
    if (state->found != NULL && is_entry(state->found, local, local_port, peer, peer_port))
        return state->found;
    if (state->bucket_count == 0)
        return NULL;
    const uint32_t hash = entry_hash(state, local, local_port, peer, peer_port);
    for (fa_tcp_entry *entry = state->buckets[hash & (state->bucket_count - 1)]; entry != NULL;
         entry = entry->next) {
        if (entry->hash == hash && is_entry(entry, local, local_port, peer, peer_port)) {
            state->found = entry;
            return entry;
        }
    }
    return NULL;
}

/* Twice as many buckets as entries at least after growing; the old table serves where there is no
 * memory for a new one. */
static void grow_table(fa_tcp_state *state)
{
    const uint32_t count =
        state->bucket_count == 0 ? FA_TCP_BUCKETS_MIN : state->bucket_count * 2;
    fa_tcp_entry **buckets = calloc(count, sizeof(fa_tcp_entry *));
    if (buckets == NULL)
        return;
    for (uint32_t i = 0; i < state->bucket_count; i++) {
        for (fa_tcp_entry *entry = state->buckets[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            entry->next = buckets[entry->hash & (count - 1)];
            buckets[entry->hash & (count - 1)] = entry;
        }
    }
    free(state->buckets);
    state->buckets = buckets;
    state->bucket_count = count;
}

bool fa_tcp_enter(fa_host *host, fa_tcp_entry *entry)
{
    fa_tcp_state *state = &host->tcp;
    if (state->entry_count >= state->bucket_count)
        grow_table(state);
    if (state->bucket_count == 0)
        return false;
    entry->hash =
        entry_hash(state, entry->local, entry->local_port, entry->peer, entry->peer_port);
    fa_tcp_entry **bucket = &state->buckets[entry->hash & (state->bucket_count - 1)];
    entry->next = *bucket;
    *bucket = entry;
    state->entry_count++;
    return true;
}

void fa_tcp_leave(fa_host *host, fa_tcp_entry *entry)
{
    fa_tcp_state *state = &host->tcp;
    fa_tcp_entry **link = &state->buckets[entry->hash & (state->bucket_count - 1)];
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    state->entry_count--;
    if (state->found == entry)
        state->found = NULL;
}

fa_tcp *fa_tcp_new(fa_host *host)
{
    fa_tcp_state *state = &host->tcp;
    fa_tcp *tcp = calloc(1, sizeof *tcp);
    if (tcp == NULL)
        return NULL;
    tcp->entry.kind = FA_TCP_CONNECTION;
    tcp->host = host;
    tcp->timer.fire = fa_tcp_timer_fire;
    tcp->retransmit_at = tcp->probe_at = tcp->ack_at = tcp->life_at = FA_FOREVER;
    tcp->rto_ms = FA_TCP_RTO_INITIAL_MS;
    tcp->rcv_budget = FA_TCP_WINDOW_BYTES;
    tcp->rcv_mss = FA_TCP_MSS_DEFAULT;
    tcp->timeout_ms = fa_tcp_ms(host);
    tcp->challenge_ms = tcp->timeout_ms - FA_TCP_CHALLENGE_MS;
    state->memory_bytes += sizeof *tcp;
    return tcp;
}

void fa_tcp_charge(fa_tcp *tcp)
{
    const uint16_t pages =
        (uint16_t)(tcp->send.count + tcp->receive.count + tcp->out_of_order_pages);
    fa_tcp_state *state = &tcp->host->tcp;
    state->memory_bytes += pages * FA_PACKET_PAGE_BYTES;
    state->memory_bytes -= tcp->charged_pages * FA_PACKET_PAGE_BYTES;
    tcp->charged_pages = pages;
}

void fa_tcp_release(fa_tcp *tcp)
{
    if (!tcp->dead || tcp->in_changed || tcp->in_pending || tcp->in_starving)
        return;
    tcp->host->tcp.memory_bytes -= sizeof *tcp;
    free(tcp);
}

static void leave_accept_queue(fa_tcp *tcp)
{
    fa_tcp_listener *listener = tcp->listener;
    fa_tcp *previous = NULL;
    for (fa_tcp *each = listener->accept_first; each != tcp; each = each->next_accept)
        previous = each;
    if (previous != NULL)
        previous->next_accept = tcp->next_accept;
    else
        listener->accept_first = tcp->next_accept;
    if (listener->accept_last == tcp)
        listener->accept_last = previous;
    listener->accept_count--;
    tcp->listener = NULL;
}

void fa_tcp_end(fa_tcp *tcp, fa_err error)
{
    fa_host *host = tcp->host;
    if (tcp->in_table) {
        fa_tcp_leave(host, &tcp->entry);
        tcp->in_table = false;
        host->tcp.connection_count--;
    }
    fa_wheel_disarm(&host->wheel, &tcp->timer);
    tcp->retransmit_at = tcp->probe_at = tcp->ack_at = tcp->life_at = FA_FOREVER;
    tcp->phase = FA_TCP_CLOSED;
    fa_tcp_queue_free(&tcp->send);
    fa_tcp_drop_out_of_order(tcp);
    fa_tcp_scoreboard_free(tcp);
    /* What has arrived before a regular end is still read. */
    if (error != FA_OK || !tcp->owned)
        fa_tcp_queue_free(&tcp->receive);
    fa_tcp_charge(tcp);
    if (tcp->listener != NULL)
        leave_accept_queue(tcp);
    if (tcp->owned) {
        fa_tcp **ended = &host->tcp.ended;
        tcp->error = (uint8_t)error;
        tcp->next_accept = *ended;
        tcp->previous_ended = ended;
        if (*ended != NULL)
            (*ended)->previous_ended = &tcp->next_accept;
        *ended = tcp;
        fa_tcp_notify(tcp, FA_TCP_READABLE | FA_TCP_WRITABLE | FA_TCP_CONNECTED);
        return;
    }
    tcp->dead = true;
    fa_tcp_release(tcp);
}

void fa_tcp_notify(fa_tcp *tcp, unsigned events)
{
    if (!tcp->owned)
        return;
    tcp->events = (uint8_t)(tcp->events | events);
    if (tcp->in_changed)
        return;
    fa_tcp_state *state = &tcp->host->tcp;
    tcp->in_changed = true;
    tcp->next_changed = NULL;
    if (state->changed != NULL)
        state->changed_last->next_changed = tcp;
    else
        state->changed = tcp;
    state->changed_last = tcp;
}

/* (In FIN-WAIT-2 and TIME-WAIT the peer has all.) */
bool fa_tcp_is_finishing(const fa_host *host)
{
    const fa_tcp_state *state = &host->tcp;
    for (uint32_t i = 0; i < state->bucket_count; i++)
        for (fa_tcp_entry *entry = state->buckets[i]; entry != NULL; entry = entry->next) {
            const fa_tcp *tcp = (const fa_tcp *)entry;
            if (entry->kind == FA_TCP_CONNECTION && !tcp->owned && tcp->listener == NULL &&
                tcp->phase != FA_TCP_FIN_WAIT_2)
                return true;
        }
    return false;
}

/* TIME-WAIT: a small record in the connection's place. All last equally long, so that they end in the
 * order of their list, and one timer does for all. */
static void wait_unlink(fa_tcp_state *state, fa_tcp_time_wait *wait)
{
    if (wait->previous != NULL)
        wait->previous->next = wait->next;
    else
        state->time_wait_first = wait->next;
    if (wait->next != NULL)
        wait->next->previous = wait->previous;
    else
        state->time_wait_last = wait->previous;
}

static void wait_link(fa_host *host, fa_tcp_time_wait *wait)
{
    fa_tcp_state *state = &host->tcp;
    wait->until_ns = host->now_ns + FA_TCP_TIME_WAIT_MS * FA_NS_PER_MS;
    wait->next = NULL;
    wait->previous = state->time_wait_last;
    if (wait->previous != NULL)
        wait->previous->next = wait;
    else
        state->time_wait_first = wait;
    state->time_wait_last = wait;
    if (!fa_wheel_armed(&state->time_wait_timer))
        fa_wheel_arm(&host->wheel, &state->time_wait_timer, wait->until_ns);
}

void fa_tcp_wait_end(fa_host *host, fa_tcp_time_wait *wait)
{
    fa_tcp_state *state = &host->tcp;
    fa_tcp_leave(host, &wait->entry);
    wait_unlink(state, wait);
    state->time_wait_count--;
    state->memory_bytes -= sizeof *wait;
    free(wait);
}

void fa_tcp_wait(fa_tcp *tcp)
{
    fa_host *host = tcp->host;
    fa_tcp_state *state = &host->tcp;
    const fa_tcp_entry entry = tcp->entry;
    fa_tcp_time_wait *wait = calloc(1, sizeof *wait);
    if (wait != NULL) {
        wait->snd_nxt = tcp->snd_max;
        wait->rcv_nxt = tcp->rcv_nxt;
        wait->window = fa_tcp_receive_window(tcp);
        wait->shift = tcp->rcv_shift;
        wait->timestamps = tcp->timestamps;
        wait->ts_recent = tcp->ts_recent;
        wait->ts_offset = tcp->ts_offset;
        wait->challenge_ms = tcp->challenge_ms;
    }
    fa_tcp_end(tcp, FA_OK); /* the connection may be gone now */
    if (wait == NULL)
        return;
    if (state->time_wait_count >= FA_TCP_TIME_WAITS_MAX)
        fa_tcp_wait_end(host, state->time_wait_first);
    wait->entry = entry;
    wait->entry.kind = FA_TCP_WAITING;
    if (!fa_tcp_enter(host, &wait->entry)) {
        free(wait);
        return;
    }
    state->time_wait_count++;
    state->memory_bytes += sizeof *wait;
    wait_link(host, wait);
}

static void wait_answer(fa_host *host, const fa_tcp_time_wait *wait)
{
    (void)fa_tcp_send_bare(host, &(fa_tcp_bare){.local = wait->entry.local,
                                                .peer = wait->entry.peer,
                                                .local_port = wait->entry.local_port,
                                                .peer_port = wait->entry.peer_port,
                                                .sequence = wait->snd_nxt,
                                                .acknowledgment = wait->rcv_nxt,
                                                .window = (uint16_t)(wait->window >> wait->shift),
                                                .flags = FA_TCP_ACK,
                                                .timestamps = wait->timestamps,
                                                .ts_value = fa_tcp_ms(host) + wait->ts_offset,
                                                .ts_echo = wait->ts_recent});
}

void fa_tcp_wait_input(fa_host *host, fa_tcp_time_wait *wait, fa_tcp_segment *segment)
{
    const bool stamped = wait->timestamps && segment->options.timestamps;
    const bool newer = stamped && fa_tcp_before(wait->ts_recent, segment->options.ts_value);
    if ((segment->flags & FA_TCP_RST) != 0) {
        /* RFC 5961, 3.2; a client that got our acknowledgment for its new SYN says this, and shall
         * not have to wait (against RFC 1337, which fears older segments than that). */
        if (segment->sequence == wait->rcv_nxt)
            fa_tcp_wait_end(host, wait);
        return;
    }
    if ((segment->flags & (FA_TCP_SYN | FA_TCP_ACK)) == FA_TCP_SYN) {
        /* RFC 6191, 2: a new connection if its timestamp, or its sequence number, is greater. */
        fa_tcp_listener *listener = fa_tcp_listener_find(host, wait->entry.local_port);
        const bool again = newer || ((!stamped || segment->options.ts_value == wait->ts_recent) &&
                                     fa_tcp_before(wait->rcv_nxt, segment->sequence));
        if (again && listener != NULL) {
            const uint32_t iss_min = wait->snd_nxt + (uint32_t)FA_TCP_WINDOW_BYTES_MAX + 1;
            fa_tcp_wait_end(host, wait);
            fa_tcp_listener_input(host, listener, segment, iss_min != 0 ? iss_min : 1);
            return;
        }
    }
    /* RFC 9293, 3.10.7.4: what can come is the FIN again; it is acknowledged, and waited for anew. */
    if ((segment->flags & FA_TCP_FIN) != 0 && segment->sequence + segment->len + 1 == wait->rcv_nxt) {
        wait_unlink(&host->tcp, wait);
        wait_link(host, wait);
        wait_answer(host, wait);
    } else if ((segment->flags & FA_TCP_SYN) != 0 ||
               ((segment->len > 0 || segment->sequence != wait->rcv_nxt) &&
                fa_tcp_challenge_allowed(host, &wait->challenge_ms))) {
        wait_answer(host, wait);
    }
}
