/* SPDX-License-Identifier: ISC */
/* Calls to a hypervisor and to secure firmware. Source: SMC Calling Convention, ARM DEN 0028. */
#ifndef FATA_CPU_ARMV7A_SMCCC_H
#define FATA_CPU_ARMV7A_SMCCC_H

#include <fata/base.h>

/* Function `id` with three arguments; returns what it leaves in r0. Where nobody is there to answer
 * the instruction is undefined. */
uint32_t arm_hvc(uint32_t id, uint32_t a, uint32_t b, uint32_t c);
uint32_t arm_smc(uint32_t id, uint32_t a, uint32_t b, uint32_t c);

#endif
