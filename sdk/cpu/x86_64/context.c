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

void fa_cpu_context_where(const fa_cpu_context *context, fa_cpu_frame *frame_out)
{
    x86_frame_where(context->sp, frame_out);
}
