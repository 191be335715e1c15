/* SPDX-License-Identifier: ISC */
/* A block device that answers when the test says so, a block over it, and calls in fibers of their own. */
#ifndef FATA_TESTS_UNIT_BLOCK_DESK_H
#define FATA_TESTS_UNIT_BLOCK_DESK_H

#include "../../sdk/block/blockdev.h"
#include "block_job.h"
#include "board.h"
#include "test.h"
#include <fata/fiber.h>

#define SECTORS 64u

/* The device: it has room for `depth` requests, and answers each in `answer_next`. */
#define DEPTH_MAX 4u
static struct {
    fa_blockdev device;
    unsigned depth, count;
    fa_block_request *requests[DEPTH_MAX];
    unsigned ready; /* so many of them, the first, are answered by poll() */
    fa_err answer;
    bool armed, closed, stopped, no_memory;
    unsigned submitted, in_flight_max, refused;
    uint8_t bytes[SECTORS * 512];
} desk;

static fa_scope scope;
static _Alignas(64) uint8_t memory[SECTORS * 512];

static fa_err desk_submit(fa_blockdev *device, fa_block_request *request)
{
    assert_ptr_equal(device, &desk.device);
    assert_true(request->part_count <= device->parts_max && device->is_present && !device->is_stopped);
    if (desk.count == desk.depth)
        return FA_EAGAIN;
    if (desk.no_memory && request->part_count > 0 && request->parts[0].bytes >= memory &&
        request->parts[0].bytes < memory + sizeof memory) {
        desk.refused++;
        return FA_EINVAL;
    }
    uint64_t len = 0;
    for (unsigned i = 0; i < request->part_count; i++) {
        const uint32_t align =
            request->kind == FA_BLOCK_READ ? device->read_align_bytes : device->write_align_bytes;
        assert_int_equal((uintptr_t)request->parts[i].bytes % align, 0);
        assert_int_equal(request->parts[i].len % 512, 0);
        len += request->parts[i].len;
    }
    if (request->kind <= FA_BLOCK_WRITE)
        assert_true(len == request->count * 512 && request->count <= device->transfer_sectors_max);
    desk.requests[desk.count++] = request;
    desk.submitted++;
    if (desk.count > desk.in_flight_max)
        desk.in_flight_max = desk.count;
    return FA_OK;
}

static void answer(fa_err err)
{
    fa_block_request *request = desk.requests[0];
    memmove(desk.requests, desk.requests + 1, sizeof desk.requests - sizeof desk.requests[0]);
    desk.count--;
    uint8_t *at = desk.bytes + request->sector * 512;
    for (unsigned i = 0; i < request->part_count && err == FA_OK; i++) {
        if (request->kind == FA_BLOCK_READ)
            memcpy(request->parts[i].bytes, at, request->parts[i].len);
        else
            memcpy(at, request->parts[i].bytes, request->parts[i].len);
        at += request->parts[i].len;
    }
    request->err = err;
    request->done(request);
}

static void desk_poll(fa_blockdev *device)
{
    (void)device;
    for (; desk.ready > 0; desk.ready--)
        answer(desk.answer);
}

static bool desk_arm(fa_blockdev *device)
{
    (void)device;
    desk.armed = desk.ready == 0;
    return !desk.armed;
}

static void desk_stop(fa_blockdev *device)
{
    device->is_stopped = true;
    desk.stopped = true;
    while (desk.count > 0)
        answer(FA_EIO);
}

static void desk_close(fa_blockdev *device)
{
    (void)device;
    assert_int_equal(desk.count, 0);
    desk.closed = true;
}

static void desk_news(void)
{
    if (desk.armed) {
        desk.armed = false;
        desk.device.wake(desk.device.wake_arg);
    }
}

static void answer_next(unsigned count, fa_err err)
{
    assert_true(count <= desk.count);
    desk.ready = count;
    desk.answer = err;
    desk_news();
}

static int setup(void **state)
{
    static const fa_blockdev_ops ops = {desk_submit, desk_poll, desk_arm, desk_stop, desk_close, NULL};
    (void)state;
    memset(&desk, 0, sizeof desk);
    desk.depth = 2;
    desk.device = (fa_blockdev){.ops = &ops, .name = "desk", .sector_bytes = 512, .sector_count = SECTORS,
                                .is_present = true, .has_cache = true, .transfer_sectors_max = 16,
                                .discard_sectors_max = 10, .parts_max = 3, .read_align_bytes = 64,
                                .write_align_bytes = 1, .poll_by = FA_FOREVER};
    for (size_t i = 0; i < sizeof memory; i++)
        memory[i] = (uint8_t)(i / 512 + i % 7);
    fa_scope_open(&scope);
    return fa_block_over_take(&desk.device, &disk) == FA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    fa_scope_close(&scope);
    fa_block_close(disk);
    return desk.closed ? 0 : -1;
}

static void start_in(fa_scope *in, job *j)
{
    if (j->deadline == 0)
        j->deadline = FA_FOREVER;
    assert_int_equal(fa_scope_spawn(in, "job", run_job, j), FA_OK);
    fa_sleep(FA_NOW);
}

static void start(job *j)
{
    start_in(&scope, j);
}

static void finish(job *j, fa_err want)
{
    for (unsigned turn = 0; turn < 8 && !j->done; turn++)
        fa_sleep(FA_NOW);
    assert_true(j->done);
    assert_int_equal(j->err, want);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
