/* SPDX-License-Identifier: ISC */
/* Where an ARM image begins: the zImage header, and the way from wherever a loader put the image to
 * C code behind the MMU. A loader enters in ARM state, SVC or HYP mode, MMU and data cache off,
 * r2 = address of the device tree (Linux: Documentation/arch/arm/booting.rst). The image lies
 * within the first 128 MiB of RAM, which begins at a multiple of 128 MiB, as Linux asks for too.
 *
 * RAM is laid out anew:
 *
 *     first byte of RAM   the first page table, 16 KiB
 *     + 16 KiB            the image: code; constants; data and .bss, with the boot's stack: each
 *                         begins with a page of its own, unlike in the file
 *     __image_end         the device tree
 *     behind it           second-level page tables, a page for each 4 MiB of the RAM's begin
 *
 * The device tree is moved first: to its final place, if the image as it is lies above that, or
 * above both places of the image. Then the image, by code that was copied behind the device tree,
 * and the device tree comes down. r4 to r10 keep their meaning throughout:
 *     r4   the first byte of RAM          r8   the device tree's final place
 *     r5   where the image is             r9   its length, 0: there is none
 *     r6   the image's length             r10  where it is
 *     r7   the image's final place
 * Sources: ARM DDI 0406C B3 (MMU), B4 (registers), B8 (timers); Cortex-A7 and Cortex-A8 TRMs. */
#define MODE_SVC 0x13
#define MODE_ABT 0x17
#define MODE_HYP 0x1a
#define MODE_MASK 0x1f
#define PSR_SVC_MASKED 0x1d3 /* asynchronous aborts, IRQ and FIQ masked */

#define DT_MAGIC_SWAPPED 0xedfe0dd0
#define RAM_ALIGN_MASK 0xf8000000
#define TABLE_BYTES 0x4000
#define STEP_BYTES 64 /* what is moved begins and ends at multiples of it */
#define WINDOW_ENTRY_BYTES 0x1000 /* in the page table, of ARM_RAM_WINDOW */

#define MIDR_MODEL_MASK 0xff0ffff0
#define MIDR_CORTEX_A8 0x410fc080

#define SCTLR_SET 0x10001805 /* TRE, I, Z (branch prediction), C, M */
#define SCTLR_CLEAR_HIGH 0x7218 /* bits 31 to 16: TE, AFE, TRE, EE, UWXN, WXN */
#define SCTLR_CLEAR_LOW 0x3007  /* V (high vectors), I, C, A (alignment check), M */
/* What the bits TEX[0], C and B of an entry say (B3.8.3): what they say without this remapping,
 * which is the registers' reset values, but that the bit S of Normal memory means inner-shareable
 * (NOS0 to NOS7) instead of outer-shareable. */
#define PRRR 0xff098aa4
#define NMRR 0x44e048e0
#define SECTION_RAM 0x140e /* TEX 1, C, B: write-back, write-allocate; AP 1: privileged; domain 0 */
#define SECTION_SHAREABLE 0x10000
#define PAGE_RAM 0x5e /* a small page of the same kind */
#define PAGE_SHAREABLE 0x400
#define KIND_TABLE 1
#define EARLY_ROOM 0x200000 /* mmu.h: ARM_EARLY_ROOM_BYTES, and these tables */
/* Walks through cacheable memory: on the A7 and others inner-shareable (IRGN and RGN write-back,
 * write-allocate, S, NOS); on the A8, which has neither, write-back. */
#define TTBR_SHARED 0x6a
#define TTBR_A8 0x59

    .syntax unified
    .arch armv7-a
    .arch_extension virt
    .fpu vfpv3-d16
    .arm

    .section .text.entry, "ax"
    .balign 8
    .globl arm_entry
    .type arm_entry, %function
    .fnstart
    .cantunwind
arm_entry:
    .rept 8
    nop
    .endr
    b start
    .word 0x016f2818            /* magic, at 0x24 */
    .word 0                     /* 0: runs anywhere */
    .word __file_bytes          /* the end */
    .word 0x04030201            /* byte order */

start:
    mov r10, r2
    mrs r0, cpsr
    and r0, r0, #MODE_MASK
    cmp r0, #MODE_HYP
    bne in_svc
    /* Leaves HYP: nothing is trapped from now on, IDs are the CPU's own, the timers ours. */
    mrc p15, 0, r0, c0, c0, 0
    mcr p15, 4, r0, c0, c0, 0   /* VPIDR = MIDR */
    mrc p15, 0, r0, c0, c0, 5
    mcr p15, 4, r0, c0, c0, 5   /* VMPIDR = MPIDR */
    mov r0, #0
    mcr p15, 4, r0, c1, c1, 0   /* HCR */
    mcr p15, 4, r0, c1, c1, 3   /* HSTR */
    mcrr p15, 4, r0, r0, c14    /* CNTVOFF */
    movw r0, #0x33ff
    mcr p15, 4, r0, c1, c1, 2   /* HCPTR: its reserved ones, no trap of VFP */
    mrc p15, 4, r0, c1, c1, 1
    and r0, r0, #0x1f
    mcr p15, 4, r0, c1, c1, 1   /* HDCR: the counters' number as it is, no trap */
    mrc p15, 4, r0, c14, c1, 0
    orr r0, r0, #3
    mcr p15, 4, r0, c14, c1, 0  /* CNTHCTL: physical counter and timer, too */
    isb
    movw r0, #PSR_SVC_MASKED
    msr spsr_cxsf, r0
    adr r0, in_svc
    msr elr_hyp, r0
    eret

in_svc:
    cpsid aif, #MODE_SVC
    /* SMP: without it the A7 does not cache shareable memory. It comes before any maintenance of
     * caches and TLBs (Cortex-A7 TRM, ACTLR). Not everybody may write it. */
    bl compare_a8
    beq 1f
    mrc p15, 0, r0, c1, c0, 1
    tst r0, #0x40
    orreq r0, r0, #0x40
    mcreq p15, 0, r0, c1, c0, 1
    /* Off: MMU, caches, and what decides about byte order, alignment and vectors. Instructions that
     * are fetched through caches leave lines in the second level, which ICIALLU does not reach:
     * what is moved to such a place would not be what runs. */
1:  mrc p15, 0, r0, c1, c0, 0
    movw r1, #SCTLR_CLEAR_LOW
    movt r1, #SCTLR_CLEAR_HIGH
    bic r0, r0, r1
    mcr p15, 0, r0, c1, c0, 0
    isb

    adr r5, arm_entry
    and r4, r5, #RAM_ALIGN_MASK
    ldr r6, =__file_bytes
    add r7, r4, #TABLE_BYTES
    ldr r8, =__image_bytes
    add r8, r8, r7

    /* How much of the device tree is in use: up to the end of its structure and its strings. Its
     * total size can be a megabyte of nothing. */
    mov r9, #0
    bics r0, r10, #3
    beq moved_up
    cmp r0, r10
    bne moved_up
    ldr r0, [r10]
    ldr r1, =DT_MAGIC_SWAPPED
    cmp r0, r1
    bne moved_up
    ldr r0, [r10, #8]           /* off_dt_struct */
    ldr r1, [r10, #36]          /* size_dt_struct */
    rev r0, r0
    rev r1, r1
    add r2, r0, r1
    ldr r0, [r10, #12]          /* off_dt_strings */
    ldr r1, [r10, #32]          /* size_dt_strings */
    rev r0, r0
    rev r1, r1
    add r0, r0, r1
    cmp r2, r0
    movlo r2, r0
    ldr r0, [r10, #4]           /* totalsize */
    rev r0, r0
    cmp r2, r0
    movhi r2, r0
    add r2, r2, #STEP_BYTES - 1
    bic r9, r2, #STEP_BYTES - 1

moved_up:
    /* To its final place, if there is room for it and the mover below the image as it is. Xen puts
     * an image so high that there may be none above it. */
    add r1, r8, r9
    add r1, r1, #mover_end - mover
    mov r0, r8
    cmp r1, r5
    bls 1f
    /* Up: above the image as it is and as it will be. */
    add r0, r5, r6
    cmp r0, r8
    movlo r0, r8
    add r0, r0, #STEP_BYTES - 1
    bic r0, r0, #STEP_BYTES - 1
1:  mov r1, r10
    mov r10, r0
    mov r2, r9
    bl move
    /* The mover goes behind that, and there. */
    add r0, r10, r9
    mov r3, r0
    adr r1, mover
    mov r2, #mover_end - mover
    bl move
    bl forget_code
    bx r3

    /* Moves r2 bytes, a multiple of 8, from r1 to r0, which may overlap. Uses r11 and r12. */
move:
    cmp r2, #0
    cmpne r0, r1
    bxeq lr
    bhi 2f
1:  ldmia r1!, {r11, r12}
    stmia r0!, {r11, r12}
    subs r2, r2, #8
    bne 1b
    bx lr
2:  add r0, r0, r2
    add r1, r1, r2
3:  ldmdb r1!, {r11, r12}
    stmdb r0!, {r11, r12}
    subs r2, r2, #8
    bne 3b
    bx lr

    /* Equal: the CPU is a Cortex-A8. Uses r0 and r1. */
compare_a8:
    mrc p15, 0, r0, c0, c0, 0
    ldr r1, =MIDR_MODEL_MASK
    and r0, r0, r1
    ldr r1, =MIDR_CORTEX_A8
    cmp r0, r1
    bx lr

    /* Code was written: to memory, since the data cache is off. */
forget_code:
    mov r12, #0
    dsb
    mcr p15, 0, r12, c7, c5, 0  /* ICIALLU */
    mcr p15, 0, r12, c7, c5, 6  /* BPIALL */
    dsb
    isb
    bx lr

    /* Runs where nothing else is. */
    .balign 8
mover:
    mov r0, r7
    mov r1, r5
    mov r2, r6
    cmp r0, r1
    beq 3f
    bhi 2f
1:  ldmia r1!, {r3, r11, r12, lr}
    stmia r0!, {r3, r11, r12, lr}
    subs r2, r2, #16            /* the file is a multiple of 16 */
    bhi 1b
    b 3f
2:  add r0, r0, r2
    add r1, r1, r2
4:  ldmdb r1!, {r3, r11, r12, lr}
    stmdb r0!, {r3, r11, r12, lr}
    subs r2, r2, #16
    bhi 4b
3:  mov r0, #0
    dsb
    mcr p15, 0, r0, c7, c5, 0
    mcr p15, 0, r0, c7, c5, 6
    dsb
    isb
    ldr r0, 5f
    add pc, r7, r0
5:  .word placed - arm_entry
    .balign 8
mover_end:

    /* The file is at its place. In memory, data and constants begin with pages of their own; the
     * device tree comes down behind all. */
placed:
    ldr r0, =__image_data
    ldr r1, =__file_data
    ldr r2, =__file_bytes
    sub r2, r2, r1
    add r0, r0, r7
    add r1, r1, r7
    bl move
    ldr r0, =__image_rodata
    ldr r1, =__file_rodata
    ldr r2, =__file_data
    sub r2, r2, r1
    add r0, r0, r7
    add r1, r1, r7
    bl move
    mov r0, r8
    mov r1, r10
    mov r2, r9
    bl move
    rev r0, r9
    cmp r9, #0
    strne r0, [r8, #4]          /* totalsize: what was moved */

    /* Clears .bss, but for the stacks, and the first page table. */
    ldr r12, =__image_bss
    add r12, r12, r7
    mov r0, #0
    mov r1, #0
    mov r2, #0
    mov r3, #0
1:  cmp r12, r8
    stmialo r12!, {r0-r3}
    blo 1b
    mov r12, r4
1:  cmp r12, r7
    stmialo r12!, {r0-r3}
    blo 1b

    /* The image and what is behind it, where it is linked: by pages from the start, since no entry
     * that is in use may become one of another size (ARM DDI 0487, D8.16, break before make: a TLB
     * that has both may abort). And as it lies, for the moment when the MMU goes on. */
    bl compare_a8
    movw r2, #TTBR_SHARED
    movw r3, #SECTION_RAM
    movw r11, #PAGE_RAM
    moveq r2, #TTBR_A8          /* the A8 treats shareable memory as uncached */
    addne r3, r3, #SECTION_SHAREABLE
    addne r11, r11, #PAGE_SHAREABLE
    orr r2, r2, r4              /* TTBR0 */
    orr r3, r3, r4
    str r3, [r4, r4, lsr #18]
    orr r3, r11, r4
    add r0, r4, #WINDOW_ENTRY_BYTES
    add r12, r8, r9
    add r12, r12, #0xff0
    add r12, r12, #0xf
    bfc r12, #0, #12            /* the tables begin */
    sub r1, r12, r4
    add r1, r1, #EARLY_ROOM
    lsr r1, r1, #22             /* how many groups of 4 MiB there are but for one */
1:  orr r11, r12, #KIND_TABLE
2:  str r11, [r0], #4
    add r11, r11, #0x400
    tst r0, #0xc
    bne 2b
3:  str r3, [r12], #4
    add r3, r3, #0x1000
    lsls r11, r12, #20
    bne 3b
    subs r1, r1, #1
    bpl 1b

    /* Memory is right, but caches may hold older lines of it: those go. */
    mrc p15, 0, r0, c0, c0, 1
    ubfx r0, r0, #16, #4        /* CTR.DminLine: words, as a power of two */
    mov r1, #4
    lsl r1, r1, r0
    mov r3, r12
    mov r0, r4
1:  mcr p15, 0, r0, c7, c6, 1   /* DCIMVAC */
    add r0, r0, r1
    cmp r0, r3
    blo 1b
    bl forget_code

    mov r0, #0
    mcr p15, 0, r0, c2, c0, 2   /* TTBCR: TTBR0 for all addresses, short descriptors */
    mcr p15, 0, r2, c2, c0, 0   /* TTBR0 */
    mov r0, #1
    mcr p15, 0, r0, c3, c0, 0   /* DACR: domain 0 obeys the tables */
    ldr r0, =PRRR
    mcr p15, 0, r0, c10, c2, 0
    ldr r0, =NMRR
    mcr p15, 0, r0, c10, c2, 1
    mov r0, #0
    mcr p15, 0, r0, c8, c7, 0   /* TLBIALL */
    mcr p15, 0, r0, c7, c5, 6   /* BPIALL */
    dsb
    isb
    mrc p15, 0, r0, c1, c0, 0
    ldr r1, =SCTLR_SET
    orr r0, r0, r1
    mcr p15, 0, r0, c1, c0, 0
    isb
    ldr pc, =mapped

mapped:
    cps #MODE_ABT               /* for all exceptions: vectors.S */
    ldr sp, =arm_fault_stack_end
    cps #MODE_SVC
    ldr sp, =arm_boot_stack_end
    mrc p15, 0, r0, c1, c0, 2
    orr r0, r0, #0xf00000       /* CPACR: VFP */
    mcr p15, 0, r0, c1, c0, 2
    isb
    mov r0, #0x40000000
    vmsr fpexc, r0
    mov r0, #0
    vmsr fpscr, r0
    ldr r0, =arm_ram_start
    str r4, [r0]
    ldr r0, =__image_end
    mov r1, r9
    mov fp, #0
    mov lr, #0                  /* where a backtrace ends */
    ldr r12, =arm_start         /* (device tree, its length) */
    bx r12
    .fnend
    .ltorg

    .section .bss.stacks, "aw", %nobits
    .balign 4096
    .globl arm_boot_guard
arm_boot_guard: .skip 4096      /* unmapped once the page tables are final */
    .skip 8192
arm_boot_stack_end:
    .skip 8192
arm_fault_stack_end:
    .globl arm_ram_start
arm_ram_start: .skip 4
    .balign 16
