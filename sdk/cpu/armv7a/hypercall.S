/* SPDX-License-Identifier: ISC */
/* Xen's calls: number in r12, arguments in r0 to r4, the answer in r0; all else stays as it was.
 * Source: Xen's public/arch-arm.h, "Hypercall Calling Convention". */
#define XEN_HVC 0xea1

    .syntax unified
    .thumb
    .arch_extension virt

    .section .text.fa_cpu_hypercall, "ax", %progbits
    .global fa_cpu_hypercall
    .type fa_cpu_hypercall, %function
    .thumb_func
fa_cpu_hypercall:
    push {r4, lr}
    mov r12, r0
    mov r0, r1
    mov r1, r2
    mov r2, r3
    ldrd r3, r4, [sp, #8]
    hvc #XEN_HVC
    pop {r4, pc}
    .size fa_cpu_hypercall, . - fa_cpu_hypercall
