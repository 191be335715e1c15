/* SPDX-License-Identifier: ISC */
/* What the tests of the scheduler share: a scope for each test, a queue, a record of what fibers
 * did, and the check that nothing is left after a test. Tests run in the fiber "main". Other fibers
 * record what they see, and main judges: cmocka's assertions jump, which only their own stack
 * allows. */
#ifndef FATA_TESTS_UNIT_FIBERS_H
#define FATA_TESTS_UNIT_FIBERS_H

#include "../../sdk/fiber/sched.h"
#include "../../sdk/fiber/timers.h"
#include "board.h"
#include "test.h"
#include <fata/fiber.h>

#define MS FA_NS_PER_MS

static fa_scope scope; /* of the test that runs */
static fa_waitq queue;

static char trace[512]; /* what fibers have done, in order */

static inline void note(char c)
{
    const size_t len = strlen(trace);
    if (len + 1 < sizeof trace) {
        trace[len] = c;
        trace[len + 1] = '\0';
    }
}

static inline int setup(void **state)
{
    (void)state;
    trace[0] = '\0';
    queue = (fa_waitq){NULL, NULL};
    fa_scope_open(&scope);
    return 0;
}

/* After each test nothing is left: no fiber but main, no stack, no timer, nobody in the queue. */
static inline int teardown(void **state)
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

static inline void spawn(fa_fiber_fn *fn, void *arg)
{
    assert_int_equal(fa_scope_spawn(&scope, "fiber", fn, arg), FA_OK);
}

static inline void join(void)
{
    assert_int_equal(fa_scope_wait(&scope, FA_FOREVER), FA_OK);
}

static inline void yield(void)
{
    assert_int_equal(fa_sleep(FA_NOW), FA_OK);
}

/* A fiber that sleeps. */

static inline void end_at(void *arg)
{
    fa_sleep(*(const fa_deadline *)arg);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
