/* SPDX-License-Identifier: ISC */
/* memcpy() and memmove(), in the place of the C library's of 1.8 KB: 32 bytes a turn where both sides
 * lie at words, 16 where they do not (words may be loaded and stored at any address of RAM, ARM DDI
 * 0406C A3.2.1; several at once may not). What is stored was loaded before, so that sides may overlap
 * in the direction of a copy. */
    .syntax unified
    .arch armv7-a
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
    push {r0, r4-r9, lr}
    .save {r4-r9, lr}
    .pad #4
    cmp r2, #32
    blo 3f
    /* To where the target has a word. */
1:  tst r0, #3
    ittt ne
    ldrbne r3, [r1], #1
    strbne r3, [r0], #1
    subne r2, r2, #1
    bne 1b
    tst r1, #3
    bne 3f
    subs r2, r2, #32
    blo 5f
2:  pld [r1, #128]
    ldmia r1!, {r3-r9, r12}
    subs r2, r2, #32
    stmia r0!, {r3-r9, r12}
    bhs 2b
5:  adds r2, r2, #32
3:  subs r2, r2, #16
    blo 6f
4:  ldr r3, [r1]
    ldr r4, [r1, #4]
    ldr r5, [r1, #8]
    ldr r6, [r1, #12]
    adds r1, r1, #16
    str r3, [r0]
    str r4, [r0, #4]
    str r5, [r0, #8]
    str r6, [r0, #12]
    adds r0, r0, #16
    subs r2, r2, #16
    bhs 4b
    /* The bits of what is left. */
6:  lsls r2, r2, #29
    itttt cs
    ldrcs r3, [r1], #4
    ldrcs r4, [r1], #4
    strcs r3, [r0], #4
    strcs r4, [r0], #4
    itt mi
    ldrmi r3, [r1], #4
    strmi r3, [r0], #4
    lsls r2, r2, #2
    itt cs
    ldrhcs r3, [r1], #2
    strhcs r3, [r0], #2
    itt mi
    ldrbmi r3, [r1]
    strbmi r3, [r0]
    pop {r0, r4-r9, pc}
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
    push {r4-r6, lr}
    .save {r4-r6, lr}
    add r1, r1, r2
    add r12, r0, r2
    subs r2, r2, #16
    blo 2f
1:  ldr r3, [r1, #-4]
    ldr r4, [r1, #-8]
    ldr r5, [r1, #-12]
    ldr r6, [r1, #-16]!
    str r3, [r12, #-4]
    str r4, [r12, #-8]
    str r5, [r12, #-12]
    str r6, [r12, #-16]!
    subs r2, r2, #16
    bhs 1b
2:  lsls r2, r2, #29
    itttt cs
    ldrcs r3, [r1, #-4]
    ldrcs r4, [r1, #-8]!
    strcs r3, [r12, #-4]
    strcs r4, [r12, #-8]!
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
    pop {r4-r6, pc}
    .fnend
    .size memmove, . - memmove
