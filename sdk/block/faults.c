/* SPDX-License-Identifier: ISC */
/* A bad disk: see faults.h. */
#include "faults.h"
#include <fata/panic.h>
#include <stdlib.h>
#include <string.h>

static fa_block_faults *faults_of(fa_blockdev *device)
{
    return (fa_block_faults *)(void *)device; /* its first member */
}

static uint64_t random_below(fa_block_faults *faults, uint64_t limit)
{
    faults->random ^= faults->random >> 12; /* xorshift64* */
    faults->random ^= faults->random << 25;
    faults->random ^= faults->random >> 27;
    return (faults->random * UINT64_C(0x2545f4914f6cdd1d) >> 16) % limit;
}

static bool happens(fa_block_faults *faults, unsigned permille)
{
    return permille > 0 && random_below(faults, 1000) < permille;
}

static void turn_bit(fa_block_faults *faults, uint8_t *bytes, uint32_t len)
{
    bytes[random_below(faults, len)] ^= (uint8_t)(1u << random_below(faults, 8));
}

/* The device below. */

typedef struct below_request {
    fa_block_request request; /* the first member */
    bool is_done;
} below_request;

static void below_done(fa_block_request *request)
{
    ((below_request *)(void *)request)->is_done = true;
}

static fa_err ask_below(fa_block_faults *faults, const fa_block_request *what)
{
    below_request r = {.request = *what};
    r.request.done = below_done;
    const fa_err err = faults->below->ops->submit(faults->below, &r.request);
    if (err != FA_OK)
        return err;
    fa_assert(r.is_done);
    return r.request.err;
}

/* The cache. */

static fa_block_faults_sector *find(fa_block_faults *faults, uint64_t sector)
{
    for (unsigned i = 0; i < faults->cache_count; i++)
        if (faults->cache[i].sector == sector)
            return &faults->cache[i];
    return NULL;
}

static void forget(fa_block_faults *faults, fa_block_faults_sector *entry)
{
    const fa_block_faults_sector gone = *entry;
    *entry = faults->cache[--faults->cache_count];
    faults->cache[faults->cache_count] = gone; /* its memory is for the next one */
}

/* A sector of the cache goes to the device below. */
static fa_err write_back(fa_block_faults *faults, fa_block_faults_sector *entry)
{
    if (happens(faults, faults->options.rot_permille)) {
        turn_bit(faults, entry->bytes, faults->device.sector_bytes);
        faults->rotten++;
    }
    const fa_err err = ask_below(
        faults, &(fa_block_request){.kind = FA_BLOCK_WRITE,
                                    .sector = entry->sector,
                                    .count = 1,
                                    .part_count = 1,
                                    .parts = {{entry->bytes, faults->device.sector_bytes}}});
    if (err == FA_OK)
        forget(faults, entry);
    return err;
}

static fa_err write_back_any(fa_block_faults *faults)
{
    return write_back(faults, &faults->cache[random_below(faults, faults->cache_count)]);
}

static fa_err put(fa_block_faults *faults, uint64_t sector, const uint8_t *bytes)
{
    fa_block_faults_sector *entry = find(faults, sector);
    if (entry == NULL && faults->cache_count == FA_BLOCK_FAULTS_SECTORS_MAX) {
        const fa_err err = write_back_any(faults);
        if (err != FA_OK)
            return err;
    }
    if (entry == NULL)
        entry = &faults->cache[faults->cache_count++];
    entry->sector = sector;
    entry->write = faults->write_count;
    memcpy(entry->bytes, bytes, faults->device.sector_bytes);
    return FA_OK;
}

static fa_err write_sectors(fa_block_faults *faults, const fa_block_request *request)
{
    const uint32_t sector_bytes = faults->device.sector_bytes;
    uint64_t sector = request->sector;
    fa_err err = FA_OK;
    if (faults->cache_count > 0 && happens(faults, faults->options.early_permille)) {
        err = write_back_any(faults);
        faults->early++;
    }
    faults->write_count++;
    for (unsigned i = 0; i < request->part_count; i++)
        for (uint32_t at = 0; err == FA_OK && at < request->parts[i].len; at += sector_bytes)
            err = put(faults, sector++, request->parts[i].bytes + at);
    return err;
}

static void damage(fa_block_faults *faults, const fa_block_request *request)
{
    const fa_block_part *part = &request->parts[random_below(faults, request->part_count)];
    turn_bit(faults, part->bytes, part->len);
    faults->damaged++;
}

static fa_err read_sectors(fa_block_faults *faults, const fa_block_request *request)
{
    const uint32_t sector_bytes = faults->device.sector_bytes;
    uint64_t sector = request->sector;
    const fa_err err = ask_below(faults, request);
    if (err != FA_OK)
        return err;
    for (unsigned i = 0; i < request->part_count; i++)
        for (uint32_t at = 0; at < request->parts[i].len; at += sector_bytes) {
            const fa_block_faults_sector *entry = find(faults, sector++);
            if (entry != NULL)
                memcpy(request->parts[i].bytes + at, entry->bytes, sector_bytes);
        }
    if (happens(faults, faults->options.damage_permille))
        damage(faults, request);
    return FA_OK;
}

static fa_err flush(fa_block_faults *faults)
{
    if (happens(faults, faults->options.no_flush_permille)) {
        faults->not_flushed++;
        return FA_OK;
    }
    fa_err err = FA_OK;
    while (err == FA_OK && faults->cache_count > 0)
        err = write_back_any(faults);
    return err == FA_OK ? ask_below(faults, &(fa_block_request){.kind = FA_BLOCK_FLUSH}) : err;
}

static fa_err discard(fa_block_faults *faults, const fa_block_request *request)
{
    for (uint64_t i = 0; i < request->count; i++) {
        fa_block_faults_sector *entry = find(faults, request->sector + i);
        if (entry != NULL)
            forget(faults, entry);
    }
    return ask_below(faults, request);
}

static fa_err carry_out(fa_block_faults *faults, const fa_block_request *request)
{
    switch (request->kind) {
    case FA_BLOCK_READ: return read_sectors(faults, request);
    case FA_BLOCK_WRITE: return write_sectors(faults, request);
    case FA_BLOCK_FLUSH: return flush(faults);
    case FA_BLOCK_DISCARD: break;
    }
    return discard(faults, request);
}

/* Requests and answers. */

static void hold(fa_block_faults *faults, fa_block_request *request, fa_err err, fa_deadline due)
{
    unsigned at = faults->held_count++;
    for (; at > 0 && faults->held[at - 1].due > due; at--)
        faults->held[at] = faults->held[at - 1];
    faults->held[at] = (fa_block_faults_held){due, request, err};
    faults->device.poll_by = faults->held[0].due;
}

static void answer(fa_block_request *request, fa_err err)
{
    request->err = err;
    request->done(request);
}

/* The first that is held. */
static void answer_held(fa_block_faults *faults, fa_err err)
{
    fa_block_request *request = faults->held[0].request;
    faults->held_count--;
    memmove(faults->held, faults->held + 1, faults->held_count * sizeof faults->held[0]);
    faults->device.poll_by = faults->held_count > 0 ? faults->held[0].due : FA_FOREVER;
    answer(request, err);
}

static fa_err submit(fa_blockdev *device, fa_block_request *request)
{
    fa_block_faults *faults = faults_of(device);
    const fa_block_faults_options *options = &faults->options;
    if (device->is_stopped)
        return FA_EIO;
    if (faults->held_count == FA_BLOCK_FAULTS_HELD_MAX)
        return FA_EAGAIN;
    if (happens(faults, options->hang_permille)) {
        faults->hung++;
        hold(faults, request, FA_EIO, FA_FOREVER);
        return FA_OK;
    }
    const bool fails = happens(faults, options->error_permille);
    faults->failed += fails;
    const fa_err err = fails ? FA_EIO : carry_out(faults, request);
    uint64_t delay_ns = options->delay_ns;
    if (options->jitter_ns > 0)
        delay_ns += random_below(faults, options->jitter_ns + 1);
    if (delay_ns > 0)
        hold(faults, request, err, faults->now_ns(faults->user) + delay_ns);
    else
        answer(request, err);
    return FA_OK;
}

static bool is_due(const fa_block_faults *faults)
{
    return faults->held_count > 0 && faults->held[0].due <= faults->now_ns(faults->user);
}

static void poll(fa_blockdev *device)
{
    fa_block_faults *faults = faults_of(device);
    while (is_due(faults))
        answer_held(faults, faults->held[0].err);
}

static bool arm(fa_blockdev *device)
{
    return is_due(faults_of(device));
}

static void stop(fa_blockdev *device)
{
    fa_block_faults *faults = faults_of(device);
    device->is_stopped = true;
    while (faults->held_count > 0)
        answer_held(faults, FA_EIO);
}

static void close(fa_blockdev *device)
{
    free(faults_of(device)->memory);
}

void fa_block_faults_crash(fa_block_faults *faults)
{
    enum { LOST, TORN, WHOLE } fate;
    stop(&faults->device);
    while (faults->cache_count > 0) {
        const uint64_t write = faults->cache[0].write;
        const uint64_t dice = random_below(faults, 1000);
        fate = dice < faults->options.lost_permille                                    ? LOST
               : dice < faults->options.lost_permille + faults->options.torn_permille ? TORN
                                                                                       : WHOLE;
        faults->lost += fate == LOST;
        faults->torn += fate == TORN;
        for (unsigned i = faults->cache_count; i-- > 0;) {
            fa_block_faults_sector *entry = &faults->cache[i];
            if (entry->write != write)
                continue;
            const bool stays = fate == WHOLE || (fate == TORN && random_below(faults, 2) == 0);
            if (!stays || write_back(faults, entry) != FA_OK)
                forget(faults, entry);
        }
    }
}

fa_err fa_block_faults_init(fa_block_faults *faults, fa_blockdev *below,
                            const fa_block_faults_options *options,
                            uint64_t (*now_ns)(void *user), void *user)
{
    static const fa_blockdev_ops ops = {submit, poll, arm, stop, close, NULL};
    fa_assert(options->seed != 0);
    *faults = (fa_block_faults){.device = *below,
                                .below = below,
                                .options = *options,
                                .random = options->seed,
                                .now_ns = now_ns,
                                .user = user,
                                .memory = malloc((size_t)FA_BLOCK_FAULTS_SECTORS_MAX *
                                                 below->sector_bytes)};
    if (faults->memory == NULL)
        return FA_ENOMEM;
    for (unsigned i = 0; i < FA_BLOCK_FAULTS_SECTORS_MAX; i++)
        faults->cache[i].bytes = faults->memory + (size_t)i * below->sector_bytes;
    faults->device.ops = &ops;
    faults->device.name = "faults";
    faults->device.has_cache = true;
    faults->device.poll_by = FA_FOREVER;
    faults->device.wake = NULL;
    faults->device.wake_arg = NULL;
    return FA_OK;
}
