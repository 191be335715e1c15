/* SPDX-License-Identifier: ISC */
/* The fibers that wait for a deadline, as a binary heap: adding and removing cost a logarithm, the
 * first deadline is at hand. Room is reserved when a fiber is spawned, so a wait cannot fail. */
#ifndef FATA_FIBER_TIMERS_H
#define FATA_FIBER_TIMERS_H

#include <fata/clock.h>
#include <fata/err.h>

/* Embedded in what waits. */
typedef struct fa_timer {
    size_t slot; /* 1 + index in the heap; 0: not in it */
} fa_timer;

/* Makes sure that `count` timers can be armed at a time. */
FA_MUST_CHECK fa_err fa_timers_reserve(size_t count);
void fa_timers_add(fa_deadline deadline, fa_timer *timer);
void fa_timers_remove(fa_timer *timer);
/* The first deadline, or FA_FOREVER. */
fa_deadline fa_timers_first(void);
/* Takes out a timer whose deadline is not after `now_ns`; NULL when there is none. */
fa_timer *fa_timers_expire(uint64_t now_ns);
/* The deadline of an armed timer, FA_FOREVER of another. */
fa_deadline fa_timers_deadline(const fa_timer *timer);

#endif
