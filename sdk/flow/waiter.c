/* SPDX-License-Identifier: ISC */
/* A fiber that waits for a waker. The waker may be called in the same look around that ends the wait
 * by its deadline: it counts then, so that no news is lost. */
#include "waiter.h"

static unsigned calls_without_wait; /* of all fibers */

static void wake(fa_waker *waker)
{
    fa_waiter *waiter = (fa_waiter *)waker; /* its first member */
    waiter->woken = true;
    fa_waitq_wake_all(&waiter->queue);
}

void fa_waiter_init(fa_waiter *waiter)
{
    *waiter = (fa_waiter){.waker = {wake}};
}

fa_err fa_waiter_wait(fa_waiter *waiter, fa_deadline deadline)
{
    if (waiter->woken)
        return FA_OK;
    if (deadline == FA_NOW)
        return fa_canceled() ? FA_ECANCELED : FA_ETIMEDOUT;
    calls_without_wait = 0;
    const fa_err err = fa_waitq_wait(&waiter->queue, deadline);
    return waiter->woken ? FA_OK : err;
}

fa_err fa_turn_take(fa_deadline deadline)
{
    if (++calls_without_wait < FA_TURN_CALLS || deadline == FA_NOW)
        return FA_OK;
    calls_without_wait = 0;
    return fa_sleep(FA_NOW);
}
