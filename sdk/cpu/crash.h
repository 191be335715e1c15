/* SPDX-License-Identifier: ISC */
/* What a CPU's trap handlers tell of a fault. fa_crash() (in sdk/boot) prints the report and ends
 * the machine; it runs on a stack of its own where the CPU can give it one. */
#ifndef FATA_CPU_CRASH_H
#define FATA_CPU_CRASH_H

#include "unwind.h"

typedef enum fa_crash_access {
    FA_CRASH_NO_ADDRESS, /* the fault is not about memory, or the address is not known */
    FA_CRASH_READ,
    FA_CRASH_WRITE,
    FA_CRASH_EXECUTE,
} fa_crash_access;

typedef struct fa_crash_reg {
    const char *name;
    uintptr_t value;
} fa_crash_reg;

typedef struct fa_crash_report {
    const char *what; /* such as "page fault", "invalid opcode" */
    fa_crash_access access;
    uintptr_t address;  /* that was accessed */
    fa_cpu_frame frame; /* where */
    const fa_crash_reg *regs;
    size_t reg_count;
} fa_crash_report;

FA_NORETURN void fa_crash(const fa_crash_report *report);

#endif
