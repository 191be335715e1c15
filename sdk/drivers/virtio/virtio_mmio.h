/* SPDX-License-Identifier: ISC */
/* Virtio devices whose registers are memory (4.2): modern ones (version 2) and legacy ones (1). */
#ifndef FATA_DRIVERS_VIRTIO_MMIO_H
#define FATA_DRIVERS_VIRTIO_MMIO_H

#include "../../cpu/device.h"
#include "virtio.h"

#define VIRTIO_MMIO_BYTES ((size_t)0x200) /* of registers */

typedef struct virtio_mmio {
    virtio_device device;
    fa_cpu_device registers;
} virtio_mmio;

/* FA_ENOENT: no device is there; FA_ENOTSUP: one of a version that is not known. */
FA_MUST_CHECK fa_err virtio_mmio_init(virtio_mmio *mmio, fa_cpu_device registers);

#endif
