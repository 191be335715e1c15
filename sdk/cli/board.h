/* SPDX-License-Identifier: ISC */
/*
 * The boards (BSPs) of the SDK, as their board.mk files describe them in lines of the form `KEY := value`:
 * BOARD_DESCRIPTION, BOARD_CPU and BOARD_MACHINES, the names of the machines that its images run on, the usual one
 * first.
 */
#ifndef FATA_CLI_BOARD_H
#define FATA_CLI_BOARD_H

#include "text.h"

#include <stddef.h>

#define BOARD_DEFAULT "xen-x86_64"

struct board {
    const char *name;
    const char *description; /* NULL: none given */
    const char *cpu;         /* NULL: none given */
    struct words machines;
};

/* All boards, sorted by name. */
size_t boards_load(struct board **boards_out);

/* The board of that name; ends the program with the valid names if there is none. */
const struct board *board_find(const char *name);

/* The board for a machine: the default board if it lists it, else the only one that does; else the program ends. */
const struct board *board_for_machine(const char *machine);

#endif
