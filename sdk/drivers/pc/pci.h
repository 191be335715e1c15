/* SPDX-License-Identifier: ISC */
/* PCI by the configuration ports of a PC: finding a device, its capabilities, its registers, and its
 * interrupts as messages (MSI-X). Firmware, or the hypervisor, has given out all addresses. Source:
 * PCI Local Bus Specification 3.0, 3.2.2.3.2, 6.1, 6.2.5, 6.7 and 6.8.2. */
#ifndef FATA_DRIVERS_PC_PCI_H
#define FATA_DRIVERS_PC_PCI_H

#include "../../cpu/device.h"
#include <fata/err.h>

typedef struct pci_device {
    uint16_t address; /* bus, slot, function: 8, 5 and 3 bits */
} pci_device;

#define PCI_CAPABILITY_VENDOR 0x09u

/* The next device behind `after` (NULL: the first) with that vendor, on the first bus and those
 * behind its bridges. False: no more. */
bool pci_find(uint16_t vendor, const pci_device *after, pci_device *device_out);
uint16_t pci_device_id(pci_device device);
/* A number of the configuration, at any offset. */
uint8_t pci_read8(pci_device device, unsigned offset);
uint32_t pci_read32(pci_device device, unsigned offset);
/* The offset of the next capability of a kind behind `after` (0: the first); 0: no more. */
unsigned pci_capability(pci_device device, uint8_t kind, unsigned after);
/* Lets the device answer at its registers, and use memory by itself. */
void pci_enable(pci_device device);
/* Maps part of the registers that a BAR names. FA_ENOTSUP: it names no memory; FA_ENOMEM. */
FA_MUST_CHECK fa_err pci_map(pci_device device, unsigned bar, uint32_t offset, uint32_t len,
                             fa_cpu_device *registers_out);
/* Turns MSI-X on: entry n of `count` sends vectors[n] to the CPU with that local APIC. FA_ENOTSUP:
 * the device has no MSI-X, or fewer entries; FA_ENOMEM. */
FA_MUST_CHECK fa_err pci_open_messages(pci_device device, const uint8_t *vectors, unsigned count,
                                       uint32_t lapic);

#endif
