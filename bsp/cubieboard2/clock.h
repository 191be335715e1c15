/* SPDX-License-Identifier: ISC */
/* The monotonic clock over the machine's timer: plat_clock_mono_ns(), and the end of a wait. */
#ifndef FATA_BSP_CUBIEBOARD2_CLOCK_H
#define FATA_BSP_CUBIEBOARD2_CLOCK_H

#include <fata/clock.h>

/* Once the drivers are there. Panics: no timer. */
void clock_init(void);
/* Has the timer interrupt at the deadline, or earlier. */
void clock_arm(fa_deadline deadline, uint64_t now_ns);

#endif
