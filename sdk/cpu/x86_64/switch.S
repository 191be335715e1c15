/* SPDX-License-Identifier: ISC */
/* Switching stacks (System V ABI, AMD64 supplement): the callee-saved registers and the control
 * words of SSE and x87 go onto the stack that is left, and come off the one that is entered. The
 * layout is known to context.c. On the host, sdk/cpu/host wraps fa_cpu_swap and takes the place of
 * the weak names. */
    .text
    .globl fa_cpu_swap
    .type fa_cpu_swap, @function
    .weak fa_cpu_switch
    .weak fa_cpu_leave
/* (fa_cpu_context *from: %rdi, fa_cpu_context *to: %rsi); a context begins with its %rsp */
fa_cpu_swap:
fa_cpu_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    /* Below the stack pointer, where nothing writes: interrupts and signals have other stacks. */
    stmxcsr -8(%rsp)
    fnstcw -4(%rsp)
    movq %rsp, (%rdi)
fa_cpu_leave:
    movq (%rsi), %rsp
    ldmxcsr -8(%rsp)
    fldcw -4(%rsp)
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size fa_cpu_swap, . - fa_cpu_swap
    .section .note.GNU-stack, "", @progbits
