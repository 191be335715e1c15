/* SPDX-License-Identifier: ISC */
/* The monotonic clock: the time stamp counter scaled to nanoseconds, measured against the PIT for
 * CALIBRATION_TICKS, together with the local APIC's timer. Each sample is taken between two reads
 * of the counter; of several the tightest counts, since a virtual CPU can be held up anywhere. */
#include "clock.h"
#include "../../sdk/cpu/x86_64/cpu.h"
#include "../../sdk/drivers/pc/lapic.h"
#include "../../sdk/drivers/pc/pit.h"
#include "../../sdk/drivers/pc/rtc.h"
#include "../plat.h"
#include <fata/panic.h>

__extension__ typedef unsigned __int128 uint128;

#define CALIBRATION_TICKS 2400u /* of the PIT: 2 ms */
#define SAMPLES 4u
#define LOOKS_MAX 100000u /* at a PIT that does not count */

static uint64_t tsc_start;
static uint64_t ns_per_tick_32; /* nanoseconds for one tick, times 2^32 */

typedef struct sample {
    uint64_t tsc;
    uint64_t spread; /* of the counter while the others were read */
    uint16_t pit;
    uint32_t apic;
} sample;

static sample take_sample(void)
{
    sample best = {.spread = UINT64_MAX};
    for (unsigned i = 0; i < SAMPLES; i++) {
        const uint64_t before = x86_tsc();
        sample s = {.pit = pit_elapsed(), .apic = lapic_timer_elapsed()};
        s.spread = x86_tsc() - before;
        s.tsc = before + s.spread / 2;
        if (s.spread < best.spread)
            best = s;
    }
    return best;
}

void clock_start(void)
{
    tsc_start = x86_tsc();
}

void clock_init(void)
{
    pit_start();
    lapic_timer_measure();
    const sample first = take_sample();
    for (unsigned look = 0; (uint16_t)(pit_elapsed() - first.pit) < CALIBRATION_TICKS; look++)
        if (look == LOOKS_MAX)
            fa_panic("no clock: the interval timer (PIT) does not count");
    const sample last = take_sample();
    const uint64_t ticks = (uint16_t)(last.pit - first.pit);
    const uint64_t tsc_hz = (last.tsc - first.tsc) * PIT_HZ / ticks;
    if (tsc_hz == 0)
        fa_panic("no clock: the time stamp counter does not count");
    ns_per_tick_32 = (FA_NS_PER_S << 32) / tsc_hz;
    lapic_timer_set_hz((uint64_t)(last.apic - first.apic) * PIT_HZ / ticks);
}

uint64_t plat_clock_mono_ns(void)
{
    return (uint64_t)((uint128)(x86_tsc() - tsc_start) * ns_per_tick_32 >> 32);
}

uint64_t plat_clock_wall_ns(void)
{
    return rtc_read_s() * FA_NS_PER_S;
}
