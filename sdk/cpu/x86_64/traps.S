/* SPDX-License-Identifier: ISC */
/* Entry points of the 64 vectors, all of 16 bytes, so that traps.c finds them by arithmetic. Each
 * pushes an error code where the CPU did not, and its number; then all general registers are saved
 * as struct x86_trap_frame. */
    .text
    .globl x86_vectors
    .balign 16
x86_vectors:
    .set vector, 0
    .rept 64
    .balign 16
    /* The CPU pushes an error code for 8, 10-14, 17, 21, 29 and 30 (SDM vol. 3, 6.15). */
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
    pushq $0
    .endif
    pushq $vector
    jmp common
    .set vector, vector + 1
    .endr

common:
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rbx
    pushq %rbp
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    movq %rsp, %rdi
    call x86_trap
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rbp
    popq %rbx
    popq %rdx
    popq %rcx
    popq %rax
    addq $16, %rsp
    iretq

/* void x86_wait_for_interrupt(void). x86_wait_stack is where x86_waited finds what is pushed here, as
 * long as interrupts may come. */
    .globl x86_wait_for_interrupt, x86_waited
x86_wait_for_interrupt:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, x86_wait_stack(%rip)
    sti
    hlt
x86_waited:
    cli
    movq $0, x86_wait_stack(%rip)
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .section .note.GNU-stack, "", @progbits
