/* SPDX-License-Identifier: ISC */
/* <fata/block.h>: calls with several requests under way, and a device that goes and comes back. */
#include "block_desk.h"

/* A call that is larger than a request has several under way, and no more than it may. */
static void many_requests_of_one_call(void **state)
{
    (void)state;
    desk.depth = 8;
    desk.device.transfer_sectors_max = 4;
    job write = {FA_BLOCK_WRITE, 0, memory, SECTORS * 512, 0, FA_OK, false}; /* 16 requests */
    start(&write);
    assert_int_equal(desk.count, 4);
    for (unsigned i = 0; i < 16; i++) {
        answer_next(1, FA_OK);
        fa_sleep(FA_NOW);
        assert_int_equal(desk.count, i < 12 ? 4 : 15 - i);
    }
    finish(&write, FA_OK);
    assert_memory_equal(desk.bytes, memory, SECTORS * 512);
    /* After an error nothing more is begun, and what is under way is waited for. */
    job read = {FA_BLOCK_READ, 0, memory, SECTORS * 512, 0, FA_OK, false};
    start(&read);
    answer_next(1, FA_EIO);
    fa_sleep(FA_NOW);
    assert_int_equal(desk.count, 3);
    assert_false(read.done);
    answer_next(2, FA_OK);
    fa_sleep(FA_NOW);
    assert_false(read.done);
    answer_next(1, FA_ENOSPC);
    finish(&read, FA_EIO); /* the first one */
}

/* One that hangs while others are answered is found out, too. */
static void one_of_several_hangs(void **state)
{
    (void)state;
    desk.device.transfer_sectors_max = 4;
    job read = {FA_BLOCK_READ, 0, memory, 12 * 512, 0, FA_OK, false};
    start(&read);
    assert_int_equal(desk.count, 2);
    fa_sleep(fa_after_s(20));
    answer_next(1, FA_OK);
    fa_sleep(FA_NOW);
    assert_int_equal(desk.count, 2);
    fa_sleep(fa_after_ns(FA_BLOCK_HUNG_NS + 2 * FA_NS_PER_S));
    finish(&read, FA_EIO);
    assert_true(desk.stopped);
}

/* A device that comes back keeps what it was asked; each call waits as long as it has time. */
static bool desk_recall(fa_blockdev *device, fa_block_request *request)
{
    unsigned i = 0;
    if (device->is_present)
        return false;
    while (desk.requests[i] != request)
        i++;
    desk.count--;
    memmove(desk.requests + i, desk.requests + i + 1, (desk.count - i) * sizeof desk.requests[0]);
    return true;
}

static void set_present(bool present)
{
    desk.device.is_present = present;
    desk_news();
}

static void waits_for_its_return(void **state)
{
    (void)state;
    static fa_blockdev_ops ops;
    ops = *desk.device.ops;
    ops.recall = desk_recall;
    desk.device.ops = &ops;
    job begun = {FA_BLOCK_WRITE, 0, memory, 512, 0, FA_OK, false};
    job brief = {FA_BLOCK_READ, 1, memory + 512, 512, fa_after_s(5), FA_OK, false};
    start(&begun);
    start(&brief);
    set_present(false);
    assert_false(info().present);
    job late = {FA_BLOCK_FLUSH, 0, NULL, 0, 0, FA_OK, false};
    job impatient = {FA_BLOCK_READ, 2, memory, 512, fa_after_ms(100), FA_OK, false};
    start(&late);
    start(&impatient);
    assert_int_equal(desk.submitted, 2);
    fa_sleep(fa_after_ms(101));
    finish(&impatient, FA_ECLOSED);
    assert_false(brief.done);
    fa_sleep(fa_after_s(5));
    finish(&brief, FA_ECLOSED);
    assert_int_equal(desk.count, 1);
    fa_scope inner;
    fa_scope_open(&inner);
    job canceled[2] = {{FA_BLOCK_READ, 3, memory, 512, 0, FA_OK, false},
                       {FA_BLOCK_READ, 4, memory, 512, 0, FA_OK, false}};
    set_present(true);
    start_in(&inner, &canceled[0]); /* `late` has taken the place before */
    set_present(false);
    start_in(&inner, &canceled[1]);
    fa_scope_close(&inner);
    finish(&canceled[0], FA_ECANCELED);
    finish(&canceled[1], FA_ECANCELED);
    fa_sleep(fa_after_ns(10 * FA_BLOCK_HUNG_NS)); /* it is away, it does not hang */
    assert_false(begun.done || late.done || desk.stopped);
    set_present(true);
    fa_sleep(FA_NOW);
    assert_int_equal(desk.count, 2);
    answer_next(2, FA_OK);
    finish(&begun, FA_OK);
    finish(&late, FA_OK);
    /* Back, and hung. */
    job hung = {FA_BLOCK_READ, 3, memory, 512, 0, FA_OK, false};
    start(&hung);
    set_present(false);
    fa_sleep(fa_after_s(10));
    set_present(true);
    fa_sleep(fa_after_ns(FA_BLOCK_HUNG_NS + 3 * FA_NS_PER_S));
    finish(&hung, FA_EIO);
    assert_true(desk.stopped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_requests_of_one_call),
        TEST(one_of_several_hangs),
        TEST(waits_for_its_return),
    };
    return cmocka_run_group_tests_name("block_away", tests, NULL, NULL);
}
