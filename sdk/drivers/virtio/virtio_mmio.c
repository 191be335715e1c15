/* SPDX-License-Identifier: ISC */
/* The transport by memory-mapped registers: 4.2.2, and 4.2.4 for legacy devices, which take a
 * queue's place as the number of one page. */
#include "virtio_mmio.h"

enum { MAGIC = 0x000, VERSION = 0x004, DEVICE_ID = 0x008, DEVICE_FEATURES = 0x010,
       DEVICE_FEATURES_SEL = 0x014, DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024,
       GUEST_PAGE_SIZE = 0x028, QUEUE_SEL = 0x030, QUEUE_NUM_MAX = 0x034, QUEUE_NUM = 0x038,
       QUEUE_ALIGN = 0x03c, QUEUE_PFN = 0x040, QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050,
       INTERRUPT_STATUS = 0x060, INTERRUPT_ACK = 0x064, STATUS = 0x070, QUEUE_DESC = 0x080,
       QUEUE_DRIVER = 0x090, QUEUE_DEVICE = 0x0a0, CONFIG_GENERATION = 0x0fc, CONFIG = 0x100 };
#define MAGIC_VALUE 0x74726976u
#define VERSION_LEGACY 1u
#define VERSION_MODERN 2u
#define PAGE_BYTES 4096u

static fa_cpu_device registers_of(const virtio_device *device)
{
    return ((const virtio_mmio *)(const void *)device)->registers;
}

static uint8_t status(virtio_device *device)
{
    return (uint8_t)fa_cpu_read32(registers_of(device), STATUS);
}

/* A legacy device wants to know the page's size before any queue. */
static void set_status(virtio_device *device, uint8_t value)
{
    fa_cpu_write32(registers_of(device), STATUS, value);
    if (device->is_legacy && value == VIRTIO_STATUS_ACKNOWLEDGE)
        fa_cpu_write32(registers_of(device), GUEST_PAGE_SIZE, PAGE_BYTES);
}

static uint64_t features(virtio_device *device)
{
    const fa_cpu_device registers = registers_of(device);
    uint64_t value = 0;
    for (uint32_t half = 2; half-- > 0;) {
        fa_cpu_write32(registers, DEVICE_FEATURES_SEL, half);
        value = value << 32 | fa_cpu_read32(registers, DEVICE_FEATURES);
    }
    return device->is_legacy ? (uint32_t)value : value;
}

static void set_features(virtio_device *device, uint64_t value)
{
    const fa_cpu_device registers = registers_of(device);
    for (uint32_t half = 0; half < 2; half++) {
        fa_cpu_write32(registers, DRIVER_FEATURES_SEL, half);
        fa_cpu_write32(registers, DRIVER_FEATURES, (uint32_t)(value >> 32 * half));
    }
}

static uint16_t queue_size_max(virtio_device *device, uint16_t queue)
{
    const fa_cpu_device registers = registers_of(device);
    fa_cpu_write32(registers, QUEUE_SEL, queue);
    const uint32_t size = fa_cpu_read32(registers, QUEUE_NUM_MAX);
    return size > UINT16_MAX ? 0 : (uint16_t)size;
}

static void set_address(fa_cpu_device registers, size_t offset, plat_dma_addr addr)
{
    fa_cpu_write32(registers, offset, (uint32_t)addr.address);
    fa_cpu_write32(registers, offset + 4, (uint32_t)(addr.address >> 32));
}

static fa_err queue_set(virtio_device *device, uint16_t queue, const virtio_queue_place *place)
{
    const fa_cpu_device registers = registers_of(device);
    (void)queue;
    fa_cpu_write32(registers, QUEUE_NUM, place->size);
    if (device->is_legacy) {
        const uint64_t page = place->descriptors.address / PAGE_BYTES;
        if (page > UINT32_MAX)
            return FA_ERANGE;
        fa_cpu_write32(registers, QUEUE_ALIGN, PAGE_BYTES);
        fa_cpu_write32(registers, QUEUE_PFN, (uint32_t)page);
        return FA_OK;
    }
    set_address(registers, QUEUE_DESC, place->descriptors);
    set_address(registers, QUEUE_DRIVER, place->available);
    set_address(registers, QUEUE_DEVICE, place->used);
    fa_cpu_write32(registers, QUEUE_READY, 1);
    return FA_OK;
}

static void notify(virtio_device *device, uint16_t queue)
{
    fa_cpu_write32(registers_of(device), QUEUE_NOTIFY, queue);
}

static unsigned take_interrupt(virtio_device *device)
{
    const fa_cpu_device registers = registers_of(device);
    const uint32_t why = fa_cpu_read32(registers, INTERRUPT_STATUS);
    if (why != 0)
        fa_cpu_write32(registers, INTERRUPT_ACK, why);
    return (unsigned)why;
}

static uint8_t config8(virtio_device *device, size_t offset)
{
    return fa_cpu_read8(registers_of(device), CONFIG + offset);
}

static uint32_t generation(virtio_device *device)
{
    return device->is_legacy ? 0 : fa_cpu_read32(registers_of(device), CONFIG_GENERATION);
}

fa_err virtio_mmio_init(virtio_mmio *mmio, fa_cpu_device registers)
{
    static const virtio_transport transport = {
        status, set_status, features,       set_features, queue_size_max,
        queue_set, notify,  take_interrupt, config8,      generation};
    if (fa_cpu_read32(registers, MAGIC) != MAGIC_VALUE)
        return FA_ENOENT;
    const uint32_t version = fa_cpu_read32(registers, VERSION);
    const uint32_t id = fa_cpu_read32(registers, DEVICE_ID);
    if (id == 0)
        return FA_ENOENT;
    if (version != VERSION_LEGACY && version != VERSION_MODERN)
        return FA_ENOTSUP;
    *mmio = (virtio_mmio){
        {.transport = &transport, .id = id, .is_legacy = version == VERSION_LEGACY}, registers};
    return FA_OK;
}
