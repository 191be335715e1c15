/* SPDX-License-Identifier: ISC */
/* What switch.S leaves on a stack, lowest address first; shared with the host's contexts. */
#ifndef FATA_CPU_X86_64_FRAME_H
#define FATA_CPU_X86_64_FRAME_H

#include "../context.h"

typedef struct x86_switch_frame {
    uint32_t mxcsr;
    uint32_t fpu_control; /* 16 bits */
    /* The stack pointer of the context points here. */
    uint64_t r15, r14, r13, r12, rbx, rbp;
    uint64_t return_address;
} x86_switch_frame;

/* Where a suspended context goes on, by its stack pointer. */
static inline void x86_frame_where(const void *sp, fa_cpu_frame *frame_out)
{
    const x86_switch_frame *frame = (const x86_switch_frame *)(const void *)(
        (const uint8_t *)sp - offsetof(x86_switch_frame, r15));
    *frame_out = (fa_cpu_frame){
        .pc = frame->return_address, .sp = (uintptr_t)(frame + 1), .kept = {frame->rbp}};
}

#define X86_MXCSR_DEFAULT 0x1f80u
#define X86_FPU_CONTROL_DEFAULT 0x037fu

/* Lays out a first frame that returns into `entry`, with a null frame pointer and return address
 * above it, where a backtrace ends. Returns the stack pointer. */
static inline void *x86_first_frame(void *base, size_t size_bytes, void (*entry)(void))
{
    /* At a function's entry, the stack pointer is 8 below a multiple of 16. */
    uint64_t *top = (uint64_t *)(void *)((uint8_t *)base + size_bytes / 16 * 16);
    top[-1] = 0;
    top[-2] = 0;
    x86_switch_frame *frame = (x86_switch_frame *)(void *)(top - 1) - 1;
    *frame = (x86_switch_frame){.mxcsr = X86_MXCSR_DEFAULT,
                                .fpu_control = X86_FPU_CONTROL_DEFAULT,
                                .return_address = (uint64_t)entry};
    return &frame->r15;
}

#endif
