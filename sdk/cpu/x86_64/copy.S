/* SPDX-License-Identifier: ISC */
/* memcpy() and memset(), in the place of the C library's, which store past the caches: what is copied,
 * a packet's bytes, or cleared, is looked at next. Short ones by 16 bytes; long ones by a string
 * instruction, which the CPU turns into whole cache lines (Intel's optimization manual, 3.7.6), from
 * where the target has a word. The last bytes are stored apart, over the others' end: no rest is counted. */
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

    .section .text.memset, "ax"
    .globl memset
    .type memset, @function
/* (void *to: %rdi, int byte: %esi, size_t len: %rdx) */
memset:
    movq %rdi, %r8
    movzbl %sil, %esi
    movabsq $0x0101010101010101, %rax
    imulq %rsi, %rax
    cmpq $16, %rdx
    jb 3f
    movq %rax, -16(%rdi,%rdx)
    movq %rax, -8(%rdi,%rdx)
    movq %rax, (%rdi)
    cmpq $STRING_BYTES_MIN, %rdx
    jae 2f
1:  movq %rax, (%rdi)
    movq %rax, 8(%rdi)
    addq $16, %rdi
    subq $16, %rdx
    cmpq $16, %rdx
    ja 1b
    movq %r8, %rax
    ret
2:  leaq 8(%rdi), %rcx
    andq $-8, %rcx
    subq %rdi, %rcx
    addq %rcx, %rdi
    subq %rcx, %rdx
    movq %rdx, %rcx
    shrq $3, %rcx
    rep stosq
    movq %r8, %rax
    ret
3:  cmpq $8, %rdx
    jb 4f
    movq %rax, (%rdi)
    movq %rax, -8(%rdi,%rdx)
    jmp 7f
4:  cmpq $4, %rdx
    jb 5f
    movl %eax, (%rdi)
    movl %eax, -4(%rdi,%rdx)
    jmp 7f
5:  testq %rdx, %rdx
    je 7f
    movb %al, (%rdi)
    movb %al, -1(%rdi,%rdx)
    cmpq $2, %rdx
    jbe 7f
    movb %al, 1(%rdi)
7:  movq %r8, %rax
    ret
    .size memset, . - memset
    .section .note.GNU-stack, "", @progbits
