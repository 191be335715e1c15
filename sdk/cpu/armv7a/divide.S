/* SPDX-License-Identifier: ISC */
/* Division without the instruction, which a Cortex-A8 lacks, in the place of libgcc's of 1.3 KB. The
 * quotient goes to r0, the remainder to r1 (ARM IHI 0043, 4.3.1), so one function is both. */
    .syntax unified
    .arch armv7-a
    .thumb
    .section .text.__aeabi_uidivmod, "ax"
    .globl __aeabi_uidivmod, __aeabi_uidiv, __udivsi3
    .type __aeabi_uidivmod, %function
    .thumb_set __aeabi_uidiv, __aeabi_uidivmod
    .thumb_set __udivsi3, __aeabi_uidivmod
    .thumb_func
    .fnstart
__aeabi_uidivmod:
    cbz r1, 3f
    clz r2, r0
    clz r3, r1
    subs r3, r3, r2             /* how many bits the quotient has but for one, at most */
    blt 2f
    lsls r1, r3
    movs r2, #0
1:  cmp r0, r1
    it hs
    subhs r0, r0, r1
    adc r2, r2, r2
    lsrs r1, r1, #1
    subs r3, r3, #1
    bpl 1b
    mov r1, r0
    mov r0, r2
    bx lr
2:  mov r1, r0
    movs r0, #0
    bx lr
3:  b __aeabi_idiv0
    .fnend
    .size __aeabi_uidivmod, . - __aeabi_uidivmod

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
