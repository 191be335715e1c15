/* SPDX-License-Identifier: ISC */
/* The local APIC: acknowledges interrupts and has the timer that ends an idle wait. Source: Intel
 * SDM vol. 3, chapter 11. */
#ifndef FATA_DRIVERS_PC_LAPIC_H
#define FATA_DRIVERS_PC_LAPIC_H

#include <fata/err.h>

#define LAPIC_TIMER_VECTOR 32u

/* Turns it on. FA_ENOTSUP: the CPU has none; FA_ENOMEM. */
FA_MUST_CHECK fa_err lapic_init(void);
/* Starts the timer with its greatest count, for measuring; how many ticks have gone since. */
void lapic_timer_measure(void);
uint32_t lapic_timer_elapsed(void);
void lapic_timer_set_hz(uint64_t hz);
/* One interrupt after about `ns`, or as late as the timer can; replaces an earlier one. */
void lapic_timer_arm(uint64_t ns);
/* Its number, for routing interrupts to this CPU. */
uint32_t lapic_id(void);

#endif
