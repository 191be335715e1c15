/* SPDX-License-Identifier: ISC */
/* The machine's virtio devices of any kind, in the device tree, and their interrupts. Their driver
 * stands in a table of its own, so that programs without devices do not have it. */
#ifndef FATA_BSP_CUBIEBOARD2_VIRTIO_H
#define FATA_BSP_CUBIEBOARD2_VIRTIO_H

#include "../../sdk/drivers/virtio/virtio_mmio.h"

/* Finds device number `number` of those of a kind (VIRTIO_ID_...) and opens its interrupt: before the
 * driver starts it, since of a line that goes up earlier nobody would know. FA_ENOENT: there is none;
 * FA_ENOTSUP, FA_ELIMIT. */
FA_MUST_CHECK fa_err virtio_find(uint32_t kind, unsigned number, void (*interrupt)(void *arg),
                                 void *arg, virtio_device **device_out);

#endif
