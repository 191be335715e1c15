/* SPDX-License-Identifier: ISC */
/*
 * Starting a program on an Allwinner board over USB, without a card: the board's boot ROM, when it finds nothing to boot, waits
 * for a program in SRAM ("FEL"); sunxi-fel of sunxi-tools speaks to it.
 */
#ifndef FATA_CLI_FEL_H
#define FATA_CLI_FEL_H

#include "text.h"

#include <stdbool.h>

struct fel_request {
    bool is_asked;
    const char *board; /* cubieboard2 or cubieboard */
    const char *image; /* a zImage */
    struct words arguments; /* of the program */
    bool dry_run;
};

/* Ends the program with the boards' names if this is none. */
void fel_require_board(const char *board);

/* Returns the exit status of the tool. */
int fel_start(const struct fel_request *request);

#endif
