/* SPDX-License-Identifier: ISC */
/* Where an x86 image begins. A PVH loader (Xen: docs/misc/pvh.pandoc; QEMU, Firecracker, Cloud
 * Hypervisor) finds the ELF note and enters in 32-bit protected mode, paging off, %ebx = address of
 * the start_info. This maps the first GiB as it lies, turns on long mode with no-execute and
 * write-protect, and calls x86_start(start_info) in C. */
#define CR0_WP_PG_PE_ET_NE_MP 0x80010033
#define CR4_PAE_OSFXSR_OSXMMEXCPT 0x620
#define MSR_EFER 0xc0000080
#define EFER_LME_NXE 0x900
#define EARLY_STACK_BYTES 8192

    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 4, 18              /* name size, value size, XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long x86_entry

    .section .text.entry, "ax"
    .code32
    .globl x86_entry
x86_entry:
    cli
    cld
    movl $early_stack_end, %esp

    /* Loaders clear .bss; its tables are filled here. 512 pages of 2 MiB: present, writable. */
    movl $x86_low_directory, %edi
    movl $0x83, %eax
    movl $512, %ecx
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    decl %ecx
    jnz 1b
    movl $x86_low_directory + 3, low_pointers
    movl $low_pointers + 3, x86_top_table
    movl $x86_top_table, %eax
    movl %eax, %cr3

    movl $CR4_PAE_OSFXSR_OSXMMEXCPT, %eax
    movl %eax, %cr4
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME_NXE, %eax
    wrmsr
    movl $CR0_WP_PG_PE_ET_NE_MP, %eax
    movl %eax, %cr0
    lgdt early_gdt_pointer
    ljmp $8, $1f

    .code64
1:  movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    xorl %eax, %eax
    movw %ax, %fs
    movw %ax, %gs
    movl %ebx, %edi
    xorl %ebp, %ebp
    fninit
    call x86_start
1:  hlt
    jmp 1b

    .section .rodata.entry, "a"
    .balign 8
early_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
early_gdt_pointer:
    .word 23
    .long early_gdt

    .section .bss.tables, "aw", @nobits
    .balign 4096
    .globl x86_top_table, x86_low_directory
x86_top_table:      .skip 4096
low_pointers:       .skip 4096
x86_low_directory:  .skip 4096
    /* Unmapped once the page tables are final: the boot's stack must not grow into them. */
    .globl x86_early_guard
x86_early_guard:    .skip 4096
early_stack:        .skip EARLY_STACK_BYTES
early_stack_end:
    .section .note.GNU-stack, "", @progbits
