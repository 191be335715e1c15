/* SPDX-License-Identifier: ISC */
/* Block devices as their drivers provide them: requests in, completions out, nothing waits. A device
 * is a record with a table of functions; faults.h is a device over a device. block.c makes
 * <fata/block.h> of one. All calls come from fibers or from plat_poll(), never from an interrupt.
 *
 *     request = (fa_block_request){.kind = FA_BLOCK_READ, .sector = 8, .count = 8, .done = done, ...};
 *     err = device->ops->submit(device, &request);   // FA_EAGAIN: full
 *     if (device->ops->arm(device))                  // true: there is something already
 *         device->ops->poll(device);                 // calls done(&request)
 */
#ifndef FATA_BLOCK_BLOCKDEV_H
#define FATA_BLOCK_BLOCKDEV_H

#include <fata/block.h>

#define FA_BLOCK_PARTS_MAX 16u /* of a request */

typedef enum fa_block_kind {
    FA_BLOCK_READ,
    FA_BLOCK_WRITE,
    FA_BLOCK_FLUSH, /* of what was completed before */
    FA_BLOCK_DISCARD,
} fa_block_kind;

typedef struct fa_block_part {
    uint8_t *bytes; /* only read for a write */
    uint32_t len;
} fa_block_part;

/* It, and the memory of its parts, are the device's from submit() to done(). */
typedef struct fa_block_request {
    fa_block_kind kind;
    uint64_t sector;
    uint32_t count; /* sectors; 0 for a flush */
    uint32_t part_count;
    fa_block_part parts[FA_BLOCK_PARTS_MAX]; /* of a read or write: whole sectors, `count` in all */
    /* Called once, `err` being set; it may also be so within submit(). It must not suspend, or call
     * the device. */
    void (*done)(struct fa_block_request *request);
    fa_err err;
} fa_block_request;

typedef struct fa_blockdev fa_blockdev;

typedef struct fa_blockdev_ops {
    /* Takes a request that lies within the device's limits. Unless FA_OK, it was not taken. FA_EAGAIN:
     * there is no room until another is done; FA_EINVAL: a part is not memory that the device can
     * use; FA_ENOMEM; FA_ECLOSED: it is not present; FA_EIO: it is stopped. */
    fa_err (*submit)(fa_blockdev *device, fa_block_request *request);
    /* Completes what is done, and takes note of what has changed. */
    void (*poll)(fa_blockdev *device);
    /* Has `wake` called, once, when poll() will have something to do; true: it has so now, and `wake`
     * will not be called. */
    bool (*arm)(fa_blockdev *device);
    /* The device is not to be trusted any more: takes every request back and completes it with FA_EIO;
     * sets `is_stopped`. A device that does not give its memory up is a panic. */
    void (*stop)(fa_blockdev *device);
    /* There are no requests under way. */
    void (*close)(fa_blockdev *device);
    /* NULL: a device that was taken away is not waited for: its requests fail with FA_ECLOSED. Else it
     * keeps its requests while it is not present, and does them when it comes back; this one takes one
     * out, which will not be completed. False: it is being done; not while the device is away. */
    bool (*recall)(fa_blockdev *device, fa_block_request *request);
} fa_blockdev_ops;

struct fa_blockdev {
    const fa_blockdev_ops *ops;
    const char *name; /* of its kind */
    uint32_t sector_bytes;
    uint32_t physical_bytes; /* of the sectors that it has inside; 0: not known */
    uint64_t sector_count;
    bool read_only;
    bool is_present; /* as long as not, only poll(), arm(), recall() and close() are called */
    bool is_stopped;
    bool has_cache;  /* a flush is needed */
    /* Limits, all of them at least 1 but that of discarding: 0, it cannot. */
    uint32_t transfer_sectors_max, discard_sectors_max;
    uint32_t parts_max; /* at most FA_BLOCK_PARTS_MAX */
    uint32_t read_align_bytes, write_align_bytes; /* of parts; powers of 2, at most sector_bytes */
    fa_deadline poll_by; /* poll() is to be called then at the latest; FA_FOREVER */
    /* Set by who uses the device. */
    void (*wake)(void *arg);
    void *wake_arg;
};

/* Of a device that has done all that it is asked within submit(). */
void fa_blockdev_poll_none(fa_blockdev *device);
bool fa_blockdev_arm_none(fa_blockdev *device);
void fa_blockdev_stop_none(fa_blockdev *device);

/* A device as a block. It closes the device in the end, on failure at once. FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_block_over_take(fa_blockdev *device, fa_block **block_out);

#endif
