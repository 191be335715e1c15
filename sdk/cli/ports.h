/* SPDX-License-Identifier: ISC */
/*
 * TCP ports of this host's loopback that lead to a guest's: whether they are free, and for a process, the hand-over:
 * the environment variable FATA_PORTS, "HOST:GUEST,HOST:GUEST". A process that listens on port GUEST listens on
 * 127.0.0.1's port HOST instead.
 */
#ifndef FATA_CLI_PORTS_H
#define FATA_CLI_PORTS_H

#include <stddef.h>

#define RUN_PORT_COUNT_MAX 32
#define PORTS_VARIABLE "FATA_PORTS"

struct run_port {
    unsigned host;
    unsigned guest;
};

/* Ends the program if one of them cannot be listened on, with the reason and, if it can be told, who holds it. */
void ports_check(const struct run_port *ports, size_t count);

/* The value of FATA_PORTS. */
char *ports_text(const struct run_port *ports, size_t count);

#endif
