/* SPDX-License-Identifier: ISC */
/*
 * The makes that this tool was started by, and whether one was told to end. On a terminal, Ctrl-C reaches the tool as
 * well. A SIGINT to make alone does not: GNU make passes on SIGTERM, and after any other it waits for its recipe, which
 * for a guest that serves would be for ever.
 *
 *     struct makes makes;
 *     makes_find(&makes);
 *     int signal = makes_signal(&makes); // now and then; 0: none
 */
#ifndef FATA_CLI_MAKES_H
#define FATA_CLI_MAKES_H

#include <stddef.h>
#include <sys/types.h>

#define MAKES_COUNT_MAX 8

struct makes {
    pid_t process[MAKES_COUNT_MAX];
    size_t count;
};

/* Those above this process, with nothing but shells between. */
void makes_find(struct makes *makes_out);

/* The signal that one of them has had and waits to end by, or 0. */
int makes_signal(const struct makes *makes);

#endif
