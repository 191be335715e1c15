/* SPDX-License-Identifier: ISC */
/* memcpy() and memmove(), in the place of the C library's of 1.8 KB: 64 bytes a turn where both sides
 * lie at words, one word after the other where they do not (a word may be loaded and stored at any
 * address of RAM, ARM DDI 0406C A3.2.1; several at once may not). A word is loaded before the one
 * below it is stored, so that the sides may overlap in the direction of a copy. Nothing is saved: the
 * registers are those that a call may change. */
    .syntax unified
    .arch armv7-a
    .fpu vfpv3-d16
    .thumb

    .section .text.memcpy, "ax"
    .globl memcpy, __aeabi_memcpy, __aeabi_memcpy4, __aeabi_memcpy8
    .type memcpy, %function
    .thumb_set __aeabi_memcpy, memcpy
    .thumb_set __aeabi_memcpy4, memcpy
    .thumb_set __aeabi_memcpy8, memcpy
    .thumb_func
    .fnstart
memcpy:
    mov r12, r0                 /* r0 is the result */
    cmp r2, #64
    blo 4f
    /* To where the target has a word. */
1:  tst r12, #3
    ittt ne
    ldrbne r3, [r1], #1
    strbne r3, [r12], #1
    subne r2, r2, #1
    bne 1b
    tst r1, #3
    bne 4f
    subs r2, r2, #64
    blo 3f
2:  pld [r1, #128]
    vldmia r1!, {d0-d7}
    subs r2, r2, #64
    vstmia r12!, {d0-d7}
    bhs 2b
3:  adds r2, r2, #64
4:  subs r2, r2, #16
    blo 6f
5:  ldr r3, [r1]
    str r3, [r12]
    ldr r3, [r1, #4]
    str r3, [r12, #4]
    ldr r3, [r1, #8]
    str r3, [r12, #8]
    ldr r3, [r1, #12]
    str r3, [r12, #12]
    adds r1, r1, #16
    add r12, r12, #16
    subs r2, r2, #16
    bhs 5b
    /* The bits of what is left. */
6:  lsls r2, r2, #29
    itttt cs
    ldrcs r3, [r1], #4
    strcs r3, [r12], #4
    ldrcs r3, [r1], #4
    strcs r3, [r12], #4
    itt mi
    ldrmi r3, [r1], #4
    strmi r3, [r12], #4
    lsls r2, r2, #2
    itt cs
    ldrhcs r3, [r1], #2
    strhcs r3, [r12], #2
    itt mi
    ldrbmi r3, [r1]
    strbmi r3, [r12]
    bx lr
    .fnend
    .size memcpy, . - memcpy

    .section .text.memmove, "ax"
    .globl memmove, __aeabi_memmove, __aeabi_memmove4, __aeabi_memmove8
    .type memmove, %function
    .thumb_set __aeabi_memmove, memmove
    .thumb_set __aeabi_memmove4, memmove
    .thumb_set __aeabi_memmove8, memmove
    .thumb_func
    .fnstart
memmove:
    subs r3, r0, r1
    cmp r3, r2
    bhs memcpy                  /* the target does not begin within the source */
    add r1, r1, r2
    add r12, r0, r2
    subs r2, r2, #16
    blo 2f
1:  ldr r3, [r1, #-4]!
    str r3, [r12, #-4]!
    ldr r3, [r1, #-4]!
    str r3, [r12, #-4]!
    ldr r3, [r1, #-4]!
    str r3, [r12, #-4]!
    ldr r3, [r1, #-4]!
    str r3, [r12, #-4]!
    subs r2, r2, #16
    bhs 1b
2:  lsls r2, r2, #29
    itttt cs
    ldrcs r3, [r1, #-4]!
    strcs r3, [r12, #-4]!
    ldrcs r3, [r1, #-4]!
    strcs r3, [r12, #-4]!
    itt mi
    ldrmi r3, [r1, #-4]!
    strmi r3, [r12, #-4]!
    lsls r2, r2, #2
    itt cs
    ldrhcs r3, [r1, #-2]!
    strhcs r3, [r12, #-2]!
    itt mi
    ldrbmi r3, [r1, #-1]
    strbmi r3, [r12, #-1]
    bx lr
    .fnend
    .size memmove, . - memmove
