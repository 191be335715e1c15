/* SPDX-License-Identifier: ISC */
/* The first frame of a context, and where a suspended one stands. The switch itself is switch.S. */
#include "../context.h"

/* What switch.S leaves on a stack, lowest address first. */
typedef struct switch_frame {
    uint64_t d8_to_d15[8];
    uint32_t fpscr;
    uint32_t r4_to_r11[8];
    uint32_t return_address;
} switch_frame;

/* In switch.S: calls what is in r4. */
void arm_context_begin(void);

void fa_cpu_context_init(fa_cpu_context *context, void *base, size_t size_bytes,
                         void (*entry)(void))
{
    switch_frame *frame = (switch_frame *)(void *)((uint8_t *)base + size_bytes / 8 * 8) - 1;
    *frame = (switch_frame){.r4_to_r11 = {(uintptr_t)entry},
                            .return_address = (uintptr_t)arm_context_begin};
    *context = (fa_cpu_context){.sp = frame};
}

void fa_cpu_context_entered(void)
{
}

void fa_cpu_context_where(const fa_cpu_context *context, fa_cpu_frame *frame_out)
{
    const switch_frame *frame = context->sp;
    /* Inside the call: one less, without the Thumb bit. */
    *frame_out = (fa_cpu_frame){.pc = (frame->return_address & ~UINT32_C(1)) - 1,
                                .sp = (uintptr_t)(frame + 1)};
    for (size_t i = 0; i < FA_ARRAY_COUNT(frame_out->kept); i++)
        frame_out->kept[i] = frame->r4_to_r11[i];
}
