/* SPDX-License-Identifier: ISC */
/* The simulator: see sim.h. */
#include "sim.h"
#include <fata/panic.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 64u

/* Of all hosts: one test runs at a time. */
static uint64_t random_state;

static void random_bytes(void *bytes_out, size_t len)
{
    for (uint8_t *next = bytes_out; len-- > 0;)
        *next++ = (uint8_t)(test_random(&random_state) >> 32);
}

uint64_t sim_seed(void)
{
    const char *text = getenv("SIM_SEED");
    const uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 1;
    fprintf(stderr, "# SIM_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

fa_ip4 sim_ip4(const char *text)
{
    fa_ip4 address = {{0}};
    if (text != NULL && text[0] != '\0') {
        const fa_err err = fa_ip4_parse(text, &address);
        fa_assert(err == FA_OK);
    }
    return address;
}

static uint64_t now_of(void *user)
{
    return ((const sim_world *)user)->now_ns;
}

void sim_init(sim_world *sim, uint64_t seed)
{
    *sim = (sim_world){.now_ns = 1000 * FA_NS_PER_S, .seed = seed};
    random_state = seed * TEST_SEED | 1;
    for (unsigned i = 0; i < 8; i++)
        test_random(&random_state); /* seeds that are near each other part */
}

static void set_address(fa_host_options *to, const sim_options *from)
{
    if (from->address == NULL)
        return;
    char text[32];
    snprintf(text, sizeof text, "%s", from->address);
    char *slash = strchr(text, '/');
    const unsigned bits = slash != NULL ? (unsigned)strtoul(slash + 1, NULL, 10) : 24;
    if (slash != NULL)
        *slash = '\0';
    to->address = sim_ip4(text);
    to->netmask = fa_ip4_of(bits == 0 ? 0 : UINT32_MAX << (32 - bits));
    to->gateway = sim_ip4(from->gateway);
    to->dns = sim_ip4(from->dns);
}

sim_host *sim_add(sim_world *sim, const sim_options *options)
{
    sim_host *host = calloc(1, sizeof *host);
    fa_assert(host != NULL && sim->host_count < SIM_HOSTS_MAX);
    const uint32_t pages = options->pool_pages != 0 ? options->pool_pages : SIM_POOL_PAGES;
    const uint16_t mtu = options->mtu != 0 ? options->mtu : 1500;
    fa_err err = fa_packet_pool_init(&host->pool, pages);
    fa_assert(err == FA_OK);
    sim_port_init(&host->port, &sim->home, &host->pool, ++sim->next_number, mtu, options->features);
    fa_faults_options faults = options->faults;
    if (faults.seed == 0)
        faults.seed = test_random(&random_state) | 1;
    fa_faults_init(&host->faults, &host->port.netif, &faults, now_of, sim);
    host->netif = &host->faults.netif;
    fa_host_options to = {
        .pool = &host->pool,
        .mtu = mtu,
        .features = options->features,
        .name = options->name,
        .random = random_bytes,
    };
    memcpy(to.mac, host->port.netif.mac, sizeof to.mac);
    set_address(&to, options);
    err = fa_host_init(&host->host, &to, sim->now_ns);
    fa_assert(err == FA_OK);
    host->sim = sim;
    host->next = FA_NOW;
    sim->hosts[sim->host_count++] = host;
    return host;
}

void sim_free(sim_world *sim)
{
    for (unsigned i = 0; i < sim->host_count; i++) {
        sim_host *host = sim->hosts[i];
        fa_host_free(&host->host);
        fa_packet_queue_free(&host->to_send);
        host->netif->ops->close(host->netif);
        fa_packet_pool_free(&host->pool);
        free(host);
    }
    sim->host_count = 0;
}

/* A host's turn, as stack.c gives it; false: there was nothing to do. */
static bool turn(sim_host *host)
{
    fa_netif *netif = host->netif;
    fa_packet_queue received = {0};
    netif->ops->receive(netif, &received, BATCH);
    const bool had_packets = received.count > 0;
    if (!had_packets && host->app == NULL && host->next > host->sim->now_ns &&
        fa_faults_next(&host->faults) > host->sim->now_ns)
        return false;
    fa_host_input(&host->host, &received, host->sim->now_ns);
    const bool was_due = host->next <= host->sim->now_ns;
    fa_host_run(&host->host, host->sim->now_ns);
    if (host->app != NULL)
        host->app(host, host->user);
    host->next = fa_host_run(&host->host, host->sim->now_ns);
    fa_host_output(&host->host, &host->to_send);
    const bool sends = host->to_send.count > 0;
    netif->ops->transmit(netif, &host->to_send);
    return had_packets || was_due || sends;
}

bool sim_run(sim_world *sim, uint64_t ns, bool (*done)(void *arg), void *arg)
{
    const uint64_t end = sim->now_ns + ns;
    for (unsigned i = 0; i < sim->host_count; i++)
        sim->hosts[i]->next = FA_NOW; /* the test may have called an engine */
    for (unsigned rounds = 0;;) {
        bool busy = false;
        for (unsigned i = 0; i < sim->host_count; i++)
            busy |= turn(sim->hosts[i]);
        if (done != NULL && done(arg))
            return true;
        fa_assert(++rounds < SIM_ROUNDS_MAX);
        if (busy)
            continue;
        uint64_t next = FA_FOREVER;
        for (unsigned i = 0; i < sim->host_count; i++) {
            const sim_host *host = sim->hosts[i];
            const fa_deadline faults = fa_faults_next(&host->faults);
            next = host->next < next ? host->next : next;
            next = faults < next ? faults : next;
        }
        if (next > end) {
            sim->now_ns = end;
            for (unsigned i = 0; i < sim->host_count; i++)
                sim->hosts[i]->host.now_ns = end;
            return false;
        }
        if (next > sim->now_ns) {
            sim->now_ns = next;
            rounds = 0;
        }
    }
}

void sim_set_link(sim_host *host, bool up)
{
    host->port.netif.link_up = up;
    fa_host_set_link(&host->host, up, host->sim->now_ns);
    host->next = FA_NOW;
}

sim_wire *sim_wire_add(sim_world *sim)
{
    sim_wire *wire = calloc(1, sizeof *wire);
    fa_assert(wire != NULL);
    const fa_err err = fa_packet_pool_init(&wire->pool, SIM_POOL_PAGES);
    fa_assert(err == FA_OK);
    sim_port_init(&wire->port, &sim->home, &wire->pool, ++sim->next_number, UINT16_MAX, 0);
    return wire;
}

void sim_wire_free(sim_wire *wire)
{
    wire->port.netif.ops->close(&wire->port.netif);
    fa_packet_pool_free(&wire->pool);
    free(wire);
}

void sim_wire_send(sim_wire *wire, const void *frame, size_t len)
{
    fa_packet_queue queue = {0};
    fa_packet *packet = fa_packet_alloc(&wire->pool);
    fa_assert(packet != NULL);
    const fa_err err = fa_packet_append_bytes(packet, frame, len);
    fa_assert(err == FA_OK);
    fa_packet_queue_add(&queue, packet);
    wire->port.netif.ops->transmit(&wire->port.netif, &queue);
}

size_t sim_wire_take(sim_wire *wire, void *frame_out, size_t cap)
{
    fa_packet *packet = fa_packet_queue_take(&wire->port.inbox);
    if (packet == NULL)
        return 0;
    const size_t len = packet->len < cap ? packet->len : cap;
    const bool whole = fa_packet_copy(packet, 0, frame_out, len);
    fa_assert(whole);
    fa_packet_free(packet);
    return len;
}
