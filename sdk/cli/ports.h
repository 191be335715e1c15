/* SPDX-License-Identifier: ISC */
/*
 * Ports of this host's loopback, of TCP or UDP, that lead to a guest's: whether they are free, and for a process, the
 * hand-over: the environment variable FATA_PORTS, "HOST:GUEST,HOST:GUEST". A process that listens on port GUEST, by TCP
 * or by UDP, listens on 127.0.0.1's port HOST instead.
 */
#ifndef FATA_CLI_PORTS_H
#define FATA_CLI_PORTS_H

#include <stdbool.h>
#include <stddef.h>

#define RUN_PORT_COUNT_MAX 32
#define PORTS_VARIABLE "FATA_PORTS"

struct run_port {
    unsigned host; /* 0: any free one, until ports_choose() */
    unsigned guest;
    bool is_udp;
};

/* Gives those without a number of the host a free one; TCP and UDP of one port of the guest get the same if they can. */
void ports_choose(struct run_port *ports, size_t count);

/* Ends the program if one of them cannot be listened on, with the reason and, if it can be told, who holds it. */
void ports_check(const struct run_port *ports, size_t count);

/* Whether somebody has bound UDP port `port` of 127.0.0.1. */
bool ports_udp_is_taken(unsigned port);

/* The value of FATA_PORTS. */
char *ports_text(const struct run_port *ports, size_t count);

#endif
