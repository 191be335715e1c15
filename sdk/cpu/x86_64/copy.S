/* SPDX-License-Identifier: ISC */
/* memcpy(), in the place of the C library's, which stores past the caches: what is copied here, a packet's
 * bytes, is looked at next. Short ones by 16 bytes; long ones by a string instruction, which the CPU
 * turns into whole cache lines (Intel's optimization manual, 3.7.6), from where the target has a word.
 * The last bytes are loaded first and stored last, over what is there already: no rest is counted. */
#define STRING_BYTES_MIN 256

    .section .text.memcpy, "ax"
    .globl memcpy
    .type memcpy, @function
/* (void *to: %rdi, const void *from: %rsi, size_t len: %rdx) */
memcpy:
    movq %rdi, %rax
    cmpq $16, %rdx
    jb 3f
    cmpq $STRING_BYTES_MIN, %rdx
    jae 2f
    movups -16(%rsi,%rdx), %xmm1
    leaq -16(%rdi,%rdx), %r8
1:  movups (%rsi), %xmm0
    movups %xmm0, (%rdi)
    addq $16, %rsi
    addq $16, %rdi
    cmpq %r8, %rdi
    jb 1b
    movups %xmm1, (%r8)
    ret
2:  movq (%rsi), %r8
    movq -8(%rsi,%rdx), %r9
    leaq -8(%rdi,%rdx), %r10
    movq %r8, (%rdi)
    leaq 8(%rdi), %rcx
    andq $-8, %rcx
    subq %rdi, %rcx
    addq %rcx, %rsi
    addq %rcx, %rdi
    subq %rcx, %rdx
    movq %rdx, %rcx
    shrq $3, %rcx
    rep movsq
    movq %r9, (%r10)
    ret
3:  cmpq $8, %rdx
    jb 4f
    movq (%rsi), %r8
    movq -8(%rsi,%rdx), %r9
    movq %r8, (%rdi)
    movq %r9, -8(%rdi,%rdx)
    ret
4:  cmpq $4, %rdx
    jb 5f
    movl (%rsi), %r8d
    movl -4(%rsi,%rdx), %r9d
    movl %r8d, (%rdi)
    movl %r9d, -4(%rdi,%rdx)
    ret
5:  cmpq $2, %rdx
    jb 6f
    movzwl (%rsi), %r8d
    movzbl -1(%rsi,%rdx), %r9d
    movw %r8w, (%rdi)
    movb %r9b, -1(%rdi,%rdx)
    ret
6:  testq %rdx, %rdx
    je 7f
    movzbl (%rsi), %r8d
    movb %r8b, (%rdi)
7:  ret
    .size memcpy, . - memcpy
    .section .note.GNU-stack, "", @progbits
