/* SPDX-License-Identifier: ISC */
/* Ticks of the machine's timer into nanoseconds and back. A tick is ns_whole nanoseconds and a
 * fraction in units of 2^-32: no division, and right to a part in 10^10. */
#include "clock.h"
#include "../../sdk/drivers/dt/machine.h"
#include "../plat.h"
#include <fata/panic.h>

#define WAIT_MAX_NS (3600 * FA_NS_PER_S) /* a longer one is waited again */

static uint64_t first_ticks;
static uint32_t ns_whole, ns_fraction;

/* value * fraction / 2^32. */
static uint64_t times_fraction(uint64_t value, uint32_t fraction)
{
    return (value >> 32) * fraction + ((value & UINT32_MAX) * fraction >> 32);
}

void clock_init(void)
{
    if (machine.irqs == NULL)
        fa_panic("no interrupt controller that this image has a driver for: it needs a GICv2 or the "
                 "A10's; a GICv3 is not enough");
    if (machine.timer == NULL)
        fa_panic("no clock: the device tree has no timer that this image has a driver for");
    const uint32_t hz = machine.timer->hz;
    ns_whole = (uint32_t)(FA_NS_PER_S / hz);
    ns_fraction = (uint32_t)((FA_NS_PER_S % hz << 32) / hz);
    first_ticks = machine.timer->ticks();
}

uint64_t plat_clock_mono_ns(void)
{
    if (ns_whole == 0 && ns_fraction == 0)
        return 0;
    const uint64_t ticks = machine.timer->ticks() - first_ticks;
    return ticks * ns_whole + times_fraction(ticks, ns_fraction);
}

void clock_arm(fa_deadline deadline, uint64_t now_ns)
{
    const machine_timer *timer = machine.timer;
    uint64_t wait_ns = deadline - now_ns;
    if (wait_ns > WAIT_MAX_NS)
        wait_ns = WAIT_MAX_NS;
    const uint64_t ticks = wait_ns / FA_NS_PER_S * timer->hz +
                           wait_ns % FA_NS_PER_S * timer->hz / FA_NS_PER_S + 1;
    /* A counter that turns over is read again before half of its turn. */
    timer->arm(ticks < timer->ticks_max / 2 ? ticks : timer->ticks_max / 2);
}
