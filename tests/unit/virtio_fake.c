/* SPDX-License-Identifier: ISC */
/* The device's side of a split virtqueue (VIRTIO 1.2, 2.7), from the specification, apart from the
 * driver's code. */
#include "virtio_fake.h"
#include <string.h>

#define DESCRIPTOR_BYTES 16u

static fake *fake_of(virtio_device *device)
{
    return (fake *)(void *)device;
}

static uint8_t status(virtio_device *device)
{
    return fake_of(device)->status;
}

static void set_status(virtio_device *device, uint8_t value)
{
    fake *f = fake_of(device);
    if (value == 0 && f->never_resets)
        return;
    if (value == 0) {
        memset(f->places, 0, sizeof f->places);
        memset(f->seen, 0, sizeof f->seen);
    }
    if (f->refuses_features)
        value &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
    f->status = value;
}

static uint64_t features(virtio_device *device)
{
    return fake_of(device)->offered;
}

static void set_features(virtio_device *device, uint64_t value)
{
    fake_of(device)->accepted = value;
}

static uint16_t queue_size_max(virtio_device *device, uint16_t queue)
{
    fake_of(device)->chosen = queue;
    return queue < FAKE_QUEUES ? fake_of(device)->size_max : 0;
}

static fa_err queue_set(virtio_device *device, uint16_t queue, const virtio_queue_place *place)
{
    fake_of(device)->places[queue] = *place;
    return fake_of(device)->chosen == queue ? FA_OK : FA_EIO;
}

static void notify(virtio_device *device, uint16_t queue)
{
    fake_of(device)->notified[queue]++;
}

static unsigned take_interrupt(virtio_device *device)
{
    const unsigned why = fake_of(device)->interrupt;
    fake_of(device)->interrupt = 0;
    return why;
}

static uint8_t config8(virtio_device *device, size_t offset)
{
    fake *f = fake_of(device);
    if (f->generation_steps > 0) {
        f->generation_steps--;
        f->generation++;
        return 0xee;
    }
    return f->config[offset];
}

static uint32_t generation(virtio_device *device)
{
    return fake_of(device)->generation;
}

void fake_init(fake *f, uint64_t offered, bool is_legacy)
{
    static const virtio_transport transport = {
        status, set_status, features,       set_features, queue_size_max,
        queue_set, notify,  take_interrupt, config8,      generation};
    *f = (fake){.device = {.transport = &transport, .id = VIRTIO_ID_NET, .is_legacy = is_legacy},
                .offered = offered,
                .size_max = VIRTIO_QUEUE_SIZE_MAX,
                .config = {0x52, 0x54, 0, 1, 2, 3, 1}};
}

static uint8_t *at(plat_dma_addr addr, size_t offset)
{
    return (uint8_t *)(uintptr_t)addr.address + offset;
}

static uint16_t get16(const uint8_t *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static void put16(uint8_t *bytes, uint16_t value)
{
    memcpy(bytes, &value, sizeof value);
}

unsigned fake_take(fake *f, unsigned queue, uint16_t *head_out, fake_part parts_out[FAKE_PARTS_MAX])
{
    const virtio_queue_place *place = &f->places[queue];
    if (get16(at(place->available, 2)) == f->seen[queue])
        return 0;
    uint16_t id = get16(at(place->available, 4 + 2u * (f->seen[queue]++ % place->size)));
    *head_out = id;
    for (unsigned count = 0; count < FAKE_PARTS_MAX; count++) {
        const uint8_t *descriptor = at(place->descriptors, DESCRIPTOR_BYTES * (size_t)id);
        uint64_t address;
        memcpy(&address, descriptor, sizeof address);
        memcpy(&parts_out[count].len, descriptor + 8, sizeof parts_out[count].len);
        const uint16_t flags = get16(descriptor + 12);
        parts_out[count].bytes = (uint8_t *)(uintptr_t)address;
        parts_out[count].writes = (flags & 2) != 0;
        if (!(flags & 1))
            return count + 1;
        id = get16(descriptor + 14);
    }
    return 0;
}

void fake_use(fake *f, unsigned queue, uint32_t id, uint32_t len)
{
    const virtio_queue_place *place = &f->places[queue];
    const uint16_t index = fake_used_index(f, queue);
    uint8_t *element = at(place->used, 4 + 8u * (size_t)(index % place->size));
    memcpy(element, &id, sizeof id);
    memcpy(element + 4, &len, sizeof len);
    fake_set_used_index(f, queue, (uint16_t)(index + 1));
}

void fake_set_used_index(fake *f, unsigned queue, uint16_t index)
{
    put16(at(f->places[queue].used, 2), index);
}

uint16_t fake_used_index(const fake *f, unsigned queue)
{
    return get16(at(f->places[queue].used, 2));
}

void fake_set_no_notify(fake *f, unsigned queue, bool no_notify)
{
    put16(at(f->places[queue].used, 0), no_notify);
}

void fake_set_available_event(fake *f, unsigned queue, uint16_t index)
{
    put16(at(f->places[queue].used, 4 + 8u * (size_t)f->places[queue].size), index);
}

bool fake_no_interrupt(const fake *f, unsigned queue)
{
    return get16(at(f->places[queue].available, 0)) == 1;
}

uint16_t fake_used_event(const fake *f, unsigned queue)
{
    return get16(at(f->places[queue].available, 4 + 2u * (size_t)f->places[queue].size));
}
