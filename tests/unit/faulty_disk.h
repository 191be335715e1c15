/* SPDX-License-Identifier: ISC */
/* For the tests of programs that keep things on a disk: one in memory, behind the faults that a test asks for. The
 * includer defines SECTORS and SECTOR_MAX. */
#ifndef FATA_TESTS_UNIT_FAULTY_DISK_H
#define FATA_TESTS_UNIT_FAULTY_DISK_H

#include "../../sdk/block/faults.h"
#include "../../sdk/block/ramdisk.h"
#include "test.h"

static uint8_t bytes[SECTORS * SECTOR_MAX];
static fa_ramdisk below;
static fa_block_faults faults;
static uint32_t sector_bytes = 512;
static uint64_t now_ns;

static uint64_t now_of(void *user)
{
    return *(uint64_t *)user;
}

/* The disk as it is found when a program begins; NULL: without faults. */
static fa_block *open_disk(const fa_block_faults_options *options)
{
    fa_block *disk;
    fa_blockdev *device = &below.device;
    fa_ramdisk_init(&below, bytes, sector_bytes, SECTORS);
    if (options != NULL) {
        assert_int_equal(fa_block_faults_init(&faults, &below.device, options, now_of, &now_ns), FA_OK);
        device = &faults.device;
    }
    assert_int_equal(fa_block_over_take(device, &disk), FA_OK);
    return disk;
}

#endif
