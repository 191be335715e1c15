/* SPDX-License-Identifier: ISC */
/* In the place of sdk/cpu/device.h, for drivers whose device is played by a test: the Makefile
 * compiles them with this file before all others. A device is a number that the driver hands through;
 * each access takes a microsecond, so that waits end. */
#ifndef FATA_CPU_DEVICE_H
#define FATA_CPU_DEVICE_H

#include <fata/base.h>

typedef volatile uint8_t *fa_cpu_device;

/* The test's. */
uint32_t fake_device_read(uintptr_t device, size_t offset);
void fake_device_write(uintptr_t device, size_t offset, uint32_t value);

static inline uint32_t fa_cpu_read32(fa_cpu_device device, size_t offset)
{
    return fake_device_read((uintptr_t)device, offset);
}

static inline void fa_cpu_write32(fa_cpu_device device, size_t offset, uint32_t value)
{
    fake_device_write((uintptr_t)device, offset, value);
}

#endif
