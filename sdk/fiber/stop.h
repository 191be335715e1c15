/* SPDX-License-Identifier: ISC */
/* Between who hears the word that the machine is to stop, a driver, and who finishes something then. */
#ifndef FATA_FIBER_STOP_H
#define FATA_FIBER_STOP_H

#include <fata/stop.h>

/* The word has come. Ends the image here if the program does not ask; else returns, and it has its time.
 * A second word changes nothing. */
void fa_stop_request(fa_stop_word word);

/* Who has more to wait for than that: `told` is called once, at once if the word has come; it must not
 * wait. The record is the caller's, and stays until it is taken out. */
typedef struct fa_stop_watch {
    void (*told)(struct fa_stop_watch *watch);
    struct fa_stop_watch *next; /* private */
} fa_stop_watch;
void fa_stop_watch_add(fa_stop_watch *watch);
/* Of one that is not in, too. */
void fa_stop_watch_remove(fa_stop_watch *watch);

#endif
