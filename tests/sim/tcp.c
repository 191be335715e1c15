/* SPDX-License-Identifier: ISC */
/* Two TCP engines send each other many bytes over links of every badness, with many seeds: all bytes
 * arrive in order and once, both halves end, and all memory is back. The seed of a run that fails is
 * printed; SIM_SEED=N begins with it. */
#include "tcp_world.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT 80u
#define SEEDS 9u /* all combinations of what the two devices can do */

/* One side of a connection: sends so many bytes of a pattern, and checks what it gets. */
typedef struct end {
    fa_host *host;
    fa_tcp *tcp;
    uint64_t send, sent, expect, received;
    uint32_t read_max;  /* bytes that it reads at each instant; 0: all */
    uint64_t awake_ns;  /* reads nothing before */
    uint8_t key;
    bool shut, ended, closed;
    bool waits_to_read, waits_to_write; /* as a fiber does: until it is told */
} end;

typedef struct pair {
    end client, server;
    fa_tcp_listener *listener;
} pair;

static uint8_t pattern(uint64_t at, uint8_t key)
{
    return (uint8_t)(at * 7 + (at >> 8) * 13 + (at >> 16) * 31 + key);
}

static void write_some(tcp_world *world, end *side)
{
    static uint8_t bytes[20000];
    while (side->sent < side->send && !side->waits_to_write) {
        size_t len = 1 + world_random(world, sizeof bytes), done;
        if (len > side->send - side->sent)
            len = (size_t)(side->send - side->sent);
        for (size_t i = 0; i < len; i++)
            bytes[i] = pattern(side->sent + i, side->key);
        const fa_slice slices[2] = {{bytes, len / 2}, {bytes + len / 2, len - len / 2}};
        const fa_err err = fa_tcp_write(side->host, side->tcp, slices, 2, &done);
        if (err == FA_EAGAIN)
            side->waits_to_write = !fa_tcp_writable(side->tcp);
        else
            require(err == FA_OK && done > 0 && done <= len);
        side->sent += done;
    }
    if (side->sent < side->send || side->shut)
        return;
    fa_tcp_shutdown(side->host, side->tcp);
    side->shut = true;
}

static void read_some(tcp_world *world, end *side)
{
    static uint8_t bytes[30000];
    uint32_t left = side->read_max > 0 ? side->read_max : UINT32_MAX;
    if (world->now_ns < side->awake_ns)
        return;
    while (!side->ended && left > 0 && !side->waits_to_read) {
        size_t len, cap = left < sizeof bytes ? left : sizeof bytes;
        const fa_err err = fa_tcp_read(side->host, side->tcp, bytes, cap, &len);
        if (err == FA_EAGAIN) {
            side->waits_to_read = !fa_tcp_readable(side->tcp);
            continue;
        }
        require(err == FA_OK);
        if (len == 0) {
            side->ended = true;
            require(side->received == side->expect);
        }
        for (size_t i = 0; i < len; i++)
            require(bytes[i] == pattern(side->received + i, (uint8_t)(side->key ^ 1)));
        side->received += len;
        left -= (uint32_t)len;
    }
}

static void pump(tcp_world *world, end *side)
{
    if (side->tcp == NULL || side->closed || fa_tcp_status(side->tcp) == FA_EAGAIN)
        return;
    require(fa_tcp_status(side->tcp) == FA_OK);
    write_some(world, side);
    read_some(world, side);
    if (side->ended && side->shut) {
        fa_tcp_close(side->host, side->tcp, false);
        side->closed = true;
    }
}

static void tell(end *side)
{
    unsigned events;
    while (fa_tcp_take_changed(side->host, &events) != NULL) {
        side->waits_to_read = side->waits_to_read && (events & FA_TCP_READABLE) == 0;
        side->waits_to_write = side->waits_to_write && (events & FA_TCP_WRITABLE) == 0;
    }
}

static bool step(tcp_world *world, void *arg)
{
    pair *both = arg;
    if (both->server.tcp == NULL)
        both->server.tcp = fa_tcp_accept(both->listener, NULL);
    tell(&both->client);
    tell(&both->server);
    pump(world, &both->client);
    pump(world, &both->server);
    return both->client.closed && both->server.closed;
}

typedef struct tcp_scene {
    const char *name;
    world_link link;
    uint64_t to_server, to_client;
    uint32_t pages, read_max;
    uint64_t limit_s;
} tcp_scene;

#define MS FA_NS_PER_MS
static const tcp_scene scenes[] = {
    {"plain", {.delay_ns = MS, .mtu = 1500}, 3000000, 3000000, 2048, 0, 5},
    {"one way", {.delay_ns = 20 * MS, .mtu = 1500}, 5, 4000000, 2048, 0, 8},
    {"nothing", {.delay_ns = MS, .mtu = 1500}, 0, 0, 128, 0, 5},
    {"loss 1%", {.delay_ns = 5 * MS, .mtu = 1500, .loss = 10000}, 1000000, 1000000, 2048, 0, 120},
    {"loss 10%", {.delay_ns = 5 * MS, .mtu = 1500, .loss = 100000}, 150000, 150000, 2048, 0, 1200},
    {"reordering", {.delay_ns = 5 * MS, .jitter_ns = 5 * MS, .reorder = 50000, .mtu = 1500},
     1000000, 1000000, 2048, 0, 120},
    {"duplicates", {.delay_ns = 5 * MS, .duplicate = 100000, .mtu = 1500}, 1000000, 1000000, 2048, 0, 60},
    {"corruption", {.delay_ns = 5 * MS, .corrupt = 20000, .mtu = 1500}, 500000, 500000, 2048, 0, 300},
    {"all at once", {.delay_ns = 8 * MS, .jitter_ns = 8 * MS, .loss = 30000, .duplicate = 20000,
                     .corrupt = 10000, .reorder = 30000, .mtu = 1500}, 300000, 300000, 2048, 0, 900},
    {"bottleneck", {.delay_ns = 10 * MS, .ns_per_byte = 800, .queue_ns = 20 * MS, .mtu = 1500},
     0, 3000000, 2048, 0, 60},
    {"small packets", {.delay_ns = 2 * MS, .loss = 10000, .mtu = 576}, 200000, 200000, 2048, 0, 120},
    {"slow reader", {.delay_ns = 2 * MS, .mtu = 1500}, 400000, 400000, 2048, 900, 600},
    {"slow reader, loss", {.delay_ns = 2 * MS, .loss = 30000, .mtu = 1500}, 200000, 200000, 2048, 900, 1200},
    {"little memory", {.delay_ns = 2 * MS, .mtu = 1500}, 500000, 500000, 48, 0, 600},
    {"little memory, loss", {.delay_ns = 2 * MS, .loss = 20000, .reorder = 20000, .mtu = 1500},
     200000, 200000, 40, 0, 1800},
};

static void check_rest(const pair *both)
{
    const fa_host *const hosts[] = {both->client.host, both->server.host};
    for (unsigned i = 0; i < 2; i++) {
        require(hosts[i]->tcp.connection_count == 0 && hosts[i]->tcp.half_open_count == 0);
        require(hosts[i]->tcp.time_wait_count == 0 && hosts[i]->tcp.memory_bytes == 0);
        require(hosts[i]->options.pool->free_page_count == hosts[i]->options.pool->page_count);
    }
}

static void play(const tcp_scene *scene, uint64_t seed)
{
    static const uint32_t features[] = {0, FA_NETIF_CHECKSUM, FA_NETIF_CHECKSUM | FA_NETIF_TSO4};
    tcp_world world;
    pair both = {0};
    world_init(&world, seed);
    world.link = scene->link;
    world.tick_ns = scene->read_max > 0 ? 10 * MS : 0;
    both.client.host = world_host(&world, scene->pages, features[seed % 3]);
    both.server.host = world_host(&world, scene->pages, features[seed / 3 % 3]);
    both.client.send = both.server.expect = scene->to_server;
    both.server.send = both.client.expect = scene->to_client;
    both.client.read_max = both.server.read_max = scene->read_max;
    both.client.key = 1;
    require(fa_tcp_listen(both.server.host, PORT, 8, NULL, &both.listener) == FA_OK);
    require(fa_tcp_connect(both.client.host, (fa_endpoint){both.server.host->address, PORT}, NULL,
                           &both.client.tcp) == FA_OK);
    const uint64_t start_ns = world.now_ns;
    if (!world_run(&world, scene->limit_s * FA_NS_PER_S, step, &both)) {
        fprintf(stderr, "%s, seed %" PRIu64 ": not done in time: sent %" PRIu64 "+%" PRIu64 ", received %" PRIu64
                "+%" PRIu64 "\n", scene->name, seed, both.client.sent, both.server.sent,
                both.client.received, both.server.received);
        abort();
    }
    const uint64_t took_ns = world.now_ns - start_ns;
    require(both.client.received == both.client.expect && both.server.received == both.server.expect);
    world.tick_ns = 0;
    (void)world_run(&world, 700 * FA_NS_PER_S, NULL, NULL);
    if (scene->link.loss + scene->link.corrupt + scene->link.duplicate + scene->link.reorder == 0 &&
        scene->pages > 100 && scene->link.queue_ns == 0)
        require(both.client.host->tcp.retransmitted_segments +
                    both.server.host->tcp.retransmitted_segments ==
                0);
    check_rest(&both);
    if (getenv("VERBOSE") != NULL)
        printf("# %s, seed %" PRIu64 ": %" PRIu64 " ms, %" PRIu64 " segments, %" PRIu64 " lost, %" PRIu64
               " sent again\n", scene->name, seed, took_ns / MS, world.sent, world.lost,
               both.client.host->tcp.retransmitted_segments + both.server.host->tcp.retransmitted_segments);
    world_free(&world);
}

int main(void)
{
    const uint64_t first = world_first_seed();
    printf("1..%zu\n", FA_ARRAY_COUNT(scenes));
    for (size_t i = 0; i < FA_ARRAY_COUNT(scenes); i++) {
        for (uint64_t seed = first; seed < first + SEEDS; seed++)
            play(&scenes[i], seed);
        printf("ok %zu - tcp over a link: %s\n", i + 1, scenes[i].name);
        fflush(stdout);
    }
    return 0;
}
