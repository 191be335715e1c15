/* SPDX-License-Identifier: ISC */
/* What the CPU tells of a fault, as a crash report. Source: ARM DDI 0406C, B3.13 (fault status,
 * short-descriptor format). */
#include "traps.h"
#include "../crash.h"
#include "cpu.h"
#include <fata/panic.h>

/* What vectors.S leaves on the fault stack. */
struct arm_fault_frame {
    uint32_t r[13];
    uint32_t pc, psr;
};

typedef enum fault {
    UNDEFINED,
    SUPERVISOR_CALL,
    PREFETCH_ABORT,
    DATA_ABORT,
    INTERRUPT,
    FAST_INTERRUPT
} fault;

#define PSR_THUMB 0x20u
#define FSR_WRITE (UINT32_C(1) << 11)

extern const uint8_t arm_vectors[];
FA_NORETURN void arm_fault(const struct arm_fault_frame *f, fault number, uint32_t sp, uint32_t lr);

void arm_traps_init(void)
{
    arm_set_vbar((uintptr_t)arm_vectors);
    arm_isb();
}

/* FSR bits 10 and 3 to 0 (table B3-23). */
static const char *abort_name(uint32_t fsr)
{
    switch ((fsr >> 6 & 0x10) | (fsr & 0xf)) {
    case 0x01: return "alignment fault";
    case 0x02: return "breakpoint";
    case 0x05: case 0x07: return "page fault"; /* no entry */
    case 0x09: case 0x0b: return "page fault"; /* domain */
    case 0x0d: case 0x0f: return "page fault"; /* permission */
    case 0x08: return "external abort: nothing answers";
    case 0x0c: case 0x0e: return "external abort in a page-table walk";
    case 0x10: return "conflict in the TLB";
    case 0x16: return "asynchronous external abort";
    case 0x19: case 0x1c: case 0x1e: case 0x18: return "memory parity error";
    default: return "abort";
    }
}

void arm_fault(const struct arm_fault_frame *f, fault number, uint32_t sp, uint32_t lr)
{
    static const char *const names[] = {
        [UNDEFINED] = "invalid opcode", [SUPERVISOR_CALL] = "supervisor call",
        [INTERRUPT] = "unexpected interrupt", [FAST_INTERRUPT] = "unexpected fast interrupt"};
    static const char reg_names[][5] = {"r0", "r1",  "r2",  "r3",  "r4", "r5", "r6", "r7",   "r8",  "r9",
                                        "r10", "r11", "r12", "sp", "lr", "pc", "cpsr", "far", "fsr"};
    uint32_t pc = f->pc, address = 0, status = 0;
    const char *what;
    fa_crash_access access = FA_CRASH_NO_ADDRESS;
    if (number == PREFETCH_ABORT) {
        status = arm_ifsr();
        address = arm_ifar();
        what = abort_name(status);
        access = FA_CRASH_EXECUTE;
    } else if (number == DATA_ABORT) {
        status = arm_dfsr();
        address = arm_dfar();
        what = abort_name(status);
        access = status & FSR_WRITE ? FA_CRASH_WRITE : FA_CRASH_READ;
    } else {
        what = names[number];
        if (number == UNDEFINED || number == SUPERVISOR_CALL)
            pc -= f->psr & PSR_THUMB ? 2 : 4;
    }
    const uint32_t others[] = {sp, lr, pc, f->psr, address, status};
    fa_crash_reg regs[FA_ARRAY_COUNT(f->r) + FA_ARRAY_COUNT(others)];
    for (size_t i = 0; i < FA_ARRAY_COUNT(regs); i++)
        regs[i] = (fa_crash_reg){reg_names[i], i < FA_ARRAY_COUNT(f->r)
                                                   ? f->r[i]
                                                   : others[i - FA_ARRAY_COUNT(f->r)]};
    fa_crash_report report = {
        .what = what,
        .access = access,
        .address = address,
        .frame = {.pc = pc, .sp = sp, .lr = lr},
        .regs = regs,
        .reg_count = FA_ARRAY_COUNT(regs),
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(report.frame.kept); i++)
        report.frame.kept[i] = f->r[4 + i];
    fa_crash(&report);
}

/* Where libgcc's division goes with a divisor of 0 (ARM IHI 0043, 4.3.1): ARM divides have no trap. */
FA_NORETURN void __aeabi_idiv0(void);
FA_NORETURN void __aeabi_ldiv0(void);

void __aeabi_idiv0(void)
{
    fa_panic("divide error");
}

void __aeabi_ldiv0(void)
{
    fa_panic("divide error");
}
