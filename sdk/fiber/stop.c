/* SPDX-License-Identifier: ISC */
/* The word that the machine is to stop: who waits for it, and the time that they have then. An image
 * has this if it has a driver that can hear the word, or a program that asks for it. */
#include "stop.h"
#include "../../bsp/plat.h"
#include "sched.h"
#include <fata/log.h>
#include <fata/param.h>
#include <stdlib.h>

FA_LOG_MODULE("stop");
FA_PARAM_UINT(stop_time, "stop-time", FA_STOP_TIME_S, 1, FA_STOP_TIME_MAX_S,
              "seconds to finish in when the machine is to stop");

static fa_stop_word said;
static bool is_asked; /* the program wants to know */
static fa_waitq waiting;
static fa_stop_watch *watches;

static void ask(void)
{
    if (is_asked)
        return;
    is_asked = true;
    plat_stop_listen();
}

fa_err fa_stop_wait(fa_stop_word *word_out, fa_deadline deadline)
{
    fa_err err = FA_OK;
    ask();
    while (said == FA_STOP_NONE && err == FA_OK)
        err = fa_waitq_wait(&waiting, deadline);
    if (err == FA_OK && word_out != NULL)
        *word_out = said;
    return err;
}

void fa_stop_watch_add(fa_stop_watch *watch)
{
    ask();
    watch->next = watches;
    watches = watch;
    if (said != FA_STOP_NONE)
        watch->told(watch);
}

void fa_stop_watch_remove(fa_stop_watch *watch)
{
    fa_stop_watch **link = &watches;
    while (*link != NULL && *link != watch)
        link = &(*link)->next;
    if (*link != NULL)
        *link = watch->next;
}

static void end_late(void *arg)
{
    (void)arg;
    const fa_err err = fa_sleep(fa_after_s(stop_time));
    if (err == FA_OK)
        fa_log_error("the program has not finished in %llu s (--stop-time): it is ended",
                     (unsigned long long)stop_time);
    exit(EXIT_FAILURE);
}

void fa_stop_request(fa_stop_word word)
{
    if (said != FA_STOP_NONE)
        return;
    said = word;
    if (!is_asked)
        exit(EXIT_SUCCESS);
    fa_log_info("the machine is to %s: %llu s to finish",
                word == FA_STOP_REBOOT ? "reboot" : "be turned off", (unsigned long long)stop_time);
    if (fa_sched_spawn(&(fa_fiber_options){.name = "stop"}, end_late, NULL) != FA_OK) {
        fa_log_error("there is no memory to wait for the program's end: it is ended now");
        exit(EXIT_FAILURE);
    }
    fa_waitq_wake_all(&waiting);
    for (fa_stop_watch *watch = watches; watch != NULL; watch = watch->next)
        watch->told(watch);
}
