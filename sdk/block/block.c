/* SPDX-License-Identifier: ISC */
/* <fata/block.h> over a device: cuts calls into requests, copies what the device cannot use as it
 * lies, and waits. Requests lie in the frame of the fiber that waits for them: a few at a time of a
 * call that is larger than one, so that the device always has something to do. */
#include "../fiber/sched.h"
#include "blockdev.h"
#include <fata/fiber.h>
#include <fata/log.h>
#include <fata/panic.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("block");

#define BOUNCE_ALIGN_BYTES ((size_t)4096)
/* Requests that were done at once, by all fibers, before another one has its turn. */
#define TURN_REQUESTS 4u
#define HUNG_STEPS 30u
/* Requests of one call under way at a time. */
#define CALL_REQUESTS_MAX 4u

struct fa_block {
    fa_blockdev *device;
    unsigned users; /* calls under way */
    fa_waitq for_room, for_bounce, for_change;
    uint8_t *bounce; /* FA_BLOCK_BOUNCE_BYTES, from the first time that they are needed */
    bool bounce_used;
    unsigned requests_without_wait;
    fa_block_info info;
};

struct call;

typedef struct part {
    fa_block_request request; /* the first member */
    struct call *call;
    bool is_under_way;
} part;

/* A call, whose fiber waits for its requests. */
typedef struct call {
    fa_block *block;
    fa_deadline deadline;
    fa_waitq queue;
    unsigned under_way;
    fa_err err; /* the first one of a request */
    part parts[CALL_REQUESTS_MAX];
} call;

/* A way through the pieces of a read or write. */
typedef struct cursor {
    const fa_block_from *from; /* one of the two is NULL */
    const fa_block_into *into;
    size_t piece, offset;
    uint64_t sector;
    size_t left_bytes;
} cursor;

static void take_note(fa_block *block)
{
    const fa_blockdev *device = block->device;
    fa_block_info *info = &block->info;
    if (info->sector_count == device->sector_count && info->present == device->is_present &&
        info->read_only == device->read_only)
        return;
    info->sector_count = device->sector_count;
    info->present = device->is_present;
    info->read_only = device->read_only;
    info->can_discard = device->discard_sectors_max > 0;
    info->needs_flush = device->has_cache;
    info->changes++;
    fa_waitq_wake_all(&block->for_change);
    fa_waitq_wake_all(&block->for_room); /* there may be nothing to wait for */
}

/* What the device has to tell, until it has nothing: at most as much as it has requests. */
static void look(fa_block *block)
{
    do
        block->device->ops->poll(block->device);
    while (block->device->ops->arm(block->device));
    take_note(block);
}

static void woken_by_device(void *arg)
{
    look(arg);
}

static const char *verb_of(fa_block_kind kind)
{
    static const char *const verbs[] = {"read", "write", "flush", "discard"};
    return verbs[kind];
}

static void count(fa_block *block, const fa_block_request *request, fa_err err)
{
    fa_block_info *info = &block->info;
    if (err == FA_OK && request->kind == FA_BLOCK_READ)
        info->read_sectors += request->count;
    if (err == FA_OK && request->kind == FA_BLOCK_WRITE)
        info->written_sectors += request->count;
    if (err == FA_OK)
        return;
    info->error_count++;
    info->error_sector = request->sector;
    if (request->kind == FA_BLOCK_FLUSH)
        fa_log_error("%s: cannot flush: %s", info->device, fa_err_text(err));
    else
        fa_log_error("%s: cannot %s sectors %" PRIu64 " to %" PRIu64 ": %s", info->device,
                     verb_of(request->kind), request->sector, request->sector + request->count - 1,
                     fa_err_text(err));
}

static void done(fa_block_request *request)
{
    part *p = (part *)(void *)request;
    call *c = p->call;
    p->is_under_way = false;
    c->under_way--;
    if (c->err == FA_OK)
        c->err = request->err;
    count(c->block, request, request->err);
    fa_waitq_wake_all(&c->queue);
    fa_waitq_wake_all(&c->block->for_room);
}

/* Whether it was taken away, and is expected back. */
static bool is_away(const fa_blockdev *device)
{
    return !device->is_present && !device->is_stopped && device->ops->recall != NULL;
}

/* Whether a call may begin a request now; waits for a device that is away. */
static fa_err await_usable(fa_block *block, fa_deadline deadline)
{
    const fa_blockdev *device = block->device;
    for (;;) {
        if (fa_canceled())
            return FA_ECANCELED;
        if (device->is_stopped)
            return FA_EIO;
        if (deadline <= fa_clock_mono_ns())
            return device->is_present ? FA_ETIMEDOUT : FA_ECLOSED;
        if (!is_away(device))
            return device->is_present ? FA_OK : FA_ECLOSED;
        const fa_err err = fa_waitq_wait(&block->for_room, deadline); /* see take_note() */
        if (err == FA_ECANCELED)
            return err;
    }
}

static void stop(fa_block *block)
{
    fa_log_error("%s has not answered for %u s: it is stopped", block->info.device,
                 (unsigned)(FA_BLOCK_HUNG_NS / FA_NS_PER_S));
    block->device->ops->stop(block->device);
    take_note(block);
}

/* A step of the wait for a device that is away: until the call's time is over, and what it has asked
 * for is taken back. */
static void await_return(call *c)
{
    fa_blockdev *device = c->block->device;
    const fa_deadline step_end = fa_after_ns(FA_BLOCK_HUNG_NS / HUNG_STEPS);
    const fa_err err =
        fa_waitq_wait(&c->queue, c->deadline < step_end ? c->deadline : step_end);
    if (err != FA_ECANCELED && c->deadline > fa_clock_mono_ns())
        return;
    for (unsigned i = 0; i < CALL_REQUESTS_MAX; i++) {
        part *p = &c->parts[i];
        if (!p->is_under_way || !device->ops->recall(device, &p->request))
            continue;
        p->request.err = err == FA_ECANCELED ? err : FA_ECLOSED;
        done(&p->request);
    }
}

/* Until the device has at most so many requests of the call, in bounded time: their memory is the
 * device's so long. The time is counted in steps, so that a machine that was paused, whose clock then
 * jumps, gives the device the rest of it. An interrupt that was lost costs one step. */
static void wait_until(call *c, unsigned most)
{
    fa_block *block = c->block;
    fa_blockdev *device = block->device;
    unsigned steps_left = HUNG_STEPS;
    fa_deadline step_end = fa_after_ns(FA_BLOCK_HUNG_NS / HUNG_STEPS);
    while (c->under_way > most) {
        if (device->ops->arm(device)) {
            look(block);
            continue;
        }
        if (is_away(device)) {
            await_return(c);
            steps_left = HUNG_STEPS;
            step_end = fa_after_ns(FA_BLOCK_HUNG_NS / HUNG_STEPS);
            continue;
        }
        fa_deadline end = device->poll_by < step_end ? device->poll_by : step_end;
        if (c->deadline < end && c->deadline > fa_clock_mono_ns())
            end = c->deadline; /* it may be away by then */
        const fa_err err = fa_sched_wait_held(&c->queue, end);
        if (err == FA_OK || c->under_way <= most)
            continue;
        look(block);
        if (c->under_way <= most || step_end > fa_clock_mono_ns())
            continue;
        step_end = fa_after_ns(FA_BLOCK_HUNG_NS / HUNG_STEPS);
        if (--steps_left == 0)
            stop(block);
    }
}

/* Until the device may have room: some, if it is this call's own requests that it has. */
static fa_err await_room(call *c)
{
    fa_block *block = c->block;
    if (block->device->ops->arm(block->device)) {
        look(block);
        return FA_OK;
    }
    if (c->under_way > 0) {
        wait_until(c, c->under_way - 1);
        return FA_OK;
    }
    const fa_deadline poll_by = block->device->poll_by;
    const fa_err err =
        fa_waitq_wait(&block->for_room, c->deadline < poll_by ? c->deadline : poll_by);
    if (poll_by <= fa_clock_mono_ns())
        look(block);
    return err == FA_ECANCELED ? err : FA_OK;
}

/* Gives a request to the device, when there is room. FA_EINVAL: the device cannot use the memory. */
static fa_err begin(call *c, part *p)
{
    fa_block *block = c->block;
    fa_err err = FA_OK;
    if (block->requests_without_wait++ >= TURN_REQUESTS) {
        block->requests_without_wait = 0;
        err = fa_sleep(FA_NOW);
    }
    p->request.done = done;
    p->call = c;
    while (err == FA_OK) {
        err = await_usable(block, c->deadline);
        if (err != FA_OK)
            return err;
        p->is_under_way = true;
        c->under_way++;
        err = block->device->ops->submit(block->device, &p->request);
        if (err == FA_OK)
            break;
        p->is_under_way = false;
        c->under_way--;
        if (err != FA_EAGAIN)
            return err;
        err = await_room(c);
    }
    if (p->is_under_way)
        block->requests_without_wait = 0;
    return err;
}

/* (Not all of it: most is for parts that most calls do not need.) */
static void init_call(call *c, fa_block *block, fa_deadline deadline)
{
    c->block = block;
    c->deadline = deadline;
    c->queue = (fa_waitq){NULL, NULL};
    c->under_way = 0;
    c->err = FA_OK;
    for (unsigned i = 0; i < CALL_REQUESTS_MAX; i++)
        c->parts[i].is_under_way = false;
}

/* One request without data, from the beginning to the end. */
static fa_err run(fa_block *block, fa_block_kind kind, uint64_t sector, uint32_t sectors,
                  fa_deadline deadline)
{
    call c;
    init_call(&c, block, deadline);
    fa_block_request *request = &c.parts[0].request;
    request->kind = kind;
    request->sector = sector;
    request->count = sectors;
    request->part_count = 0;
    const fa_err err = begin(&c, &c.parts[0]);
    wait_until(&c, 0);
    return err == FA_OK ? c.err : err;
}

/* Reading and writing. */

static uint8_t *bytes_at(const cursor *at, size_t piece)
{
    /* (A device only reads what is written to it.) */
    return at->into != NULL ? at->into[piece].bytes : (uint8_t *)(uintptr_t)at->from[piece].bytes;
}

static size_t len_at(const cursor *at, size_t piece)
{
    return at->into != NULL ? at->into[piece].len : at->from[piece].len;
}

static void skip(cursor *at, size_t len)
{
    at->left_bytes -= len;
    while (len > 0) {
        const size_t left = len_at(at, at->piece) - at->offset;
        const size_t step = len < left ? len : left;
        at->offset += step;
        len -= step;
        if (at->offset == len_at(at, at->piece)) {
            at->piece++;
            at->offset = 0;
        }
    }
}

/* Copies the next bytes to or from the bounce buffer. */
static void copy(cursor at, uint8_t *bounce, size_t len)
{
    while (len > 0) {
        const size_t left = len_at(&at, at.piece) - at.offset;
        const size_t step = len < left ? len : left;
        if (step > 0 && at.into != NULL)
            memcpy(bytes_at(&at, at.piece) + at.offset, bounce, step);
        else if (step > 0)
            memcpy(bounce, bytes_at(&at, at.piece) + at.offset, step);
        skip(&at, step);
        if (step == 0) { /* an empty piece */
            at.piece++;
            at.offset = 0;
        }
        bounce += step;
        len -= step;
    }
}

/* Parts for the next request, of memory as it lies. Returns how many bytes; 0: the next of them are
 * not aligned. */
static size_t gather(const fa_block *block, cursor at, fa_block_request *request)
{
    const fa_blockdev *device = block->device;
    const size_t align =
        at.into != NULL ? device->read_align_bytes : device->write_align_bytes;
    const size_t most = (size_t)device->transfer_sectors_max * device->sector_bytes;
    size_t len = 0;
    request->part_count = 0;
    while (len < most && at.left_bytes > 0 && request->part_count < device->parts_max) {
        size_t step = len_at(&at, at.piece) - at.offset;
        uint8_t *bytes = bytes_at(&at, at.piece) + at.offset;
        if (step == 0) {
            at.piece++;
            at.offset = 0;
            continue;
        }
        if ((uintptr_t)bytes % align != 0)
            break;
        step = step < most - len ? step : most - len;
        request->parts[request->part_count++] = (fa_block_part){bytes, (uint32_t)step};
        len += step;
        skip(&at, step);
    }
    return len;
}

static void prepare(const fa_block *block, const cursor *at, size_t len, part *p)
{
    p->request.kind = at->into != NULL ? FA_BLOCK_READ : FA_BLOCK_WRITE;
    p->request.sector = at->sector;
    p->request.count = (uint32_t)(len / block->info.sector_bytes);
}

static fa_err take_bounce(fa_block *block, fa_deadline deadline)
{
    while (block->bounce_used) {
        const fa_err err = fa_waitq_wait(&block->for_bounce, deadline);
        if (err != FA_OK)
            return err;
    }
    if (block->bounce == NULL)
        block->bounce = aligned_alloc(BOUNCE_ALIGN_BYTES, FA_BLOCK_BOUNCE_BYTES);
    if (block->bounce == NULL)
        return FA_ENOMEM;
    block->bounce_used = true;
    return FA_OK;
}

/* The next request by way of the bounce buffer, when the others are done. */
static fa_err run_copied(call *c, const cursor *at, size_t *len_out)
{
    fa_block *block = c->block;
    part *p = &c->parts[0];
    const size_t most = (size_t)block->device->transfer_sectors_max * block->info.sector_bytes;
    size_t len = at->left_bytes < FA_BLOCK_BOUNCE_BYTES ? at->left_bytes : FA_BLOCK_BOUNCE_BYTES;
    len = len < most ? len : most;
    wait_until(c, 0);
    fa_err err = c->err == FA_OK ? take_bounce(block, c->deadline) : c->err;
    if (err != FA_OK)
        return err;
    if (at->into == NULL)
        copy(*at, block->bounce, len);
    prepare(block, at, len, p);
    p->request.part_count = 1;
    p->request.parts[0] = (fa_block_part){block->bounce, (uint32_t)len};
    err = begin(c, p);
    wait_until(c, 0);
    if (err == FA_OK)
        err = c->err;
    if (err == FA_OK && at->into != NULL)
        copy(*at, block->bounce, len);
    block->info.copied_sectors += err == FA_OK ? p->request.count : 0;
    block->bounce_used = false;
    fa_waitq_wake_one(&block->for_bounce);
    *len_out = len;
    return err;
}

static part *free_part(call *c)
{
    part *p = c->parts;
    wait_until(c, CALL_REQUESTS_MAX - 1);
    while (p->is_under_way)
        p++;
    return p;
}

static fa_err transfer(call *c, cursor *at)
{
    const fa_block *block = c->block;
    fa_err err = FA_OK;
    while (err == FA_OK && at->left_bytes > 0) {
        part *p = free_part(c);
        if (c->err != FA_OK)
            break;
        size_t len = gather(block, *at, &p->request);
        err = FA_EINVAL;
        if (len > 0) {
            prepare(block, at, len, p);
            err = begin(c, p);
        }
        if (err == FA_EINVAL)
            err = run_copied(c, at, &len);
        if (err != FA_OK)
            break;
        at->sector += len / block->info.sector_bytes;
        skip(at, len);
    }
    wait_until(c, 0);
    return c->err == FA_OK ? err : c->err;
}

static fa_err check_range(const fa_block *block, uint64_t sector, uint64_t sectors)
{
    const uint64_t end = block->device->sector_count;
    return sector > end || sectors > end - sector ? FA_ERANGE : FA_OK;
}

/* Checks the pieces, `count` of them, and carries them over. */
static fa_err run_transfer(fa_block *block, cursor at, size_t piece_count, fa_deadline deadline)
{
    for (size_t i = 0; i < piece_count; i++) {
        const size_t len = len_at(&at, i);
        if (len % block->info.sector_bytes != 0 || len > SIZE_MAX - at.left_bytes)
            return FA_EINVAL;
        at.left_bytes += len;
    }
    if (at.from != NULL && block->device->read_only)
        return FA_EPERM;
    fa_err err = check_range(block, at.sector, at.left_bytes / block->info.sector_bytes);
    if (err != FA_OK)
        return err;
    call c;
    init_call(&c, block, deadline);
    block->users++;
    err = transfer(&c, &at);
    block->users--;
    return err;
}

fa_err fa_block_read(fa_block *block, uint64_t sector, const fa_block_into *pieces, size_t count,
                     fa_deadline deadline)
{
    return run_transfer(block, (cursor){.into = pieces, .sector = sector}, count, deadline);
}

fa_err fa_block_write(fa_block *block, uint64_t sector, const fa_block_from *pieces, size_t count,
                      fa_deadline deadline)
{
    return run_transfer(block, (cursor){.from = pieces, .sector = sector}, count, deadline);
}

fa_err fa_block_flush(fa_block *block, fa_deadline deadline)
{
    block->users++;
    const fa_err err = block->device->has_cache && !block->device->read_only
                           ? run(block, FA_BLOCK_FLUSH, 0, 0, deadline)
                           : await_usable(block, deadline);
    block->users--;
    return err;
}

fa_err fa_block_discard(fa_block *block, uint64_t sector, uint64_t count, fa_deadline deadline)
{
    const uint32_t most = block->device->discard_sectors_max;
    if (block->device->read_only)
        return FA_EPERM;
    fa_err err = most == 0 ? FA_ENOTSUP : check_range(block, sector, count);
    block->users++;
    while (err == FA_OK && count > 0) {
        const uint32_t step = count < most ? (uint32_t)count : most;
        err = run(block, FA_BLOCK_DISCARD, sector, step, deadline);
        sector += step;
        count -= step;
    }
    block->users--;
    return err;
}

/* Opening, closing, and what there is to know. */

void fa_block_info_get(const fa_block *block, fa_block_info *info_out)
{
    *info_out = block->info;
}

fa_err fa_block_wait_change(fa_block *block, uint32_t seen, fa_deadline deadline)
{
    fa_err err = FA_OK;
    block->users++;
    while (err == FA_OK && block->info.changes == seen) {
        const fa_deadline poll_by = block->device->poll_by;
        err = fa_waitq_wait(&block->for_change, deadline < poll_by ? deadline : poll_by);
        if (err != FA_ETIMEDOUT || deadline <= fa_clock_mono_ns())
            continue;
        look(block);
        err = FA_OK;
    }
    block->users--;
    return err;
}

fa_err fa_block_over_take(fa_blockdev *device, fa_block **block_out)
{
    fa_block *block = malloc(sizeof *block);
    if (block == NULL) {
        device->ops->close(device);
        return FA_ENOMEM;
    }
    const uint32_t read_align = device->read_align_bytes, write_align = device->write_align_bytes;
    *block = (fa_block){
        .device = device,
        .info = {.device = device->name,
                 .sector_bytes = device->sector_bytes,
                 .physical_bytes = device->physical_bytes > device->sector_bytes
                                       ? device->physical_bytes
                                       : device->sector_bytes,
                 .align_bytes = read_align > write_align ? read_align : write_align,
                 .sector_count = device->sector_count,
                 .read_only = device->read_only,
                 .present = device->is_present,
                 .can_discard = device->discard_sectors_max > 0,
                 .needs_flush = device->has_cache},
    };
    device->wake = woken_by_device;
    device->wake_arg = block;
    look(block);
    *block_out = block;
    return FA_OK;
}

void fa_block_close(fa_block *block)
{
    fa_assert(block->users == 0);
    block->device->ops->close(block->device);
    free(block->bounce);
    free(block);
}
