/* SPDX-License-Identifier: ISC */
/* The first frame of a context, and where a suspended one stands. The switch itself is switch.S. */
#include "frame.h"

void fa_cpu_context_init(fa_cpu_context *context, void *base, size_t size_bytes,
                         void (*entry)(void))
{
    *context = (fa_cpu_context){.sp = x86_first_frame(base, size_bytes, entry)};
}

void fa_cpu_context_entered(void)
{
}

void fa_cpu_context_where(const fa_cpu_context *context, uintptr_t *pc_out, uintptr_t *fp_out)
{
    const x86_switch_frame *frame = x86_frame_at(context->sp);
    *pc_out = frame->return_address;
    *fp_out = frame->rbp;
}
