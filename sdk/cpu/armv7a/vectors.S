/* SPDX-License-Identifier: ISC */
/* The exception vectors. All exceptions go one way: what the CPU saved and all general registers go
 * onto the fault stack, which is the stack of abort mode, as struct arm_fault_frame, and arm_fault()
 * makes a crash report of them. Interrupts are never unmasked: one that comes here is a fault, too.
 * Source: ARM DDI 0406C, B1.8 and B1.9. */
    .syntax unified
    .arch armv7-a
    .arm
    .text
    .fnstart
    .cantunwind
    .globl arm_vectors
    .balign 32
arm_vectors:
    b .                         /* reset: comes elsewhere */
    b undefined
    b supervisor_call
    b prefetch_abort
    b data_abort
    b .                         /* HYP trap: not in this mode */
    b irq
    b fiq

    /* What is taken off lr is what the CPU adds to the address of the instruction (B1-6); for the
     * first two that depends on the state, and arm_fault() does it. */
    .macro fault number, excess
    sub lr, lr, #\excess
    srsdb sp!, #0x17
    cps #0x17
    push {r0-r12}
    mov r1, #\number
    b report
    .endm
undefined:
    fault 0, 0
supervisor_call:
    fault 1, 0
prefetch_abort:
    fault 2, 4
data_abort:
    fault 3, 8
irq:
    fault 4, 4
fiq:
    fault 5, 4

    /* The stack pointer and the link register of the mode that was interrupted: SVC, but for a fault
     * in here. */
report:
    mov r0, sp
    ldr r4, [sp, #14 * 4]
    and r4, r4, #0x1f
    cmp r4, #0x13
    add r2, sp, #15 * 4
    mov r3, lr
    bne 1f
    cps #0x13
    mov r5, sp
    mov r6, lr
    cps #0x17
    mov r2, r5
    mov r3, r6
1:  bic sp, sp, #7
    ldr r12, =arm_fault         /* (frame, number, sp, lr) */
    mov lr, #0
    bx r12
    .ltorg
    .fnend
