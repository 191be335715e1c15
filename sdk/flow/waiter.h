/* SPDX-License-Identifier: ISC */
/* A fiber that waits for a waker: what turns try_ and arm functions into ones that wait.
 *
 *     fa_waiter waiter;
 *     fa_waiter_init(&waiter);
 *     arm(thing, &waiter.waker);
 *     err = fa_waiter_wait(&waiter, deadline);
 *     if (err != FA_OK)
 *         arm(thing, NULL);       // it was not called, and now never is
 */
#ifndef FATA_FLOW_WAITER_H
#define FATA_FLOW_WAITER_H

#include <fata/fiber.h>
#include <fata/flow.h>

typedef struct fa_waiter {
    fa_waker waker;
    fa_waitq queue;
    bool woken;
} fa_waiter;

void fa_waiter_init(fa_waiter *waiter);
/* Until the waker has been called, which may be before; with FA_NOW it only looks. FA_ETIMEDOUT,
 * FA_ECANCELED: it was not. */
FA_MUST_CHECK fa_err fa_waiter_wait(fa_waiter *waiter, fa_deadline deadline);

/* Calls a waker that was armed, if there is one: once, so it may arm itself anew. */
static inline void fa_waker_fire(fa_waker **armed)
{
    fa_waker *waker = *armed;
    *armed = NULL;
    if (waker != NULL)
        waker->wake(waker);
}

/* To be called before each call that may have something to do at once: a fiber for which that is always
 * so would never wait. It lets the others run at every FA_TURN_CALLS-th call since a fiber last
 * waited; not with FA_NOW. FA_ECANCELED. */
#define FA_TURN_CALLS 16u
FA_MUST_CHECK fa_err fa_turn_take(fa_deadline deadline);

#endif
