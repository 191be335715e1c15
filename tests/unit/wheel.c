/* SPDX-License-Identifier: ISC */
/* The timing wheel against a plain list: no timer early, none later than a tick, none lost; and that
 * it never sleeps past a deadline. */
#include "../../sdk/net/wheel.h"
#include "test.h"

#define TIMERS 64u
#define STEPS 20000u

typedef struct wanted {
    fa_wheel_timer timer;
    bool armed;
} wanted;

static uint64_t some_delay(uint64_t *seed)
{
    /* Of all magnitudes: from microseconds to a year. */
    return test_random(seed) >> (9 + test_random_below(seed, 45));
}

static void expire_all(fa_wheel *wheel, wanted *timers, uint64_t now)
{
    for (fa_wheel_timer *timer; (timer = fa_wheel_expire(wheel, now)) != NULL;) {
        wanted *found = (wanted *)timer;
        assert_true(found->armed && timer->deadline <= now && !fa_wheel_armed(timer));
        found->armed = false;
    }
    for (unsigned i = 0; i < TIMERS; i++)
        if (timers[i].armed)
            assert_true(timers[i].timer.deadline + FA_WHEEL_TICK_NS > now);
}

static void same_as_a_list(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED, now = 12345678901;
    static fa_wheel wheel;
    wanted timers[TIMERS] = {0};
    fa_wheel_init(&wheel, now);
    for (unsigned step = 0; step < STEPS; step++) {
        wanted *timer = &timers[test_random_below(&seed, TIMERS)];
        switch (test_random_below(&seed, 4)) {
        case 0:
            fa_wheel_disarm(&wheel, &timer->timer);
            timer->armed = false;
            break;
        case 1:
            now += some_delay(&seed);
            expire_all(&wheel, timers, now);
            break;
        default:
            fa_wheel_arm(&wheel, &timer->timer, now + some_delay(&seed));
            timer->armed = true;
        }
        uint64_t first = FA_FOREVER;
        for (unsigned i = 0; i < TIMERS; i++) {
            assert_true(fa_wheel_armed(&timers[i].timer) == timers[i].armed);
            if (timers[i].armed && timers[i].timer.deadline < first)
                first = timers[i].timer.deadline;
        }
        const fa_deadline next = fa_wheel_next(&wheel);
        if (first == FA_FOREVER)
            assert_true(next == FA_FOREVER);
        else
            assert_true(next < first + 2 * FA_WHEEL_TICK_NS || next <= now + 2 * FA_WHEEL_TICK_NS);
    }
}

/* Driven by fa_wheel_next() alone, a timer far away fires in time after few awakenings. */
static void few_awakenings(void **state)
{
    (void)state;
    static fa_wheel wheel;
    static const uint64_t delays_s[] = {1, 60, 86400, 11 * 86400, 40 * 86400};
    for (size_t i = 0; i < FA_ARRAY_COUNT(delays_s); i++) {
        fa_wheel_timer timer = {0};
        uint64_t now = 777 * FA_NS_PER_S + 1;
        fa_wheel_init(&wheel, now);
        const fa_deadline deadline = now + delays_s[i] * FA_NS_PER_S;
        fa_wheel_arm(&wheel, &timer, deadline);
        unsigned awakenings = 0;
        do {
            assert_true(fa_wheel_next(&wheel) > now);
            now = fa_wheel_next(&wheel);
            assert_true(++awakenings <= 3 * FA_WHEEL_LEVELS);
        } while (fa_wheel_expire(&wheel, now) == NULL);
        assert_true(now >= deadline && now < deadline + FA_WHEEL_TICK_NS);
        assert_true(fa_wheel_next(&wheel) == FA_FOREVER);
    }
}

static void in_the_past(void **state)
{
    (void)state;
    static fa_wheel wheel;
    fa_wheel_timer timers[3] = {0};
    fa_wheel_init(&wheel, 5 * FA_NS_PER_S);
    for (size_t i = 0; i < FA_ARRAY_COUNT(timers); i++)
        fa_wheel_arm(&wheel, &timers[i], FA_NOW);
    fa_wheel_timer *fired = fa_wheel_expire(&wheel, 5 * FA_NS_PER_S);
    assert_non_null(fired);
    /* Armed again for now, it waits for the next tick: whoever empties the wheel comes to an end. */
    fa_wheel_arm(&wheel, fired, 5 * FA_NS_PER_S);
    /* One that is due and not yet taken can still be disarmed, or moved. */
    fa_wheel_disarm(&wheel, fired == &timers[0] ? &timers[1] : &timers[0]);
    unsigned count = 0;
    while (fa_wheel_expire(&wheel, 5 * FA_NS_PER_S) != NULL)
        count++;
    assert_int_equal(count, 1);
    assert_ptr_equal(fa_wheel_expire(&wheel, 5 * FA_NS_PER_S + FA_WHEEL_TICK_NS), fired);
    fa_wheel_arm(&wheel, fired, FA_FOREVER);
    assert_false(fa_wheel_armed(fired));
    /* Nobody is woken for one that is not armed any more. */
    fa_wheel_arm(&wheel, fired, 6 * FA_NS_PER_S);
    assert_true(fa_wheel_next(&wheel) <= 6 * FA_NS_PER_S);
    fa_wheel_disarm(&wheel, fired);
    assert_true(fa_wheel_next(&wheel) == FA_FOREVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_a_list),
        cmocka_unit_test(few_awakenings),
        cmocka_unit_test(in_the_past),
    };
    return cmocka_run_group_tests_name("wheel", tests, NULL, NULL);
}
