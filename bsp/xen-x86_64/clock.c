/* SPDX-License-Identifier: ISC */
/* The monotonic clock: the time stamp counter scaled to nanoseconds. Its frequency is measured
 * against the PIT for CALIBRATION_TICKS, together with that of the local APIC's timer, which is good
 * to a few hundred parts in a million. The PIT counts on, so the same measurement over 0.1, 1, 10
 * and 100 seconds of running makes it better without anybody having to wait.
 *
 * Each sample is taken between two reads of the counter; of several the tightest counts, since a
 * virtual CPU can be held up anywhere. */
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

#define REFINE_FIRST_NS (100 * FA_NS_PER_MS)
#define REFINE_LAST_NS (100 * FA_NS_PER_S)
/* A refined frequency that is further off than one part in so many is no refinement: the machine was
 * stopped, or its PIT. */
#define REFINE_PARTS 500u

/* The clock reads base_ns at base_tsc, and goes on from there. */
static uint64_t base_tsc, base_ns;
static uint64_t ns_per_tick_32; /* nanoseconds for one tick, times 2^32 */
static uint64_t tsc_hz;
static uint64_t refine_at_ns = REFINE_FIRST_NS;

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

static sample first;

void clock_start(void)
{
    base_tsc = x86_tsc();
}

static uint64_t ns_of_ticks(uint64_t ticks)
{
    return (uint64_t)((uint128)ticks * ns_per_tick_32 >> 32);
}

static void set_frequency(uint64_t hz)
{
    tsc_hz = hz;
    ns_per_tick_32 = (FA_NS_PER_S << 32) / hz;
}

void clock_init(void)
{
    pit_start();
    lapic_timer_measure();
    first = take_sample();
    for (unsigned look = 0; (uint16_t)(pit_elapsed() - first.pit) < CALIBRATION_TICKS; look++)
        if (look == LOOKS_MAX)
            fa_panic("no clock: the interval timer (PIT) does not count");
    const sample last = take_sample();
    const uint64_t ticks = (uint16_t)(last.pit - first.pit);
    const uint64_t hz = (last.tsc - first.tsc) * PIT_HZ / ticks;
    if (hz == 0)
        fa_panic("no clock: the time stamp counter does not count");
    set_frequency(hz);
    lapic_timer_set_hz((uint64_t)(last.apic - first.apic) * PIT_HZ / ticks);
}

void clock_refine(void)
{
    if (refine_at_ns > REFINE_LAST_NS || plat_clock_mono_ns() < refine_at_ns)
        return;
    refine_at_ns *= 10;
    const sample now = take_sample();
    const uint64_t tsc_ticks = now.tsc - first.tsc;
    /* The PIT says how far it came modulo 2^16; the frequency so far is good enough for the rest. */
    const uint64_t about = (uint64_t)((uint128)tsc_ticks * PIT_HZ / tsc_hz);
    const int16_t off = (int16_t)(uint16_t)((uint16_t)(now.pit - first.pit) - (uint16_t)about);
    const uint64_t hz = (uint64_t)((uint128)tsc_ticks * PIT_HZ / (about + (uint64_t)(int64_t)off));
    const uint64_t change = hz > tsc_hz ? hz - tsc_hz : tsc_hz - hz;
    if (change > tsc_hz / REFINE_PARTS)
        return;
    base_ns += ns_of_ticks(now.tsc - base_tsc);
    base_tsc = now.tsc;
    set_frequency(hz);
}

uint64_t plat_clock_mono_ns(void)
{
    return base_ns + ns_of_ticks(x86_tsc() - base_tsc);
}

uint64_t plat_clock_wall_ns(void)
{
    return rtc_read_s() * FA_NS_PER_S;
}
