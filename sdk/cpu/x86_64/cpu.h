/* SPDX-License-Identifier: ISC */
/* The CPU's instructions that C cannot say: ports, model-specific registers, CPUID, interrupts.
 * Source: Intel SDM volumes 2 and 3, AMD APM volume 2. */
#ifndef FATA_CPU_X86_64_CPU_H
#define FATA_CPU_X86_64_CPU_H

#include <fata/base.h>

static inline void x86_out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}
static inline void x86_out16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}
static inline void x86_out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}
static inline uint8_t x86_in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline uint16_t x86_in16(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t x86_in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint64_t x86_rdmsr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}
static inline void x86_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

typedef struct x86_cpuid {
    uint32_t a, b, c, d;
} x86_cpuid;
static inline x86_cpuid x86_cpuid_of(uint32_t leaf)
{
    x86_cpuid id;
    __asm__ volatile("cpuid"
                     : "=a"(id.a), "=b"(id.b), "=c"(id.c), "=d"(id.d)
                     : "a"(leaf), "c"(0));
    return id;
}

static inline uint64_t x86_tsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline void x86_pause(void)
{
    __asm__ volatile("pause");
}
/* Opens interrupts and stops until one has come; no wake-up can fall between the two. (traps.S) */
void x86_wait_for_interrupt(void);
/* Takes the interrupts that are pending. */
static inline void x86_take_interrupts(void)
{
    __asm__ volatile("sti; nop; cli" ::: "memory");
}

#endif
