/* SPDX-License-Identifier: ISC */
/* A client and a server: see tcp_couple.h. */
#include "tcp_couple.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void couple_init(couple *both, uint64_t seed)
{
    *both = (couple){0};
    world_init(&both->world, seed);
    both->client = world_host(&both->world, 512, 0);
    both->server = world_host(&both->world, 512, 0);
    require(fa_tcp_listen(both->server, PORT, 16, both, &both->listener) == FA_OK);
}

fa_endpoint server_of(const couple *both)
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

void couple_connect(couple *both)
{
    both->a = both->b = NULL;
    require(fa_tcp_connect(both->client, server_of(both), both, &both->a) == FA_OK);
    if (world_run(&both->world, 170 * S, is_connected, both))
        return;
    /* On a bad link the server may give up its half of it when the client has just got there. */
    require(both->world.link.loss > 0 && both->b == NULL);
    fa_tcp_close(both->client, both->a, true);
    require(fa_tcp_connect(both->client, server_of(both), both, &both->a) == FA_OK);
    require(world_run(&both->world, 170 * S, is_connected, both));
}

static void take_news(couple *both)
{
    unsigned events;
    while (fa_tcp_take_changed(both->client, &events) != NULL) {
    }
    while (fa_tcp_take_changed(both->server, &events) != NULL) {
    }
}

void couple_run(couple *both, uint64_t ns)
{
    (void)world_run(&both->world, ns, NULL, NULL);
    take_news(both);
}

void couple_free(couple *both)
{
    couple_run(both, 800 * S);
    const fa_host *const hosts[] = {both->client, both->server};
    for (unsigned i = 0; i < 2; i++) {
        require(hosts[i]->tcp.connection_count == 0 && hosts[i]->tcp.memory_bytes == 0);
        require(hosts[i]->tcp.half_open_count == 0 && hosts[i]->tcp.time_wait_count == 0);
    }
    world_free(&both->world);
}

fa_err put(fa_host *host, fa_tcp *tcp, const void *bytes, size_t len, size_t *done)
{
    return fa_tcp_write(host, tcp, &(fa_slice){bytes, len}, 1, done);
}

fa_err get(fa_host *host, fa_tcp *tcp, size_t *len)
{
    char bytes[4096];
    return fa_tcp_read(host, tcp, bytes, sizeof bytes, len);
}

void say(fa_host *host, fa_tcp *tcp, const char *text)
{
    size_t done;
    require(put(host, tcp, text, strlen(text), &done) == FA_OK && done == strlen(text));
}

int couple_main(int argc, char **argv, const couple_test *tests, size_t count)
{
    const char *only = argc > 1 ? argv[1] : NULL;
    const uint64_t first = world_first_seed();
    printf("1..%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        if (only != NULL && strstr(tests[i].name, only) == NULL)
            continue;
        for (uint64_t seed = first; seed < first + tests[i].seeds; seed++)
            tests[i].test(seed);
        printf("ok %zu - %s\n", i + 1, tests[i].name);
        fflush(stdout);
    }
    return 0;
}
