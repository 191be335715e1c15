/* SPDX-License-Identifier: ISC */
/* The CPU's instructions that C cannot say: barriers, idling, system registers. Source: ARM
 * Architecture Reference Manual, ARMv7-A edition (ARM DDI 0406C), chapters B3, B4 and B8. */
#ifndef FATA_CPU_ARMV7A_CPU_H
#define FATA_CPU_ARMV7A_CPU_H

#include <fata/base.h>

/* Read and write a 32-bit register of coprocessor 15, by the numbers of the manual's tables. */
#define ARM_CP15_READ(name, crn, op1, crm, op2)                                                    \
    static inline uint32_t name(void)                                                              \
    {                                                                                              \
        uint32_t value;                                                                            \
        __asm__ volatile("mrc p15, " #op1 ", %0, " #crn ", " #crm ", " #op2 : "=r"(value));        \
        return value;                                                                              \
    }
#define ARM_CP15_WRITE(name, crn, op1, crm, op2)                                                   \
    static inline void name(uint32_t value)                                                        \
    {                                                                                              \
        __asm__ volatile("mcr p15, " #op1 ", %0, " #crn ", " #crm ", " #op2 ::"r"(value)           \
                         : "memory");                                                              \
    }

ARM_CP15_READ(arm_ctr, c0, 0, c0, 1)     /* cache type */
ARM_CP15_READ(arm_id_pfr1, c0, 0, c1, 1) /* processor features */
ARM_CP15_READ(arm_id_dfr0, c0, 0, c1, 2) /* debug and performance features */
ARM_CP15_READ(arm_ttbr0, c2, 0, c0, 0)   /* the first page table, and how it is walked */
ARM_CP15_READ(arm_dfsr, c5, 0, c0, 0)    /* data fault status */
ARM_CP15_READ(arm_ifsr, c5, 0, c0, 1)    /* instruction fault status */
ARM_CP15_READ(arm_dfar, c6, 0, c0, 0)    /* data fault address */
ARM_CP15_READ(arm_ifar, c6, 0, c0, 2)    /* instruction fault address */
ARM_CP15_WRITE(arm_set_vbar, c12, 0, c0, 0)
ARM_CP15_WRITE(arm_clean_to_pou, c7, 0, c11, 1) /* DCCMVAU: a line of the data cache */
ARM_CP15_WRITE(arm_tlb_forget, c8, 0, c7, 1)    /* TLBIMVA, here and now of no other CPU */
ARM_CP15_WRITE(arm_tlb_forget_all, c8, 0, c7, 0)

static inline void arm_dsb(void)
{
    __asm__ volatile("dsb" ::: "memory");
}
static inline void arm_dmb(void)
{
    __asm__ volatile("dmb" ::: "memory");
}
static inline void arm_isb(void)
{
    __asm__ volatile("isb" ::: "memory");
}
/* Stops until an interrupt is pending, which wakes the CPU although it stays masked. */
static inline void arm_wait_for_interrupt(void)
{
    __asm__ volatile("dsb\n\twfi" ::: "memory");
}

#endif
