/* SPDX-License-Identifier: ISC */
/* How TCP connections begin and end, in every order and one after another, and who attacks them. */
#include "tcp_couple.h"
#include <string.h>

/* Beginnings and ends. */

static void closes(uint64_t seed)
{
    /* Who closes when, in tenths of a millisecond (the way takes ten); 0: half-close first. */
    for (uint32_t order = 0; order < 24; order++) {
        couple both;
        couple_init(&both, seed);
        both.world.link.loss = seed > 1 ? 150000 : 0;
        both.world.link.reorder = seed > 1 ? 100000 : 0;
        couple_connect(&both);
        if (order % 2 != 0)
            say(both.client, both.a, "the client's last words");
        if (order / 2 % 2 != 0)
            say(both.server, both.b, "the server's");
        const uint32_t delay = order / 4 * 4;
        if (order % 3 == 0) {
            fa_tcp_shutdown(both.client, both.a);
            fa_tcp_shutdown(both.client, both.a);
            couple_run(&both, MS);
        }
        fa_tcp_close(both.client, both.a, order % 7 == 6);
        couple_run(&both, delay * MS / 10);
        fa_tcp_close(both.server, both.b, order % 11 == 10);
        couple_free(&both);
    }
}

static void graceful_ends(uint64_t seed)
{
    couple both;
    size_t len;
    couple_init(&both, seed);
    couple_connect(&both);
    fa_tcp_shutdown(both.client, both.a);
    require(put(both.client, both.a, "x", 1, &len) == FA_ECLOSED);
    couple_run(&both, 10 * MS);
    require(get(both.server, both.b, &len) == FA_OK && len == 0);
    say(both.server, both.b, "still here"); /* half-closed: the other half lives */
    couple_run(&both, 200 * S);
    require(get(both.client, both.a, &len) == FA_OK && len == 10);
    require(get(both.client, both.a, &len) == FA_EAGAIN);
    fa_tcp_shutdown(both.server, both.b);
    couple_run(&both, 100 * MS);
    require(get(both.client, both.a, &len) == FA_OK && len == 0);
    require(fa_tcp_status(both.a) == FA_OK && fa_tcp_status(both.b) == FA_OK);
    require(both.client->tcp.time_wait_count == 1 && both.server->tcp.time_wait_count == 0);
    fa_tcp_close(both.client, both.a, false);
    fa_tcp_close(both.server, both.b, false);
    couple_free(&both);
}

static void resets(uint64_t seed)
{
    couple both;
    size_t len;
    couple_init(&both, seed);
    couple_connect(&both); /* bytes unread: the peer is told (RFC 2525, 2.17) */
    say(both.client, both.a, "nobody reads this");
    couple_run(&both, 10 * MS);
    fa_tcp_close(both.server, both.b, false);
    couple_run(&both, 10 * MS);
    require(fa_tcp_status(both.a) == FA_ECLOSED && get(both.client, both.a, &len) == FA_ECLOSED);
    require(put(both.client, both.a, "x", 1, &len) == FA_ECLOSED && fa_tcp_readable(both.a));
    fa_tcp_close(both.client, both.a, false);
    couple_connect(&both); /* and bytes that come after the close */
    fa_tcp_close(both.server, both.b, false);
    say(both.client, both.a, "too late");
    couple_run(&both, 20 * MS);
    require(fa_tcp_status(both.a) == FA_ECLOSED);
    fa_tcp_close(both.client, both.a, false);
    require(both.server->tcp.resets_sent > 0);
    /* Refused; and from nowhere. */
    require(fa_tcp_connect(both.client, (fa_endpoint){both.server->address, 81}, NULL, &both.a) ==
            FA_OK);
    require(fa_tcp_status(both.a) == FA_EAGAIN);
    couple_run(&both, 10 * MS);
    require(fa_tcp_status(both.a) == FA_ECLOSED);
    fa_tcp_close(both.client, both.a, false);
    both.client->address = fa_ip4_of(0);
    require(fa_tcp_connect(both.client, server_of(&both), NULL, &both.a) == FA_ENOENT);
    couple_free(&both);
}

static void half_open_client_closes(uint64_t seed)
{
    couple both;
    couple_init(&both, seed);
    require(fa_tcp_connect(both.client, server_of(&both), NULL, &both.a) == FA_OK);
    fa_tcp_close(both.client, both.a, false);
    require(fa_tcp_connect(both.client, server_of(&both), NULL, &both.a) == FA_OK);
    couple_run(&both, 3 * MS / 2); /* the SYN-ACK is on its way */
    fa_tcp_close(both.client, both.a, false);
    couple_run(&both, 10 * MS);
    require(both.server->tcp.half_open_count == 0); /* the reset has told it */
    fa_tcp_unlisten(both.server, both.listener);
    couple_free(&both);
}

static void simultaneous_open(uint64_t seed)
{
    couple both;
    uint8_t bytes[100];
    couple_init(&both, seed);
    both.world.link.cut = true;
    const fa_ip4 far = fa_ip4_of(0x0a0000c8);
    require(fa_tcp_connect(both.client, (fa_endpoint){far, 7}, NULL, &both.a) == FA_OK);
    couple_run(&both, MS);
    const uint16_t port = both.a->entry.local_port;
    const uint32_t iss = both.a->iss;
    size_t len = world_segment(bytes, far, both.client->address, 7, port, 1000, 0, FA_TCP_SYN, 1000,
                               NULL, 0, NULL, 0);
    world_inject(&both.world, both.client, far, bytes, len);
    couple_run(&both, MS);
    require(both.a->phase == FA_TCP_SYN_RECEIVED && fa_tcp_status(both.a) == FA_EAGAIN);
    len = world_segment(bytes, far, both.client->address, 7, port, 1000, iss + 1,
                        FA_TCP_SYN | FA_TCP_ACK, 1000, NULL, 0, NULL, 0);
    world_inject(&both.world, both.client, far, bytes, len);
    couple_run(&both, MS);
    require(both.a->phase == FA_TCP_ESTABLISHED && fa_tcp_status(both.a) == FA_OK);
    require(both.a->rcv_nxt == 1001 && both.a->snd_una == iss + 1);
    fa_tcp_close(both.client, both.a, true);
    couple_free(&both);
}

/* A way that becomes much longer than the timeout: it is learned, and then nothing is sent twice. */
static void longer_way(uint64_t seed)
{
    couple both;
    couple_init(&both, seed);
    couple_connect(&both);
    both.world.link.delay_ns = 700 * MS;
    for (unsigned i = 0; i < 40; i++) {
        say(both.client, both.a, "over the mountains");
        couple_run(&both, 5 * S);
    }
    const uint64_t again = both.client->tcp.retransmitted_segments;
    for (unsigned i = 0; i < 10; i++) {
        say(both.client, both.a, "and far away");
        couple_run(&both, 5 * S);
    }
    require(again > 0 && both.client->tcp.retransmitted_segments == again);
    fa_tcp_close(both.client, both.a, false);
    fa_tcp_close(both.server, both.b, true);
    couple_free(&both);
}

/* The last segments of what is said are lost, once each. */
typedef struct tail {
    fa_host *from;
    uint32_t lost_from; /* sequence number */
    uint32_t lost_max;  /* behind the last byte that was lost once already */
    bool acks_too;      /* instead: the acknowledgments are */
    uint64_t segments;
} tail;

static bool lose_tail(tcp_world *world, fa_ip4 source, fa_ip4 destination, uint8_t *bytes, size_t len)
{
    tail *t = world->look_arg;
    fa_be32 field;
    memcpy(&field, bytes + 4, sizeof field);
    const uint32_t sequence = fa_be32_get(field);
    const size_t header = (size_t)(bytes[12] >> 4) * 4;
    (void)destination;
    if (!fa_ip4_is(source, t->from->address))
        return !t->acks_too;
    if (len == header)
        return true;
    t->segments++;
    if (t->acks_too || fa_tcp_before(sequence, t->lost_from) || fa_tcp_before(sequence, t->lost_max))
        return true;
    t->lost_max = sequence + (uint32_t)(len - header);
    return false;
}

/* They come again after two round trips, not after a timeout, but for a single one, whose acknowledgment
 * may be late. What was not lost, but its acknowledgments were, or were late, costs one segment. */
static void tail_losses(uint64_t seed)
{
    enum { SEGMENTS = 8, ACKS_LOST, ACKS_LATE };
    for (unsigned lost = 0; lost <= ACKS_LATE; lost++) {
        couple both;
        static uint8_t page[SEGMENTS * 1448];
        size_t len, total = 0;
        couple_init(&both, seed);
        couple_connect(&both);
        tail t = {.from = both.client, .acks_too = lost == ACKS_LOST, .lost_max = both.a->snd_nxt};
        both.world.look = lose_tail;
        both.world.look_arg = &t;
        t.lost_from = both.a->snd_nxt + (uint32_t)(lost > SEGMENTS ? 100 : SEGMENTS - lost) * 1448;
        if (lost == ACKS_LATE)
            both.world.link.delay_ns = 20 * MS;
        require(put(both.client, both.a, page, sizeof page, &len) == FA_OK && len == sizeof page);
        const uint32_t cwnd = both.a->cwnd;
        couple_run(&both, 5 * MS);
        t.acks_too = false;
        couple_run(&both, lost == 1 ? 400 * MS : 80 * MS);
        while (get(both.server, both.b, &len) == FA_OK && len > 0)
            total += len;
        require(total == sizeof page && both.a->snd_una == both.a->snd_max);
        require(t.segments == SEGMENTS + (lost > SEGMENTS ? 1 : lost == 0 ? 0 : lost));
        require(both.a->backoff == 0 && both.a->unsampled == 0);
        /* A repaired loss is one (said with what comes next); what was there is none. */
        say(both.client, both.a, "and on");
        couple_run(&both, 100 * MS);
        require(lost == 0 || lost == ACKS_LATE ? both.a->cwnd >= cwnd : both.a->cwnd < cwnd);
        require(!both.a->probing && !both.a->recovering && both.a->probe_at == FA_FOREVER);
        fa_tcp_close(both.client, both.a, true);
        fa_tcp_close(both.server, both.b, true);
        couple_free(&both);
    }
}

/* What one side says before that number is lost. */
typedef struct overtaken {
    fa_ip4 from;
    uint32_t lost_to;
} overtaken;

static bool lose_first(tcp_world *world, fa_ip4 source, fa_ip4 destination, uint8_t *bytes, size_t len)
{
    const overtaken *o = world->look_arg;
    fa_be32 sequence;
    memcpy(&sequence, bytes + 4, sizeof sequence);
    (void)destination;
    return !fa_ip4_is(source, o->from) || len == (size_t)(bytes[12] >> 4) * 4 ||
           !fa_tcp_before(fa_be32_get(sequence), o->lost_to);
}

/* A FIN that is here before the data in front of it is told as data is: or a peer whose timeout has become
 * long, as the answer to its SYN was lost, would find out only by that. */
static void end_overtakes(uint64_t seed)
{
    for (uint32_t kept = 0; kept < 3; kept++) { /* segments of two, the last ones, that have arrived too */
        couple both;
        static uint8_t page[2 * 1448];
        size_t len, total = 0;
        couple_init(&both, seed);
        couple_connect(&both);
        const uint32_t end = both.a->snd_nxt + sizeof page;
        overtaken o = {both.client->address, end - kept * 1448};
        both.world.look = lose_first;
        both.world.look_arg = &o;
        require(put(both.client, both.a, page, sizeof page, &len) == FA_OK && len == sizeof page);
        couple_run(&both, MS / 10);
        fa_tcp_shutdown(both.client, both.a);
        couple_run(&both, 3 * MS);
        if (kept < 2) {
            const fa_tcp_scoreboard *board = both.a->scoreboard;
            require(board != NULL && board->count == 1 && board->ranges[0].end == end + 1);
            require(board->ranges[0].start == end - kept * 1448);
        } else {
            require(both.a->scoreboard == NULL && both.a->snd_una == end + 1);
        }
        both.world.look = NULL;
        couple_run(&both, S);
        while (get(both.server, both.b, &len) == FA_OK && len > 0)
            total += len;
        require(total == sizeof page && both.b->fin_received && both.a->snd_una == end + 1);
        fa_tcp_close(both.client, both.a, true);
        fa_tcp_close(both.server, both.b, true);
        couple_free(&both);
    }
}

/* Connections one after another. Each must be there at once: no SYN may stay unanswered. */

typedef struct lost_syns {
    uint8_t flags; /* of those that are lost, */
    unsigned left; /* so many */
} lost_syns;

static bool lose_syns(tcp_world *world, fa_ip4 source, fa_ip4 destination, uint8_t *bytes, size_t len)
{
    lost_syns *lost = world->look_arg;
    (void)source;
    (void)destination;
    (void)len;
    if ((bytes[13] & (FA_TCP_SYN | FA_TCP_ACK)) != lost->flags || lost->left == 0)
        return true;
    lost->left--;
    return false;
}

/* The time that a lost SYN, or the answer to it, has cost is no round trip, of neither side; timestamps tell
 * which it was that arrived. What is lost next would stand for three seconds. */
static void lost_beginnings(uint64_t seed)
{
    static const uint8_t flags[] = {FA_TCP_SYN, FA_TCP_SYN | FA_TCP_ACK};
    for (unsigned i = 0; i < 4; i++) {
        couple both;
        couple_init(&both, seed);
        lost_syns lost = {flags[i % 2], 1 + i / 2};
        both.world.look = lose_syns;
        both.world.look_arg = &lost;
        couple_connect(&both);
        require(lost.left == 0 && both.a->syn_lost);
        require(both.a->srtt_x8 < 50 * 8 && both.a->rto_ms == FA_TCP_RTO_MIN_MS);
        require(both.b->srtt_x8 < 50 * 8 && both.b->rto_ms == FA_TCP_RTO_MIN_MS);
        fa_tcp_close(both.client, both.a, true);
        fa_tcp_close(both.server, both.b, true);
        couple_free(&both);
    }
}

typedef struct syn_count {
    uint64_t syns, syn_acks, resets;
} syn_count;

static bool count_syns(tcp_world *world, fa_ip4 source, fa_ip4 destination, uint8_t *bytes,
                       size_t len)
{
    syn_count *seen = world->look_arg;
    (void)source;
    (void)destination;
    (void)len;
    const uint8_t flags = bytes[13];
    seen->syns += (flags & (FA_TCP_SYN | FA_TCP_ACK)) == FA_TCP_SYN;
    seen->syn_acks += (flags & (FA_TCP_SYN | FA_TCP_ACK)) == (FA_TCP_SYN | FA_TCP_ACK);
    seen->resets += (flags & FA_TCP_RST) != 0;
    return true;
}

static void one_after_another(uint64_t seed)
{
    const uint32_t connections = 50000;
    couple both;
    syn_count seen = {0};
    size_t len, most = 0;
    couple_init(&both, seed);
    both.world.link.delay_ns = 20000;
    both.world.look = count_syns;
    both.world.look_arg = &seen;
    for (uint32_t i = 0; i < connections; i++) {
        const uint64_t start_ns = both.world.now_ns;
        couple_connect(&both);
        require(both.world.now_ns - start_ns < 10 * MS);
        const bool server_first = i % 4 != 3;
        say(both.client, both.a, "GET");
        couple_run(&both, MS);
        require(get(both.server, both.b, &len) == FA_OK && len == 3);
        if (server_first)
            fa_tcp_close(both.server, both.b, false);
        else
            fa_tcp_close(both.client, both.a, false);
        couple_run(&both, MS / 5);
        if (server_first)
            fa_tcp_close(both.client, both.a, false);
        else
            fa_tcp_close(both.server, both.b, false);
        couple_run(&both, MS / 5);
        if (both.server->tcp.memory_bytes > most)
            most = both.server->tcp.memory_bytes;
    }
    require(seen.syns == connections && seen.syn_acks == connections && seen.resets == 0);
    require(both.server->tcp.time_wait_count <= FA_TCP_TIME_WAITS_MAX);
    require(most < FA_TCP_TIME_WAITS_MAX * sizeof(fa_tcp_time_wait) + 64 * FA_KIB);
    couple_free(&both);
}

/* The same addresses and ports again while the first is in TIME-WAIT (RFC 6191). */
static void again_in_time_wait(uint64_t seed)
{
    for (unsigned stamped = 0; stamped < 2; stamped++) {
        couple both;
        uint8_t bytes[100], stamps[12] = {1, 1, 8, 10};
        const fa_ip4 far = fa_ip4_of(0x0a0000c8);
        couple_init(&both, seed);
        both.world.link.cut = true;
        uint32_t sequence = 5000;
        for (uint32_t round = 0; round < 3; round++, sequence += 100) {
            const size_t options = stamped ? sizeof stamps : 0;
            const fa_be32 value = fa_be32_of(1000 + round);
            const uint64_t syn_acks = both.world.sent;
            memcpy(stamps + 4, &value, 4);
            size_t n = world_segment(bytes, far, both.server->address, 9, PORT, sequence, 0,
                                     FA_TCP_SYN, 1000, stamps, options, NULL, 0);
            world_inject(&both.world, both.server, far, bytes, n);
            require(both.world.sent == syn_acks + 1 && both.server->tcp.half_open_count == 1);
            const fa_tcp_half_open *half = (fa_tcp_half_open *)fa_tcp_find(
                both.server, both.server->address, PORT, far, 9);
            const uint32_t iss = half->handshake.iss;
            n = world_segment(bytes, far, both.server->address, 9, PORT, sequence + 1, iss + 1,
                              FA_TCP_ACK, 1000, stamps, options, NULL, 0);
            world_inject(&both.world, both.server, far, bytes, n);
            both.b = fa_tcp_accept(both.listener, NULL);
            require(both.b != NULL);
            fa_tcp_close(both.server, both.b, false);
            couple_run(&both, MS);
            n = world_segment(bytes, far, both.server->address, 9, PORT, sequence + 1, iss + 2,
                              FA_TCP_ACK | FA_TCP_FIN, 1000, stamps, options, NULL, 0);
            world_inject(&both.world, both.server, far, bytes, n);
            require(both.server->tcp.time_wait_count == 1);
            if (stamped)
                sequence -= 200; /* older, but its timestamp says that it is not */
        }
        /* One that is older than what is over gets an acknowledgment, and a reset ends that. */
        const uint64_t sent = both.world.sent;
        size_t n = world_segment(bytes, far, both.server->address, 9, PORT, 1, 0, FA_TCP_SYN, 1000,
                                 NULL, 0, NULL, 0);
        world_inject(&both.world, both.server, far, bytes, n);
        require(both.world.sent == sent + 1 && both.server->tcp.time_wait_count == 1);
        const fa_tcp_time_wait *wait = both.server->tcp.time_wait_first;
        n = world_segment(bytes, far, both.server->address, 9, PORT, wait->rcv_nxt, 0, FA_TCP_RST, 0,
                          NULL, 0, NULL, 0);
        world_inject(&both.world, both.server, far, bytes, n);
        require(both.server->tcp.time_wait_count == 0);
        couple_free(&both);
    }
}

/* Attacks. */

static void syn_flood(uint64_t seed)
{
    couple both;
    uint8_t bytes[100];
    size_t len;
    couple_init(&both, seed);
    for (uint32_t i = 0; i < 5000; i++) {
        const fa_ip4 from = fa_ip4_of(0xc6336401 + i);
        const size_t n = world_segment(bytes, from, both.server->address, 1024, PORT, i * 77, 0,
                                       FA_TCP_SYN, 1000, NULL, 0, NULL, 0);
        world_inject(&both.world, both.server, from, bytes, n);
    }
    require(both.server->tcp.half_open_count == FA_TCP_HALF_OPEN_MAX);
    require(both.server->tcp.cookies_sent == 5000 - FA_TCP_HALF_OPEN_MAX);
    require(both.server->tcp.connection_count == 0);
    couple_connect(&both); /* by a cookie, with all options */
    require(both.server->tcp.cookies_sent == 5001 - FA_TCP_HALF_OPEN_MAX);
    require(both.b->scale && both.b->sack && both.b->timestamps && both.b->mss == both.a->mss);
    say(both.client, both.a, "hello");
    couple_run(&both, 10 * MS);
    require(get(both.server, both.b, &len) == FA_OK && len == 5);
    fa_tcp_close(both.client, both.a, false);
    fa_tcp_close(both.server, both.b, false);
    /* Cookies that we have not made. */
    for (uint32_t i = 0; i < 2000; i++) {
        const fa_ip4 from = fa_ip4_of(0xc6336401 + i);
        const size_t n = world_segment(bytes, from, both.server->address, 1025, PORT, i, i * 991 + 5,
                                       FA_TCP_ACK, 1000, NULL, 0, NULL, 0);
        world_inject(&both.world, both.server, from, bytes, n);
    }
    require(fa_tcp_accept(both.listener, NULL) == NULL);
    couple_free(&both);
}

static void inject_at(couple *both, uint32_t sequence, uint32_t acknowledgment, uint8_t flags,
                      const char *text, uint32_t ts_value)
{
    uint8_t bytes[200], stamps[12] = {1, 1, 8, 10};
    const fa_be32 value = fa_be32_of(ts_value);
    memcpy(stamps + 4, &value, 4);
    const size_t len =
        world_segment(bytes, both->client->address, both->server->address, both->a->entry.local_port,
                      PORT, sequence, acknowledgment, flags, 1000, stamps, sizeof stamps, text,
                      strlen(text));
    world_inject(&both->world, both->server, both->client->address, bytes, len);
}

static void inject(couple *both, uint32_t sequence, uint32_t acknowledgment, uint8_t flags,
                   const char *text)
{
    inject_at(both, sequence, acknowledgment, flags, text, both->b->ts_recent);
}

/* A peer that is gone is not kept alive by who can only guess. */
static void blind_keep_alive(uint64_t seed)
{
    couple both;
    couple_init(&both, seed);
    couple_connect(&both);
    fa_tcp_keep_alive(both.b, true);
    both.world.link.cut = true;
    const uint32_t next = both.b->rcv_nxt, una = both.b->snd_una;
    for (uint32_t minute = 0; minute < 140; minute++) {
        inject(&both, next + 100000, una, FA_TCP_ACK, "outside");
        inject(&both, next + 1 + minute, una, FA_TCP_RST, "");
        inject(&both, next, una + 1, FA_TCP_ACK, "never sent");
        inject_at(&both, next, una, FA_TCP_ACK, "old", both.b->ts_recent - 1);
        couple_run(&both, 60 * S);
    }
    require(fa_tcp_status(both.b) == FA_ETIMEDOUT);
    fa_tcp_close(both.server, both.b, false);
    fa_tcp_close(both.client, both.a, true);
    couple_free(&both);
}

#define DAY (86400 * S)

/* Idle for so long that timestamps, and milliseconds in 32 bits, have gone half round, or once. */
static void idle_for_weeks(uint64_t seed)
{
    static const uint32_t days[] = {25, 30, 50, 60, 100};
    for (size_t i = 0; i < FA_ARRAY_COUNT(days); i++) {
        couple both;
        size_t len;
        couple_init(&both, seed);
        couple_connect(&both);
        say(both.client, both.a, "before");
        couple_run(&both, S);
        require(get(both.server, both.b, &len) == FA_OK && len == 6);
        couple_run(&both, days[i] * DAY);
        say(both.client, both.a, "after");
        say(both.server, both.b, "it too");
        couple_run(&both, S);
        require(get(both.server, both.b, &len) == FA_OK && len == 5);
        require(get(both.client, both.a, &len) == FA_OK && len == 6);
        require(both.b->ts_recent_ns + 2 * S > both.world.now_ns);
        require(both.client->tcp.retransmitted_segments == 0 && both.b->rto_ms < 1000);
        couple_run(&both, days[i] * DAY);
        /* Keep-alive asks at once, and the peer lives. */
        fa_tcp_keep_alive(both.a, true);
        couple_run(&both, S);
        require(both.world.now_ns - both.a->heard_ns < 2 * S);
        fa_tcp_keep_alive(both.a, false);
        /* A peer with another clock, after so long again: whatever it says is newer, once. */
        couple_run(&both, days[i] * DAY);
        const uint32_t old = both.b->ts_recent;
        inject_at(&both, both.b->rcv_nxt, both.b->snd_una, FA_TCP_ACK, "odd", old - 1000);
        require(get(both.server, both.b, &len) == FA_OK && len == 3 && both.b->ts_recent == old - 1000);
        inject_at(&both, both.b->rcv_nxt, both.b->snd_una, FA_TCP_ACK, "odd", old - 1001);
        require(get(both.server, both.b, &len) == FA_EAGAIN);
        fa_tcp_close(both.client, both.a, true);
        fa_tcp_close(both.server, both.b, true);
        couple_free(&both);
    }
}

/* RFC 5961: who can only guess does not break a connection. */
static void blind_attacks(uint64_t seed)
{
    couple both;
    size_t len;
    couple_init(&both, seed);
    couple_connect(&both);
    say(both.client, both.a, "first");
    couple_run(&both, 100 * MS);
    const uint32_t next = both.b->rcv_nxt, una = both.b->snd_una;
    for (uint32_t i = 1; i < 60000; i += 97) {
        inject(&both, next + i, una, FA_TCP_RST, "");
        inject(&both, next + i, una, FA_TCP_SYN, "");
        inject(&both, next - i, una, FA_TCP_RST | FA_TCP_ACK, "");
        inject(&both, next + 70000 + i, una, FA_TCP_ACK, "outside");
        inject(&both, next, una + i, FA_TCP_ACK, "never sent");
        inject(&both, next, una - 10000000 - i, FA_TCP_ACK, "long ago");
    }
    const uint64_t sent = both.server->tcp.challenges_sent;
    require(sent > 0 && sent < 10);
    couple_run(&both, 1 * S);
    require(fa_tcp_status(both.b) == FA_OK && both.b->rcv_nxt == next);
    say(both.client, both.a, "second");
    couple_run(&both, 100 * MS);
    require(get(both.server, both.b, &len) == FA_OK && len == 11);
    inject(&both, both.b->rcv_nxt, 0, FA_TCP_RST, "");
    require(fa_tcp_status(both.b) == FA_ECLOSED);
    fa_tcp_close(both.server, both.b, false);
    fa_tcp_close(both.client, both.a, false);
    couple_free(&both);
}

int main(int argc, char **argv)
{
    static const couple_test tests[] = {
        {"closes in every order", closes, 12},
        {"ends of halves", graceful_ends, 1},
        {"resets", resets, 1},
        {"a client that gives up", half_open_client_closes, 1},
        {"beginnings that are lost", lost_beginnings, 1},
        {"simultaneous open", simultaneous_open, 1},
        {"a way that becomes longer", longer_way, 1},
        {"tail losses", tail_losses, 1},
        {"an end that overtakes", end_overtakes, 1},
        {"50,000 connections one after another", one_after_another, 1},
        {"again in TIME-WAIT", again_in_time_wait, 1},
        {"SYN flood", syn_flood, 1},
        {"blind attacks", blind_attacks, 1},
        {"guesses keep nobody alive", blind_keep_alive, 1},
        {"idle for weeks", idle_for_weeks, 1},
    };
    return couple_main(argc, argv, tests, FA_ARRAY_COUNT(tests));
}
