/* SPDX-License-Identifier: ISC */
/* What the board waits for besides the console: sockets and devices, as file descriptors in one epoll
 * set, so that idle ones cost nothing. A program without a network has none of it. */
#ifndef FATA_UNIX_EVENTS_H
#define FATA_UNIX_EVENTS_H

#include <fata/err.h>

typedef struct events_source {
    /* `events` are EPOLLIN and so on: what is new since the last call. */
    void (*news)(struct events_source *source, uint32_t events);
    struct events_source *next; /* private */
} events_source;

/* From now on the source hears of the descriptor, until that is closed. FA_ELIMIT, FA_ENOMEM. */
FA_MUST_CHECK fa_err events_add(int descriptor, events_source *source);
/* Frees, by free(), what a source lies in and whose descriptor has been closed: later, if news for it
 * may be under way. */
void events_free(events_source *source);

/* How board.c finds the set: -1 until there is one. */
typedef struct events_set {
    int descriptor;
    void (*take)(void); /* tells the sources */
} events_set;
extern events_set board_events;

#endif
