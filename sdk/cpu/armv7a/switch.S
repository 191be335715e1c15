/* SPDX-License-Identifier: ISC */
/* Switching stacks: what a call keeps (AAPCS, ARM IHI 0042, 5.1) goes onto the stack that is left,
 * and comes off the one that is entered: r4 to r11, the return address, FPSCR, d8 to d15. The layout
 * is known to context.c. */
    .syntax unified
    .arch armv7-a
    .fpu vfpv3-d16
    .thumb
    .text
    .fnstart
    .cantunwind
    .globl fa_cpu_switch
    .globl fa_cpu_leave
    .type fa_cpu_switch, %function
    .type fa_cpu_leave, %function
/* (fa_cpu_context *from: r0, fa_cpu_context *to: r1); a context begins with its sp */
    .thumb_func
fa_cpu_switch:
    vmrs r3, fpscr
    push {r3, r4-r11, lr}
    vpush {d8-d15}
    mov r2, sp
    str r2, [r0]
    .thumb_func
fa_cpu_leave:
    ldr r2, [r1]
    mov sp, r2
    vpop {d8-d15}
    pop {r3, r4-r11, lr}
    vmsr fpscr, r3
    bx lr
    .fnend
    .size fa_cpu_switch, . - fa_cpu_switch

/* Where a new context begins: with its entry in r4, and nothing above it. */
    .fnstart
    .cantunwind
    .globl arm_context_begin
    .type arm_context_begin, %function
    .thumb_func
arm_context_begin:
    movs r2, #0
    mov lr, r2
    bx r4
    .fnend
    .size arm_context_begin, . - arm_context_begin
