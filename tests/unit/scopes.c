/* SPDX-License-Identifier: ISC */
/* Scopes and cancellation, as a program of the unix board: deadlines that race with ends, nesting,
 * and a fiber canceled in each state that it can be in. */
#include "fibers.h"

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
        fa_scope others; /* who wake at the same time */
        fa_scope_open(&others);
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(fa_scope_spawn(&others, "bystander", end_at, &at), FA_OK);
        yield(); /* they sleep now */
        board_now_ns = variant < 6 ? at + MS : board_now_ns;
        const fa_err err = fa_scope_wait(&scope, until);
        /* FA_ETIMEDOUT says that some have not ended. */
        assert_int_equal(err, scope.fibers == NULL ? FA_OK : FA_ETIMEDOUT);
        assert_int_equal(fa_scope_wait(&others, FA_FOREVER), FA_OK);
        fa_scope_close(&others);
        join();
        assert_int_equal(fa_sleep(fa_after_ms(20)), FA_OK);
        assert_int_equal(fa_waitq_wait(&queue, fa_after_ms(20)), FA_ETIMEDOUT);
    }
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

static fa_err result, second_result;
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

static fa_scope *closers_scope;

static void cancel_the_closer(void *arg)
{
    (void)arg;
    note('x');
    fa_scope_cancel(closers_scope); /* whose fiber is in fa_scope_close() */
    result = fa_waitq_wait(&queue, FA_FOREVER);
    note('y');
}

/* It ends after the closer's turn, in which that would go on if it could be woken. */
static void close_with_a_child(void *arg)
{
    static const fa_deadline forever = FA_FOREVER;
    (void)arg;
    fa_scope inner;
    fa_scope_open(&inner);
    if (fa_scope_spawn(&inner, "child", end_at, (void *)(uintptr_t)&forever) != FA_OK)
        note('?');
    fa_scope_close(&inner);
    note('s');
}

static void closer(void *arg)
{
    fa_scope inner;
    fa_scope_open(&inner);
    if (fa_scope_spawn(&inner, "canceler", cancel_the_closer, NULL) != FA_OK ||
        fa_scope_spawn(&inner, "slow", close_with_a_child, NULL) != FA_OK)
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
    assert_string_equal(trace, "xyscd");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scope_waits), TEST(owner_times_out_as_last_ends), TEST(nested_scopes),
        TEST(cancel_in_each_state), TEST(close_cannot_be_canceled), TEST(canceled_by_itself),
    };
    return cmocka_run_group_tests_name("scopes", tests, NULL, NULL);
}
