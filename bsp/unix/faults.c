/* SPDX-License-Identifier: ISC */
/* Turns SIGSEGV and its kin into the same crash report that a bare machine prints. The handler runs
 * on a stack of its own, so that an overflowed one can be reported. */
#include "faults.h"
#include "../../sdk/cpu/crash.h"
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unwind.h>

#define STACK_BYTES ((size_t)65536)
#define PAGE_FAULT_WRITE 0x2 /* of the error code that Linux hands on: Intel SDM vol. 3, 4.7 */
#define PAGE_FAULT_FETCH 0x10
#define DWARF_RBP 6 /* System V ABI, AMD64 supplement, figure 3.36 */

static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

static const char *name_of(int signal)
{
    switch (signal) {
    case SIGSEGV: return "page fault";
    case SIGBUS: return "bus error";
    case SIGILL: return "invalid opcode";
    case SIGFPE: return "arithmetic fault";
    default: return "abort()";
    }
}

/* Code of libraries keeps no frame pointers. For a signal that came from there (abort() does), the
 * frame of the program's own function that called into it, by the compiler's unwind tables. */
typedef struct search {
    uintptr_t signal_pc; /* frames before this one are the handler's */
    bool past_signal;
    fa_cpu_frame found; /* pc is 0: none was */
} search;

static bool is_own_code(uintptr_t pc)
{
    extern const char __executable_start[], etext[];
    return pc >= (uintptr_t)__executable_start && pc < (uintptr_t)etext;
}

static _Unwind_Reason_Code look_at_frame(struct _Unwind_Context *frame, void *arg)
{
    search *s = arg;
    const uintptr_t pc = _Unwind_GetIP(frame);
    s->past_signal = s->past_signal || pc == s->signal_pc;
    if (!s->past_signal || !is_own_code(pc))
        return _URC_NO_REASON;
    s->found = (fa_cpu_frame){.pc = pc - 1, /* inside the call, not at what follows it */
                              .sp = _Unwind_GetCFA(frame),
                              .kept = {_Unwind_GetGR(frame, DWARF_RBP)}};
    return _URC_END_OF_STACK;
}

static void leave_library(fa_crash_report *report)
{
    search s = {.signal_pc = report->frame.pc};
    _Unwind_Backtrace(look_at_frame, &s);
    if (s.found.pc != 0)
        report->frame = s.found;
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    const greg_t *g = ((const ucontext_t *)context)->uc_mcontext.gregs;
    const greg_t error = g[REG_ERR];
    fa_crash_report report = {
        .what = name_of(signal),
        .frame = {.pc = (uintptr_t)g[REG_RIP],
                  .sp = (uintptr_t)g[REG_RSP],
                  .kept = {(uintptr_t)g[REG_RBP]}},
    };
    /* A fault on an address that is none (not canonical) comes as a SIGSEGV without an address. */
    if (signal == SIGSEGV && info->si_code == SI_KERNEL) {
        report.what = "general protection fault";
    } else if ((signal == SIGSEGV || signal == SIGBUS) && info->si_code > 0) {
        report.address = (uintptr_t)info->si_addr;
        report.access = error & PAGE_FAULT_FETCH ? FA_CRASH_EXECUTE
                        : error & PAGE_FAULT_WRITE ? FA_CRASH_WRITE : FA_CRASH_READ;
    }
    if (!is_own_code(report.frame.pc) && report.access != FA_CRASH_EXECUTE)
        leave_library(&report);
    const fa_crash_reg regs[] = {
        {"rip", (uintptr_t)g[REG_RIP]}, {"rsp", (uintptr_t)g[REG_RSP]},
        {"rbp", (uintptr_t)g[REG_RBP]}, {"rflags", (uintptr_t)g[REG_EFL]},
        {"rax", (uintptr_t)g[REG_RAX]}, {"rbx", (uintptr_t)g[REG_RBX]},
        {"rcx", (uintptr_t)g[REG_RCX]}, {"rdx", (uintptr_t)g[REG_RDX]},
        {"rsi", (uintptr_t)g[REG_RSI]}, {"rdi", (uintptr_t)g[REG_RDI]},
        {"r8", (uintptr_t)g[REG_R8]},   {"r9", (uintptr_t)g[REG_R9]},
        {"r10", (uintptr_t)g[REG_R10]}, {"r11", (uintptr_t)g[REG_R11]},
        {"r12", (uintptr_t)g[REG_R12]}, {"r13", (uintptr_t)g[REG_R13]},
        {"r14", (uintptr_t)g[REG_R14]}, {"r15", (uintptr_t)g[REG_R15]},
    };
    report.regs = regs;
    report.reg_count = FA_ARRAY_COUNT(regs);
    fa_crash(&report);
}

void faults_init(void)
{
    static _Alignas(16) uint8_t stack[STACK_BYTES];
    const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    if (sigaltstack(&alternate, NULL) != 0)
        abort();
    /* SA_NODEFER: a fault inside the report arrives too, and ends it. */
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    action.sa_sigaction = on_signal;
    for (size_t i = 0; i < FA_ARRAY_COUNT(signals); i++)
        if (sigaction(signals[i], &action, NULL) != 0)
            abort();
}
