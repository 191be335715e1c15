/* SPDX-License-Identifier: ISC */
/* A disk in memory: it does what it is asked at once, and keeps everything until it is closed. */
#ifndef FATA_BLOCK_RAMDISK_H
#define FATA_BLOCK_RAMDISK_H

#include "blockdev.h"

#define FA_RAMDISK_TRANSFER_BYTES_MAX ((uint32_t)(256 * FA_KIB))

typedef struct fa_ramdisk {
    fa_blockdev device;
    uint8_t *bytes;    /* whoever made it owns these */
    void (*closed)(struct fa_ramdisk *disk); /* may be NULL */
} fa_ramdisk;

/* Of memory of the caller's, a whole number of sectors. */
void fa_ramdisk_init(fa_ramdisk *disk, void *bytes, uint32_t sector_bytes, uint64_t sector_count);

#endif
