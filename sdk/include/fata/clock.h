/* SPDX-License-Identifier: ISC */
/* Time. The monotonic clock counts nanoseconds since boot and never steps; deadlines are points on
 * it. The wall clock counts nanoseconds since 1970-01-01 00:00 UTC and is known only where the
 * machine has a clock of its own or one was set.
 *
 * A function can suspend its fiber if and only if its last parameter is an `fa_deadline`: it
 * returns FA_ETIMEDOUT when the deadline passes first. FA_NOW means "do not wait".
 *
 *     err = fa_chan_recv(&chan, &item, fa_after_ms(250));
 */
#ifndef FATA_CLOCK_H
#define FATA_CLOCK_H

#include <fata/base.h>

#define FA_NS_PER_US UINT64_C(1000)
#define FA_NS_PER_MS UINT64_C(1000000)
#define FA_NS_PER_S UINT64_C(1000000000)

typedef uint64_t fa_deadline; /* monotonic nanoseconds, absolute */
#define FA_NOW ((fa_deadline)0)
#define FA_FOREVER ((fa_deadline)UINT64_MAX)

/* Nanoseconds since boot. */
uint64_t fa_clock_mono_ns(void);
/* Nanoseconds since the epoch, UTC; 0 when the wall clock is not known. */
uint64_t fa_clock_wall_ns(void);
/* Sets the wall clock: `wall_ns` is the time now. */
void fa_clock_set_wall(uint64_t wall_ns);

/* The deadline that lies so far from now; FA_FOREVER when that is past the end of time. */
fa_deadline fa_after_ns(uint64_t ns);
fa_deadline fa_after_ms(uint64_t ms);
fa_deadline fa_after_s(uint64_t s);

#endif
