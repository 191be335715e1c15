/* SPDX-License-Identifier: ISC */
/* Entropy on x86: the CPU's generator where it has one (RDSEED, else RDRAND; Intel SDM vol. 1,
 * 7.3.17), and the jitter of the time stamp counter around port accesses, which every machine has.
 * A CPU's generator is trusted for 1 bit in 2, jitter for 1 bit a sample. */
#include "../../sdk/cpu/x86_64/cpu.h"
#include "../plat.h"
#include <fata/random.h>

#define CPUID_1_ECX_RDRAND (UINT32_C(1) << 30)
#define CPUID_7_EBX_RDSEED (UINT32_C(1) << 18)
#define WORDS 8u
#define TRIES_MAX 64u /* Intel: 10 retries are enough for RDRAND */
#define JITTER_SAMPLES 384u
#define PORT_POST 0x80u /* writing here does nothing, slowly, on every PC */

static bool read_word(bool seed, uint64_t *word_out)
{
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        bool ok;
        if (seed)
            __asm__ volatile("rdseed %0" : "=r"(*word_out), "=@ccc"(ok));
        else
            __asm__ volatile("rdrand %0" : "=r"(*word_out), "=@ccc"(ok));
        if (ok)
            return true;
        x86_pause();
    }
    return false;
}

static void add_cpu_words(void)
{
    const bool has_seed =
        x86_cpuid_of(0).a >= 7 && (x86_cpuid_of(7).b & CPUID_7_EBX_RDSEED) != 0;
    if (!has_seed && !(x86_cpuid_of(1).c & CPUID_1_ECX_RDRAND))
        return;
    uint64_t words[WORDS];
    unsigned count = 0;
    while (count < WORDS && read_word(has_seed, &words[count]))
        count++;
    /* A generator that is stuck gives the same word again and again: worth nothing. */
    const bool stuck = count > 1 && words[0] == words[1];
    fa_random_add(words, count * sizeof words[0], stuck ? 0 : count * 32);
}

static void add_jitter(void)
{
    uint16_t samples[JITTER_SAMPLES];
    unsigned changes = 0;
    for (unsigned i = 0; i < JITTER_SAMPLES; i++) {
        const uint64_t before = x86_tsc();
        x86_out8(PORT_POST, 0);
        samples[i] = (uint16_t)(x86_tsc() - before);
        changes += i > 0 && samples[i] != samples[i - 1];
    }
    fa_random_add(samples, sizeof samples, changes);
}

void plat_entropy(void)
{
    add_cpu_words();
    add_jitter();
}
