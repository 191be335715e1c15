/* SPDX-License-Identifier: ISC */
/* <fata/block.h> as a program of the unix board: over a RAM disk, over one with faults against a model,
 * and over a device that answers when the test says so. */
#include "../../sdk/block/faults.h"
#include "../../sdk/block/ramdisk.h"
#include "block_desk.h"
#include <stdlib.h>

#define WAIT fa_after_s(1)

static void waits_for_the_device(void **state)
{
    (void)state;
    job write = {FA_BLOCK_WRITE, 3, memory, 1024, 0, FA_OK, false};
    start(&write);
    assert_true(!write.done && desk.count == 1);
    assert_int_equal(desk.requests[0]->sector, 3);
    answer_next(1, FA_OK);
    finish(&write, FA_OK);
    assert_memory_equal(desk.bytes + 3 * 512, memory, 1024);
    static _Alignas(64) uint8_t back[1024];
    job read = {FA_BLOCK_READ, 3, back, 1024, 0, FA_OK, false};
    start(&read);
    answer_next(1, FA_OK);
    finish(&read, FA_OK);
    assert_memory_equal(back, memory, 1024);
    job flush = {.kind = FA_BLOCK_FLUSH};
    start(&flush);
    assert_int_equal(desk.requests[0]->kind, FA_BLOCK_FLUSH);
    answer_next(1, FA_EIO);
    finish(&flush, FA_EIO);
    job discard = {.kind = FA_BLOCK_DISCARD, .sector = 10, .len = 25}; /* 10, 10 and 5 */
    start(&discard);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(desk.requests[0]->sector, 10 + i * 10);
        assert_int_equal(desk.requests[0]->count, i < 2 ? 10 : 5);
        answer_next(1, FA_OK);
        fa_sleep(FA_NOW);
    }
    finish(&discard, FA_OK);
    assert_true(info().read_sectors == 2 && info().written_sectors == 2 && info().copied_sectors == 0);
    assert_int_equal(info().error_count, 1);
}

static void errors_say_where(void **state)
{
    (void)state;
    job read = {FA_BLOCK_READ, 20, memory, 20 * 512, 0, FA_OK, false};
    start(&read);
    answer_next(1, FA_OK); /* 16 sectors */
    fa_sleep(FA_NOW);
    answer_next(1, FA_EIO);
    finish(&read, FA_EIO);
    assert_int_equal(info().error_sector, 36);
    job write = {FA_BLOCK_WRITE, 0, memory, 512, 0, FA_OK, false};
    start(&write);
    answer_next(1, FA_ENOSPC);
    finish(&write, FA_ENOSPC);
    assert_int_equal(info().error_sector, 0);
}

static void refuses(void **state)
{
    (void)state;
    const fa_block_from half = {memory, 511}, two = {memory, 1024};
    assert_int_equal(fa_block_write(disk, 0, &half, 1, WAIT), FA_EINVAL);
    assert_int_equal(fa_block_write(disk, SECTORS - 1, &two, 1, WAIT), FA_ERANGE);
    assert_int_equal(fa_block_write(disk, SECTORS, &two, 1, WAIT), FA_ERANGE);
    assert_int_equal(fa_block_write(disk, UINT64_MAX, &two, 1, WAIT), FA_ERANGE);
    const fa_block_from huge[] = {{memory, SIZE_MAX / 512 * 512}, {memory, 1024}};
    assert_int_equal(fa_block_write(disk, 0, huge, 2, WAIT), FA_EINVAL);
    assert_int_equal(fa_block_discard(disk, 1, UINT64_MAX, WAIT), FA_ERANGE);
    assert_int_equal(fa_block_discard(disk, SECTORS, 1, WAIT), FA_ERANGE);
    assert_int_equal(fa_block_write(disk, 0, &two, 1, FA_NOW), FA_ETIMEDOUT);
    assert_int_equal(fa_block_flush(disk, FA_NOW), FA_ETIMEDOUT);
    assert_int_equal(fa_block_write(disk, SECTORS, NULL, 0, WAIT), FA_OK);
    desk.device.discard_sectors_max = 0;
    assert_int_equal(fa_block_discard(disk, 0, 1, WAIT), FA_ENOTSUP);
    desk.device.read_only = true;
    assert_int_equal(fa_block_write(disk, 0, &two, 1, WAIT), FA_EPERM);
    assert_int_equal(fa_block_discard(disk, 0, 1, WAIT), FA_EPERM);
    assert_int_equal(fa_block_flush(disk, WAIT), FA_OK);
    assert_int_equal(desk.submitted, 0);
}

static void more_callers_than_room(void **state)
{
    (void)state;
    job jobs[10];
    for (size_t i = 0; i < 10; i++) {
        jobs[i] = (job){FA_BLOCK_WRITE, i, memory + i * 512, 512, 0, FA_OK, false};
        start(&jobs[i]);
    }
    assert_int_equal(desk.count, 2);
    job late = {FA_BLOCK_WRITE, 10, memory, 512, fa_after_ms(5), FA_OK, false};
    start(&late);
    fa_sleep(fa_after_ms(10));
    finish(&late, FA_ETIMEDOUT); /* it was never given to the device */
    for (unsigned i = 0; i < 10; i++) {
        assert_true(desk.count > 0);
        answer_next(1, FA_OK);
        for (unsigned turn = 0; turn < 12; turn++)
            fa_sleep(FA_NOW);
    }
    for (size_t i = 0; i < 10; i++)
        finish(&jobs[i], FA_OK);
    assert_memory_equal(desk.bytes, memory, 10 * 512);
    assert_int_equal(desk.submitted, 10);
    assert_int_equal(desk.in_flight_max, 2);
}

/* The memory is the device's as long as it has the request. */
static void time_and_cancellation_wait_for_the_device(void **state)
{
    (void)state;
    job slow = {FA_BLOCK_READ, 0, memory, 512, fa_after_ms(5), FA_OK, false};
    start(&slow);
    fa_sleep(fa_after_s(10));
    assert_false(slow.done);
    answer_next(1, FA_OK);
    finish(&slow, FA_OK);
    fa_scope inner;
    fa_scope_open(&inner);
    job canceled = {FA_BLOCK_READ, 0, memory, 40 * 512, 0, FA_OK, false};
    start_in(&inner, &canceled);
    fa_scope_cancel(&inner);
    for (unsigned turn = 0; turn < 8; turn++)
        fa_sleep(FA_NOW);
    assert_false(canceled.done);
    answer_next(1, FA_OK);
    fa_sleep(FA_NOW);
    assert_false(canceled.done);
    answer_next(1, FA_OK);
    fa_scope_close(&inner); /* the first 32 sectors were read, the others not begun */
    finish(&canceled, FA_ECANCELED);
    assert_int_equal(desk.submitted, 3);
}

static void a_hung_device_is_stopped(void **state)
{
    (void)state;
    job jobs[3];
    const uint64_t start_ns = board_now_ns;
    for (size_t i = 0; i < 3; i++) {
        jobs[i] = (job){FA_BLOCK_READ, i, memory + i * 512, 512, 0, FA_OK, false};
        start(&jobs[i]);
    }
    fa_sleep(fa_after_ns(FA_BLOCK_HUNG_NS - FA_NS_PER_S));
    assert_false(jobs[0].done || desk.stopped);
    fa_sleep(fa_after_s(2));
    for (size_t i = 0; i < 3; i++)
        finish(&jobs[i], FA_EIO);
    assert_true(desk.stopped && board_now_ns - start_ns < FA_BLOCK_HUNG_NS + 2 * FA_NS_PER_S);
    job after = {FA_BLOCK_FLUSH, 0, NULL, 0, 0, FA_OK, false};
    start(&after);
    finish(&after, FA_EIO);
}

/* The machine was paused, and its clock has jumped; or an interrupt was lost. */
static void a_pause_is_no_hang(void **state)
{
    (void)state;
    job read = {FA_BLOCK_READ, 0, memory, 512, 0, FA_OK, false};
    start(&read);
    board_now_ns += 10 * FA_BLOCK_HUNG_NS;
    fa_sleep(fa_after_ms(100));
    assert_false(read.done || desk.stopped);
    desk.ready = 1;
    fa_sleep(fa_after_s(2));
    finish(&read, FA_OK);
}

static fa_err change_err;
static void await_change(void *arg)
{
    change_err = fa_block_wait_change(disk, *(uint32_t *)arg, FA_FOREVER);
}

static void changes(void **state)
{
    (void)state;
    uint32_t seen = info().changes;
    assert_int_equal(fa_block_wait_change(disk, seen, fa_after_ms(1)), FA_ETIMEDOUT);
    change_err = FA_EIO;
    assert_int_equal(fa_scope_spawn(&scope, "change", await_change, &seen), FA_OK);
    fa_sleep(FA_NOW);
    desk.device.sector_count = 2 * SECTORS;
    desk_news();
    fa_sleep(FA_NOW);
    assert_int_equal(change_err, FA_OK);
    assert_int_equal(info().sector_count, 2 * SECTORS);
    /* A device that cannot tell is asked, as often as it says. */
    desk.device.poll_by = fa_after_s(3);
    seen = info().changes;
    change_err = FA_EIO;
    assert_int_equal(fa_scope_spawn(&scope, "change", await_change, &seen), FA_OK);
    fa_sleep(FA_NOW);
    desk.device.sector_count = SECTORS;
    fa_sleep(fa_after_s(2));
    assert_int_equal(change_err, FA_EIO);
    fa_sleep(fa_after_s(2));
    assert_int_equal(change_err, FA_OK);
    desk.device.poll_by = FA_FOREVER;
    /* It is taken away while one waits for room. */
    job jobs[3];
    for (size_t i = 0; i < 3; i++) {
        jobs[i] = (job){FA_BLOCK_READ, i, memory + i * 512, 512, 0, FA_OK, false};
        start(&jobs[i]);
    }
    desk.device.is_present = false;
    answer_next(2, FA_ECLOSED);
    for (size_t i = 0; i < 3; i++)
        finish(&jobs[i], FA_ECLOSED);
    assert_false(info().present);
    assert_int_equal(info().changes, seen + 2);
    desk.device.is_present = true;
    desk_news();
    assert_true(info().present);
    /* It is taken away and answers later: who waits for room need not. */
    for (size_t i = 0; i < 3; i++) {
        jobs[i] = (job){FA_BLOCK_READ, i, memory + i * 512, 512, 0, FA_OK, false};
        start(&jobs[i]);
    }
    desk.device.is_present = false;
    desk_news();
    finish(&jobs[2], FA_ECLOSED);
    assert_false(jobs[0].done || jobs[1].done);
    answer_next(2, FA_ECLOSED);
    finish(&jobs[1], FA_ECLOSED);
}

/* What the device cannot use is copied, and nothing else. */
static void copies(void **state)
{
    (void)state;
    job odd = {FA_BLOCK_READ, 1, memory + 8, 40 * 512, 0, FA_OK, false}; /* 16, 16 and 8 sectors */
    for (size_t i = 0; i < sizeof desk.bytes; i++)
        desk.bytes[i] = (uint8_t)(i / 512 * 3 + i);
    start(&odd);
    job other = {FA_BLOCK_READ, 50, memory + 41 * 512 + 1, 512, fa_after_ms(1), FA_OK, false};
    start(&other); /* one at a time */
    assert_int_equal(desk.count, 1);
    fa_sleep(fa_after_ms(2));
    finish(&other, FA_ETIMEDOUT);
    for (unsigned i = 0; i < 3; i++) {
        answer_next(1, FA_OK);
        fa_sleep(FA_NOW);
    }
    finish(&odd, FA_OK);
    assert_memory_equal(memory + 8, desk.bytes + 512, 40 * 512);
    assert_int_equal(info().copied_sectors, 40);
    job write = {FA_BLOCK_WRITE, 1, memory + 1, 512, 0, FA_OK, false}; /* any bytes will do */
    start(&write);
    answer_next(1, FA_OK);
    finish(&write, FA_OK);
    assert_int_equal(info().copied_sectors, 40);
    desk.no_memory = true;
    write = (job){FA_BLOCK_WRITE, 2, memory, 1024, 0, FA_OK, false};
    start(&write);
    assert_int_equal(desk.refused, 1);
    answer_next(1, FA_OK);
    finish(&write, FA_OK);
    assert_memory_equal(desk.bytes + 1024, memory, 1024);
    assert_int_equal(info().copied_sectors, 42);
}

static void closing_too_early(void)
{
    job read = {FA_BLOCK_READ, 0, memory, 512, 0, FA_OK, false};
    (void)setup(NULL);
    start(&read);
    fa_block_close(disk);
}

static void no_close_under_way(void **state)
{
    (void)state;
    board_expect_crash(closing_too_early, "not true: block->users == 0");
}

static unsigned turns;
static void take_turns(void *arg)
{
    (void)arg;
    while (fa_sleep(FA_NOW) == FA_OK)
        turns++;
}

static void ram(void **state)
{
    (void)state;
    fa_block *ramdisk;
    assert_int_equal(fa_block_open_ram(0, &ramdisk), FA_EINVAL);
    assert_int_equal(fa_block_open_ram(1000, &ramdisk), FA_EINVAL);
    assert_int_equal(fa_block_open_ram(sizeof memory, &ramdisk), FA_OK);
    const fa_block_from from[] = {{memory, 512}, {NULL, 0}, {memory + 1, 1024}, {memory + 3, 0}};
    uint8_t back[1536];
    turns = 0;
    fa_scope inner;
    fa_scope_open(&inner);
    assert_int_equal(fa_scope_spawn(&inner, "turns", take_turns, NULL), FA_OK);
    for (unsigned i = 0; i < 40; i++) { /* and others have their turns */
        assert_int_equal(fa_block_write(ramdisk, 5, from, 4, WAIT), FA_OK);
        assert_int_equal(fa_block_read(ramdisk, 5, &(fa_block_into){back, 1536}, 1, WAIT), FA_OK);
    }
    fa_scope_close(&inner);
    assert_in_range(turns, 10, 40);
    assert_memory_equal(back, memory, 512);
    assert_memory_equal(back + 512, memory + 1, 1024);
    assert_int_equal(fa_block_flush(ramdisk, WAIT), FA_OK);
    assert_int_equal(fa_block_discard(ramdisk, 0, SECTORS, WAIT), FA_OK);
    assert_int_equal(fa_block_read(ramdisk, SECTORS, &(fa_block_into){back, 512}, 1, WAIT), FA_ERANGE);
    fa_block_close(ramdisk);
}

/* Many fibers, each with sectors of its own, over a disk that answers late and in any order. */
#define WORKERS 24u
#define WORKER_SECTORS 40u
static uint64_t now_of(void *user)
{
    (void)user;
    return board_now_ns;
}

static fa_block *bad_disk;
static unsigned workers_done;
static void worker(void *arg)
{
    const uint64_t number = (uint64_t)((const uint8_t *)arg - memory);
    static uint8_t model[WORKERS][WORKER_SECTORS * 512];
    static _Alignas(64) uint8_t bytes[WORKERS][WORKER_SECTORS * 512 + 64];
    uint64_t random = TEST_SEED + number;
    for (unsigned round = 0; round < 60; round++) {
        const size_t first = test_random_below(&random, WORKER_SECTORS);
        const size_t count = 1 + test_random_below(&random, WORKER_SECTORS - first);
        uint8_t *at = bytes[number] + (test_random_below(&random, 3) == 0 ? 4 : 0);
        const size_t cut = test_random_below(&random, count + 1) * 512, len = count * 512;
        const uint64_t sector = number * WORKER_SECTORS + first;
        if (test_random_below(&random, 2) == 0) {
            for (size_t i = 0; i < len; i++)
                at[i] = (uint8_t)test_random(&random);
            memcpy(model[number] + first * 512, at, len);
            const fa_block_from from[] = {{at, cut}, {at + cut, len - cut}};
            assert_int_equal(fa_block_write(bad_disk, sector, from, 2, FA_FOREVER), FA_OK);
        } else {
            const fa_block_into into[] = {{at, cut}, {at + cut, len - cut}};
            assert_int_equal(fa_block_read(bad_disk, sector, into, 2, FA_FOREVER), FA_OK);
            assert_memory_equal(at, model[number] + first * 512, len);
        }
        if (test_random_below(&random, 10) == 0)
            assert_int_equal(fa_block_flush(bad_disk, FA_FOREVER), FA_OK);
    }
    workers_done++;
}

static void many_over_a_late_disk(void **state)
{
    (void)state;
    static fa_ramdisk below;
    static fa_block_faults faults;
    void *bytes = calloc(WORKERS * WORKER_SECTORS, 512);
    fa_ramdisk_init(&below, bytes, 512, WORKERS * WORKER_SECTORS);
    const fa_block_faults_options options = {.seed = 3, .early_permille = 300,
                                             .delay_ns = FA_NS_PER_MS, .jitter_ns = 9 * FA_NS_PER_MS};
    assert_int_equal(fa_block_faults_init(&faults, &below.device, &options, now_of, NULL), FA_OK);
    faults.device.read_align_bytes = 64;
    faults.device.parts_max = 2;
    faults.device.transfer_sectors_max = 24;
    assert_int_equal(fa_block_over_take(&faults.device, &bad_disk), FA_OK);
    workers_done = 0;
    for (size_t i = 0; i < WORKERS; i++)
        assert_int_equal(fa_scope_spawn(&scope, "worker", worker, memory + i), FA_OK);
    assert_int_equal(fa_scope_wait(&scope, FA_FOREVER), FA_OK);
    assert_int_equal(workers_done, WORKERS);
    fa_block_close(bad_disk);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(waits_for_the_device), TEST(errors_say_where), TEST(refuses),
        TEST(more_callers_than_room), TEST(time_and_cancellation_wait_for_the_device),
        TEST(a_hung_device_is_stopped), TEST(a_pause_is_no_hang), TEST(changes), TEST(copies), TEST(no_close_under_way),
        TEST(ram), TEST(many_over_a_late_disk),
    };
    return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
