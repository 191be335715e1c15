/* SPDX-License-Identifier: ISC */
/* Contexts inside a Linux process: the same switch as on the bare CPU, with the address sanitizer
 * told which stack runs (sanitizer/common_interface_defs.h) and errno, which the host's libc keeps
 * per thread, kept per context. Without the sanitizer its functions are absent, and not called. */
#include "../x86_64/frame.h"
#include <errno.h>

void fa_cpu_swap(fa_cpu_context *from, fa_cpu_context *to);
__attribute__((weak)) void __sanitizer_start_switch_fiber(void **shadow_save, const void *base,
                                                          size_t size_bytes);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void *shadow, const void **base_out,
                                                           size_t *size_out);

void fa_cpu_context_init(fa_cpu_context *context, void *base, size_t size_bytes,
                         void (*entry)(void))
{
    *context = (fa_cpu_context){x86_first_frame(base, size_bytes, entry), base, size_bytes, NULL};
}

void fa_cpu_context_entered(void)
{
    if (__sanitizer_finish_switch_fiber != NULL)
        __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
}

void fa_cpu_switch(fa_cpu_context *from, fa_cpu_context *to)
{
    const int error_number = errno;
    if (__sanitizer_start_switch_fiber != NULL)
        __sanitizer_start_switch_fiber(&from->shadow, to->base, to->size_bytes);
    fa_cpu_swap(from, to);
    if (__sanitizer_finish_switch_fiber != NULL)
        __sanitizer_finish_switch_fiber(from->shadow, NULL, NULL);
    errno = error_number;
}

void fa_cpu_leave(fa_cpu_context *from, fa_cpu_context *to)
{
    if (__sanitizer_start_switch_fiber != NULL)
        __sanitizer_start_switch_fiber(NULL, to->base, to->size_bytes);
    fa_cpu_swap(from, to);
    __builtin_unreachable();
}

/* The frame of fa_cpu_switch() lies between switch.S and the caller: one step further up. */
void fa_cpu_context_where(const fa_cpu_context *context, fa_cpu_frame *frame_out)
{
    x86_frame_where(context->sp, frame_out);
}
