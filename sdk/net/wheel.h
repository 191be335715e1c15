/* SPDX-License-Identifier: ISC */
/* Timers of an engine: a hierarchical wheel (Varghese and Lauck, 1987), so that arming, disarming and
 * the passing of time cost nothing that grows with the number of timers. A timer lies in what it
 * belongs to. Granularity is WHEEL_TICK_NS: a timer never fires early, and at most so late.
 *
 *     fa_wheel_arm(&wheel, &connection->retransmit, now_ns + 200 * FA_NS_PER_MS);
 *     while ((timer = fa_wheel_expire(&wheel, now_ns)) != NULL)
 *         timer->fire(timer, host);
 */
#ifndef FATA_NET_WHEEL_H
#define FATA_NET_WHEEL_H

#include <fata/clock.h>

#define FA_WHEEL_TICK_NS FA_NS_PER_MS
#define FA_WHEEL_SLOTS 64u  /* of each level */
#define FA_WHEEL_LEVELS 5u  /* 64^5 ms: 12 days; what is later is looked at again then */

typedef struct fa_wheel_timer {
    struct fa_wheel_timer *next, **previous; /* previous NULL: not armed */
    fa_deadline deadline;
    /* `owner` is whose wheel it is: in a host, the fa_host, which knows the time. */
    void (*fire)(struct fa_wheel_timer *timer, void *owner);
} fa_wheel_timer;

typedef struct fa_wheel {
    uint64_t tick; /* all before it have been looked at */
    uint64_t used[FA_WHEEL_LEVELS]; /* a bit for each slot that is not empty */
    uint64_t next;                  /* tick at which one of them is reached; UINT64_MAX: there is none */
    bool is_next_known;             /* until `used` changes */
    fa_wheel_timer *slots[FA_WHEEL_LEVELS][FA_WHEEL_SLOTS];
    fa_wheel_timer *due;
} fa_wheel;

void fa_wheel_init(fa_wheel *wheel, uint64_t now_ns);
/* An armed timer is moved. FA_FOREVER disarms. */
void fa_wheel_arm(fa_wheel *wheel, fa_wheel_timer *timer, fa_deadline deadline);
void fa_wheel_disarm(fa_wheel *wheel, fa_wheel_timer *timer);
static inline bool fa_wheel_armed(const fa_wheel_timer *timer)
{
    return timer->previous != NULL;
}
/* Takes out one timer that is due; NULL: none. */
fa_wheel_timer *fa_wheel_expire(fa_wheel *wheel, uint64_t now_ns);
/* When to call fa_wheel_expire() again, not later than the first deadline plus a tick; FA_FOREVER. */
fa_deadline fa_wheel_next(fa_wheel *wheel);

#endif
