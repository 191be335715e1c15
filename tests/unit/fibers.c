/* SPDX-License-Identifier: ISC */
/* The scheduler, as a program of the unix board; linked with the debug library (and the sanitizers)
 * and again with the release library. Tests run in the fiber "main". Other fibers record what they
 * see, and main judges: cmocka's assertions jump, which only their own stack allows. */
#include "../../sdk/core/build.h"
#include "../../sdk/fiber/sched.h"
#include "../../sdk/fiber/timers.h"
#include "board.h"
#include "test.h"
#include <errno.h>
#include <fata/fiber.h>
#include <stdlib.h>

#define MS FA_NS_PER_MS

static fa_scope scope; /* of the test that runs */
static fa_waitq queue;

static fa_err result;
static char trace[512]; /* what fibers have done, in order */

static void note(char c)
{
    const size_t len = strlen(trace);
    if (len + 1 < sizeof trace) {
        trace[len] = c;
        trace[len + 1] = '\0';
    }
}

static int setup(void **state)
{
    (void)state;
    trace[0] = '\0';
    queue = (fa_waitq){NULL, NULL};
    fa_scope_open(&scope);
    return 0;
}

/* After each test nothing is left: no fiber but main, no stack, no timer, nobody in the queue. */
static int teardown(void **state)
{
    (void)state;
    fa_scope_close(&scope);
    fa_sleep(FA_NOW); /* the last that ended is freed now */
    const fa_fiber *first = fa_sched_next(NULL);
    const bool alone = first == fa_sched_running() && fa_sched_next(first) == NULL;
    const bool clean = board_stack_count == 1 && fa_timers_first() == FA_FOREVER &&
                       queue.first == NULL && queue.last == NULL;
    return alone && clean ? 0 : -1;
}

static void spawn(fa_fiber_fn *fn, void *arg)
{
    assert_int_equal(fa_scope_spawn(&scope, "fiber", fn, arg), FA_OK);
}

static void join(void)
{
    assert_int_equal(fa_scope_wait(&scope, FA_FOREVER), FA_OK);
}

static void yield(void)
{
    assert_int_equal(fa_sleep(FA_NOW), FA_OK);
}

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

/* Scopes. */

static void end_at(void *arg)
{
    fa_sleep(*(const fa_deadline *)arg);
}

static void scope_waits(void **state)
{
    (void)state;
    assert_int_equal(fa_scope_wait(&scope, FA_NOW), FA_OK); /* of nobody */
    fa_deadline at = fa_after_ms(10);
    spawn(end_at, &at);
    assert_int_equal(fa_scope_wait(&scope, FA_NOW), FA_ETIMEDOUT);
    assert_int_equal(fa_scope_wait(&scope, fa_after_ms(5)), FA_ETIMEDOUT);
    assert_non_null(scope.fibers);
    assert_int_equal(fa_scope_wait(&scope, fa_after_ms(50)), FA_OK);
    assert_true(board_now_ns >= at && board_now_ns < at + 45 * MS);
    assert_int_equal(fa_sleep(fa_after_ms(100)), FA_OK); /* no old timer rings */
}

/* The time of the last fiber and of the waiting owner come in the same look around, in all orders. */
static void owner_times_out_as_last_ends(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < 12; variant++) {
        fa_deadline at = fa_after_ms(10), too = at + variant % 3 * 1000;
        spawn(end_at, &at);
        if (variant % 2 == 1)
            spawn(end_at, &too);
        fa_deadline until = at + variant / 3 * 1000 - 1000;
        yield(); /* they sleep now */
        board_now_ns = variant < 6 ? at + MS : board_now_ns;
        const fa_err err = fa_scope_wait(&scope, until);
        /* FA_ETIMEDOUT says that some have not ended. */
        assert_int_equal(err, scope.fibers == NULL ? FA_OK : FA_ETIMEDOUT);
        join();
        assert_int_equal(fa_sleep(fa_after_ms(20)), FA_OK);
        assert_int_equal(fa_waitq_wait(&queue, fa_after_ms(20)), FA_ETIMEDOUT);
    }
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

/* Each level opens a scope with two fibers of the next level. */
static void nest(void *arg)
{
    const uintptr_t levels_left = (uintptr_t)arg;
    note('(');
    if (levels_left > 0) {
        fa_scope inner;
        fa_scope_open(&inner);
        for (unsigned i = 0; i < 2; i++)
            if (fa_scope_spawn(&inner, "inner", nest, (void *)(levels_left - 1)) != FA_OK)
                note('?');
        fa_sleep(fa_after_ms(levels_left)); /* until canceled, or not */
        fa_scope_close(&inner);
        if (inner.fibers != NULL)
            note('?');
    } else {
        fa_sleep(fa_after_s(1000));
    }
    note(')');
}

static void nested_scopes(void **state)
{
    (void)state;
    for (unsigned canceled_early = 0; canceled_early < 2; canceled_early++) {
        trace[0] = '\0';
        const uint64_t before_ns = board_now_ns;
        fa_scope outer;
        fa_scope_open(&outer);
        assert_int_equal(fa_scope_spawn(&outer, "outer", nest, (void *)4), FA_OK);
        fa_sleep(fa_after_ms(canceled_early ? 1 : 5));
        fa_scope_close(&outer);
        assert_null(outer.fibers);
        assert_true(board_now_ns < before_ns + FA_NS_PER_S); /* nobody slept for 1,000 s */
        size_t opened = 0, closed = 0;
        for (const char *at = trace; *at != '\0'; at++) {
            opened += *at == '(';
            closed += *at == ')';
        }
        assert_int_equal(opened, 31);
        assert_int_equal(closed, 31);
        assert_int_equal(trace[strlen(trace) - 1], ')');
    }
}

/* Cancellation: one fiber, canceled while it is in each state in turn. */

static fa_err second_result;
static bool was_canceled;

static void finish(fa_err err)
{
    result = err;
    was_canceled = fa_canceled();
    second_result = fa_sleep(FA_NOW);
    note('e');
}

static void when_ready(void *arg)
{
    (void)arg;
    finish(fa_sleep(FA_NOW));
}
static void when_sleeping(void *arg)
{
    (void)arg;
    finish(fa_sleep(fa_after_s(1000)));
}
static void when_sleeping_forever(void *arg)
{
    (void)arg;
    finish(fa_sleep(FA_FOREVER));
}
static void when_in_queue(void *arg)
{
    (void)arg;
    finish(fa_waitq_wait(&queue, FA_FOREVER));
}
static void when_in_queue_with_deadline(void *arg)
{
    (void)arg;
    finish(fa_waitq_wait(&queue, fa_after_s(1000)));
}
static void when_waiting_for_scope(void *arg)
{
    (void)arg;
    fa_scope inner;
    fa_scope_open(&inner);
    fa_deadline at = FA_FOREVER;
    fa_err err = fa_scope_spawn(&inner, "inner", end_at, &at);
    if (err == FA_OK)
        err = fa_scope_wait(&inner, fa_after_s(1000));
    finish(err);
    fa_scope_close(&inner);
    note(inner.fibers == NULL ? 'c' : '?');
}

static void cancel_in_each_state(void **state)
{
    (void)state;
    static fa_fiber_fn *const fns[] = {when_ready, when_sleeping, when_sleeping_forever,
                                       when_in_queue, when_in_queue_with_deadline,
                                       when_waiting_for_scope};
    for (size_t i = 0; i < FA_ARRAY_COUNT(fns); i++)
        for (unsigned turns_before = 0; turns_before < 2; turns_before++) {
            const uint64_t before_ns = board_now_ns;
            result = second_result = FA_OK;
            was_canceled = false;
            trace[0] = '\0';
            fa_scope inner;
            fa_scope_open(&inner);
            assert_int_equal(fa_scope_spawn(&inner, "victim", fns[i], NULL), FA_OK);
            if (turns_before > 0) /* else it is canceled before its first run */
                yield();
            fa_scope_cancel(&inner);
            assert_null(queue.first);
            assert_int_equal(fa_scope_spawn(&inner, "late", fns[i], NULL), FA_ECANCELED);
            assert_int_equal(fa_scope_wait(&inner, FA_FOREVER), FA_OK);
            fa_scope_close(&inner);
            assert_int_equal(result, FA_ECANCELED);
            assert_int_equal(second_result, FA_ECANCELED);
            assert_true(was_canceled);
            assert_true(board_now_ns == before_ns);
            assert_true(fa_timers_first() == FA_FOREVER);
            assert_string_equal(trace, fns[i] == when_waiting_for_scope ? "ec" : "e");
        }
    assert_false(fa_canceled()); /* main was not */
}

static void slow_to_end(void *arg)
{
    (void)arg;
    while (!fa_canceled())
        fa_sleep(fa_after_ms(1));
    /* Its own waits are over, but a scope's close still joins. */
    for (unsigned i = 0; i < 3; i++)
        fa_sleep(FA_NOW);
    note('s');
}

static fa_scope *closers_scope;

static void cancel_the_closer(void *arg)
{
    (void)arg;
    note('x');
    fa_scope_cancel(closers_scope); /* whose fiber is in fa_scope_close() */
    result = fa_waitq_wait(&queue, FA_FOREVER);
    note('y');
}

static void closer(void *arg)
{
    fa_scope inner;
    fa_scope_open(&inner);
    if (fa_scope_spawn(&inner, "slow", slow_to_end, NULL) != FA_OK ||
        fa_scope_spawn(&inner, "canceler", cancel_the_closer, NULL) != FA_OK)
        note('?');
    (void)arg;
    fa_scope_close(&inner);
    note(inner.fibers == NULL ? 'c' : '?');
    note(fa_canceled() ? 'd' : '?');
}

static void close_cannot_be_canceled(void **state)
{
    (void)state;
    fa_scope inner;
    fa_scope_open(&inner);
    closers_scope = &inner;
    assert_int_equal(fa_scope_spawn(&inner, "closer", closer, NULL), FA_OK);
    assert_int_equal(fa_scope_wait(&inner, FA_FOREVER), FA_OK);
    fa_scope_close(&inner);
    assert_string_equal(trace + strlen(trace) - 2, "cd");
    assert_non_null(strchr(trace, 'x'));
    assert_non_null(strchr(trace, 'y'));
    assert_non_null(strchr(trace, 's'));
}

static void cancel_own_scope(void *arg)
{
    fa_scope_cancel(arg);
    finish(fa_sleep(fa_after_s(1)));
}

static void canceled_by_itself(void **state)
{
    (void)state;
    spawn(when_in_queue, NULL);
    yield();
    spawn(cancel_own_scope, &scope);
    join();
    assert_string_equal(trace, "ee");
    assert_int_equal(result, FA_ECANCELED);
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

__attribute__((noinline)) static void use_stack(size_t len)
{
    char bytes[len];
    memset(bytes, 1, len);
    __asm__ volatile("" : : "r"(bytes) : "memory"); /* it is needed */
}

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
    assert_int_equal(fa_scope_spawn(&scope, "waiter", when_in_queue, NULL), FA_OK);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(turns), TEST(sleepers), TEST(sleepers_in_real_time), TEST(first_come_first_woken),
        TEST(errno_is_the_fibers_own), TEST(scope_waits), TEST(owner_times_out_as_last_ends),
        TEST(wake_is_not_lost_to_a_timeout), TEST(ends_out_of_order), TEST(nested_scopes),
        TEST(cancel_in_each_state), TEST(close_cannot_be_canceled), TEST(canceled_by_itself),
        TEST(out_of_stacks), TEST(stack_sizes), TEST(states), TEST(many), TEST(random_lives),
    };
    return cmocka_run_group_tests_name("fibers", tests, NULL, NULL);
}
