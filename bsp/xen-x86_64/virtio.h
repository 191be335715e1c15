/* SPDX-License-Identifier: ISC */
/* The machine's virtio devices of any kind: where they are, and their interrupts. First come those
 * whose registers the monitor names on the command line (`virtio_mmio.device=4K@0xd0000000:5`: bytes,
 * address, line of the I/O APIC), then those on PCI. */
#ifndef FATA_BSP_XEN_X86_64_VIRTIO_H
#define FATA_BSP_XEN_X86_64_VIRTIO_H

#include "../../sdk/drivers/virtio/virtio_mmio.h"
#include "../../sdk/drivers/virtio/virtio_pci.h"

/* A device as its transport has it; the driver's user keeps it. */
typedef struct virtio_place {
    virtio_mmio mmio;
    virtio_pci pci;
} virtio_place;

/* A driver's handlers: of the only interrupt or that of queues, and of one about the configuration. */
typedef struct virtio_handlers {
    void (*interrupt)(void *arg);
    void (*config_interrupt)(void *arg);
    void *arg;
} virtio_handlers;

/* Finds device number `number` of those of a kind (VIRTIO_ID_...) and opens its interrupts: before the
 * driver starts it, since of a line that goes up earlier nobody would know. FA_ENOENT: there is none;
 * FA_ELIMIT: too many devices for the vectors that there are; FA_ENOTSUP, FA_EINVAL, FA_ENOMEM. */
FA_MUST_CHECK fa_err virtio_find(uint32_t kind, unsigned number, const virtio_handlers *handlers,
                                 virtio_place *place_out, virtio_device **device_out);

#endif
