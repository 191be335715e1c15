/* SPDX-License-Identifier: ISC */
/* Flows over pipes, as a program of the unix board: bytes in order, back-pressure, half-close, abort,
 * deadlines, cancellation, wakers, and much data in pieces of any size. */
#include "../../sdk/flow/pipe.h"
#include "../../sdk/flow/waiter.h"
#include "board.h"
#include "test.h"
#include <stdlib.h>

static fa_scope scope;
static fa_flow *a, *b;

static int setup_cap(size_t cap)
{
    fa_scope_open(&scope);
    return fa_pipe_open(cap, &a, &b) == FA_OK ? 0 : -1;
}

static int setup(void **state)
{
    (void)state;
    return setup_cap(8);
}

static int setup_one(void **state)
{
    (void)state;
    return setup_cap(1);
}

static int teardown(void **state)
{
    (void)state;
    fa_scope_close(&scope);
    if (a != NULL)
        fa_flow_close(a);
    if (b != NULL)
        fa_flow_close(b);
    a = b = NULL;
    return 0;
}

static void close_a(void)
{
    fa_flow_close(a);
    a = NULL;
}

static fa_err write_text(fa_flow *flow, const char *text, fa_deadline deadline)
{
    return fa_flow_write(flow, &(fa_slice){text, strlen(text)}, 1, deadline);
}

static void expect_read(fa_flow *flow, const char *want)
{
    char text[32];
    size_t len;
    assert_int_equal(fa_flow_read(flow, text, sizeof text - 1, &len, FA_NOW), FA_OK);
    text[len] = '\0';
    assert_string_equal(text, want);
}

static fa_err read_error(fa_flow *flow, fa_deadline deadline)
{
    char byte;
    size_t len;
    const fa_err err = fa_flow_read(flow, &byte, 1, &len, deadline);
    assert_true(err != FA_OK);
    return err;
}

static void both_ways(void **state)
{
    (void)state;
    assert_int_equal(write_text(a, "to b", FA_NOW), FA_OK);
    assert_int_equal(write_text(b, "to a", FA_NOW), FA_OK);
    expect_read(a, "to a");
    expect_read(b, "to b");
    const fa_slice slices[] = {{"one", 3}, {NULL, 0}, {"two", 3}, {"", 0}};
    assert_int_equal(fa_flow_write(a, slices, FA_ARRAY_COUNT(slices), FA_NOW), FA_OK);
    assert_int_equal(fa_flow_write(a, slices, 0, FA_NOW), FA_OK);
    expect_read(b, "onetwo");
    assert_int_equal(read_error(b, FA_NOW), FA_ETIMEDOUT);
}

static void as_much_as_there_is_room(void **state)
{
    (void)state;
    const fa_slice slices[] = {{"12345", 5}, {"67890", 5}};
    size_t len = 77;
    assert_int_equal(fa_flow_try_write(a, slices, 2, &len), FA_OK);
    assert_int_equal(len, 8);
    assert_int_equal(fa_flow_try_write(a, slices, 2, &len), FA_EAGAIN);
    assert_int_equal(len, 8);
    char bytes[3];
    assert_int_equal(fa_flow_try_read(b, bytes, 3, &len), FA_OK);
    assert_memory_equal(bytes, "123", 3);
    assert_int_equal(fa_flow_try_write(a, slices, 1, &len), FA_OK);
    assert_int_equal(len, 3);
    expect_read(b, "45678123");
    assert_int_equal(fa_flow_try_read(b, bytes, 3, &len), FA_EAGAIN);
}

static void deadlines(void **state)
{
    (void)state;
    const uint64_t start_ns = board_now_ns;
    assert_int_equal(read_error(a, fa_after_ms(5)), FA_ETIMEDOUT);
    assert_true(board_now_ns >= start_ns + 5 * FA_NS_PER_MS);
    assert_int_equal(write_text(a, "more than 8", fa_after_ms(5)), FA_ETIMEDOUT);
    assert_true(board_now_ns >= start_ns + 10 * FA_NS_PER_MS);
    expect_read(b, "more tha"); /* some has been sent */
}

static void halves(void **state)
{
    (void)state;
    assert_int_equal(write_text(a, "last", FA_NOW), FA_OK);
    assert_int_equal(fa_flow_shutdown(a), FA_OK);
    assert_int_equal(write_text(a, "no more", FA_FOREVER), FA_ECLOSED);
    expect_read(b, "last");
    expect_read(b, ""); /* the end, as often as one asks */
    expect_read(b, "");
    assert_int_equal(write_text(b, "answer", FA_NOW), FA_OK);
    expect_read(a, "answer");
}

static void closing(void **state)
{
    (void)state;
    assert_int_equal(write_text(a, "last", FA_NOW), FA_OK);
    close_a();
    assert_int_equal(write_text(b, "nobody reads", FA_FOREVER), FA_ECLOSED);
    expect_read(b, "last");
    expect_read(b, "");
}

static void aborting(void **state)
{
    (void)state;
    assert_int_equal(write_text(a, "thrown away", fa_after_ms(1)), FA_ETIMEDOUT);
    fa_flow_abort(a);
    a = NULL;
    assert_int_equal(read_error(b, FA_FOREVER), FA_ECLOSED);
    assert_int_equal(write_text(b, "x", FA_FOREVER), FA_ECLOSED);
}

static fa_err reader_err, writer_err;

static void read_b(void *arg)
{
    (void)arg;
    char byte;
    size_t len;
    reader_err = fa_flow_read(b, &byte, 1, &len, FA_FOREVER);
}

static void write_b(void *arg)
{
    (void)arg;
    writer_err = write_text(b, "more than there is room", FA_FOREVER);
}

static void start_waiting(fa_scope *in)
{
    reader_err = writer_err = FA_OK;
    assert_int_equal(fa_scope_spawn(in, "reader", read_b, NULL), FA_OK);
    assert_int_equal(fa_scope_spawn(in, "writer", write_b, NULL), FA_OK);
    fa_sleep(FA_NOW);
}

static void an_abort_wakes_who_waits(void **state)
{
    (void)state;
    start_waiting(&scope);
    fa_flow_abort(a);
    a = NULL;
    assert_int_equal(fa_scope_wait(&scope, FA_FOREVER), FA_OK);
    assert_int_equal(reader_err, FA_ECLOSED);
    assert_int_equal(writer_err, FA_ECLOSED);
}

static void canceling(void **state)
{
    (void)state;
    fa_scope inner;
    fa_scope_open(&inner);
    start_waiting(&inner);
    fa_scope_close(&inner);
    assert_int_equal(reader_err, FA_ECANCELED);
    assert_int_equal(writer_err, FA_ECANCELED);
    /* Their wakers, which lay on their stacks, are off. */
    expect_read(a, "more tha");
    assert_int_equal(write_text(a, "x", FA_NOW), FA_OK);
}

typedef struct count_waker {
    fa_waker waker;
    unsigned count;
} count_waker;

static void count_wake(fa_waker *waker)
{
    ((count_waker *)waker)->count++;
}

static void wakers(void **state)
{
    (void)state;
    count_waker reads = {{count_wake}, 0}, writes = {{count_wake}, 0};
    fa_flow_arm(b, FA_FLOW_READABLE, &reads.waker);
    assert_int_equal(reads.count, 0);
    assert_int_equal(write_text(a, "1", FA_NOW), FA_OK);
    assert_int_equal(write_text(a, "2", FA_NOW), FA_OK);
    assert_int_equal(reads.count, 1); /* once for each time that it was armed */
    fa_flow_arm(b, FA_FLOW_READABLE, &reads.waker);
    assert_int_equal(reads.count, 2); /* at once */
    expect_read(b, "12");
    fa_flow_arm(b, FA_FLOW_READABLE, &reads.waker);
    fa_flow_arm(b, FA_FLOW_READABLE, NULL);
    assert_int_equal(write_text(a, "12345678", FA_NOW), FA_OK);
    assert_int_equal(reads.count, 2); /* it was taken off */
    fa_flow_arm(a, FA_FLOW_WRITABLE, &writes.waker);
    assert_int_equal(writes.count, 0);
    expect_read(b, "12345678");
    assert_int_equal(writes.count, 1);
    fa_flow_arm(b, FA_FLOW_READABLE, &reads.waker);
    close_a();
    assert_int_equal(reads.count, 3); /* the end is news */
    fa_flow_arm(b, FA_FLOW_READABLE | FA_FLOW_WRITABLE, &reads.waker);
    assert_int_equal(reads.count, 5);
}

/* Both ways at once, in pieces of random sizes. */

#define MUCH 50000u

static void send_much(void *arg)
{
    fa_flow *flow = arg;
    uint64_t seed = TEST_SEED;
    uint8_t next = 0;
    for (size_t sent = 0; sent < MUCH && writer_err == FA_OK;) {
        fa_slice slices[20];
        uint8_t copy[20 * 40];
        size_t len = 0;
        for (size_t i = 0; i < FA_ARRAY_COUNT(slices); i++) {
            slices[i] = (fa_slice){copy + len, test_random_below(&seed, 40)};
            for (size_t j = 0; j < slices[i].len; j++)
                copy[len + j] = next++;
            len += slices[i].len;
        }
        writer_err = fa_flow_write(flow, slices, FA_ARRAY_COUNT(slices), FA_FOREVER);
        sent += len;
    }
    if (writer_err == FA_OK)
        writer_err = fa_flow_shutdown(flow);
}

static void receive_much(void *arg)
{
    fa_flow *flow = arg;
    uint64_t seed = TEST_SEED + 1;
    uint8_t bytes[100], want = 0;
    size_t len, received = 0;
    for (;;) {
        reader_err = fa_flow_read(flow, bytes, 1 + test_random_below(&seed, 99), &len, FA_FOREVER);
        if (reader_err != FA_OK || len == 0)
            break;
        for (size_t i = 0; i < len; i++)
            if (bytes[i] != want++)
                reader_err = FA_EFORMAT;
        received += len;
    }
    if (received < MUCH)
        reader_err = FA_ETRUNCATED;
}

static void much(void **state)
{
    (void)state;
    reader_err = writer_err = FA_OK;
    fa_flow *const ends[] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fa_scope_spawn(&scope, "sender", send_much, ends[i]), FA_OK);
        assert_int_equal(fa_scope_spawn(&scope, "receiver", receive_much, ends[i]), FA_OK);
    }
    assert_int_equal(fa_scope_wait(&scope, FA_FOREVER), FA_OK);
    assert_int_equal(reader_err, FA_OK);
    assert_int_equal(writer_err, FA_OK);
}

static unsigned turns;

static void count_turns(void *arg)
{
    (void)arg;
    while (!fa_canceled()) {
        turns++;
        fa_sleep(FA_NOW);
    }
}

/* A flow that is always ready does not keep the CPU for itself. */
static void others_get_their_turn(void **state)
{
    (void)state;
    turns = 0;
    assert_int_equal(fa_scope_spawn(&scope, "other", count_turns, NULL), FA_OK);
    for (unsigned i = 0; i < 100; i++) {
        char byte;
        size_t len;
        assert_int_equal(write_text(a, "x", FA_FOREVER), FA_OK);
        assert_int_equal(fa_flow_read(b, &byte, 1, &len, FA_FOREVER), FA_OK);
    }
    assert_in_range(turns, 10, 100);
}

static void whole_only(void **state)
{
    (void)state;
    const fa_flow_ops ops = {.shutdown = NULL};
    fa_flow flow = {&ops};
    assert_int_equal(fa_flow_shutdown(&flow), FA_ENOTSUP);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_ways, setup),
        TEST(as_much_as_there_is_room, setup),
        TEST(deadlines, setup),
        TEST(halves, setup),
        TEST(closing, setup),
        TEST(aborting, setup),
        TEST(an_abort_wakes_who_waits, setup),
        TEST(canceling, setup),
        TEST(wakers, setup),
        TEST(much, setup),
        TEST(much, setup_one),
        TEST(others_get_their_turn, setup),
        TEST(whole_only, setup),
    };
    return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
