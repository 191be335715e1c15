/* SPDX-License-Identifier: ISC */
/* Entropy on x86: the CPU's generator where it has one (RDSEED, else RDRAND; Intel SDM vol. 1,
 * 7.3.17), and the jitter of the time stamp counter around port accesses, which every machine has.
 * A CPU's generator is trusted for 1 bit in 2; jitter for 1 bit in 4 samples, of those alone that
 * change otherwise than the one before did, so that a beat counts for nothing. */
#include "entropy.h"
#include "../../sdk/cpu/x86_64/cpu.h"
#include "../plat.h"
#include <fata/random.h>
#include <string.h>

#define CPUID_1_ECX_RDRAND (UINT32_C(1) << 30)
#define CPUID_7_EBX_RDSEED (UINT32_C(1) << 18)
#define WORDS 8u
#define TRIES_MAX 64u /* Intel: 10 retries are enough for RDRAND */
#define JITTER_SAMPLES 384u
#define PORT_POST 0x80u /* writing here does nothing, slowly, on every PC */

__attribute__((no_stack_protector)) static bool read_word(bool seed, uint64_t *word_out)
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

/* Which of the CPU's generators there is. */
typedef enum generator { NO_GENERATOR, RDRAND, RDSEED } generator;

__attribute__((no_stack_protector)) static generator find_generator(void)
{
    if (x86_cpuid_of(0).a >= 7 && (x86_cpuid_of(7).b & CPUID_7_EBX_RDSEED))
        return RDSEED;
    return x86_cpuid_of(1).c & CPUID_1_ECX_RDRAND ? RDRAND : NO_GENERATOR;
}

__attribute__((no_stack_protector)) uint64_t entropy_early_word(void)
{
    uint64_t word = 0;
    const generator g = find_generator();
    if (g != NO_GENERATOR && !read_word(g == RDSEED, &word))
        word = 0;
    return word ^ x86_tsc() * UINT64_C(0x9e3779b97f4a7c15);
}

static void add_cpu_words(void)
{
    const generator g = find_generator();
    if (g == NO_GENERATOR)
        return;
    uint64_t words[WORDS];
    unsigned count = 0;
    while (count < WORDS && read_word(g == RDSEED, &words[count]))
        count++;
    /* A generator that is stuck gives the same word again and again: worth nothing. */
    const bool stuck = count > 1 && words[0] == words[1];
    fa_random_add(words, count * sizeof words[0], stuck ? 0 : count * 32);
    explicit_bzero(words, sizeof words);
}

static void add_jitter(void)
{
    uint16_t samples[JITTER_SAMPLES];
    unsigned surprises = 0;
    for (unsigned i = 0; i < JITTER_SAMPLES; i++) {
        const uint64_t before = x86_tsc();
        x86_out8(PORT_POST, 0);
        samples[i] = (uint16_t)(x86_tsc() - before);
        surprises += i > 1 && samples[i] != samples[i - 1] && samples[i] != samples[i - 2];
    }
    fa_random_add(samples, sizeof samples, surprises / 4);
    explicit_bzero(samples, sizeof samples);
}

void plat_entropy(void)
{
    add_cpu_words();
    add_jitter();
}
