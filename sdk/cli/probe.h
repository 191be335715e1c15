/* SPDX-License-Identifier: ISC */
/*
 * Asks the ports that lead to a guest, one at a time, until each has answered: a connection and the request of a web
 * page. It never waits: the loop that watches the guest polls its descriptor and calls probe_step(). Nothing can be
 * read from a connection alone: QEMU's user networking accepts it whether or not the guest does.
 *
 *     probe_start(&probe, ports, count, is_process);
 *     wait[4] = probe_wait(&probe);
 *     probe_step(&probe, wait[4].revents, &said);       // lines for the user
 */
#ifndef FATA_CLI_PROBE_H
#define FATA_CLI_PROBE_H

#include "ports.h"
#include "text.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct probe {
    const struct run_port *ports;
    size_t count;
    bool connection_says_all; /* the ports are a process's own: who connects has been answered */
    bool answered[RUN_PORT_COUNT_MAX];
    size_t answered_count;
    size_t now;          /* the port that is asked */
    int handle;          /* its connection; -1: none */
    bool asked;          /* the request is sent */
    char start[5];       /* of the answer */
    size_t start_len;
    size_t answer_bytes;
    int64_t until_ms;    /* of the connection, or of the pause before the next; 0: nothing more to do */
    int64_t pause_ms;
    int64_t give_up_at_ms;
};

void probe_start(struct probe *probe, const struct run_port *ports, size_t count, bool is_process);
struct pollfd probe_wait(const struct probe *probe);
/* Does what can be done now; lines to tell the user are added to `said`. */
void probe_step(struct probe *probe, short revents, struct text *said);
void probe_end(struct probe *probe);

#endif
