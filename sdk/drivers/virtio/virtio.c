/* SPDX-License-Identifier: ISC */
/* The life of a device: reset, features, start (3.1), and its configuration. */
#include "virtio.h"
#include <fata/log.h>
#include <inttypes.h>

FA_LOG_MODULE("virtio");

/* Looks at a status or a configuration that does not settle. */
#define RESET_LOOKS_MAX 100000u
#define CONFIG_LOOKS_MAX 16u

fa_err virtio_reset(virtio_device *device)
{
    device->transport->set_status(device, 0);
    for (unsigned look = 0; look < RESET_LOOKS_MAX; look++)
        if (device->transport->status(device) == 0)
            return FA_OK;
    return FA_EIO;
}

fa_err virtio_negotiate(virtio_device *device, uint64_t wanted)
{
    const virtio_transport *t = device->transport;
    const fa_err err = virtio_reset(device);
    if (err != FA_OK)
        return err;
    uint8_t status = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
    t->set_status(device, VIRTIO_STATUS_ACKNOWLEDGE);
    t->set_status(device, status);
    if (!device->is_legacy)
        wanted |= VIRTIO_F_VERSION_1;
    device->features = t->features(device) & wanted;
    t->set_features(device, device->features);
    if (device->is_legacy)
        return FA_OK;
    status |= VIRTIO_STATUS_FEATURES_OK;
    t->set_status(device, status);
    if (!(device->features & VIRTIO_F_VERSION_1) ||
        !(t->status(device) & VIRTIO_STATUS_FEATURES_OK)) {
        t->set_status(device, status | VIRTIO_STATUS_FAILED);
        fa_log_error("the device refuses features 0x%" PRIx64 " of its 0x%" PRIx64,
                     device->features, t->features(device));
        return FA_ENOTSUP;
    }
    return FA_OK;
}

void virtio_start(virtio_device *device)
{
    device->transport->set_status(
        device, (uint8_t)(device->transport->status(device) | VIRTIO_STATUS_DRIVER_OK));
}

void virtio_config(virtio_device *device, size_t offset, void *bytes_out, size_t len)
{
    const virtio_transport *t = device->transport;
    uint8_t *bytes = bytes_out;
    for (unsigned look = 0; look < CONFIG_LOOKS_MAX; look++) {
        const uint32_t before = t->generation(device);
        for (size_t i = 0; i < len; i++)
            bytes[i] = t->config8(device, offset + i);
        if (t->generation(device) == before)
            return;
    }
}
