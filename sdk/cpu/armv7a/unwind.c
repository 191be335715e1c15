/* SPDX-License-Identifier: ISC */
/* Walking the stack by the compiler's tables, which the link script keeps between __exidx_start and
 * __exidx_end: ehabi.c with this machine's memory. */
#include "../unwind.h"
#include "ehabi.h"

#define KEPT_FIRST 4u /* kept[0] is r4 */

typedef struct image_memory {
    arm_ehabi_memory memory; /* the first member: read() gets a pointer to it */
    fa_cpu_readable *readable;
} image_memory;

static bool read_image(const arm_ehabi_memory *memory, uint32_t address, uint32_t *word_out)
{
    if (!((const image_memory *)(const void *)memory)->readable(address, sizeof *word_out))
        return false;
    *word_out = *(const uint32_t *)address;
    return true;
}

bool fa_cpu_frame_up(fa_cpu_frame *frame, fa_cpu_readable *readable)
{
    extern const char __exidx_start[], __exidx_end[];
    const image_memory image = {
        {read_image, (uint32_t)__exidx_start, (uint32_t)__exidx_end}, readable};
    arm_ehabi_regs regs = {.known = ARM_EHABI_KEPT};
    for (size_t i = 0; i < FA_ARRAY_COUNT(frame->kept); i++)
        regs.r[KEPT_FIRST + i] = frame->kept[i];
    regs.r[ARM_EHABI_SP] = frame->sp;
    regs.r[ARM_EHABI_PC] = frame->pc;
    regs.r[ARM_EHABI_LR] = frame->lr;
    if (frame->lr != 0)
        regs.known |= 1u << ARM_EHABI_LR;
    if (!arm_ehabi_up(&image.memory, &regs))
        return false;
    *frame = (fa_cpu_frame){.pc = regs.r[ARM_EHABI_PC], .sp = regs.r[ARM_EHABI_SP]};
    for (size_t i = 0; i < FA_ARRAY_COUNT(frame->kept); i++)
        frame->kept[i] = regs.r[KEPT_FIRST + i];
    return true;
}

bool fa_cpu_frame_up_from_entry(fa_cpu_frame *frame, fa_cpu_readable *readable)
{
    (void)readable;
    if (frame->lr == 0)
        return false;
    frame->pc = (frame->lr & ~(uintptr_t)1) - 1;
    frame->lr = 0;
    return true;
}
