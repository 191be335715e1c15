/* SPDX-License-Identifier: ISC */
/* The scheduler, as a program of the unix board: turns, sleeping, queues, limits, and many fibers.
 * Linked with the debug library (and the sanitizers), and again with the release library. */
#include "../../sdk/core/build.h"
#include "fibers.h"
#include <errno.h>

/* Order. */

static void note_three_times(void *arg)
{
    for (unsigned i = 0; i < 3; i++) {
        note(*(const char *)arg);
        fa_sleep(FA_NOW);
    }
}

static void turns(void **state)
{
    (void)state;
    static const char names[] = "abc";
    for (size_t i = 0; i < 3; i++)
        spawn(note_three_times, (void *)(uintptr_t)&names[i]);
    assert_string_equal(trace, ""); /* they first run when the caller waits */
    yield();
    note('.');
    yield();
    note('.');
    assert_string_equal(trace, "abc.abc.");
    join();
    assert_string_equal(trace, "abc.abc.abc");
}

static unsigned woken;
static fa_deadline last_deadline;
static unsigned too_early, out_of_order;

static void sleep_until(void *arg)
{
    const fa_deadline deadline = *(const fa_deadline *)arg;
    if (fa_sleep(deadline) != FA_OK || fa_clock_mono_ns() < deadline)
        too_early++;
    out_of_order += deadline < last_deadline;
    last_deadline = deadline;
    woken++;
}

static void sleep_random(size_t count, uint64_t span_ns)
{
    static fa_deadline deadlines[200];
    uint64_t seed = TEST_SEED;
    woken = too_early = out_of_order = 0;
    last_deadline = 0;
    for (size_t i = 0; i < count; i++) {
        deadlines[i] = fa_after_ns(test_random_below(&seed, span_ns));
        spawn(sleep_until, &deadlines[i]);
    }
    join();
    assert_int_equal(woken, count);
    assert_int_equal(too_early, 0);
}

static void sleepers(void **state)
{
    (void)state;
    sleep_random(200, 50 * MS);
    assert_int_equal(out_of_order, 0);
    const uint64_t before_ns = board_now_ns;
    assert_int_equal(fa_sleep(1), FA_OK); /* long past */
    assert_true(board_now_ns == before_ns);
}

static void sleepers_in_real_time(void **state)
{
    (void)state;
    board_real_time(true);
    sleep_random(50, 20 * MS);
    board_real_time(false);
}

static void waiter(void *arg)
{
    if (fa_waitq_wait(&queue, FA_FOREVER) == FA_OK)
        note(*(const char *)arg);
}

static void first_come_first_woken(void **state)
{
    (void)state;
    static const char names[] = "abcdef";
    for (size_t i = 0; i < 6; i++)
        spawn(waiter, (void *)(uintptr_t)&names[i]);
    fa_waitq_wake_one(&queue); /* nobody waits yet: it is not remembered */
    yield();
    yield();
    assert_string_equal(trace, "");
    fa_waitq_wake_one(&queue);
    fa_waitq_wake_one(&queue);
    yield();
    assert_string_equal(trace, "ab");
    fa_waitq_wake_all(&queue);
    join();
    assert_string_equal(trace, "abcdef");
    assert_int_equal(fa_waitq_wait(&queue, FA_NOW), FA_ETIMEDOUT);
    assert_int_equal(fa_waitq_wait(&queue, fa_after_ms(1)), FA_ETIMEDOUT);
}

static void set_errno(void *arg)
{
    errno = (int)(intptr_t)arg;
    for (unsigned i = 0; i < 5; i++) {
        fa_sleep(FA_NOW);
        if (errno != (int)(intptr_t)arg)
            note('x');
    }
}

static void errno_is_the_fibers_own(void **state)
{
    (void)state;
    for (intptr_t i = 1; i <= 5; i++)
        spawn(set_errno, (void *)i);
    errno = 77;
    for (unsigned i = 0; i < 8; i++) {
        yield();
        assert_int_equal(errno, 77);
    }
    assert_string_equal(trace, "");
}

static void wait_with_deadline(void *arg)
{
    const fa_err err = fa_waitq_wait(&queue, *(const fa_deadline *)arg);
    note(err == FA_OK ? 'w' : err == FA_ETIMEDOUT ? 't' : '?');
}

static void wake_one_at(void *arg)
{
    fa_sleep(*(const fa_deadline *)arg);
    fa_waitq_wake_one(&queue);
}

/* A wake that comes in the same look around as the first waiter's deadline goes to the second. */
static void wake_is_not_lost_to_a_timeout(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < 2; variant++) {
        fa_deadline at = fa_after_ms(10), wake_at = at - 1000 * variant, forever = FA_FOREVER;
        trace[0] = '\0';
        spawn(wait_with_deadline, &at);
        spawn(wait_with_deadline, &forever);
        spawn(wake_one_at, &wake_at);
        yield();
        yield();
        board_now_ns = at; /* both have come */
        join();
        assert_string_equal(trace, "tw");
    }
}

static void end_after_turns(void *arg)
{
    for (uintptr_t i = 0; i < (uintptr_t)arg; i++)
        fa_sleep(FA_NOW);
    woken++;
}

static void ends_out_of_order(void **state)
{
    (void)state;
    woken = 0;
    for (uintptr_t i = 0; i < 40; i++)
        spawn(end_after_turns, (void *)(i * 17 % 40));
    for (unsigned turn = 0; turn < 40; turn++) {
        size_t in_scope = 0;
        for (const fa_fiber *f = fa_sched_next(NULL); f != NULL; f = fa_sched_next(f))
            in_scope++;
        assert_int_equal(in_scope, 40 - woken + 1);
        yield();
    }
    join();
    assert_int_equal(woken, 40);
}

__attribute__((noinline)) static void jump(jmp_buf *back)
{
    char bytes[3000];
    memset(bytes, 1, sizeof bytes);
    __asm__ volatile("" : : "r"(bytes) : "memory"); /* it is needed */
    longjmp(*back, 1);
}

__attribute__((noinline)) static void use_stack(size_t len)
{
    char bytes[len];
    memset(bytes, 1, len);
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

static void jump_back(void *arg)
{
    static jmp_buf back;
    (void)arg;
    fa_sleep(FA_NOW);
    if (setjmp(back) == 0)
        jump(&back);
    for (size_t len = 1; len < 4000; len += 100)
        use_stack(len);
    note('j');
}

/* The sanitizer must know the bounds of the stack, to clear its marks on what is jumped over. */
static void longjmp_in_a_fiber(void **state)
{
    (void)state;
    spawn(jump_back, NULL);
    spawn(jump_back, NULL);
    join();
    assert_string_equal(trace, "jj");
}

/* Limits. */

static void out_of_stacks(void **state)
{
    (void)state;
    fa_deadline at = fa_after_ms(10);
    for (unsigned round = 0; round < 3; round++) {
        at = fa_after_ms(10);
        board_stacks_left = 5;
        for (unsigned i = 0; i < 5; i++)
            spawn(end_at, &at);
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(fa_scope_spawn(&scope, "one more", end_at, &at), FA_ENOMEM);
        join();
        yield();
        assert_int_equal(board_stacks_left, 5);
    }
    board_stacks_left = SIZE_MAX - 100;
}

static size_t stack_size, stack_used_before, stack_used_after;

static void measure(void *arg)
{
    (void)arg;
    fa_fiber_stack(&stack_used_before, &stack_size);
    use_stack(20000);
    fa_fiber_stack(&stack_used_after, &stack_size);
}

static void stack_sizes(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 40000, FA_FIBER_STACK_MAX_BYTES};
    size_t before = 0;
    for (size_t i = 0; i < FA_ARRAY_COUNT(sizes); i++) {
        const fa_fiber_options options = {"measured", sizes[i]};
        assert_int_equal(fa_scope_spawn_with(&scope, &options, measure, NULL), FA_OK);
        join();
        assert_true(stack_size >= (sizes[i] == 0 ? FA_FIBER_STACK_BYTES : sizes[i]));
        assert_true(i < 2 || stack_size > before);
        before = stack_size;
        if (fa_build_debug) {
            assert_true(stack_used_before > 0 && stack_used_before < 20000);
            assert_true(stack_used_after >= stack_used_before + 16000);
            assert_true(stack_used_after <= stack_size);
        } else {
            assert_int_equal(stack_used_after, 0);
        }
    }
    const fa_fiber_options too_big = {"too big", FA_FIBER_STACK_MAX_BYTES + 1};
    assert_int_equal(fa_scope_spawn_with(&scope, &too_big, measure, NULL), FA_EINVAL);
}

static const char *state_of(const char *name)
{
    for (const fa_fiber *f = fa_sched_next(NULL); f != NULL; f = fa_sched_next(f)) {
        fa_fiber_info info;
        fa_sched_info(f, &info);
        if (strcmp(info.name, name) == 0)
            return info.state;
    }
    return "(none)";
}

static void slow_to_end(void *arg)
{
    (void)arg;
    while (!fa_canceled())
        fa_sleep(fa_after_ms(1));
}

static void close_slowly(void *arg)
{
    fa_scope inner;
    fa_scope_open(&inner);
    if (fa_scope_spawn(&inner, "slow", slow_to_end, NULL) != FA_OK)
        note('?');
    fa_sleep(FA_NOW); /* "slow" sleeps now */
    fa_scope_close(&inner);
    (void)arg;
}

static void states(void **state)
{
    (void)state;
    fa_deadline at = fa_after_ms(10);
    assert_int_equal(fa_scope_spawn(&scope, "sleeper", end_at, &at), FA_OK);
    assert_int_equal(fa_scope_spawn(&scope, "waiter", waiter, (void *)(uintptr_t)"w"), FA_OK);
    assert_int_equal(fa_scope_spawn(&scope, "closer", close_slowly, NULL), FA_OK);
    assert_string_equal(state_of("sleeper"), "ready");
    yield();
    yield();
    assert_string_equal(fa_fiber_name(), "main");
    assert_string_equal(state_of("main"), "running");
    assert_string_equal(state_of("sleeper"), "sleeping");
    assert_string_equal(state_of("waiter"), "waiting");
    assert_string_equal(state_of("closer"), "closing a scope");
    assert_string_equal(state_of("slow"), "ready");
}

/* Many. */

static size_t ended;

static void sleep_a_few_times(void *arg)
{
    uint64_t seed = TEST_SEED + (uintptr_t)arg;
    for (unsigned i = 0; i < 3; i++)
        if (fa_sleep(fa_after_ns(test_random_below(&seed, 5 * MS))) != FA_OK)
            return;
    ended++;
}

static void many(void **state)
{
    (void)state;
    /* (A debug build paints every stack.) */
    const size_t count = fa_build_debug ? 300 : 10000;
    for (unsigned round = 0; round < 2; round++) {
        ended = 0;
        for (size_t i = 0; i < count; i++)
            spawn(sleep_a_few_times, (void *)i);
        yield(); /* the last that ended before is freed now */
        assert_int_equal(board_stack_count, count + 1);
        join();
        assert_int_equal(ended, count);
    }
    for (size_t i = 0; i < count; i++) /* and all of them canceled at once */
        spawn(sleep_a_few_times, (void *)i);
    yield();
}

/* Fibers that do anything at random, for a model that only counts: each begun is ended, and a wait
 * returns only what it may. */
static unsigned begun, wrong_results;

static void wander(void *arg)
{
    uint64_t seed = TEST_SEED * (1 + (uintptr_t)arg);
    begun++;
    fa_scope inner;
    fa_scope_open(&inner);
    for (unsigned i = 0; i < 30; i++) {
        const fa_deadline deadline = fa_after_ns(test_random_below(&seed, MS));
        fa_err err = FA_OK;
        switch (test_random_below(&seed, 7)) {
        case 0: err = fa_sleep(FA_NOW); break;
        case 1: err = fa_sleep(deadline); break;
        case 2: err = fa_waitq_wait(&queue, deadline); break;
        case 3: fa_waitq_wake_one(&queue); break;
        case 4: fa_waitq_wake_all(&queue); break;
        case 5:
            if ((uintptr_t)arg < 100 && test_random_below(&seed, 5) == 0)
                err = fa_scope_spawn(&inner, "child", wander, (void *)(uintptr_t)(100 + i));
            break;
        default:
            err = fa_scope_wait(&inner, deadline);
            if (err == FA_OK && inner.fibers != NULL)
                wrong_results++;
        }
        if (err == FA_ECANCELED && !fa_canceled())
            wrong_results++;
        else if (err != FA_OK && err != FA_ECANCELED && err != FA_ETIMEDOUT)
            wrong_results++;
    }
    fa_scope_close(&inner);
    ended++;
}

static void random_lives(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        begun = wrong_results = 0;
        ended = 0;
        fa_scope inner;
        fa_scope_open(&inner);
        for (uintptr_t i = 0; i < 20; i++)
            assert_int_equal(fa_scope_spawn(&inner, "wanderer", wander, (void *)i), FA_OK);
        if (round % 2 == 0)
            assert_int_equal(fa_scope_wait(&inner, FA_FOREVER), FA_OK);
        else
            fa_sleep(fa_after_ns(round * MS / 2));
        fa_scope_close(&inner);
        assert_int_equal(begun, ended);
        assert_true(begun >= 20);
        assert_int_equal(wrong_results, 0);
        assert_null(queue.first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(turns), TEST(sleepers), TEST(sleepers_in_real_time), TEST(first_come_first_woken),
        TEST(errno_is_the_fibers_own), TEST(wake_is_not_lost_to_a_timeout), TEST(ends_out_of_order),
        TEST(longjmp_in_a_fiber),
        TEST(out_of_stacks), TEST(stack_sizes), TEST(states), TEST(many), TEST(random_lives),
    };
    return cmocka_run_group_tests_name("fibers", tests, NULL, NULL);
}
