/* SPDX-License-Identifier: ISC */
/* Device registers for drivers that several CPUs have. One plain load or store each: on ARM a
 * hypervisor that emulates the device is told of no other (ARM ARM B3.13.6, ISV), and no C compiler
 * promises it. Accesses to one device keep their order; against RAM, see fa_cpu_dma_... in dma.h. */
#ifndef FATA_CPU_DEVICE_H
#define FATA_CPU_DEVICE_H

#include <fata/base.h>

/* A device's registers, mapped by x86_mmu_map_device(), arm_mmu_map_device() and the like. */
typedef volatile uint8_t *fa_cpu_device;

#ifdef __arm__
#define FA_CPU_DEVICE_ACCESS(bits, load, store)                                                    \
    static inline uint##bits##_t fa_cpu_read##bits(fa_cpu_device device, size_t offset)            \
    {                                                                                              \
        uint32_t value;                                                                            \
        __asm__ volatile(load " %0, %1"                                                            \
                         : "=r"(value)                                                             \
                         : "Q"(*(volatile uint##bits##_t *)(volatile void *)(device + offset)));   \
        return (uint##bits##_t)value;                                                              \
    }                                                                                              \
    static inline void fa_cpu_write##bits(fa_cpu_device device, size_t offset,                     \
                                          uint##bits##_t value)                                    \
    {                                                                                              \
        __asm__ volatile(store " %1, %0"                                                           \
                         : "=Q"(*(volatile uint##bits##_t *)(volatile void *)(device + offset))    \
                         : "r"((uint32_t)value));                                                  \
    }
#else
#define FA_CPU_DEVICE_ACCESS(bits, load, store)                                                    \
    static inline uint##bits##_t fa_cpu_read##bits(fa_cpu_device device, size_t offset)            \
    {                                                                                              \
        return *(volatile uint##bits##_t *)(volatile void *)(device + offset);                     \
    }                                                                                              \
    static inline void fa_cpu_write##bits(fa_cpu_device device, size_t offset,                     \
                                          uint##bits##_t value)                                    \
    {                                                                                              \
        *(volatile uint##bits##_t *)(volatile void *)(device + offset) = value;                    \
    }
#endif
FA_CPU_DEVICE_ACCESS(8, "ldrb", "strb")
FA_CPU_DEVICE_ACCESS(16, "ldrh", "strh")
FA_CPU_DEVICE_ACCESS(32, "ldr", "str")

#endif
