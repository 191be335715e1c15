/* SPDX-License-Identifier: ISC */
/* Deadlines do not pass the end of time; the wall clock advances with the monotonic one. */
#include "../../sdk/core/resumed.h"
#include "host.h"
#include "test.h"
#include <fata/clock.h>

static void deadlines(void **state)
{
    (void)state;
    host_mono_ns = 1000;
    assert_true(fa_clock_mono_ns() == 1000);
    assert_true(fa_after_ns(5) == 1005);
    assert_true(fa_after_ms(5) == 5001000);
    assert_true(fa_after_s(5) == UINT64_C(5000001000));
    assert_true(fa_after_ns(UINT64_MAX - 1001) == UINT64_MAX - 1);
    assert_true(fa_after_ns(UINT64_MAX - 1000) == FA_FOREVER);
    assert_true(fa_after_ns(UINT64_MAX - 999) == FA_FOREVER);
    assert_true(fa_after_ns(UINT64_MAX) == FA_FOREVER);
    assert_true(fa_after_ms(UINT64_MAX) == FA_FOREVER);
    assert_true(fa_after_ms(UINT64_MAX / FA_NS_PER_MS + 1) == FA_FOREVER);
    assert_true(fa_after_ms(UINT64_MAX / FA_NS_PER_MS) != 0);
    assert_true(fa_after_s(UINT64_MAX / FA_NS_PER_S + 1) == FA_FOREVER);
    assert_true(fa_after_s(UINT64_MAX) == FA_FOREVER);
}

/* In this order: the platform is asked once, at first, and when the machine was saved. */
static void wall(void **state)
{
    (void)state;
    host_mono_ns = 500;
    host_wall_ns = 2000000;
    assert_true(fa_clock_wall_ns() == 2000000);
    host_wall_ns = 1; /* a machine's clock may step; ours does not */
    host_mono_ns = 700;
    assert_true(fa_clock_wall_ns() == 2000200);
    fa_clock_set_wall(9000000);
    host_mono_ns = 800;
    assert_true(fa_clock_wall_ns() == 9000100);
    fa_resumed_count++; /* what time it is now, the machine knows */
    host_mono_ns = 810;
    host_wall_ns = 70000000;
    assert_true(fa_clock_wall_ns() == 70000000);
    host_wall_ns = 1;
    host_mono_ns = 910;
    assert_true(fa_clock_wall_ns() == 70000100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(deadlines), cmocka_unit_test(wall)};
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
