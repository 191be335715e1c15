/* SPDX-License-Identifier: ISC */
/* Where virtio devices are: see virtio.h. */
#include "virtio.h"
#include "../../sdk/drivers/dt/machine.h"

#define DEVICES_MAX 12u

static struct {
    dt_node node;
    virtio_mmio mmio;
    bool has_interrupt;
} devices[DEVICES_MAX];
static unsigned device_count;

/* A machine can have many places for devices, most of them empty. */
static fa_err probe(dt_node node)
{
    arm_mmio registers;
    virtio_mmio found;
    fa_err err = machine_map_registers(node, 0, VIRTIO_MMIO_BYTES, &registers);
    if (err == FA_OK)
        err = virtio_mmio_init(&found, registers);
    if (err == FA_ENOENT)
        return FA_OK;
    if (err == FA_OK && device_count == DEVICES_MAX)
        err = FA_ELIMIT;
    if (err != FA_OK)
        return err;
    devices[device_count].node = node;
    devices[device_count++].mmio = found;
    return FA_OK;
}

static fa_err open_interrupt(unsigned index, void (*interrupt)(void *arg), void *arg)
{
    if (devices[index].has_interrupt)
        return FA_OK;
    const fa_err err = machine_open_interrupt(devices[index].node, 0, interrupt, arg);
    devices[index].has_interrupt = err == FA_OK;
    machine.awaits_interrupts = machine.awaits_interrupts || err == FA_OK;
    return err;
}

fa_err virtio_find(uint32_t kind, unsigned number, void (*interrupt)(void *arg), void *arg,
                   virtio_device **device_out)
{
    static const dt_driver drivers[] = {{"virtio,mmio", probe}};
    static bool has_probed;
    if (!has_probed)
        dt_probe(drivers, FA_ARRAY_COUNT(drivers));
    has_probed = true;
    /* QEMU's virt gives its places to devices from the last place to the first. */
    for (unsigned i = device_count; i-- > 0;)
        if (devices[i].mmio.device.id == kind && number-- == 0) {
            *device_out = &devices[i].mmio.device;
            return open_interrupt(i, interrupt, arg);
        }
    return FA_ENOENT;
}
