/* SPDX-License-Identifier: ISC */
/* Virtio devices on a PCI bus (4.1): modern ones, and transitional ones by their modern half. Queues
 * interrupt by the first vector of the board's, changes of the configuration by the second. */
#ifndef FATA_DRIVERS_VIRTIO_PCI_H
#define FATA_DRIVERS_VIRTIO_PCI_H

#include "../pc/pci.h"
#include "virtio.h"

#define VIRTIO_PCI_VENDOR 0x1af4u
#define VIRTIO_PCI_QUEUES_MAX 4u
#define VIRTIO_PCI_VECTORS 2u

typedef struct virtio_pci {
    virtio_device device;
    pci_device pci;
    fa_cpu_device common, notify, config;
    uint32_t config_bytes, notify_bytes, notify_multiplier;
    uint32_t notify_at[VIRTIO_PCI_QUEUES_MAX]; /* offsets from `notify` */
} virtio_pci;

/* What kind of device it is (VIRTIO_ID_...); 0: none of virtio's. */
uint32_t virtio_pci_id(pci_device pci);
/* FA_ENOTSUP: it has no modern half, or no MSI-X; FA_ENOMEM. */
FA_MUST_CHECK fa_err virtio_pci_init(virtio_pci *device, pci_device pci,
                                     const uint8_t vectors[VIRTIO_PCI_VECTORS], uint32_t lapic);

#endif
