/* SPDX-License-Identifier: ISC */
/* Channels, as a program of the unix board: order, back-pressure, deadlines, closing, cancellation,
 * and many senders and receivers at random. */
#include "board.h"
#include "test.h"
#include <fata/chan.h>
#include <stdlib.h>

static fa_scope scope;
static fa_chan chan;
static int *room; /* from malloc, at the exact size, for the sanitizer */

static int setup_cap(size_t cap)
{
    room = malloc(cap * sizeof *room);
    fa_chan_init(&chan, room, sizeof *room, cap);
    fa_scope_open(&scope);
    return 0;
}

static int setup_one(void **state)
{
    (void)state;
    return setup_cap(1);
}

static int setup_three(void **state)
{
    (void)state;
    return setup_cap(3);
}

static int teardown(void **state)
{
    (void)state;
    fa_scope_close(&scope);
    free(room);
    return chan.senders.first == NULL && chan.receivers.first == NULL ? 0 : -1;
}

static void first_in_first_out(void **state)
{
    (void)state;
    int item, next_in = 0, next_out = 0;
    uint64_t seed = TEST_SEED;
    for (unsigned step = 0; step < 1000; step++)
        if (test_random_below(&seed, 2) == 0) {
            const fa_err err = fa_chan_send(&chan, &next_in, FA_NOW);
            assert_int_equal(err, next_in - next_out == 3 ? FA_ETIMEDOUT : FA_OK);
            next_in += err == FA_OK;
        } else {
            item = -1;
            const fa_err err = fa_chan_recv(&chan, &item, FA_NOW);
            assert_int_equal(err, next_in == next_out ? FA_ETIMEDOUT : FA_OK);
            assert_int_equal(item, err == FA_OK ? next_out : -1); /* written on FA_OK only */
            next_out += err == FA_OK;
        }
}

static void deadlines(void **state)
{
    (void)state;
    int item = 1;
    uint64_t start_ns = board_now_ns;
    assert_int_equal(fa_chan_recv(&chan, &item, fa_after_ms(5)), FA_ETIMEDOUT);
    assert_true(board_now_ns >= start_ns + 5 * FA_NS_PER_MS);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(fa_chan_send(&chan, &item, FA_FOREVER), FA_OK);
    start_ns = board_now_ns;
    assert_int_equal(fa_chan_send(&chan, &item, fa_after_ms(5)), FA_ETIMEDOUT);
    assert_true(board_now_ns >= start_ns + 5 * FA_NS_PER_MS);
    assert_int_equal(chan.count, 3);
}

static int sent;
static fa_err send_err, recv_err;

static void send_ten(void *arg)
{
    (void)arg;
    for (sent = 0; sent < 10; sent++) {
        send_err = fa_chan_send(&chan, &sent, FA_FOREVER);
        if (send_err != FA_OK)
            return;
    }
}

static void back_pressure(void **state)
{
    (void)state;
    assert_int_equal(fa_scope_spawn(&scope, "sender", send_ten, NULL), FA_OK);
    fa_sleep(fa_after_ms(1));
    assert_int_equal(sent, 1);
    for (int want = 0; want < 10; want++) {
        int item;
        assert_int_equal(fa_chan_recv(&chan, &item, FA_FOREVER), FA_OK);
        assert_int_equal(item, want);
        assert_true(sent <= want + 2);
    }
    assert_int_equal(fa_scope_wait(&scope, FA_FOREVER), FA_OK);
}

static unsigned refused;

static void send_one(void *arg)
{
    (void)arg;
    const int item = 1;
    refused += fa_chan_send(&chan, &item, FA_FOREVER) == FA_ECLOSED;
}

static void recv_all(void *arg)
{
    int item;
    unsigned *count = arg;
    while ((recv_err = fa_chan_recv(&chan, &item, FA_FOREVER)) == FA_OK)
        ++*count;
}

static void closing(void **state)
{
    (void)state;
    int item = 5;
    unsigned counts[2] = {0, 0};
    assert_int_equal(fa_chan_send(&chan, &item, FA_FOREVER), FA_OK);
    assert_int_equal(fa_chan_send(&chan, &item, FA_FOREVER), FA_OK);
    fa_chan_close(&chan);
    fa_chan_close(&chan);
    assert_int_equal(fa_chan_send(&chan, &item, FA_FOREVER), FA_ECLOSED);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(fa_scope_spawn(&scope, "receiver", recv_all, &counts[i]), FA_OK);
    assert_int_equal(fa_scope_wait(&scope, FA_FOREVER), FA_OK);
    assert_int_equal(counts[0] + counts[1], 2);
    assert_int_equal(fa_chan_recv(&chan, &item, FA_FOREVER), FA_ECLOSED);
}

static void closing_wakes_all(void **state)
{
    (void)state;
    unsigned counts[3] = {0};
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(fa_scope_spawn(&scope, "receiver", recv_all, &counts[i]), FA_OK);
    fa_sleep(FA_NOW);
    fa_chan_close(&chan);
    assert_int_equal(fa_scope_wait(&scope, FA_FOREVER), FA_OK);
    assert_int_equal(recv_err, FA_ECLOSED);

    fa_chan_init(&chan, room, sizeof *room, 1);
    refused = 0;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(fa_scope_spawn(&scope, "sender", send_one, NULL), FA_OK);
    fa_sleep(FA_NOW);
    fa_chan_close(&chan);
    assert_int_equal(fa_scope_wait(&scope, FA_FOREVER), FA_OK);
    assert_int_equal(refused, 3); /* one had found room */
}

static void canceling(void **state)
{
    (void)state;
    unsigned count = 0;
    fa_scope inner;
    fa_scope_open(&inner);
    assert_int_equal(fa_scope_spawn(&inner, "receiver", recv_all, &count), FA_OK);
    fa_sleep(FA_NOW);
    fa_scope_close(&inner);
    assert_int_equal(recv_err, FA_ECANCELED);

    fa_scope_open(&inner);
    assert_int_equal(fa_scope_spawn(&inner, "sender", send_ten, NULL), FA_OK);
    fa_sleep(FA_NOW);
    fa_scope_close(&inner);
    assert_int_equal(send_err, FA_ECANCELED);
    int item;
    assert_int_equal(fa_chan_recv(&chan, &item, FA_NOW), FA_OK);
    assert_int_equal(item, 0);
}

/* Many senders and receivers, with waits that time out: each item comes out once. */
#define SENDERS 10
#define ITEMS 100
static unsigned arrivals[SENDERS * ITEMS];
static unsigned senders_left, disorder;

static void send_many(void *arg)
{
    const int base = (int)(intptr_t)arg * ITEMS;
    uint64_t seed = TEST_SEED + (uint64_t)base;
    for (int i = 0; i < ITEMS;) {
        const int item = base + i;
        const fa_deadline deadline = fa_after_ns(test_random_below(&seed, 1000));
        i += fa_chan_send(&chan, &item, deadline) == FA_OK;
        if (test_random_below(&seed, 3) == 0)
            fa_sleep(fa_after_ns(test_random_below(&seed, 2000)));
    }
    if (--senders_left == 0)
        fa_chan_close(&chan);
}

static void recv_many(void *arg)
{
    int last[SENDERS];
    memset(last, 0xff, sizeof last);
    uint64_t seed = TEST_SEED + 1000 + (uintptr_t)arg;
    for (;;) {
        int item;
        const fa_err err = fa_chan_recv(&chan, &item, fa_after_ns(test_random_below(&seed, 1000)));
        if (err == FA_ECLOSED)
            return;
        if (err == FA_OK) {
            arrivals[item]++;
            disorder += item % ITEMS <= last[item / ITEMS];
            last[item / ITEMS] = item % ITEMS;
        }
    }
}

static void each_item_once(void **state)
{
    (void)state;
    memset(arrivals, 0, sizeof arrivals);
    senders_left = SENDERS;
    disorder = 0;
    for (intptr_t i = 0; i < SENDERS; i++)
        assert_int_equal(fa_scope_spawn(&scope, "sender", send_many, (void *)i), FA_OK);
    for (intptr_t i = 0; i < 5; i++)
        assert_int_equal(fa_scope_spawn(&scope, "receiver", recv_many, (void *)i), FA_OK);
    assert_int_equal(fa_scope_wait(&scope, FA_FOREVER), FA_OK);
    for (size_t i = 0; i < FA_ARRAY_COUNT(arrivals); i++)
        assert_int_equal(arrivals[i], 1);
    assert_int_equal(disorder, 0);
}

static void no_room(void)
{
    fa_chan none;
    fa_chan_init(&none, NULL, 1, 0);
}

static void capacity_zero(void **state)
{
    (void)state;
    board_expect_crash(no_room, "not true: cap > 0");
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_in_first_out, setup_three), TEST(deadlines, setup_three),
        TEST(back_pressure, setup_one),        TEST(closing, setup_three),
        TEST(closing_wakes_all, setup_one),    TEST(canceling, setup_one),
        TEST(each_item_once, setup_three),     TEST(capacity_zero, setup_one),
    };
    return cmocka_run_group_tests_name("chan", tests, NULL, NULL);
}
