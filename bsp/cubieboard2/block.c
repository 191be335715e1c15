/* SPDX-License-Identifier: ISC */
/* The machine's disks, for programs that use block devices: of a domain of Xen those in Xenstore, else
 * the board's own, and behind these virtio's. */
#include "../../sdk/drivers/virtio/virtio_blk.h"
#include "../../sdk/drivers/xen/blkfront.h"
#include "../plat.h"
#include "disks.h"
#include "virtio.h"
#include "xendev.h"
#include <fata/log.h>

FA_LOG_MODULE("block");

#define DISKS_MAX 8u

static fa_err open_virtio(unsigned number, fa_blockdev **device_out)
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
    return err;
}

fa_err plat_block_open(unsigned number, fa_blockdev **device_out, fa_deadline deadline)
{
    fa_err err = xendev_start();
    if (err == FA_OK)
        err = xen_blkfront_open(number, device_out, deadline);
    else if (err == FA_ENOENT)
        err = number < disks_count() ? disks_open(number, device_out, deadline)
                                     : open_virtio(number - disks_count(), device_out);
    if (err != FA_OK && err != FA_ENOENT)
        fa_log_error("disk %u: %s", number, fa_err_text(err));
    return err;
}
