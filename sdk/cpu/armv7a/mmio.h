/* SPDX-License-Identifier: ISC */
/* Device registers. One plain load or store each: a hypervisor that emulates the device is told of
 * no other (ARM ARM B3.13.6, ISV). Accesses to one device keep their order, since its pages are
 * Device memory; order against RAM is the matter of barriers (cpu.h) and of plat_dma_map(). */
#ifndef FATA_CPU_ARMV7A_MMIO_H
#define FATA_CPU_ARMV7A_MMIO_H

#include <fata/base.h>

/* A device's registers, mapped by arm_mmu_map_device(). */
typedef volatile uint8_t *arm_mmio;

static inline uint32_t arm_read32(arm_mmio base, size_t offset)
{
    uint32_t value;
    __asm__ volatile("ldr %0, %1" : "=r"(value) : "Q"(*(volatile uint32_t *)(volatile void *)(base + offset)));
    return value;
}

static inline void arm_write32(arm_mmio base, size_t offset, uint32_t value)
{
    __asm__ volatile("str %1, %0" : "=Q"(*(volatile uint32_t *)(volatile void *)(base + offset)) : "r"(value));
}

static inline uint8_t arm_read8(arm_mmio base, size_t offset)
{
    uint32_t value;
    __asm__ volatile("ldrb %0, %1" : "=r"(value) : "Q"(base[offset]));
    return (uint8_t)value;
}

static inline void arm_write8(arm_mmio base, size_t offset, uint8_t value)
{
    __asm__ volatile("strb %1, %0" : "=Q"(base[offset]) : "r"((uint32_t)value));
}

#endif
