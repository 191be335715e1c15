/* SPDX-License-Identifier: ISC */
/* Two or more TCP engines in one program, under one virtual clock and one seed: the IP layer below
 * them is a link with delay, loss, duplicates, reordering, corruption and a bandwidth. It is for
 * TCP's own tests, which want millions of segments; whole hosts are tested on the switch.
 *
 *     world_init(&world, seed);
 *     fa_host *a = world_host(&world, pages, features);
 *     world_run(&world, 10 * FA_NS_PER_S, step, arg);     // until step() says so, or that time
 *     world_free(&world);                                 // all memory must be back
 */
#ifndef TESTS_SIM_TCP_WORLD_H
#define TESTS_SIM_TCP_WORLD_H

#include "../../sdk/net/tcp_record.h"

#define WORLD_HOSTS_MAX 4u

typedef struct world_frame world_frame;

typedef struct world_link {
    uint64_t delay_ns, jitter_ns;
    uint32_t loss, duplicate, corrupt, reorder; /* of a million */
    uint64_t ns_per_byte;                       /* 0: no limit */
    uint64_t queue_ns;                          /* what would wait longer is dropped; 0: nothing is */
    uint16_t mtu;
    bool cut;                                   /* nothing arrives */
} world_link;

typedef struct tcp_world {
    uint64_t now_ns, seed, busy_until_ns, order;
    fa_host *hosts[WORLD_HOSTS_MAX];
    uint32_t host_count;
    world_link link;
    world_frame *frames; /* by time of arrival */
    uint64_t tick_ns; /* the longest time between two instants; 0: as long as nothing happens */
    uint64_t sent, lost;
    /* Looks at, or changes, what is sent (from the TCP header on); false: it is lost. */
    bool (*look)(struct tcp_world *world, fa_ip4 source, fa_ip4 destination, uint8_t *bytes, size_t len);
    void *look_arg;
} tcp_world;

#define require(condition) world_require((condition), #condition, __FILE__, __LINE__)
void world_require(bool holds, const char *text, const char *file, int line);

/* From SIM_SEED, or 1; printed. */
uint64_t world_first_seed(void);
void world_init(tcp_world *world, uint64_t seed);
fa_host *world_host(tcp_world *world, uint32_t page_count, uint32_t features);
void world_free(tcp_world *world);
uint32_t world_random(tcp_world *world, uint32_t bound);
/* Runs until `done` (called after each instant) is true or the time has come; false: the latter. */
bool world_run(tcp_world *world, uint64_t for_ns, bool (*done)(tcp_world *world, void *arg), void *arg);
/* A segment made by hand arrives at a host. */
void world_inject(tcp_world *world, fa_host *to, fa_ip4 source, const uint8_t *bytes, size_t len);
/* The bytes of a segment with a right checksum; how long it is. */
size_t world_segment(uint8_t *bytes_out, fa_ip4 source, fa_ip4 destination, uint16_t source_port,
                     uint16_t destination_port, uint32_t sequence, uint32_t acknowledgment,
                     uint8_t flags, uint16_t window, const void *options, size_t options_len,
                     const void *payload, size_t len);

#endif
