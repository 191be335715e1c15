/* SPDX-License-Identifier: ISC */
/* What every machine has: memory, timers, a clock, randomness. */
#include "devices.h"
#include "report.h"
#include <fata/board.h>
#include <fata/fiber.h>
#include <fata/random.h>
#include <fata/system.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BLOCK_BYTES (64 * FA_KIB)
#define BLOCK_WORDS (BLOCK_BYTES / sizeof(uint32_t))
#define BLOCKS_MAX 4096u

/* Each word is made of its own number, so that lines of the address that are stuck or joined show. */
static uint32_t pattern(size_t block, size_t word, uint32_t flip)
{
    return (uint32_t)((block * BLOCK_WORDS + word) * 0x9e3779b1u) ^ flip;
}

static void fill(uint32_t *words, size_t block, uint32_t flip)
{
    for (size_t i = 0; i < BLOCK_WORDS; i++)
        words[i] = pattern(block, i, flip);
}

/* How many words are not as they were written; the first of them. */
static size_t compare(const volatile uint32_t *words, size_t block, uint32_t flip, const volatile uint32_t **first_out)
{
    size_t wrong = 0;
    for (size_t i = 0; i < BLOCK_WORDS; i++)
        if (words[i] != pattern(block, i, flip) && wrong++ == 0 && *first_out == NULL)
            *first_out = &words[i];
    return wrong;
}

/* All blocks are written before the first is read: a word that answers for another is found. */
static size_t pass(uint32_t **blocks, size_t count, uint32_t flip, const volatile uint32_t **first_out, fa_deadline deadline)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count && fa_sleep(FA_NOW) == FA_OK; i++)
        fill(blocks[i], i, flip);
    for (size_t i = 0; i < count && fa_sleep(FA_NOW) == FA_OK && fa_clock_mono_ns() < deadline; i++)
        wrong += compare(blocks[i], i, flip, first_out);
    return wrong;
}

void test_memory(uint64_t bytes_max, fa_deadline deadline)
{
    static uint32_t *blocks[BLOCKS_MAX];
    size_t free_bytes, total_bytes, count = 0, wrong = 0;
    const volatile uint32_t *first = NULL;
    fa_system_memory(&free_bytes, &total_bytes);
    /* The rest of the program needs some, too. */
    const uint64_t bytes = total_bytes > 0 && free_bytes / 4 * 3 < bytes_max ? free_bytes / 4 * 3 : bytes_max;
    while (count < BLOCKS_MAX && (count + 1) * BLOCK_BYTES <= bytes && (blocks[count] = malloc(BLOCK_BYTES)) != NULL)
        count++;
    const uint64_t start_ns = fa_clock_mono_ns();
    static const uint32_t flips[] = {0, UINT32_MAX};
    for (size_t i = 0; i < FA_ARRAY_COUNT(flips); i++)
        wrong += pass(blocks, count, flips[i], &first, deadline);
    const uint64_t took_ns = fa_clock_mono_ns() - start_ns;
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
    const unsigned long kib = (unsigned long)(count * (BLOCK_BYTES / FA_KIB));
    if (wrong > 0)
        report_device("memory", RESULT_FAILED, "a bad chip, or U-Boot's settings of another board's memory: try the other card",
                      "%lu words of %lu KiB are wrong, the first at %p", (unsigned long)wrong, kib, (const void *)(uintptr_t)first);
    else if (count == 0)
        report_device("memory", RESULT_SKIPPED, NULL, "too little is free: %lu KiB", (unsigned long)(free_bytes / FA_KIB));
    else if (fa_clock_mono_ns() >= deadline)
        report_device("memory", RESULT_FAILED, "--memory-test=1M looks at less", "%lu KiB took longer than the time for them", kib);
    else
        report_device("memory", RESULT_OK, NULL, "%lu KiB of %s%.0lu%s, two patterns, in %lu ms", kib, total_bytes > 0 ? "" : "the host's",
                      (unsigned long)(total_bytes / FA_KIB), total_bytes > 0 ? " KiB" : "", (unsigned long)(took_ns / FA_NS_PER_MS));
}

#define SLEEPS 10u
#define SLEEP_NS (20 * FA_NS_PER_MS)
#define LATE_NS_MAX (500 * FA_NS_PER_MS) /* an emulator on a busy computer may be as late, and now and then later */

void test_timers(fa_deadline deadline)
{
    uint64_t latest_ns = 0;
    bool early = false;
    unsigned slept = 0, late = 0;
    for (; slept < SLEEPS && fa_clock_mono_ns() < deadline; slept++) {
        const uint64_t start_ns = fa_clock_mono_ns();
        if (fa_sleep(start_ns + SLEEP_NS) != FA_OK)
            break;
        const uint64_t took_ns = fa_clock_mono_ns() - start_ns;
        early |= took_ns < SLEEP_NS;
        late += took_ns > SLEEP_NS + LATE_NS_MAX;
        if (!early && took_ns - SLEEP_NS > latest_ns)
            latest_ns = took_ns - SLEEP_NS;
    }
    const bool good = !early && late <= slept / 2;
    report_device("timers", good ? RESULT_OK : RESULT_FAILED, good ? NULL : "tell us: the timer's driver or its interrupt is wrong",
                  early ? "woken too early" : "%u sleeps of 20 ms, at most %lu us late", slept, (unsigned long)(latest_ns / FA_NS_PER_US));
}

#define LOOK_MS 5
#define CLOCK_SECONDS 2u
#define CLOCK_TRIES 3u
#define CLOCK_OFF_MS_MAX 100
#define SECOND_MS_MAX 2500

/* Waits for the next second of the machine's clock; when it was, by the timer. It had begun since the look before: a busy
 * emulator looks seldom. That is added to the doubt. */
static fa_err wait_for_second(uint64_t *mono_ns_out, uint64_t *second_out, uint64_t *doubt_ns_io, fa_deadline deadline)
{
    uint64_t before_ns, now_ns, looked_ns = fa_clock_mono_ns();
    const fa_deadline limit = fa_after_ms(SECOND_MS_MAX), by = limit < deadline ? limit : deadline;
    fa_err err = fa_board_clock(&before_ns);
    for (now_ns = before_ns; err == FA_OK && now_ns / FA_NS_PER_S == before_ns / FA_NS_PER_S;) {
        looked_ns = fa_clock_mono_ns();
        err = looked_ns >= by ? FA_ETIMEDOUT : fa_sleep(looked_ns + LOOK_MS * FA_NS_PER_MS);
        if (err == FA_OK)
            err = fa_board_clock(&now_ns);
    }
    *mono_ns_out = fa_clock_mono_ns();
    *doubt_ns_io += *mono_ns_out - looked_ns;
    *second_out = now_ns / FA_NS_PER_S;
    return err;
}

/* How many ms of the timer its seconds are too long or too short, and how many more these may be or fewer. */
static fa_err compare_clocks(uint64_t *second_out, long *off_ms_out, long *doubt_ms_out, fa_deadline deadline)
{
    uint64_t start_ns, end_ns, start_s, start_doubt_ns = 0, doubt_ns = 0;
    fa_err err = wait_for_second(&start_ns, &start_s, &start_doubt_ns, deadline);
    end_ns = start_ns;
    *second_out = start_s;
    while (err == FA_OK && *second_out < start_s + CLOCK_SECONDS) {
        doubt_ns = start_doubt_ns;
        err = wait_for_second(&end_ns, second_out, &doubt_ns, deadline);
    }
    *doubt_ms_out = (long)(doubt_ns / FA_NS_PER_MS);
    *off_ms_out = (long)((int64_t)(end_ns - start_ns) / (int64_t)FA_NS_PER_MS) - (long)(*second_out - start_s) * 1000;
    return err;
}

void test_clock(fa_deadline deadline)
{
    uint64_t second = 0;
    long off_ms = 0, doubt_ms = 0;
    bool off = false;
    fa_err err = FA_OK;
    for (unsigned i = 0; i < CLOCK_TRIES; i++) {
        err = compare_clocks(&second, &off_ms, &doubt_ms, deadline);
        off = labs(off_ms) > CLOCK_OFF_MS_MAX + doubt_ms;
        if (err != FA_OK || !off)
            break;
    }
    const time_t wall_s = (time_t)second;
    const struct tm *utc = gmtime(&wall_s);
    if (err == FA_ENOENT)
        report_device("clock", RESULT_ABSENT, NULL, "none, or nobody has set it (these boards have no battery)");
    else if (err != FA_OK)
        report_device("clock", RESULT_FAILED, "QEMU's Cubieboard has such a clock; if this is a board, tell us", "it stands still");
    else if (off)
        report_device("clock", RESULT_FAILED, "tell us: the frequency of the timer or of the clock is not what we think",
                      "%u s of it are %ld ms off by the timer", CLOCK_SECONDS, off_ms);
    else
        report_device("clock", RESULT_OK, NULL, "%04d-%02d-%02d %02d:%02d:%02d UTC; %u s of it are %ld ms off by the timer",
                      utc->tm_year + 1900, utc->tm_mon + 1, utc->tm_mday, utc->tm_hour, utc->tm_min, utc->tm_sec, CLOCK_SECONDS, off_ms);
}

void test_entropy(void)
{
    uint8_t first[32], second[32];
    fa_err err = fa_random_bytes(first, sizeof first);
    if (err == FA_OK)
        err = fa_random_bytes(second, sizeof second);
    if (err != FA_OK)
        report_device("entropy", RESULT_FAILED, "an emulated machine that is given no seed is like that; if this is a board, tell us", "%s", fa_err_text(err));
    else if (memcmp(first, second, sizeof first) == 0)
        report_device("entropy", RESULT_FAILED, "tell us: this must not be", "the same bytes twice");
    else
        report_device("entropy", RESULT_OK, NULL, "seeded with %u bits", FA_RANDOM_SEED_BITS);
}
