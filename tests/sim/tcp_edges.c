/* SPDX-License-Identifier: ISC */
/* TCP at its edges: how connections begin and end in every order, attacks, peers that vanish or read
 * nothing, limits that are reached, memory that is not there. */
#include "tcp_world.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT 80u
#define MS FA_NS_PER_MS
#define S FA_NS_PER_S

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);

static uint32_t failing; /* of a million allocations of the engine */
static tcp_world *failing_world;

static bool fails(void)
{
    return failing > 0 && world_random(failing_world, 1000000) < failing;
}

void *__wrap_malloc(size_t len)
{
    return fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
    return fails() ? NULL : __real_calloc(count, len);
}

/* A client, a server, and one connection of theirs. */
typedef struct couple {
    tcp_world world;
    fa_host *client, *server;
    fa_tcp_listener *listener;
    fa_tcp *a, *b; /* the client's side, the server's */
} couple;

static void couple_init(couple *both, uint64_t seed)
{
    *both = (couple){0};
    world_init(&both->world, seed);
    both->client = world_host(&both->world, 512, 0);
    both->server = world_host(&both->world, 512, 0);
    require(fa_tcp_listen(both->server, PORT, 16, both, &both->listener) == FA_OK);
}

static fa_endpoint server_of(const couple *both)
{
    return (fa_endpoint){both->server->address, PORT};
}

static bool is_connected(tcp_world *world, void *arg)
{
    couple *both = arg;
    (void)world;
    if (both->b == NULL)
        both->b = fa_tcp_accept(both->listener, both);
    return both->b != NULL && fa_tcp_status(both->a) == FA_OK;
}

static void couple_connect(couple *both)
{
    both->a = both->b = NULL;
    require(fa_tcp_connect(both->client, server_of(both), both, &both->a) == FA_OK);
    require(world_run(&both->world, 30 * S, is_connected, both));
}

static void take_news(couple *both)
{
    unsigned events;
    while (fa_tcp_take_changed(both->client, &events) != NULL) {
    }
    while (fa_tcp_take_changed(both->server, &events) != NULL) {
    }
}

static void run(couple *both, uint64_t ns)
{
    (void)world_run(&both->world, ns, NULL, NULL);
    take_news(both);
}

/* All that the engines had is back when all timers have passed. */
static void couple_free(couple *both)
{
    run(both, 800 * S);
    const fa_host *const hosts[] = {both->client, both->server};
    for (unsigned i = 0; i < 2; i++) {
        require(hosts[i]->tcp.connection_count == 0 && hosts[i]->tcp.memory_bytes == 0);
        require(hosts[i]->tcp.half_open_count == 0 && hosts[i]->tcp.time_wait_count == 0);
    }
    world_free(&both->world);
}

static fa_err put(fa_host *host, fa_tcp *tcp, const void *bytes, size_t len, size_t *done)
{
    return fa_tcp_write(host, tcp, &(fa_slice){bytes, len}, 1, done);
}

static fa_err get(fa_host *host, fa_tcp *tcp, size_t *len)
{
    char bytes[4096];
    return fa_tcp_read(host, tcp, bytes, sizeof bytes, len);
}

static void say(fa_host *host, fa_tcp *tcp, const char *text)
{
    size_t done;
    require(put(host, tcp, text, strlen(text), &done) == FA_OK && done == strlen(text));
}

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
            run(&both, MS);
        }
        fa_tcp_close(both.client, both.a, order % 7 == 6);
        run(&both, delay * MS / 10);
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
    run(&both, 10 * MS);
    require(get(both.server, both.b, &len) == FA_OK && len == 0);
    say(both.server, both.b, "still here"); /* half-closed: the other half lives */
    run(&both, 200 * S);
    require(get(both.client, both.a, &len) == FA_OK && len == 10);
    require(get(both.client, both.a, &len) == FA_EAGAIN);
    fa_tcp_shutdown(both.server, both.b);
    run(&both, 100 * MS);
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
    run(&both, 10 * MS);
    fa_tcp_close(both.server, both.b, false);
    run(&both, 10 * MS);
    require(fa_tcp_status(both.a) == FA_ECLOSED && get(both.client, both.a, &len) == FA_ECLOSED);
    require(put(both.client, both.a, "x", 1, &len) == FA_ECLOSED && fa_tcp_readable(both.a));
    fa_tcp_close(both.client, both.a, false);
    couple_connect(&both); /* and bytes that come after the close */
    fa_tcp_close(both.server, both.b, false);
    say(both.client, both.a, "too late");
    run(&both, 20 * MS);
    require(fa_tcp_status(both.a) == FA_ECLOSED);
    fa_tcp_close(both.client, both.a, false);
    require(both.server->tcp.resets_sent > 0);
    /* Refused; and from nowhere. */
    require(fa_tcp_connect(both.client, (fa_endpoint){both.server->address, 81}, NULL, &both.a) ==
            FA_OK);
    require(fa_tcp_status(both.a) == FA_EAGAIN);
    run(&both, 10 * MS);
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
    run(&both, 3 * MS / 2); /* the SYN-ACK is on its way */
    fa_tcp_close(both.client, both.a, false);
    run(&both, 10 * MS);
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
    run(&both, MS);
    const uint16_t port = both.a->entry.local_port;
    const uint32_t iss = both.a->iss;
    size_t len = world_segment(bytes, far, both.client->address, 7, port, 1000, 0, FA_TCP_SYN, 1000,
                               NULL, 0, NULL, 0);
    world_inject(&both.world, both.client, far, bytes, len);
    run(&both, MS);
    require(both.a->phase == FA_TCP_SYN_RECEIVED && fa_tcp_status(both.a) == FA_EAGAIN);
    len = world_segment(bytes, far, both.client->address, 7, port, 1000, iss + 1,
                        FA_TCP_SYN | FA_TCP_ACK, 1000, NULL, 0, NULL, 0);
    world_inject(&both.world, both.client, far, bytes, len);
    run(&both, MS);
    require(both.a->phase == FA_TCP_ESTABLISHED && fa_tcp_status(both.a) == FA_OK);
    require(both.a->rcv_nxt == 1001 && both.a->snd_una == iss + 1);
    fa_tcp_close(both.client, both.a, true);
    couple_free(&both);
}

/* Connections one after another. Each must be there at once: no SYN may stay unanswered. */

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
        run(&both, MS);
        require(get(both.server, both.b, &len) == FA_OK && len == 3);
        if (server_first)
            fa_tcp_close(both.server, both.b, false);
        else
            fa_tcp_close(both.client, both.a, false);
        run(&both, MS / 5);
        if (server_first)
            fa_tcp_close(both.client, both.a, false);
        else
            fa_tcp_close(both.server, both.b, false);
        run(&both, MS / 5);
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
            run(&both, MS);
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
    run(&both, 10 * MS);
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

static void inject(couple *both, uint32_t sequence, uint32_t acknowledgment, uint8_t flags,
                   const char *text)
{
    uint8_t bytes[200], stamps[12] = {1, 1, 8, 10};
    const fa_be32 value = fa_be32_of(both->b->ts_recent);
    memcpy(stamps + 4, &value, 4);
    const size_t len =
        world_segment(bytes, both->client->address, both->server->address, both->a->entry.local_port,
                      PORT, sequence, acknowledgment, flags, 1000, stamps, sizeof stamps, text,
                      strlen(text));
    world_inject(&both->world, both->server, both->client->address, bytes, len);
}

/* RFC 5961: who can only guess does not break a connection. */
static void blind_attacks(uint64_t seed)
{
    couple both;
    size_t len;
    couple_init(&both, seed);
    couple_connect(&both);
    say(both.client, both.a, "first");
    run(&both, 100 * MS);
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
    run(&both, 1 * S);
    require(fa_tcp_status(both.b) == FA_OK && both.b->rcv_nxt == next);
    say(both.client, both.a, "second");
    run(&both, 100 * MS);
    require(get(both.server, both.b, &len) == FA_OK && len == 11);
    inject(&both, both.b->rcv_nxt, 0, FA_TCP_RST, "");
    require(fa_tcp_status(both.b) == FA_ECLOSED);
    fa_tcp_close(both.server, both.b, false);
    fa_tcp_close(both.client, both.a, false);
    couple_free(&both);
}

/* Peers that read nothing, or are gone. */

static bool is_stuck(tcp_world *world, void *arg)
{
    couple *both = arg;
    static uint8_t zeroes[8192];
    size_t done;
    (void)world;
    while (put(both->client, both->a, zeroes, sizeof zeroes, &done) == FA_OK) {
    }
    return false;
}

static void zero_window(uint64_t seed)
{
    couple both;
    size_t len, total = 0;
    couple_init(&both, seed);
    both.world.link.loss = seed > 1 ? 200000 : 0;
    couple_connect(&both);
    (void)world_run(&both.world, 1800 * S, is_stuck, &both); /* probes, and no end */
    require(fa_tcp_status(both.a) == FA_OK && both.a->snd_wnd == 0);
    require(both.b->receive.len >= FA_TCP_WINDOW_BYTES - 2000 &&
            both.b->receive.len <= FA_TCP_WINDOW_BYTES_MAX);
    const size_t expected = both.b->receive.len + both.a->send.len -
                            (both.b->rcv_nxt - both.a->snd_una);
    fa_tcp_shutdown(both.client, both.a);
    for (unsigned i = 0; i < 200000 && !both.b->fin_received; i++) {
        while (get(both.server, both.b, &len) == FA_OK && len > 0)
            total += len;
        run(&both, 5 * MS);
    }
    while (get(both.server, both.b, &len) == FA_OK && len > 0)
        total += len;
    require(both.b->fin_received && total == expected);
    fa_tcp_close(both.client, both.a, false);
    fa_tcp_close(both.server, both.b, false);
    couple_free(&both);
}

static void vanished(uint64_t seed)
{
    couple both;
    size_t len;
    couple_init(&both, seed);
    couple_connect(&both);
    both.world.link.cut = true;
    say(both.client, both.a, "anybody?");
    run(&both, 95 * S);
    require(fa_tcp_status(both.a) == FA_OK);
    run(&both, 70 * S); /* R2, and the time until the next retransmission looks */
    require(fa_tcp_status(both.a) == FA_ETIMEDOUT && get(both.client, both.a, &len) == FA_ETIMEDOUT);
    fa_tcp_close(both.client, both.a, false);
    require(fa_tcp_status(both.b) == FA_OK); /* it was told nothing, and asked nothing */
    fa_tcp_keep_alive(both.b, true);
    run(&both, 7000 * S);
    require(fa_tcp_status(both.b) == FA_OK);
    run(&both, 1000 * S);
    require(fa_tcp_status(both.b) == FA_ETIMEDOUT);
    fa_tcp_close(both.server, both.b, false);
    require(fa_tcp_connect(both.client, server_of(&both), NULL, &both.a) == FA_OK);
    run(&both, 170 * S);
    require(fa_tcp_status(both.a) == FA_EAGAIN);
    run(&both, 100 * S);
    require(fa_tcp_status(both.a) == FA_ETIMEDOUT);
    fa_tcp_close(both.client, both.a, false);
    /* A close that nobody answers ends by itself, with a full window too. */
    both.world.link.cut = false;
    couple_connect(&both);
    (void)world_run(&both.world, 10 * S, is_stuck, &both);
    fa_tcp_close(both.client, both.a, false);
    run(&both, 650 * S);
    require(both.client->tcp.connection_count == 0);
    fa_tcp_close(both.server, both.b, true);
    couple_free(&both);
}

static void keep_alive(uint64_t seed)
{
    couple both;
    couple_init(&both, seed);
    couple_connect(&both);
    fa_tcp_keep_alive(both.a, true);
    const uint64_t sent = both.world.sent;
    run(&both, 36000 * S);
    require(fa_tcp_status(both.a) == FA_OK && fa_tcp_status(both.b) == FA_OK);
    require(both.world.sent - sent >= 8 && both.world.sent - sent <= 12); /* asked and answered */
    fa_tcp_close(both.client, both.a, false);
    fa_tcp_close(both.server, both.b, false);
    couple_free(&both);
}

/* Limits. */

static void backlog(uint64_t seed)
{
    couple both;
    fa_tcp *clients[40], *accepted[40];
    unsigned connected = 0, count = 0;
    couple_init(&both, seed);
    for (unsigned i = 0; i < 40; i++)
        require(fa_tcp_connect(both.client, server_of(&both), NULL, &clients[i]) == FA_OK);
    run(&both, 500 * MS);
    require(both.listener->accept_count == 16);
    for (unsigned i = 0; i < 120 && count < 40; i++) {
        fa_tcp *tcp;
        while ((tcp = fa_tcp_accept(both.listener, NULL)) != NULL)
            accepted[count++] = tcp;
        run(&both, 500 * MS);
    }
    for (unsigned i = 0; i < 40; i++)
        connected += fa_tcp_status(clients[i]) == FA_OK;
    require(count == 40 && connected == 40);
    for (unsigned i = 0; i < 40; i++)
        fa_tcp_close(both.client, clients[i], i % 2 == 0);
    run(&both, 10 * MS);
    for (unsigned i = 0; i < 40; i++)
        fa_tcp_close(both.server, accepted[i], false);
    require(fa_tcp_listen(both.server, PORT, 1, NULL, &both.listener) == FA_EEXIST);
    couple_free(&both);
}

static void idle_connections(uint64_t seed)
{
    enum { COUNT = 500 };
    couple both;
    static fa_tcp *a[COUNT], *b[COUNT];
    size_t len;
    couple_init(&both, seed);
    for (unsigned i = 0; i < COUNT; i++) {
        couple_connect(&both);
        a[i] = both.a;
        b[i] = both.b;
        say(both.client, a[i], "GET /");
        run(&both, 50 * MS);
        require(get(both.server, b[i], &len) == FA_OK && len == 5);
    }
    run(&both, 5 * S);
    require(sizeof(fa_tcp) <= 512);
    require(both.server->tcp.memory_bytes == COUNT * sizeof(fa_tcp));
    require(both.server->options.pool->free_page_count == both.server->options.pool->page_count);
    const uint64_t sent = both.world.sent;
    run(&both, 3600 * S);
    require(both.world.sent == sent && fa_wheel_next(&both.server->wheel) == FA_FOREVER);
    for (unsigned i = 0; i < COUNT; i++) {
        fa_tcp_close(both.client, a[i], false);
        fa_tcp_close(both.server, b[i], false);
    }
    couple_free(&both);
}

static bool drop_large(tcp_world *world, fa_ip4 source, fa_ip4 destination, uint8_t *bytes,
                       size_t len)
{
    fa_host *host = world->hosts[0];
    (void)source;
    if (len <= 980)
        return true;
    /* A router on the way says what it can take, about a segment that is on its way; before that, a
     * liar speaks of one that is not. */
    uint8_t quote[8];
    memcpy(quote, bytes, sizeof quote);
    quote[4] ^= 0x80;
    fa_tcp_icmp_error(host, destination, quote, sizeof quote, 3, 4, 68);
    *(bool *)world->look_arg = true;
    return false;
}

static void path_mtu(uint64_t seed)
{
    couple both;
    bool asked = false;
    uint8_t quote[8] = {0}, page[5000] = {0};
    size_t len, total = 0;
    couple_init(&both, seed);
    couple_connect(&both);
    both.world.look = drop_large;
    both.world.look_arg = &asked;
    require(put(both.client, both.a, page, sizeof page, &len) == FA_OK && len == sizeof page);
    run(&both, MS);
    require(asked && both.a->mss == 1448);
    const fa_be32 sequence = fa_be32_of(both.a->snd_una);
    const fa_be16 port = fa_be16_of(both.a->entry.local_port), to = fa_be16_of(PORT);
    memcpy(quote, &port, 2);
    memcpy(quote + 2, &to, 2);
    memcpy(quote + 4, &sequence, 4);
    fa_tcp_icmp_error(both.client, both.server->address, quote, 8, 3, 4, 1000);
    require(both.a->mss == 948);
    run(&both, 50 * MS);
    while (get(both.server, both.b, &len) == FA_OK && len > 0)
        total += len;
    require(total == sizeof page);
    fa_tcp_close(both.client, both.a, false);
    fa_tcp_close(both.server, both.b, false);
    couple_free(&both);
}

static void another_address(uint64_t seed)
{
    couple both;
    couple_init(&both, seed);
    couple_connect(&both);
    const fa_ip4 before = both.server->address;
    both.server->address = fa_ip4_of(0x0a000099);
    fa_tcp_address_changed(both.server);
    require(fa_tcp_status(both.b) == FA_ECLOSED && both.server->tcp.entry_count == 0);
    both.server->address = before;
    fa_tcp_close(both.server, both.b, false);
    fa_tcp_close(both.client, both.a, true);
    couple_free(&both);
}

/* Allocations fail at random: bytes come late, or a connection is refused or ends; nothing leaks. */
static void without_memory(uint64_t seed)
{
    couple both;
    static uint8_t page[3000];
    size_t len;
    couple_init(&both, seed);
    both.world.link.loss = 20000;
    both.world.link.reorder = 50000;
    failing_world = &both.world;
    for (unsigned i = 0; i < 60; i++) {
        failing = 200000;
        both.b = NULL;
        const fa_err err = fa_tcp_connect(both.client, server_of(&both), NULL, &both.a);
        failing = 0;
        if (err != FA_OK)
            continue;
        size_t sent = 0, received = 0;
        for (unsigned round = 0; round < 3000 && received < 100000; round++) {
            failing = 0;
            if (both.b == NULL)
                both.b = fa_tcp_accept(both.listener, NULL);
            failing = 200000;
            if (sent < 100000 && fa_tcp_status(both.a) == FA_OK &&
                put(both.client, both.a, page, sizeof page, &len) == FA_OK)
                sent += len;
            while (both.b != NULL && get(both.server, both.b, &len) == FA_OK && len > 0)
                received += len;
            failing = 0; /* the world's own */
            run(&both, 5 * MS);
            if (fa_tcp_status(both.a) == FA_ECLOSED)
                break;
        }
        require(received >= 100000 || fa_tcp_status(both.a) == FA_ECLOSED);
        failing = 200000;
        fa_tcp_close(both.client, both.a, false);
        if (both.b != NULL)
            fa_tcp_close(both.server, both.b, false);
        failing = 0;
        run(&both, 100 * MS);
    }
    while ((both.b = fa_tcp_accept(both.listener, NULL)) != NULL)
        fa_tcp_close(both.server, both.b, true);
    couple_free(&both);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*test)(uint64_t seed);
        uint64_t seeds;
    } tests[] = {
        {"closes in every order", closes, 12},
        {"ends of halves", graceful_ends, 1},
        {"resets", resets, 1},
        {"a client that gives up", half_open_client_closes, 1},
        {"simultaneous open", simultaneous_open, 1},
        {"50,000 connections one after another", one_after_another, 1},
        {"again in TIME-WAIT", again_in_time_wait, 1},
        {"SYN flood", syn_flood, 1},
        {"blind attacks", blind_attacks, 1},
        {"zero window", zero_window, 4},
        {"peers that vanish", vanished, 1},
        {"keep-alive", keep_alive, 1},
        {"backlog", backlog, 1},
        {"idle connections hold no page", idle_connections, 1},
        {"path MTU", path_mtu, 1},
        {"another address", another_address, 1},
        {"without memory", without_memory, 6},
    };
    const char *only = argc > 1 ? argv[1] : NULL;
    printf("1..%zu\n", FA_ARRAY_COUNT(tests));
    for (size_t i = 0; i < FA_ARRAY_COUNT(tests); i++) {
        if (only != NULL && strstr(tests[i].name, only) == NULL)
            continue;
        for (uint64_t seed = 1; seed <= tests[i].seeds; seed++)
            tests[i].test(seed);
        printf("ok %zu - %s\n", i + 1, tests[i].name);
        fflush(stdout);
    }
    return 0;
}
