/* SPDX-License-Identifier: ISC */
/* Sets of addresses: added and cut against a plain array of 64 flags, at random, and by hand. */
#include "../../sdk/core/ranges.h"
#include "test.h"
#include <stdlib.h>

#define SPAN 64u
#define ROUNDS 2000
#define STEPS 12

static void expect(const fa_ranges *ranges, const bool *in)
{
    size_t next = 0;
    for (uint64_t at = 0; at <= SPAN; at++) {
        const bool starts = at < SPAN && in[at] && (at == 0 || !in[at - 1]);
        const bool ends = at > 0 && in[at - 1] && (at == SPAN || !in[at]);
        if (ends)
            assert_int_equal(ranges->items[next++].end, at);
        if (starts)
            assert_int_equal(ranges->items[next].start, at);
        if (at < SPAN)
            assert_true((fa_ranges_end_at(ranges, at) > at) == in[at]);
    }
    assert_int_equal(ranges->count, next);
}

static void same_as_an_array(void **state)
{
    (void)state;
    srand(1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        fa_ranges ranges = {.count = 0};
        bool in[SPAN] = {false};
        for (unsigned step = 0; step < STEPS; step++) {
            const unsigned a = (unsigned)rand() % (SPAN + 1), b = (unsigned)rand() % (SPAN + 1);
            const bool add = rand() % 3 != 0;
            for (unsigned at = a; at < b; at++)
                in[at] = add;
            if (add)
                fa_ranges_add(&ranges, a, b);
            else
                fa_ranges_cut(&ranges, a, b);
            expect(&ranges, in);
        }
    }
}

static void too_many_pieces(void **state)
{
    (void)state;
    fa_ranges ranges = {.count = 0};
    for (uint64_t i = 0; i < 2 * FA_RANGES_MAX; i++)
        fa_ranges_add(&ranges, 4 * i, 4 * i + 2);
    assert_int_equal(ranges.count, FA_RANGES_MAX);
    assert_int_equal(ranges.items[FA_RANGES_MAX - 1].end, 4 * (FA_RANGES_MAX - 1) + 2);
    fa_ranges_cut(&ranges, 1, UINT64_MAX);
    assert_int_equal(ranges.count, 1);
    assert_int_equal(ranges.items[0].end, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_an_array),
        cmocka_unit_test(too_many_pieces),
    };
    return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
