/* SPDX-License-Identifier: ISC */
/* What single operations cost. Each is done COUNT times, then twice as often; the runner, which
 * counts the guest's instructions between the marks, takes the difference, so that what comes before
 * and after does not count. An operation that may be slow only now and then is marked each time.
 * After the marks the program prints what they were:
 *
 *     bench: per-operation NAME COUNT     four marks: around COUNT, then around 2 * COUNT
 *     bench: each NAME COUNT              COUNT + 1 marks: one operation between two of them
 *     bench: once NAME 1                  two marks
 */
#include <fata/fata.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("cost");
FA_PARAM_UINT(asleep, "asleep", 10000, 1000, 1000000, "how many fibers sleep in the largest part");

/* The runner counts up to each time that this runs. */
__attribute__((noinline)) void bench_mark(void);
void bench_mark(void)
{
    __asm__ volatile("" ::: "memory");
}

static void die(const char *what)
{
    printf("bench: failed: %s\n", what);
    exit(EXIT_FAILURE);
}

static void must(fa_err err, const char *what)
{
    if (err != FA_OK)
        die(what);
}

static void per_operation(const char *name, uint64_t count, void (*run)(uint64_t count))
{
    for (unsigned times = 1; times <= 2; times++) {
        bench_mark();
        run(times * count);
        bench_mark();
    }
    printf("bench: per-operation %s %" PRIu64 "\n", name, count);
}

static void each(const char *name, uint64_t count, void (*run)(uint64_t count))
{
    for (uint64_t i = 0; i < count; i++) {
        bench_mark();
        run(1);
    }
    bench_mark();
    printf("bench: each %s %" PRIu64 "\n", name, count);
}

static void loop(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        __asm__ volatile("" ::: "memory");
}

/* Fibers. */

static void take_turns(void *arg)
{
    for (uint64_t left = *(const uint64_t *)arg; left > 0; left--)
        (void)fa_sleep(FA_NOW);
}

static void switches(uint64_t count)
{
    uint64_t each_count = count / 2;
    fa_scope scope;
    fa_scope_open(&scope);
    must(fa_scope_spawn(&scope, "ping", take_turns, &each_count), "ping");
    must(fa_scope_spawn(&scope, "pong", take_turns, &each_count), "pong");
    must(fa_scope_wait(&scope, FA_FOREVER), "taking turns");
    fa_scope_close(&scope);
}

static fa_chan chan;

static void produce(void *arg)
{
    for (uint64_t left = *(const uint64_t *)arg; left > 0; left--)
        must(fa_chan_send(&chan, &left, FA_FOREVER), "sending");
}

static void items(uint64_t count, size_t cap)
{
    static uint64_t room[64];
    fa_chan_init(&chan, room, sizeof room[0], cap);
    fa_scope scope;
    fa_scope_open(&scope);
    must(fa_scope_spawn(&scope, "producer", produce, &count), "producer");
    uint64_t item;
    for (uint64_t i = 0; i < count; i++)
        must(fa_chan_recv(&chan, &item, FA_FOREVER), "receiving");
    fa_scope_close(&scope);
}

static void items_one_at_a_time(uint64_t count)
{
    items(count, 1);
}

static void items_with_room(uint64_t count)
{
    items(count, 64);
}

static void end_at_once(void *arg)
{
    (void)arg;
}

static void spawns(uint64_t count)
{
    fa_scope scope;
    fa_scope_open(&scope);
    for (uint64_t i = 0; i < count; i++) {
        must(fa_scope_spawn(&scope, "short", end_at_once, NULL), "spawning");
        must(fa_scope_wait(&scope, FA_FOREVER), "waiting for its end");
    }
    fa_scope_close(&scope);
}

/* Timers. */

static void sleeps(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        must(fa_sleep(fa_after_ns(1)), "sleeping");
}

static void sleep_long(void *arg)
{
    const uint64_t number = (uint64_t)(uintptr_t)arg;
    (void)fa_sleep(fa_after_s(100000 + number * 7919 % 1000)); /* in no order; canceled in the end */
}

static void idle_second(const char *name)
{
    must(fa_sleep(fa_after_ms(1)), "letting what has ended be cleared away");
    const uint64_t until = fa_after_s(1);
    bench_mark();
    must(fa_sleep(until), "idling");
    bench_mark();
    printf("bench: once %s 1\n", name);
}

/* The timers with others asleep; and a second in which nothing happens. */
static void with_asleep(uint64_t others)
{
    char name[48];
    fa_scope scope;
    fa_scope_open(&scope);
    for (uint64_t i = 0; i < others; i++)
        must(fa_scope_spawn(&scope, "asleep", sleep_long, (void *)(uintptr_t)i),
             "more fibers: give the machine more memory");
    must(fa_sleep(fa_after_ms(1)), "letting them fall asleep");
    snprintf(name, sizeof name, "sleep-%" PRIu64, others);
    per_operation(name, 10000, sleeps);
    snprintf(name, sizeof name, "idle-%" PRIu64, others);
    idle_second(name);
    fa_scope_close(&scope);
}

/* Memory. */

#define BLOCKS 20000u
static void *blocks[BLOCKS];

/* A generator with a fixed seed (xorshift64), so that every run does the same. */
static uint64_t random_state;
/* Below `end`: by a multiplication, as a division is some hundred instructions on a CPU that has none. */
static size_t random_below(uint32_t end)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)((random_state >> 32) * end >> 32);
}

static void pairs(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        void *volatile block = malloc(16 + 16 * (i % 16));
        if (block == NULL)
            die("allocating");
        free(block);
    }
}

/* A pair of which the freed block is another one, of random size and place: the heap stays as
 * fragmented as it is. */
static void replace(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        void **block = &blocks[random_below(BLOCKS)];
        free(*block);
        *block = malloc(16 + random_below(1024));
        if (*block == NULL)
            die("allocating");
    }
}

static void heap(void)
{
    per_operation("pair-empty", 10000, pairs);
    random_state = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < BLOCKS; i++)
        if ((blocks[i] = malloc(16 + random_below(1024))) == NULL)
            die("allocating");
    for (size_t i = 0; i < BLOCKS; i += 2) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    per_operation("pair-fragmented", 10000, pairs);
    per_operation("replace-fragmented", 10000, replace);
    each("replace-worst", 2000, replace);
    for (size_t i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

static void logs(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        fa_log_debug("%" PRIu64, i);
}

static void randoms(uint64_t count)
{
    uint8_t bytes[32];
    for (uint64_t i = 0; i < count; i++)
        must(fa_random_bytes(bytes, sizeof bytes), "random bytes");
}

int main(void)
{
    per_operation("loop", 10000, loop);
    per_operation("switch", 100000, switches);
    per_operation("chan-1", 10000, items_one_at_a_time);
    per_operation("chan-64", 64000, items_with_room);
    per_operation("spawn", 10000, spawns);
    per_operation("log-off", 10000, logs);
    per_operation("random-32", 100, randoms);
    heap();
    idle_second("idle-1");
    with_asleep(1000);
    with_asleep(asleep);
    return 0;
}
