/* SPDX-License-Identifier: ISC */
/* The transport by PCI: 4.1. Capabilities say in which BARs its registers are. */
#include "virtio_pci.h"
#include <fata/log.h>

FA_LOG_MODULE("virtio");

#define ID_TRANSITIONAL_FIRST 0x1000u
#define ID_TRANSITIONAL_LAST 0x103fu
#define ID_MODERN_FIRST 0x1040u
#define ID_MODERN_LAST 0x107fu
#define SUBSYSTEM 0x2cu /* the upper half: a transitional device's kind */

/* 4.1.4: a capability's fields, and what it is for. */
enum { CAP_KIND = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_NOTIFY_MULTIPLIER = 16 };
enum { KIND_COMMON = 1, KIND_NOTIFY = 2, KIND_DEVICE = 4 };

/* 4.1.4.3 */
enum { DEVICE_FEATURE_SELECT = 0, DEVICE_FEATURE = 4, DRIVER_FEATURE_SELECT = 8, DRIVER_FEATURE = 12,
       CONFIG_MSIX_VECTOR = 16, DEVICE_STATUS = 20, CONFIG_GENERATION = 21, QUEUE_SELECT = 22,
       QUEUE_SIZE = 24, QUEUE_MSIX_VECTOR = 26, QUEUE_ENABLE = 28, QUEUE_NOTIFY_OFF = 30,
       QUEUE_DESC = 32, QUEUE_DRIVER = 40, QUEUE_DEVICE = 48, COMMON_BYTES = 56 };
enum { ENTRY_QUEUES, ENTRY_CONFIG }; /* of the MSI-X table */

static virtio_pci *pci_of(virtio_device *device)
{
    return (virtio_pci *)(void *)device;
}

static uint8_t status(virtio_device *device)
{
    return fa_cpu_read8(pci_of(device)->common, DEVICE_STATUS);
}

/* A reset takes the vector of the configuration away (4.1.5.1.2). */
static void set_status(virtio_device *device, uint8_t value)
{
    const fa_cpu_device common = pci_of(device)->common;
    fa_cpu_write8(common, DEVICE_STATUS, value);
    if (value == VIRTIO_STATUS_ACKNOWLEDGE)
        fa_cpu_write16(common, CONFIG_MSIX_VECTOR, ENTRY_CONFIG);
}

static uint64_t features(virtio_device *device)
{
    const fa_cpu_device common = pci_of(device)->common;
    uint64_t value = 0;
    for (uint32_t half = 2; half-- > 0;) {
        fa_cpu_write32(common, DEVICE_FEATURE_SELECT, half);
        value = value << 32 | fa_cpu_read32(common, DEVICE_FEATURE);
    }
    return value;
}

static void set_features(virtio_device *device, uint64_t value)
{
    const fa_cpu_device common = pci_of(device)->common;
    for (uint32_t half = 0; half < 2; half++) {
        fa_cpu_write32(common, DRIVER_FEATURE_SELECT, half);
        fa_cpu_write32(common, DRIVER_FEATURE, (uint32_t)(value >> 32 * half));
    }
}

static uint16_t queue_size_max(virtio_device *device, uint16_t queue)
{
    const fa_cpu_device common = pci_of(device)->common;
    fa_cpu_write16(common, QUEUE_SELECT, queue);
    return queue < VIRTIO_PCI_QUEUES_MAX ? fa_cpu_read16(common, QUEUE_SIZE) : 0;
}

static void set_address(fa_cpu_device common, size_t offset, plat_dma_addr addr)
{
    fa_cpu_write32(common, offset, (uint32_t)addr.address);
    fa_cpu_write32(common, offset + 4, (uint32_t)(addr.address >> 32));
}

static fa_err queue_set(virtio_device *device, uint16_t queue, const virtio_queue_place *place)
{
    virtio_pci *pci = pci_of(device);
    const uint64_t notify_at =
        (uint64_t)fa_cpu_read16(pci->common, QUEUE_NOTIFY_OFF) * pci->notify_multiplier;
    if (notify_at + sizeof(uint16_t) > pci->notify_bytes)
        return FA_EIO;
    pci->notify_at[queue] = (uint32_t)notify_at;
    fa_cpu_write16(pci->common, QUEUE_SIZE, place->size);
    fa_cpu_write16(pci->common, QUEUE_MSIX_VECTOR, ENTRY_QUEUES);
    if (fa_cpu_read16(pci->common, QUEUE_MSIX_VECTOR) != ENTRY_QUEUES)
        return FA_EIO; /* 4.1.5.1.2.1: it has no room for it */
    set_address(pci->common, QUEUE_DESC, place->descriptors);
    set_address(pci->common, QUEUE_DRIVER, place->available);
    set_address(pci->common, QUEUE_DEVICE, place->used);
    fa_cpu_write16(pci->common, QUEUE_ENABLE, 1);
    return FA_OK;
}

static void notify(virtio_device *device, uint16_t queue)
{
    const virtio_pci *pci = pci_of(device);
    fa_cpu_write16(pci->notify, pci->notify_at[queue], queue);
}

/* Messages end by themselves, and that of the configuration has a vector of its own. */
static unsigned take_interrupt(virtio_device *device)
{
    (void)device;
    return VIRTIO_INTERRUPT_QUEUE;
}

static uint8_t config8(virtio_device *device, size_t offset)
{
    const virtio_pci *pci = pci_of(device);
    return offset < pci->config_bytes ? fa_cpu_read8(pci->config, offset) : 0;
}

static uint32_t generation(virtio_device *device)
{
    return fa_cpu_read8(pci_of(device)->common, CONFIG_GENERATION);
}

uint32_t virtio_pci_id(pci_device pci)
{
    const uint16_t id = pci_device_id(pci);
    if (id >= ID_MODERN_FIRST && id <= ID_MODERN_LAST)
        return id - ID_MODERN_FIRST;
    if (id >= ID_TRANSITIONAL_FIRST && id <= ID_TRANSITIONAL_LAST)
        return pci_read32(pci, SUBSYSTEM) >> 16;
    return 0;
}

/* Maps the registers of the first capability of a kind (4.1.4: the device's preference). */
static fa_err map(pci_device pci, uint8_t kind, fa_cpu_device *registers_out, uint32_t *len_out,
                  unsigned *capability_out)
{
    unsigned at = 0;
    do
        at = pci_capability(pci, PCI_CAPABILITY_VENDOR, at);
    while (at != 0 && pci_read8(pci, at + CAP_KIND) != kind);
    if (at == 0)
        return FA_ENOTSUP;
    *len_out = pci_read32(pci, at + CAP_LENGTH);
    if (*len_out > FA_MIB)
        return FA_ENOTSUP;
    *capability_out = at;
    return pci_map(pci, pci_read8(pci, at + CAP_BAR), pci_read32(pci, at + CAP_OFFSET), *len_out,
                   registers_out);
}

fa_err virtio_pci_init(virtio_pci *device, pci_device pci, const uint8_t vectors[VIRTIO_PCI_VECTORS],
                       uint32_t lapic)
{
    static const virtio_transport transport = {
        status, set_status, features,       set_features, queue_size_max,
        queue_set, notify,  take_interrupt, config8,      generation};
    uint32_t common_bytes;
    unsigned at;
    *device = (virtio_pci){.device = {.transport = &transport, .id = virtio_pci_id(pci)}, .pci = pci};
    fa_err err = map(pci, KIND_COMMON, &device->common, &common_bytes, &at);
    if (err == FA_OK && common_bytes < COMMON_BYTES)
        err = FA_ENOTSUP;
    if (err == FA_OK)
        err = map(pci, KIND_DEVICE, &device->config, &device->config_bytes, &at);
    if (err == FA_OK)
        err = map(pci, KIND_NOTIFY, &device->notify, &device->notify_bytes, &at);
    if (err != FA_OK) {
        fa_log_error("no registers of virtio 1.0 in memory: QEMU has them without disable-modern=on");
        return err;
    }
    device->notify_multiplier = pci_read32(pci, at + CAP_NOTIFY_MULTIPLIER);
    pci_enable(pci);
    err = pci_open_messages(pci, vectors, VIRTIO_PCI_VECTORS, lapic);
    if (err != FA_OK)
        fa_log_error("the device has no MSI-X for %u interrupts: QEMU gives it by vectors=%u",
                     VIRTIO_PCI_VECTORS, VIRTIO_PCI_VECTORS);
    return err;
}
