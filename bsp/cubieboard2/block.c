/* SPDX-License-Identifier: ISC */
/* The machine's disks, for programs that use block devices. */
#include "../../sdk/drivers/virtio/virtio_blk.h"
#include "../plat.h"
#include "virtio.h"
#include <fata/log.h>

FA_LOG_MODULE("block");

#define DISKS_MAX 8u

fa_err plat_block_open(unsigned number, fa_blockdev **device_out)
{
    static virtio_blk disks[DISKS_MAX];
    virtio_device *device;
    if (number >= DISKS_MAX)
        return FA_ENOENT;
    virtio_blk *blk = &disks[number];
    if (blk->virtio != NULL)
        return FA_EBUSY;
    fa_err err = virtio_find(VIRTIO_ID_BLOCK, number, virtio_blk_interrupt, blk, &device);
    if (err == FA_OK)
        err = virtio_blk_open(blk, device);
    if (err == FA_OK)
        *device_out = &blk->device;
    else if (err != FA_ENOENT)
        fa_log_error("disk %u: %s", number, fa_err_text(err));
    return err;
}
