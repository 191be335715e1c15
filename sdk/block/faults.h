/* SPDX-License-Identifier: ISC */
/* A device over another one that behaves as badly as a disk may, by a seed, the same in each run: for
 * tests of what must survive a crash. It has a cache that forgets: what is written stays there until a
 * flush, or goes to the device below at any other moment, a sector at a time, in any order. At a
 * crash a write that is still there is lost, or torn (each of its sectors is lost or not), or whole.
 * It also fails, damages what is read, answers late and in any order, or never.
 *
 * The device below does what it is asked within submit(): a RAM disk, a file. It is not closed with
 * this one: what is on it after a crash is what the next one finds.
 *
 *     fa_block_faults_init(&faults, &ramdisk.device, &options, now_ns, NULL);
 *     ... write, flush, write ...
 *     fa_block_faults_crash(&faults);
 */
#ifndef FATA_BLOCK_FAULTS_H
#define FATA_BLOCK_FAULTS_H

#include "blockdev.h"

#define FA_BLOCK_FAULTS_SECTORS_MAX 1024u /* in the cache; then one of them makes room */
#define FA_BLOCK_FAULTS_HELD_MAX 16u      /* requests that are answered late */

typedef struct fa_block_faults_options {
    uint64_t seed; /* not 0 */
    /* Of the writes that a crash meets in the cache. */
    unsigned lost_permille, torn_permille;
    unsigned early_permille;    /* of writes: before it, some sector of the cache goes down */
    unsigned no_flush_permille; /* of flushes: says that it has, and has not */
    unsigned error_permille;    /* of requests: FA_EIO, and nothing done */
    unsigned damage_permille;   /* of reads: one bit is another */
    unsigned rot_permille;      /* of sectors that go down: one bit is another, for good */
    unsigned hang_permille;     /* of requests: never answered */
    uint64_t delay_ns;          /* of every answer */
    uint64_t jitter_ns;         /* at most so much more */
} fa_block_faults_options;

typedef struct fa_block_faults_sector {
    uint64_t sector;
    uint64_t write; /* the number of the one that it is of */
    uint8_t *bytes;
} fa_block_faults_sector;

typedef struct fa_block_faults_held {
    fa_deadline due;
    fa_block_request *request;
    fa_err err;
} fa_block_faults_held;

typedef struct fa_block_faults {
    fa_blockdev device;
    fa_blockdev *below;
    fa_block_faults_options options;
    uint64_t random;
    uint64_t (*now_ns)(void *user);
    void *user;
    uint8_t *memory;
    fa_block_faults_sector cache[FA_BLOCK_FAULTS_SECTORS_MAX];
    unsigned cache_count;
    uint64_t write_count;
    fa_block_faults_held held[FA_BLOCK_FAULTS_HELD_MAX]; /* sorted; the first is due first */
    unsigned held_count;
    uint64_t lost, torn, early, not_flushed, failed, damaged, rotten, hung; /* so far */
} fa_block_faults;

/* FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_block_faults_init(fa_block_faults *faults, fa_blockdev *below,
                                          const fa_block_faults_options *options,
                                          uint64_t (*now_ns)(void *user), void *user);
/* The power fails: the device is stopped, and only the one below is left. */
void fa_block_faults_crash(fa_block_faults *faults);

#endif
