/* SPDX-License-Identifier: ISC */
/* The registers of the Generic Timer's virtual timer. They are there where ID_PFR1 says so. Source:
 * ARM ARM B8. */
#ifndef FATA_CPU_ARMV7A_GENERIC_TIMER_H
#define FATA_CPU_ARMV7A_GENERIC_TIMER_H

#include "cpu.h"

ARM_CP15_READ(arm_cntfrq, c14, 0, c0, 0)
ARM_CP15_WRITE(arm_set_cntv_ctl, c14, 0, c3, 1)
#define ARM_CNTV_CTL_ENABLE 1u

static inline bool arm_has_generic_timer(void)
{
    return (arm_id_pfr1() >> 16 & 15) != 0;
}

/* The barrier keeps the read from being done ahead of what stands before it. */
static inline uint64_t arm_cntvct(void)
{
    uint64_t count;
    __asm__ volatile("isb\n\tmrrc p15, 1, %Q0, %R0, c14" : "=r"(count)::"memory");
    return count;
}

static inline void arm_set_cntv_cval(uint64_t count)
{
    __asm__ volatile("mcrr p15, 3, %Q0, %R0, c14" ::"r"(count) : "memory");
}

#endif
