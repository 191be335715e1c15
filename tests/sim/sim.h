/* SPDX-License-Identifier: ISC */
/* The simulator: hosts (sdk/net/host.h) on one switch, under one virtual clock and one seed. All that
 * happens follows from the seed, which each test prints and takes from SIM_SEED.
 *
 *     sim_init(&sim, sim_seed());
 *     sim_host *a = sim_add(&sim, &(sim_options){.address = "10.0.0.1"});
 *     sim_run(&sim, 5 * FA_NS_PER_S, is_done, &state);    // true: is_done() said so
 *     sim_free(&sim);                                     // asserts that all packets are back
 */
#ifndef FATA_TESTS_SIM_SIM_H
#define FATA_TESTS_SIM_SIM_H

#include "../../sdk/net/host.h"
#include "../../sdk/packet/faults.h"
#include "../unit/test.h"
#include "switch.h"

#define SIM_HOSTS_MAX 16u
#define SIM_POOL_PAGES 1024u
#define SIM_ROUNDS_MAX 100000u /* without the clock going on: hosts that never come to rest */

typedef struct sim_options {
    const char *address; /* with its prefix: "10.0.0.1/24"; NULL: DHCP */
    const char *gateway, *dns, *name;
    uint32_t pool_pages, features; /* 0: SIM_POOL_PAGES; none */
    uint16_t mtu;                  /* 0: 1500 */
    fa_faults_options faults;      /* seed 0: the simulation's */
} sim_options;

typedef struct sim_host {
    fa_packet_pool pool;
    sim_port port;
    fa_faults faults;
    fa_netif *netif;
    fa_packet_queue to_send;
    fa_host host;
    fa_deadline next;
    /* What runs on the host, after each of its turns. It may call the engine. */
    void (*app)(struct sim_host *host, void *user);
    void *user;
    struct sim_world *sim;
} sim_host;

/* A port without a host: the test itself reads and writes its frames. */
typedef struct sim_wire {
    fa_packet_pool pool;
    sim_port port;
} sim_wire;

typedef struct sim_world {
    uint64_t now_ns, seed;
    sim_switch home;
    sim_host *hosts[SIM_HOSTS_MAX];
    unsigned host_count;
    uint8_t next_number;
} sim_world;

/* From SIM_SEED, or 1; printed. */
uint64_t sim_seed(void);
void sim_init(sim_world *sim, uint64_t seed);
sim_host *sim_add(sim_world *sim, const sim_options *options);
/* Frees all hosts; all pages of their pools must be back. */
void sim_free(sim_world *sim);
/* Runs until done() (NULL: never) or for so long; whether it was done. */
bool sim_run(sim_world *sim, uint64_t ns, bool (*done)(void *arg), void *arg);
void sim_set_link(sim_host *host, bool up);
fa_ip4 sim_ip4(const char *text); /* "" and NULL: 0.0.0.0 */

sim_wire *sim_wire_add(sim_world *sim);
void sim_wire_free(sim_wire *wire);
void sim_wire_send(sim_wire *wire, const void *frame, size_t len);
/* The next frame that has arrived; its length, 0: none. */
size_t sim_wire_take(sim_wire *wire, void *frame_out, size_t cap);

#endif
