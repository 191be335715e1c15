/* SPDX-License-Identifier: ISC */
/* Entropy on ARM: the seeds that the loader puts into the device tree (kaslr-seed, rng-seed), which
 * count for 1 bit in 2, and what the CPU's cycle counter shows of the time that reading the timer
 * and memory takes, which counts for 1 bit in 4 samples, of those alone that change otherwise than
 * the one before did, so that a beat counts for nothing. The timer has another clock than the CPU.
 * Where there is no cycle counter (ARM DDI 0406C, C12), or a hypervisor hides it, the timer alone is
 * measured. */
#include "entropy.h"
#include "../../sdk/cpu/armv7a/cpu.h"
#include "../../sdk/drivers/dt/machine.h"
#include "../plat.h"
#include <fata/random.h>
#include <string.h>

#define PMCR_ENABLE 0x01u
#define PMCR_DIVIDES 0x08u /* counts every 64th cycle */
#define PMCR_PAUSES 0x20u  /* does not count where events are not to be seen: in secure state */
#define PMCNTEN_CYCLES (UINT32_C(1) << 31)
#define DFR0_COUNTERS(dfr0) ((dfr0) >> 24 & 0xf)
#define DFR0_COUNTERS_NONE 0xfu
#define JITTER_SAMPLES 768u
#define JITTER_BITS 128u      /* a call; the pool asks again */
#define JITTER_ROUNDS_MAX 8u
#define SPREAD_WORDS 1024u /* more than a page: some reads miss the cache */

ARM_CP15_READ(performance_control, c9, 0, c12, 0)
ARM_CP15_WRITE(set_performance_control, c9, 0, c12, 0)
ARM_CP15_WRITE(enable_counters, c9, 0, c12, 1)
ARM_CP15_READ(cycle_count, c9, 0, c13, 0)

static bool start_cycle_counter(void)
{
    const uint32_t version = DFR0_COUNTERS(arm_id_dfr0());
    if (version == 0 || version == DFR0_COUNTERS_NONE)
        return false;
    set_performance_control((performance_control() & ~(PMCR_DIVIDES | PMCR_PAUSES)) | PMCR_ENABLE);
    enable_counters(PMCNTEN_CYCLES);
    return true;
}

uint32_t entropy_early_word(void)
{
    const void *seed;
    size_t len;
    uint32_t word = start_cycle_counter() ? cycle_count() : 0;
    for (unsigned i = 0; dt_seed(i, &seed, &len); i++) {
        uint32_t part = 0;
        memcpy(&part, seed, len < sizeof part ? len : sizeof part);
        word = word * UINT32_C(0x9e3779b1) + part;
    }
    return word;
}

static void add_seeds(void)
{
    static bool done; /* the second time they are no news */
    const void *seed;
    size_t len;
    for (unsigned i = 0; !done && dt_seed(i, &seed, &len); i++)
        fa_random_add(seed, len, len * 4);
    done = true;
}

/* One round of samples; for how many bits they count. */
static unsigned add_samples(bool has_cycles)
{
    static volatile uint32_t spread[SPREAD_WORDS];
    uint16_t samples[JITTER_SAMPLES];
    uint32_t before = 0;
    unsigned surprises = 0;
    for (unsigned i = 0; i < JITTER_SAMPLES; i++) {
        const uint32_t ticks = machine.timer == NULL ? 0 : (uint32_t)machine.timer->ticks();
        spread[(ticks * 97 + i * 16) % SPREAD_WORDS] += ticks;
        const uint32_t now = has_cycles ? cycle_count() : ticks;
        samples[i] = (uint16_t)(now - before);
        before = now;
        surprises += i > 1 && samples[i] != samples[i - 1] && samples[i] != samples[i - 2];
    }
    fa_random_add(samples, sizeof samples, surprises / 4);
    explicit_bzero(samples, sizeof samples);
    return surprises / 4;
}

/* Where there is no seed, one round is not always enough. */
static void add_jitter(void)
{
    const bool has_cycles = start_cycle_counter();
    unsigned bits = 0;
    for (unsigned round = 0; bits < JITTER_BITS && round < JITTER_ROUNDS_MAX; round++)
        bits += add_samples(has_cycles);
}

void plat_entropy(void)
{
    add_seeds();
    add_jitter();
}
