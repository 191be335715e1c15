/* SPDX-License-Identifier: ISC */
/* Timers: random operations against the obvious model, an array that is searched. */
#include "../../sdk/fiber/timers.h"
#include "test.h"
#include <stdlib.h>

void *__real_realloc(void *memory, size_t len);
void *__wrap_realloc(void *memory, size_t len);

static bool no_memory;

void *__wrap_realloc(void *memory, size_t len)
{
    return no_memory ? NULL : __real_realloc(memory, len);
}

#define COUNT 200u
static fa_timer timers[COUNT];
static fa_deadline armed[COUNT]; /* the model; FA_FOREVER: not armed */

static fa_deadline model_first(void)
{
    fa_deadline first = FA_FOREVER;
    for (size_t i = 0; i < COUNT; i++)
        first = armed[i] < first ? armed[i] : first;
    return first;
}

static void expire_until(uint64_t now_ns)
{
    fa_deadline last = 0;
    for (fa_timer *timer; (timer = fa_timers_expire(now_ns)) != NULL;) {
        const size_t i = (size_t)(timer - timers);
        assert_true(i < COUNT && armed[i] <= now_ns);
        assert_true(armed[i] >= last); /* in order */
        last = armed[i];
        armed[i] = FA_FOREVER;
        assert_true(fa_timers_deadline(timer) == FA_FOREVER);
    }
    assert_true(model_first() > now_ns);
}

static void reserve_fails(void **state)
{
    (void)state;
    assert_null(fa_timers_expire(UINT64_MAX));
    assert_true(fa_timers_first() == FA_FOREVER);
    no_memory = true;
    assert_int_equal(fa_timers_reserve(1), FA_ENOMEM);
    no_memory = false;
    expect_assert_failure(fa_timers_add(1, &timers[0])); /* without a reserve */
    assert_int_equal(fa_timers_reserve(COUNT), FA_OK);
    no_memory = true;
    assert_int_equal(fa_timers_reserve(COUNT), FA_OK); /* there is room already */
    assert_int_equal(fa_timers_reserve(100 * COUNT), FA_ENOMEM);
    no_memory = false;
}

static void against_model(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED, now_ns = 0;
    for (size_t i = 0; i < COUNT; i++)
        armed[i] = FA_FOREVER;
    for (unsigned step = 0; step < 50000; step++) {
        const size_t i = test_random_below(&seed, COUNT);
        switch (test_random_below(&seed, 8)) {
        case 0:
            now_ns += test_random_below(&seed, 30);
            expire_until(now_ns);
            break;
        case 1:
        case 2:
            fa_timers_remove(&timers[i]); /* also of one that is not armed */
            armed[i] = FA_FOREVER;
            break;
        default:
            if (armed[i] == FA_FOREVER) {
                armed[i] = now_ns + 1 + test_random_below(&seed, step % 2 == 0 ? 10 : 1000);
                fa_timers_add(armed[i], &timers[i]);
            }
        }
        assert_true(fa_timers_first() == model_first());
        assert_true(fa_timers_deadline(&timers[i]) == armed[i]);
    }
    expire_until(UINT64_MAX - 1);
    assert_true(fa_timers_first() == FA_FOREVER);
}

static void added_twice(void **state)
{
    (void)state;
    fa_timers_add(5, &timers[0]);
    expect_assert_failure(fa_timers_add(6, &timers[0]));
    fa_timers_remove(&timers[0]);
    assert_true(fa_timers_first() == FA_FOREVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserve_fails),
        cmocka_unit_test(against_model),
        cmocka_unit_test(added_twice),
    };
    return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
