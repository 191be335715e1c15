/* SPDX-License-Identifier: ISC */
/* TCP at its limits: peers that vanish or read nothing, limits that are reached, memory that is not
 * there. */
#include "tcp_couple.h"
#include <stdlib.h>
#include <string.h>

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
        couple_run(&both, 5 * MS);
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
    couple_run(&both, 95 * S);
    require(fa_tcp_status(both.a) == FA_OK);
    couple_run(&both, 70 * S); /* R2, and the time until the next retransmission looks */
    require(fa_tcp_status(both.a) == FA_ETIMEDOUT && get(both.client, both.a, &len) == FA_ETIMEDOUT);
    fa_tcp_close(both.client, both.a, false);
    require(fa_tcp_status(both.b) == FA_OK); /* it was told nothing, and asked nothing */
    fa_tcp_keep_alive(both.b, true);
    couple_run(&both, 7000 * S);
    require(fa_tcp_status(both.b) == FA_OK);
    couple_run(&both, 1000 * S);
    require(fa_tcp_status(both.b) == FA_ETIMEDOUT);
    fa_tcp_close(both.server, both.b, false);
    require(fa_tcp_connect(both.client, server_of(&both), NULL, &both.a) == FA_OK);
    couple_run(&both, 170 * S);
    require(fa_tcp_status(both.a) == FA_EAGAIN);
    couple_run(&both, 100 * S);
    require(fa_tcp_status(both.a) == FA_ETIMEDOUT);
    fa_tcp_close(both.client, both.a, false);
    /* A close that nobody answers ends by itself, with a full window too. */
    both.world.link.cut = false;
    couple_connect(&both);
    (void)world_run(&both.world, 10 * S, is_stuck, &both);
    fa_tcp_close(both.client, both.a, false);
    couple_run(&both, 650 * S);
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
    couple_run(&both, 36000 * S);
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
    couple_run(&both, 500 * MS);
    require(both.listener->accept_count == 16);
    for (unsigned i = 0; i < 120 && count < 40; i++) {
        fa_tcp *tcp;
        while ((tcp = fa_tcp_accept(both.listener, NULL)) != NULL)
            accepted[count++] = tcp;
        couple_run(&both, 500 * MS);
    }
    for (unsigned i = 0; i < 40; i++)
        connected += fa_tcp_status(clients[i]) == FA_OK;
    require(count == 40 && connected == 40);
    for (unsigned i = 0; i < 40; i++)
        fa_tcp_close(both.client, clients[i], i % 2 == 0);
    couple_run(&both, 10 * MS);
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
        couple_run(&both, 50 * MS);
        require(get(both.server, b[i], &len) == FA_OK && len == 5);
    }
    couple_run(&both, 5 * S);
    require(sizeof(fa_tcp) <= 512);
    require(both.server->tcp.memory_bytes == COUNT * sizeof(fa_tcp));
    require(both.server->options.pool->free_page_count == both.server->options.pool->page_count);
    const uint64_t sent = both.world.sent;
    couple_run(&both, 3600 * S);
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
    couple_run(&both, MS);
    require(asked && both.a->mss == 1448);
    const fa_be32 sequence = fa_be32_of(both.a->snd_una);
    const fa_be16 port = fa_be16_of(both.a->entry.local_port), to = fa_be16_of(PORT);
    memcpy(quote, &port, 2);
    memcpy(quote + 2, &to, 2);
    memcpy(quote + 4, &sequence, 4);
    fa_tcp_icmp_error(both.client, both.server->address, quote, 8, 3, 4, 1000);
    require(both.a->mss == 948);
    couple_run(&both, 50 * MS);
    while (get(both.server, both.b, &len) == FA_OK && len > 0)
        total += len;
    require(total == sizeof page);
    fa_tcp_close(both.client, both.a, false);
    fa_tcp_close(both.server, both.b, false);
    /* The next connection knows it, and names its own link's all the same; ten minutes later it is
     * forgotten. */
    couple_connect(&both);
    require(both.a->mss == 948 && both.b->mss == 1448);
    fa_tcp_close(both.client, both.a, false);
    fa_tcp_close(both.server, both.b, false);
    couple_run(&both, 600 * S);
    couple_connect(&both);
    require(both.a->mss == 1448);
    fa_tcp_close(both.client, both.a, false);
    fa_tcp_close(both.server, both.b, false);
    couple_free(&both);
}

/* More paths than are remembered: the oldest go. A path never becomes wider by an error. */
static void many_paths(uint64_t seed)
{
    couple both;
    couple_init(&both, seed);
    fa_host *host = both.client;
    for (uint32_t i = 0; i < 3 * FA_IPV4_PATHS_MAX; i++) {
        fa_ipv4_learn_path(host, fa_ip4_of(i), (uint16_t)(1000 + i));
        fa_ipv4_learn_path(host, fa_ip4_of(i), 1400);
        fa_ipv4_learn_path(host, fa_ip4_of(i), (uint16_t)(900 + i));
        require(fa_ipv4_payload_max(host, fa_ip4_of(i)) == 880 + i);
        host->now_ns += S;
    }
    for (uint32_t i = 0; i < 3 * FA_IPV4_PATHS_MAX; i++)
        require(fa_ipv4_payload_max(host, fa_ip4_of(i)) ==
                (i < 2 * FA_IPV4_PATHS_MAX ? 1480 : 880 + i));
    fa_ipv4_learn_path(host, fa_ip4_of(1), 1500);
    fa_ipv4_learn_path(host, fa_ip4_of(1), 9000);
    require(fa_ipv4_payload_max(host, fa_ip4_of(1)) == 1480);
    host->now_ns += FA_IPV4_PATH_NS;
    require(fa_ipv4_payload_max(host, fa_ip4_of(47)) == 1480);
    both.world.now_ns = host->now_ns;
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
            couple_run(&both, 5 * MS);
            if (fa_tcp_status(both.a) == FA_ECLOSED)
                break;
        }
        require(received >= 100000 || fa_tcp_status(both.a) == FA_ECLOSED);
        failing = 200000;
        fa_tcp_close(both.client, both.a, false);
        if (both.b != NULL)
            fa_tcp_close(both.server, both.b, false);
        failing = 0;
        couple_run(&both, 100 * MS);
    }
    while ((both.b = fa_tcp_accept(both.listener, NULL)) != NULL)
        fa_tcp_close(both.server, both.b, true);
    couple_free(&both);
}

/* Peers that read nothing: what waits for them leaves pages for what arrives, and who does read gets
 * all that is said. */
static void peers_that_do_not_read(uint64_t seed)
{
    enum { COUNT = 200, TOTAL = 100000 };
    couple both;
    static fa_tcp *a[COUNT], *b[COUNT];
    static uint8_t page[65536];
    size_t len, sent = 0, received = 0;
    couple_init(&both, seed);
    const fa_packet_pool *pool = both.server->options.pool;
    for (unsigned i = 0; i <= COUNT; i++) {
        couple_connect(&both);
        if (i < COUNT)
            a[i] = both.a, b[i] = both.b, a[i]->rcv_budget = 1000;
    }
    couple_run(&both, S);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < COUNT; i++)
            (void)put(both.server, b[i], page, sizeof page, &len);
        require(pool->free_page_count >= pool->page_count / FA_TCP_LAST_PART);
        couple_run(&both, 5 * MS);
    }
    require(fa_tcp_memory_tight(both.server));
    for (unsigned round = 0; round < 1000 && received < TOTAL; round++) {
        if (sent < TOTAL && fa_tcp_writable(both.b) &&
            put(both.server, both.b, page, sizeof page, &len) == FA_OK)
            sent += len;
        couple_run(&both, 20 * MS);
        while (get(both.client, both.a, &len) == FA_OK && len > 0)
            received += len;
    }
    require(received >= TOTAL);
    for (unsigned i = 0; i < COUNT; i++) {
        fa_tcp_close(both.client, a[i], true);
        fa_tcp_close(both.server, b[i], true);
    }
    fa_tcp_close(both.client, both.a, true);
    fa_tcp_close(both.server, both.b, true);
    couple_free(&both);
}

/* More connections than there are pages have something that nobody reads: the device keeps its part
 * of the pool, and what was not taken comes again once there is room. */
static void nobody_reads(uint64_t seed)
{
    enum { COUNT = 480 };
    couple both;
    static fa_tcp *a[COUNT], *b[COUNT];
    static uint8_t page[4096];
    size_t len, received = 0;
    couple_init(&both, seed);
    const fa_packet_pool *pool = both.server->options.pool;
    for (unsigned i = 0; i < COUNT; i++) {
        couple_connect(&both);
        a[i] = both.a, b[i] = both.b;
    }
    couple_run(&both, S);
    for (unsigned i = 0; i < COUNT; i++) {
        say(both.client, a[i], "hello");
        couple_run(&both, 100 * MS);
        require(pool->free_page_count >= pool->page_count / FA_TCP_LAST_PART);
    }
    require(pool->free_page_count < pool->page_count / FA_TCP_LAST_PART + 8);
    for (unsigned round = 0; round < 100 && received < 5 * COUNT; round++) {
        for (unsigned i = 0; i < COUNT; i++)
            while (fa_tcp_read(both.server, b[i], page, sizeof page, &len) == FA_OK && len > 0)
                received += len;
        couple_run(&both, S);
    }
    require(received == 5 * COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        fa_tcp_close(both.client, a[i], true);
        fa_tcp_close(both.server, b[i], true);
    }
    couple_free(&both);
}

int main(int argc, char **argv)
{
    static const couple_test tests[] = {
        {"zero window", zero_window, 12},
        {"peers that vanish", vanished, 1},
        {"keep-alive", keep_alive, 1},
        {"backlog", backlog, 1},
        {"idle connections hold no page", idle_connections, 1},
        {"path MTU", path_mtu, 1},
        {"many paths", many_paths, 1},
        {"another address", another_address, 1},
        {"peers that do not read", peers_that_do_not_read, 1},
        {"nobody reads", nobody_reads, 1},
        {"without memory", without_memory, 6},
    };
    return couple_main(argc, argv, tests, FA_ARRAY_COUNT(tests));
}
