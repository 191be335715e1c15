/* SPDX-License-Identifier: ISC */
/* Fibers as a booted image has them: many that sleep, wake and end; what a switch keeps; scopes
 * that cancel and join; channels with back-pressure; memory that comes back. Prints a line for each
 * part; main returns how many failed. */
#include <fata/fata.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_PARAM_UINT(fibers, "fibers", 1000, 1, 1000000, "how many sleep at a time");
FA_PARAM_UINT(switches, "switches", 100000, 1, 1000000000, "how many times two fibers take turns");
FA_PARAM_STRING(part, "part", "all", "the one part to run: sleepers, switches, chan, scopes, state");

static unsigned failed;

static void check(bool ok, const char *what)
{
    printf("%s - %s\n", ok ? "ok" : "not ok", what);
    failed += !ok;
}

static uint64_t awake;

static void sleeper(void *arg)
{
    const uint64_t ms = 1 + (uint64_t)(uintptr_t)arg % 100;
    const uint64_t until = fa_after_ms(ms);
    if (fa_sleep(until) == FA_OK && fa_clock_mono_ns() >= until)
        awake++;
}

static void test_sleepers(void)
{
    for (unsigned round = 0; round < 2; round++) {
        fa_scope scope;
        fa_scope_open(&scope);
        fa_err err = FA_OK;
        awake = 0;
        for (uint64_t i = 0; i < fibers && err == FA_OK; i++)
            err = fa_scope_spawn(&scope, "sleeper", sleeper, (void *)(uintptr_t)i);
        check(err == FA_OK, "all fibers start");
        check(fa_scope_wait(&scope, fa_after_s(60)) == FA_OK, "all fibers end");
        fa_scope_close(&scope);
        check(awake == fibers, "all fibers slept until their time");
    }
}

static void take_turns(void *arg)
{
    for (uint64_t *left = arg; *left > 0;) {
        --*left;
        if (fa_sleep(FA_NOW) != FA_OK)
            return;
    }
}

static void test_switches(void)
{
    uint64_t left = switches;
    fa_scope scope;
    fa_scope_open(&scope);
    if (fa_scope_spawn(&scope, "ping", take_turns, &left) == FA_OK &&
        fa_scope_spawn(&scope, "pong", take_turns, &left) == FA_OK)
        check(fa_scope_wait(&scope, FA_FOREVER) == FA_OK, "two fibers take turns");
    fa_scope_close(&scope);
    check(left == 0, "as often as they should");
}

static int room[4];
static fa_chan chan;

static void producer(void *arg)
{
    (void)arg;
    for (int i = 1; i <= 1000; i++)
        if (fa_chan_send(&chan, &i, FA_FOREVER) != FA_OK)
            return;
    fa_chan_close(&chan);
}

static void test_chan(void)
{
    fa_chan_init(&chan, room, sizeof room[0], FA_ARRAY_COUNT(room));
    int item;
    check(fa_chan_recv(&chan, &item, FA_NOW) == FA_ETIMEDOUT, "an empty channel gives nothing");
    check(fa_chan_recv(&chan, &item, fa_after_ms(5)) == FA_ETIMEDOUT, "nor after a while");
    fa_scope scope;
    fa_scope_open(&scope);
    check(fa_scope_spawn(&scope, "producer", producer, NULL) == FA_OK, "the producer starts");
    long sum = 0;
    fa_err err;
    while ((err = fa_chan_recv(&chan, &item, fa_after_s(5))) == FA_OK)
        sum += item;
    check(err == FA_ECLOSED && sum == 500500, "all items arrive, then the channel is closed");
    fa_scope_close(&scope);
}

static unsigned canceled_count;

static void stays_until_canceled(void *arg)
{
    fa_scope scope;
    fa_scope_open(&scope);
    /* A fiber below it, three deep: closing the outermost scope must reach the innermost. */
    const uintptr_t depth = (uintptr_t)arg;
    if (depth > 0 &&
        fa_scope_spawn(&scope, "inner", stays_until_canceled, (void *)(depth - 1)) != FA_OK)
        return;
    if (fa_sleep(FA_FOREVER) == FA_ECANCELED && fa_canceled())
        canceled_count++;
    fa_scope_close(&scope);
}

static void test_scopes(void)
{
    fa_scope scope;
    fa_scope_open(&scope);
    check(fa_scope_spawn(&scope, "outer", stays_until_canceled, (void *)3) == FA_OK, "it starts");
    check(fa_scope_wait(&scope, fa_after_ms(5)) == FA_ETIMEDOUT, "it stays");
    fa_scope_close(&scope);
    check(canceled_count == 4, "closing a scope cancels and joins what it holds, all the way down");
    fa_scope_open(&scope);
    fa_scope_cancel(&scope);
    check(fa_scope_spawn(&scope, "late", sleeper, NULL) == FA_ECANCELED,
          "nothing starts in a canceled scope");
    check(fa_scope_spawn_with(&scope, &(fa_fiber_options){"big", FA_FIBER_STACK_MAX_BYTES + 1},
                              sleeper, NULL) == FA_EINVAL, "a stack has a greatest size");
    fa_scope_close(&scope);
}

static unsigned kept;

/* Keeps floating-point values and errno across its waits, while others change theirs. */
static void keeps_state(void *arg)
{
    const int number = (int)(uintptr_t)arg;
    double sum = number;
    bool ok = true;
    for (int i = 0; i < 50; i++) {
        errno = number;
        const double root = sqrt(sum);
        if (fa_sleep(FA_NOW) != FA_OK)
            return;
        ok = ok && errno == number && root == sqrt(sum);
        sum += root;
    }
    kept += ok;
}

static unsigned registers_kept;

/* Eight numbers that live across every wait: on ARM they have the registers d8 to d15, which a call
 * keeps. Each goes through values of its own, which are known from the round alone. */
static void keeps_registers(void *arg)
{
    const double number = (double)(uintptr_t)arg;
    volatile double step = number / 8; /* exact, and not known to the compiler */
    const double by = step;
    double a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;
    for (int i = 0; i < 50; i++) {
        a += by, b -= by, c += 2 * by, d -= 2 * by, e += 3 * by, f -= 3 * by, g += 4 * by, h -= 4 * by;
        if (fa_sleep(FA_NOW) != FA_OK)
            return;
    }
    const double way = 50 * by;
    registers_kept += a == 1 + way && b == 2 - way && c == 3 + 2 * way && d == 4 - 2 * way &&
                      e == 5 + 3 * way && f == 6 - 3 * way && g == 7 + 4 * way && h == 8 - 4 * way;
}

static void test_registers(void)
{
    fa_scope scope;
    fa_scope_open(&scope);
    for (uintptr_t i = 1; i <= 8; i++)
        if (fa_scope_spawn(&scope, "registers", keeps_registers, (void *)i) != FA_OK)
            break;
    check(fa_scope_wait(&scope, FA_FOREVER) == FA_OK, "all that keep registers end");
    fa_scope_close(&scope);
    check(registers_kept == 8, "eight floating-point numbers at a time survive switches");
}

static void test_state(void)
{
    fa_scope scope;
    fa_scope_open(&scope);
    for (uintptr_t i = 1; i <= 8; i++)
        if (fa_scope_spawn(&scope, "state", keeps_state, (void *)i) != FA_OK)
            break;
    check(fa_scope_wait(&scope, FA_FOREVER) == FA_OK, "all that keep state end");
    fa_scope_close(&scope);
    check(kept == 8, "errno and floating-point values survive switches");
    size_t used_bytes, size_bytes;
    fa_fiber_stack(&used_bytes, &size_bytes);
    check(used_bytes < size_bytes && size_bytes >= FA_FIBER_STACK_MAIN_BYTES,
          "the stack's high-water mark is within the stack");
    printf("main's stack: %zu of %zu bytes\n", used_bytes, size_bytes);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } parts[] = {{"sleepers", test_sleepers}, {"switches", test_switches}, {"chan", test_chan},
                 {"scopes", test_scopes}, {"registers", test_registers}, {"state", test_state}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(parts); i++)
        if (strcmp(part, "all") == 0 || strcmp(part, parts[i].name) == 0)
            parts[i].run();
    return (int)failed;
}
