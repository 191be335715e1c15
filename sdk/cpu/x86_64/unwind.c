/* SPDX-License-Identifier: ISC */
/* Walking the stack by frame pointers (System V ABI, AMD64 supplement, 3.2.2): at rbp lies the
 * caller's rbp, then the return address. All code keeps it (toolchain/x86_64.mk, host.mk). The
 * host's frames are the same. */
#include "../unwind.h"

#define WORD_BYTES sizeof(uintptr_t)

__attribute__((noinline)) void fa_cpu_frame_here(fa_cpu_frame *frame_out)
{
    const uintptr_t *link = __builtin_frame_address(0);
    *frame_out = (fa_cpu_frame){.pc = link[1] - 1, .sp = (uintptr_t)(link + 2), .kept = {link[0]}};
}

bool fa_cpu_frame_up(fa_cpu_frame *frame, fa_cpu_readable *readable)
{
    const uintptr_t rbp = frame->kept[0];
    if (rbp % WORD_BYTES != 0 || rbp < frame->sp || !readable(rbp, 2 * WORD_BYTES))
        return false;
    const uintptr_t *link = (const uintptr_t *)rbp;
    /* Where a stack begins, the pointer or the address is null. */
    if (link[1] == 0 || link[0] <= rbp)
        return false;
    *frame = (fa_cpu_frame){.pc = link[1] - 1, .sp = (uintptr_t)(link + 2), .kept = {link[0]}};
    return true;
}

bool fa_cpu_frame_up_from_entry(fa_cpu_frame *frame, fa_cpu_readable *readable)
{
    if (frame->sp % WORD_BYTES != 0 || !readable(frame->sp, WORD_BYTES))
        return false;
    const uintptr_t return_address = *(const uintptr_t *)frame->sp;
    if (return_address == 0)
        return false;
    frame->pc = return_address - 1;
    frame->sp += WORD_BYTES;
    return true;
}
