/* SPDX-License-Identifier: ISC */
/* The options of `fata run`, read and checked. */
#ifndef FATA_CLI_RUN_OPTIONS_H
#define FATA_CLI_RUN_OPTIONS_H

#include "cli.h"
#include "machines.h"

#include <stdbool.h>
#include <stdint.h>

#define RUN_GUEST_COUNT_MAX 16

struct run_request {
    const char *bsp; /* NULL: not given */
    const char *on;
    const char *image;
    bool debug;
    bool dry_run;
    bool has_gdb_port;
    bool has_default_ports; /* the ports are what the project always asks for */
    int ready_fd;       /* -1: none */
    int64_t timeout_ms; /* 0: none */
    unsigned guests;    /* how many, on xen */
    bool shell;         /* of its dom0 */
    struct words files; /* for the dom0 */
    struct run_plan plan;
};

extern const struct cli_option run_options[];
extern const char run_details[];

/* The value of --memory, in MiB; ends the program if it is none. */
uint64_t run_read_memory(const char *text);

struct run_request run_read_options(const struct cli_command *command, int argc, char **argv);

#endif
