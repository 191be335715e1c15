/* SPDX-License-Identifier: ISC */
/* Walking the stack for crash reports: what each CPU folder provides, by frame pointers (x86_64, the
 * host) or by the compiler's unwind tables (ARM). The stack may be damaged: all that is read of it
 * is asked for by `readable` first, and each step goes up, so that a walk ends.
 *
 *     fa_cpu_frame frame;
 *     fa_cpu_frame_here(&frame);
 *     do
 *         say("at 0x%" PRIxPTR "\n", frame.pc);
 *     while (fa_cpu_frame_up(&frame, plat_readable)); */
#ifndef FATA_CPU_UNWIND_H
#define FATA_CPU_UNWIND_H

#include <fata/base.h>

typedef struct fa_cpu_frame {
    /* An address inside the instruction that the frame is at: the one that faulted, or the call. The
     * return address of a call is what follows it, maybe another line or, after a call that never
     * returns, another function. (ARM: whether the Thumb bit is set makes no difference.) */
    uintptr_t pc;
    uintptr_t sp;
    uintptr_t lr;      /* ARM: the link register; 0: not known. Elsewhere 0 */
    uintptr_t kept[8]; /* registers that calls keep. ARM: r4 to r11; elsewhere rbp alone */
} fa_cpu_frame;

/* Whether memory can be read without a fault; plat_readable() is one. */
typedef bool fa_cpu_readable(uintptr_t address, size_t len);

/* The caller's frame. */
void fa_cpu_frame_here(fa_cpu_frame *frame_out);
/* Goes to the caller of the frame. false: that was the last, or the stack is damaged; the frame is
 * as before. */
bool fa_cpu_frame_up(fa_cpu_frame *frame, fa_cpu_readable *readable);
/* The same where a function was called and nothing of it has run, as after a call into nowhere: the
 * caller is what the return address says. */
bool fa_cpu_frame_up_from_entry(fa_cpu_frame *frame, fa_cpu_readable *readable);

#endif
