/* SPDX-License-Identifier: ISC */
/* The end of the machine on somebody else's word: of the toolstack of a domain of Xen (`xl shutdown`,
 * `xl reboot`), or SIGTERM for a Linux process. A program that never asks is ended at once, with exit
 * status 0 (a process as SIGTERM does it). One that has asked is told, and has as many seconds as the
 * parameter --stop-time says to finish what it does and return from main; then it is ended with exit
 * status 1. After a word to reboot, the end is one with a reboot. fa_http_serve() asks by itself.
 *
 *     fa_scope_open(&scope);
 *     err = fa_scope_spawn(&scope, "server", serve, listener);
 *     if (err == FA_OK)
 *         err = fa_stop_wait(NULL, FA_FOREVER);
 *     fa_scope_close(&scope);      // cancels the server, which cleans up
 *     return err == FA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
 */
#ifndef FATA_STOP_H
#define FATA_STOP_H

#include <fata/base.h>
#include <fata/clock.h>
#include <fata/err.h>

/* The default of --stop-time, and the most that it takes. */
#define FA_STOP_TIME_S 10u
#define FA_STOP_TIME_MAX_S 3600u

typedef enum fa_stop_word {
    FA_STOP_NONE, /* the machine goes on */
    FA_STOP_OFF,
    FA_STOP_REBOOT,
} fa_stop_word;

/* Waits until the machine is to stop; at once, if that was said already since the program first asked.
 * *word_out (may be NULL) says how. FA_ETIMEDOUT, FA_ECANCELED. */
FA_MUST_CHECK fa_err fa_stop_wait(fa_stop_word *word_out, fa_deadline deadline);

#endif
