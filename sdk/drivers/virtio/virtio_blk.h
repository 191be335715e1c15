/* SPDX-License-Identifier: ISC */
/* Virtio block devices (5.2) as blockdevs (blockdev.h). The record is the board's, and stays where it
 * is for good: interrupts lead to it.
 *
 *     open its interrupt with virtio_blk_interrupt(&blk) as the handler
 *     err = virtio_blk_open(&blk, &mmio.device);
 *     *device_out = &blk.device;
 */
#ifndef FATA_DRIVERS_VIRTIO_BLK_H
#define FATA_DRIVERS_VIRTIO_BLK_H

#include "../../block/blockdev.h"
#include "virtio.h"

/* Descriptors: of a request, one for each part and two more. */
#define VIRTIO_BLK_QUEUE_SIZE 128u
#define VIRTIO_BLK_QUEUE_SIZE_MIN 4u
/* The most that one request reads or writes. */
#define VIRTIO_BLK_TRANSFER_BYTES_MAX ((uint32_t)(512 * FA_KIB))

typedef struct virtio_blk {
    fa_blockdev device;
    virtio_device *virtio; /* NULL: not open */
    virtio_queue queue;
    uint8_t *slots; /* what stands around each request's data: one for each descriptor */
    plat_dma_addr slots_addr;
    uint32_t units; /* of 512 bytes, in a sector */
    bool is_armed;
    bool config_changed;
} virtio_blk;

/* FA_ENOTSUP: the device lacks what is needed; FA_EIO: it does not answer; FA_EBUSY: it is open;
 * FA_ENOMEM. */
FA_MUST_CHECK fa_err virtio_blk_open(virtio_blk *blk, virtio_device *device);
/* Handlers of its interrupts: of the only one there is, or of that of its queue; and of one that is
 * about its configuration. `blk` is the virtio_blk. */
void virtio_blk_interrupt(void *blk);
void virtio_blk_config_interrupt(void *blk);

#endif
