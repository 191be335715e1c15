/* SPDX-License-Identifier: ISC */
/* The caller's frame in registers, for unwind.c; and the names of the ABI's unwinders, which the
 * compiler's tables mention (IHI 0038, 7.3): without them here, the linker would take libgcc's, with
 * all of its unwinding. Nobody calls them. */
    .syntax unified
    .thumb
    .text

    .globl fa_cpu_frame_here
    .type fa_cpu_frame_here, %function
/* (fa_cpu_frame *: r0): pc inside the call, sp, no lr, r4 to r11 */
fa_cpu_frame_here:
    bic r1, lr, #1
    subs r1, r1, #1
    mov r2, sp
    movs r3, #0
    stmia r0!, {r1-r3}
    stmia r0, {r4-r11}
    bx lr
    .size fa_cpu_frame_here, . - fa_cpu_frame_here

    .globl __aeabi_unwind_cpp_pr0, __aeabi_unwind_cpp_pr1, __aeabi_unwind_cpp_pr2
    .type __aeabi_unwind_cpp_pr0, %function
    .type __aeabi_unwind_cpp_pr1, %function
    .type __aeabi_unwind_cpp_pr2, %function
__aeabi_unwind_cpp_pr0:
__aeabi_unwind_cpp_pr1:
__aeabi_unwind_cpp_pr2:
    udf #0
    .size __aeabi_unwind_cpp_pr0, . - __aeabi_unwind_cpp_pr0
    .section .note.GNU-stack, "", %progbits
