/* SPDX-License-Identifier: ISC */
/* Switching stacks: what each CPU folder provides for fibers. */
#ifndef FATA_CPU_CONTEXT_H
#define FATA_CPU_CONTEXT_H

#include "unwind.h"

typedef struct fa_cpu_context {
    void *sp; /* of a context that does not run; at offset 0, where the assembler finds it */
    /* The stack's bounds and the sanitizer's shadow of it; used on the host alone. */
    void *base;
    size_t size_bytes;
    void *shadow;
} fa_cpu_context;

/* Prepares a context that begins with `entry()` (which never returns) on the stack between `base`
 * and `base + size_bytes`; `size_bytes` keeps the ABI's alignment. */
void fa_cpu_context_init(fa_cpu_context *context, void *base, size_t size_bytes,
                         void (*entry)(void));
/* To be called first in `entry`: completes the first switch into a context. */
void fa_cpu_context_entered(void);
/* Saves the running context in `from` and goes on with `to`; returns when `from` is gone on with.
 * Keeps what the ABI says a call keeps, floating-point control words included. */
void fa_cpu_switch(fa_cpu_context *from, fa_cpu_context *to);
/* The same for a context that will never be gone on with. */
FA_NORETURN void fa_cpu_leave(fa_cpu_context *from, fa_cpu_context *to);
/* Where a context that does not run will go on. */
void fa_cpu_context_where(const fa_cpu_context *context, fa_cpu_frame *frame_out);

#endif
