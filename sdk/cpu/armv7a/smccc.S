/* SPDX-License-Identifier: ISC */
/* The two instructions of smccc.h. The first four arguments are in r0 to r3 in C's convention as in
 * this one, and the same registers may change. */
    .syntax unified
    .thumb
    .arch_extension virt
    .arch_extension sec

    .section .text.arm_hvc, "ax", %progbits
    .global arm_hvc
    .type arm_hvc, %function
    .thumb_func
arm_hvc:
    hvc #0
    bx lr
    .size arm_hvc, . - arm_hvc

    .section .text.arm_smc, "ax", %progbits
    .global arm_smc
    .type arm_smc, %function
    .thumb_func
arm_smc:
    smc #0
    bx lr
    .size arm_smc, . - arm_smc
