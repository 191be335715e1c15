/* SPDX-License-Identifier: ISC */
/* The monotonic clock: the time stamp counter scaled to nanoseconds. Its frequency is measured
 * against the PIT for CALIBRATION_TICKS, together with that of the local APIC's timer, until two
 * measurements agree: a machine that is held up for longer than the PIT's turn of 55 ms measures
 * nonsense. That is good to a part in a thousand. The PIT counts on, so the same measurement over
 * 0.1, 1, 10 and 100 seconds of running makes it better without anybody having to wait.
 *
 * Each sample is taken between two reads of the counter; of several the tightest counts, since a
 * virtual CPU can be held up anywhere. */
#include "clock.h"
#include "../../sdk/cpu/x86_64/cpu.h"
#include "../../sdk/drivers/pc/lapic.h"
#include "../../sdk/drivers/pc/pit.h"
#include <fata/clock.h>
#include <fata/panic.h>

__extension__ typedef unsigned __int128 uint128;

#define CALIBRATION_TICKS 1200u /* of the PIT: 1 ms */
#define CALIBRATIONS_MAX 32u
#define AGREE_PARTS 200u /* two measurements agree when they differ by less than one part in 200 */
#define SAMPLES 4u
#define LOOKS_MAX 100000u /* at a PIT that does not count */
#define REFINE_FIRST_NS (100 * FA_NS_PER_MS)
#define REFINE_LAST_NS (100 * FA_NS_PER_S)
/* A look that comes this many times later than meant could be a turn of the PIT off. */
#define REFINE_LATE 100u

/* The clock reads base_ns at base_tsc, and goes on from there. */
static uint64_t base_tsc, base_ns;
static uint64_t ns_per_tick_32; /* nanoseconds for one tick, times 2^32 */
static uint64_t tsc_hz;
static uint64_t refine_span_ns = REFINE_FIRST_NS; /* of the next refinement, from `first` on */

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

static bool agree(uint64_t a, uint64_t b)
{
    return (a > b ? a - b : b - a) < a / AGREE_PARTS;
}

/* Measures once, from a new `first` on: the counter's frequency, and the local APIC's timer's. */
static uint64_t calibrate(uint64_t *apic_hz_out)
{
    first = take_sample();
    for (unsigned look = 0; (uint16_t)(pit_elapsed() - first.pit) < CALIBRATION_TICKS; look++)
        if (look == LOOKS_MAX)
            fa_panic("no clock: the interval timer (PIT) does not count");
    const sample last = take_sample();
    const uint16_t ticks = (uint16_t)(last.pit - first.pit);
    if (ticks == 0)
        return 0;
    *apic_hz_out = (uint64_t)(last.apic - first.apic) * PIT_HZ / ticks;
    return (last.tsc - first.tsc) * PIT_HZ / ticks;
}

void clock_init(void)
{
    pit_start();
    lapic_timer_measure();
    uint64_t apic_hz = 0;
    uint64_t hz = 0, previous_hz;
    unsigned tries = 0;
    do {
        previous_hz = hz;
        hz = calibrate(&apic_hz);
        if (++tries == CALIBRATIONS_MAX)
            fa_panic("no clock: the time stamp counter and the interval timer (PIT) do not agree");
    } while (hz == 0 || !agree(hz, previous_hz));
    set_frequency(hz);
    lapic_timer_set_hz(apic_hz);
}

void clock_refine(void)
{
    if (refine_span_ns > REFINE_LAST_NS)
        return;
    const uint64_t span_ns = ns_of_ticks(x86_tsc() - first.tsc);
    if (span_ns < refine_span_ns)
        return;
    const sample now = take_sample();
    if (span_ns > REFINE_LATE * refine_span_ns) {
        first = now;
        return;
    }
    const uint64_t tsc_ticks = now.tsc - first.tsc;
    /* The PIT says how far it came modulo 2^16; the frequency so far is good enough for the rest. */
    const uint64_t about = (uint64_t)((uint128)tsc_ticks * PIT_HZ / tsc_hz);
    const int16_t off = (int16_t)(uint16_t)((uint16_t)(now.pit - first.pit) - (uint16_t)about);
    const uint64_t hz = (uint64_t)((uint128)tsc_ticks * PIT_HZ / (about + (uint64_t)(int64_t)off));
    if (!agree(hz, tsc_hz)) { /* the machine was stopped, or its PIT: begin again */
        first = now;
        return;
    }
    refine_span_ns *= 10;
    base_ns += ns_of_ticks(now.tsc - base_tsc);
    base_tsc = now.tsc;
    set_frequency(hz);
}

uint64_t clock_ns(void)
{
    return base_ns + ns_of_ticks(x86_tsc() - base_tsc);
}
