/* SPDX-License-Identifier: ISC */
/* A disk in memory: see ramdisk.h. */
#include "ramdisk.h"
#include <stdlib.h>
#include <string.h>

#define SECTOR_BYTES 512u

static fa_ramdisk *disk_of(fa_blockdev *device)
{
    return (fa_ramdisk *)(void *)device; /* its first member */
}

static fa_err submit(fa_blockdev *device, fa_block_request *request)
{
    uint8_t *at = disk_of(device)->bytes + (size_t)request->sector * device->sector_bytes;
    if (request->kind == FA_BLOCK_DISCARD)
        memset(at, 0, (size_t)request->count * device->sector_bytes);
    for (unsigned i = 0; i < request->part_count; i++) {
        const fa_block_part *part = &request->parts[i];
        if (request->kind == FA_BLOCK_READ)
            memcpy(part->bytes, at, part->len);
        else
            memcpy(at, part->bytes, part->len);
        at += part->len;
    }
    request->err = FA_OK;
    request->done(request);
    return FA_OK;
}

static void close(fa_blockdev *device)
{
    fa_ramdisk *disk = disk_of(device);
    if (disk->closed != NULL)
        disk->closed(disk);
}

void fa_ramdisk_init(fa_ramdisk *disk, void *bytes, uint32_t sector_bytes, uint64_t sector_count)
{
    static const fa_blockdev_ops ops = {submit, fa_blockdev_poll_none, fa_blockdev_arm_none,
                                        fa_blockdev_stop_none, close, NULL};
    *disk = (fa_ramdisk){
        .device = {.ops = &ops,
                   .name = "ramdisk",
                   .sector_bytes = sector_bytes,
                   .sector_count = sector_count,
                   .is_present = true,
                   .transfer_sectors_max = FA_RAMDISK_TRANSFER_BYTES_MAX / sector_bytes,
                   .discard_sectors_max = FA_RAMDISK_TRANSFER_BYTES_MAX / sector_bytes,
                   .parts_max = FA_BLOCK_PARTS_MAX,
                   .read_align_bytes = 1,
                   .write_align_bytes = 1,
                   .poll_by = FA_FOREVER},
        .bytes = bytes,
    };
}

static void free_disk(fa_ramdisk *disk)
{
    free(disk->bytes);
    free(disk);
}

fa_err fa_block_open_ram(size_t bytes, fa_block **block_out)
{
    if (bytes == 0 || bytes % SECTOR_BYTES != 0)
        return FA_EINVAL;
    fa_ramdisk *disk = malloc(sizeof *disk);
    void *memory = calloc(1, bytes);
    if (disk == NULL || memory == NULL) {
        free(disk);
        free(memory);
        return FA_ENOMEM;
    }
    fa_ramdisk_init(disk, memory, SECTOR_BYTES, bytes / SECTOR_BYTES);
    disk->closed = free_disk;
    return fa_block_over_take(&disk->device, block_out);
}
