/* SPDX-License-Identifier: ISC */
/* For the tests of disks: the one that they have open, and a call to it in a fiber of its own. */
#ifndef FATA_TESTS_UNIT_BLOCK_JOB_H
#define FATA_TESTS_UNIT_BLOCK_JOB_H

#include "../../sdk/block/blockdev.h"
#include <fata/fiber.h>

static fa_block *disk;

static fa_block_info info(void)
{
    fa_block_info i;
    fa_block_info_get(disk, &i);
    return i;
}

/* A call in a fiber of its own. */
typedef struct job {
    fa_block_kind kind;
    uint64_t sector;
    void *bytes;
    size_t len; /* sectors, of a discard */
    fa_deadline deadline;
    fa_err err;
    bool done;
} job;

static void run_job(void *arg)
{
    job *j = arg;
    switch (j->kind) {
    case FA_BLOCK_READ:
        j->err = fa_block_read(disk, j->sector, &(fa_block_into){j->bytes, j->len}, 1, j->deadline);
        break;
    case FA_BLOCK_WRITE:
        j->err = fa_block_write(disk, j->sector, &(fa_block_from){j->bytes, j->len}, 1, j->deadline);
        break;
    case FA_BLOCK_FLUSH: j->err = fa_block_flush(disk, j->deadline); break;
    case FA_BLOCK_DISCARD: j->err = fa_block_discard(disk, j->sector, j->len, j->deadline); break;
    }
    j->done = true;
}

#endif
