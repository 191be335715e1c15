/* SPDX-License-Identifier: ISC */
/* Signed division, by libgcc's unsigned one; libgcc's own would be a second copy of that, of 0.7 KB. The
 * quotient goes to r0, the remainder to r1 (ARM IHI 0043, 4.3.1), so one function is both. */
    .syntax unified
    .arch armv7-a
    .thumb
    .section .text.__aeabi_idivmod, "ax"
    .globl __aeabi_idivmod, __aeabi_idiv
    .type __aeabi_idivmod, %function
    .thumb_set __aeabi_idiv, __aeabi_idivmod
    .fnstart
__aeabi_idivmod:
    asrs r2, r0, #31            /* signs, as 0 or -1: of the dividend and the remainder; */
    eor r3, r2, r1, asr #31     /* of the quotient */
    push {r2, r3, r4, lr}
    .save {r4, lr}
    .pad #8
    eors r0, r2
    subs r0, r0, r2
    cmp r1, #0
    it mi
    rsbmi r1, r1, #0
    bl __aeabi_uidivmod
    pop {r2, r3}
    eors r0, r3
    subs r0, r0, r3
    eors r1, r2
    subs r1, r1, r2
    pop {r4, pc}
    .fnend
    .size __aeabi_idivmod, . - __aeabi_idivmod
