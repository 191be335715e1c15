/* SPDX-License-Identifier: ISC */
/* Unwinding by the compiler's tables (Exception Handling ABI for the Arm Architecture, IHI 0038;
 * sections by its release 2023Q3). It takes tables and stack by a function that reads words, and
 * every number from there as possibly wrong: it runs on other machines too, which test it. */
#ifndef FATA_CPU_ARMV7A_EHABI_H
#define FATA_CPU_ARMV7A_EHABI_H

#include <fata/base.h>

#define ARM_EHABI_SP 13u
#define ARM_EHABI_LR 14u
#define ARM_EHABI_PC 15u
#define ARM_EHABI_KEPT 0x0ff0u /* r4 to r11, which calls keep */

typedef struct arm_ehabi_regs {
    uint32_t r[16];
    uint16_t known; /* a bit for each register that has its value here; sp and pc always have */
} arm_ehabi_regs;

typedef struct arm_ehabi_memory arm_ehabi_memory;
struct arm_ehabi_memory {
    /* The word at an address that is a multiple of 4; false: it cannot be read. */
    bool (*read)(const arm_ehabi_memory *memory, uint32_t address, uint32_t *word_out);
    uint32_t index_start, index_end; /* the section .ARM.exidx */
};

/* Goes to the caller of a frame. pc is an address inside the instruction that the frame is at
 * (unwind.h). A known link register says that the frame was interrupted anywhere: nothing or only a
 * part of its prologue may have run. false: that was the last frame, or nothing can be made of the
 * stack; the registers are as before. */
bool arm_ehabi_up(const arm_ehabi_memory *memory, arm_ehabi_regs *regs);

#endif
