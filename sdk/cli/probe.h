/* SPDX-License-Identifier: ISC */
/*
 * Asks the ports that lead to a guest, one at a time, until each has answered: a connection and the request of a web
 * page. It never waits: the loop that watches the guest polls its descriptor and calls probe_step(). Nothing can be
 * read from a connection alone where QEMU's user networking accepts it, whether or not the guest does. On a tap
 * interface the guest's own address is asked, once the guest has logged it. UDP has no request that all answer: such a
 * port counts when the guest has an address, and of a process when it is bound.
 *
 *     probe_start(&probe, &(struct probe_plan){.ports = ports, .count = count, .way = PROBE_FORWARDED, .ready_fd = -1});
 *     wait[4] = probe_wait(&probe);
 *     probe_step(&probe, wait[4].revents, &said);       // lines for the user
 *     probe_address(&probe, address, &said);            // when the guest says that it has one
 */
#ifndef FATA_CLI_PROBE_H
#define FATA_CLI_PROBE_H

#include "ports.h"
#include "text.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#define PROBE_START_BYTES_MAX 1024 /* of an answer, that are looked at */

enum probe_way {
    PROBE_PROCESS,   /* the host's ports are the process's own */
    PROBE_FORWARDED, /* they lead through QEMU's user networking */
    PROBE_TAP,       /* the guest has an address that the host reaches; its own ports are asked */
};

struct probe_plan {
    const struct run_port *ports;
    size_t count;
    enum probe_way way;
    int ready_fd; /* gets a line for each that answers, and is closed when all do; -1: none */
};

struct probe {
    struct probe_plan plan;
    uint32_t address; /* the guest's, in host order; 0: not known */
    bool answered[RUN_PORT_COUNT_MAX];
    size_t answered_count;
    size_t now;          /* the port that is asked */
    int handle;          /* its connection; -1: none */
    bool asked;          /* the request is sent */
    char start[PROBE_START_BYTES_MAX + 1]; /* of the answer, with a NUL */
    size_t start_len;
    size_t answer_bytes;
    int64_t until_ms;    /* of the connection, or of the pause before the next; 0: nothing more to do */
    int64_t pause_ms;
    int64_t give_up_at_ms;
};

void probe_start(struct probe *probe, const struct probe_plan *plan);
struct pollfd probe_wait(const struct probe *probe);
/* Does what can be done now; lines to tell the user are added to `said`. */
void probe_step(struct probe *probe, short revents, struct text *said);
/* The guest has said that `address` (in host order) is its own. */
void probe_address(struct probe *probe, uint32_t address, struct text *said);
void probe_end(struct probe *probe);

#endif
