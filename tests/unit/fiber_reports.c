/* SPDX-License-Identifier: ISC */
/* What the scheduler refuses or reports: deadlocks, scopes used wrongly, fibers that run for too
 * long or use up their stacks, and what the sanitizer finds in fibers. Each happens in a child
 * process. A program of the unix board with the debug library. */
#include "fibers.h"

static fa_err result;

static void take_time(void *arg)
{
    board_now_ns += *(const uint64_t *)arg;
}

static uint64_t time_to_take;

static void run_for_a_time(void)
{
    if (fa_scope_spawn(&scope, "busy bee", take_time, &time_to_take) == FA_OK)
        join();
}

static void run_bound(void **state)
{
    (void)state;
    char text[4096];
    time_to_take = FA_FIBER_RUN_BOUND_NS;
    assert_int_equal(board_run_child(run_for_a_time, text, sizeof text), 0);
    assert_string_equal(text, "");
    time_to_take = FA_FIBER_RUN_BOUND_NS + FA_NS_PER_MS;
    assert_int_equal(board_run_child(run_for_a_time, text, sizeof text), 0);
    if (strstr(text, "warn  fiber: fiber 'busy bee' ran for 11000 us without a wait") == NULL)
        fail_msg("printed: %s", text);
}

static void wait_in_queue(void *arg)
{
    (void)arg;
    result = fa_waitq_wait(&queue, FA_FOREVER);
}

static void wait_for_nothing(void)
{
    wait_in_queue(NULL);
}

static void join_who_waits_for_nothing(void)
{
    spawn(wait_in_queue, NULL);
    join();
}

static void deadlock(void **state)
{
    (void)state;
    board_expect_crash(wait_for_nothing, "fata: crash: deadlock: ");
    board_expect_crash(join_who_waits_for_nothing, "fata: crash: deadlock: ");
}

static void close_outer_first(void)
{
    fa_scope inner;
    fa_scope_open(&inner);
    fa_scope_close(&scope);
}

static void leave_open(void *arg)
{
    fa_scope_open(arg);
}

static void end_with_scope_open(void)
{
    static fa_scope left;
    spawn(leave_open, &left);
    join();
}

static void wait_for_mains(void *arg)
{
    (void)arg;
    result = fa_scope_wait(&scope, FA_NOW);
}

static void wait_for_anothers_scope(void)
{
    spawn(wait_for_mains, NULL);
    join();
}

static void wrong_use_of_scopes(void **state)
{
    (void)state;
    board_expect_crash(close_outer_first, "fiber 'main' closes a scope that is not the innermost");
    board_expect_crash(end_with_scope_open, "fiber 'fiber' ended with a scope open");
    board_expect_crash(wait_for_anothers_scope, "not true: scope->owner == sched.running");
}

/* The sanitizer knows the stacks of fibers. */
static volatile size_t overflow_len = 17;

static void overflow_array(void *arg)
{
    char bytes[16];
    (void)arg;
    fa_sleep(FA_NOW);
    memset(bytes, 0, overflow_len);
    fa_sleep(FA_NOW);
}

static void take_turns(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 10; i++)
        fa_sleep(FA_NOW);
}

static void overflow_in_a_fiber(void)
{
    spawn(take_turns, NULL);
    spawn(overflow_array, NULL);
    join();
}

static void sanitizer_sees_fibers(void **state)
{
    (void)state;
    board_expect_crash(overflow_in_a_fiber, "stack-buffer-overflow");
}

__attribute__((noinline)) static void use_stack(size_t len)
{
    char bytes[len];
    memset(bytes, 1, len);
    __asm__ volatile("" : : "r"(bytes) : "memory"); /* it is needed */
}

static size_t part_in_8ths;

static void use_part_of_stack(void *arg)
{
    (void)arg;
    size_t used_bytes, size_bytes;
    fa_fiber_stack(&used_bytes, &size_bytes);
    use_stack(size_bytes / 8 * part_in_8ths);
}

static void use_up_stack(void)
{
    spawn(use_part_of_stack, NULL);
    join();
}

static void tight_stack(void **state)
{
    (void)state;
    char text[4096];
    part_in_8ths = 5;
    assert_int_equal(board_run_child(use_up_stack, text, sizeof text), 0);
    assert_string_equal(text, "");
    part_in_8ths = 7;
    assert_int_equal(board_run_child(use_up_stack, text, sizeof text), 0);
    assert_non_null(strstr(text, "warn  fiber: fiber 'fiber' has used "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(run_bound),   TEST(deadlock), TEST(wrong_use_of_scopes), TEST(sanitizer_sees_fibers),
        TEST(tight_stack),
    };
    return cmocka_run_group_tests_name("fiber_reports", tests, NULL, NULL);
}
