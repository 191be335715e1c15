/* SPDX-License-Identifier: ISC */
/* The crash report: what happened, the registers, a backtrace by frame pointers, the fibers, and
 * the exit record. Lines `fata: at 0x...` are what `fata run` and `fata monitor` turn into function,
 * file and line. It trusts nothing: a crash inside the report ends the run at once. */
#include "../core/crash.h"
#include "../../bsp/plat.h"
#include "../core/console.h"
#include "../fiber/sched.h"
#include "boot.h"
#include <fata/panic.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define FRAMES_MAX 24
#define FIBER_FRAMES_MAX 8
#define FIBERS_MAX 16 /* that are listed one by one */
#define LINE_BYTES 192

static void say(const char *fmt, ...) FA_PRINTF(1, 2);
static void say(const char *fmt, ...)
{
    char line[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    const int len = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    plat_console_write(line, len < 0 ? 0 : (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

static void print_frames(uintptr_t pc, uintptr_t fp, unsigned frames_max)
{
    if (pc != 0)
        say("fata: at 0x%" PRIxPTR "\n", pc);
    for (unsigned frame = 0; frame < frames_max; frame++) {
        if (fp % sizeof(uintptr_t) != 0 || !plat_readable(fp, 2 * sizeof(uintptr_t)))
            return;
        const uintptr_t *link = (const uintptr_t *)fp; /* the caller's frame, the return address */
        if (link[1] == 0 || link[0] <= fp)
            return;
        /* One less: inside the call, not at what follows it. */
        say("fata: at 0x%" PRIxPTR "\n", link[1] - 1);
        fp = link[0];
    }
}

/* Whose guard page an address lies in; NULL: nobody's. */
static const char *guarded_fiber(uintptr_t address)
{
    for (const fa_fiber *f = fa_sched_next(NULL); f != NULL; f = fa_sched_next(f)) {
        fa_fiber_info info;
        fa_sched_info(f, &info);
        if (address < info.stack_base && address >= info.stack_base - PLAT_STACK_GUARD_BYTES)
            return info.name;
    }
    return NULL;
}

static const char *running_name(void)
{
    const fa_fiber *running = fa_sched_running();
    if (running == NULL)
        return "(boot)";
    fa_fiber_info info;
    fa_sched_info(running, &info);
    return info.name;
}

static void print_fibers(void)
{
    unsigned count = 0;
    for (const fa_fiber *f = fa_sched_next(NULL); f != NULL; f = fa_sched_next(f)) {
        if (count++ >= FIBERS_MAX)
            continue;
        fa_fiber_info info;
        fa_sched_info(f, &info);
        say("fata: fiber '%s' %s", info.name, info.state);
        if (info.deadline != FA_FOREVER)
            say(" until %" PRIu64 ".%06" PRIu64, info.deadline / FA_NS_PER_S,
                info.deadline % FA_NS_PER_S / FA_NS_PER_US);
        if (info.stack_used_bytes != 0)
            say(", stack %zu of %zu bytes", info.stack_used_bytes, info.stack_bytes);
        say("\n");
        print_frames(info.pc, info.fp, FIBER_FRAMES_MAX);
    }
    if (count > FIBERS_MAX)
        say("fata: and %u more fibers\n", count - FIBERS_MAX);
}

/* Comes back only the first time: what crashes while it reports a crash ends the machine. */
static void enter_once(void)
{
    static unsigned entered_count;
    entered_count++;
    if (entered_count == 2)
        say("fata: crash: another fault while reporting the first\nfata: exit %d\n", FA_EXIT_CRASH);
    if (entered_count > 1)
        plat_exit(FA_EXIT_CRASH); /* silently when not even that could be said */
    (void)fa_stdio_flush();
}

FA_NORETURN static void finish(uintptr_t pc, uintptr_t fp)
{
    print_frames(pc, fp, FRAMES_MAX);
    print_fibers();
    say("fata: exit %d\n", FA_EXIT_CRASH);
    plat_exit(FA_EXIT_CRASH);
}

void fa_crash(const fa_crash_report *report)
{
    static const char *const verbs[] = {"", "read of", "write to", "execution of"};
    enter_once();
    say("\nfata: crash: %s", report->what);
    if (report->access != FA_CRASH_NO_ADDRESS)
        say(": %s 0x%" PRIxPTR, verbs[report->access], report->address);
    say(" in fiber '%s'\n", running_name());
    const char *guarded =
        report->access == FA_CRASH_NO_ADDRESS ? NULL : guarded_fiber(report->address);
    if (guarded != NULL)
        say("fata: stack overflow: that is the guard page of fiber '%s'\n", guarded);
    else if (report->access != FA_CRASH_NO_ADDRESS && report->address < PLAT_STACK_GUARD_BYTES)
        say("fata: that is a null pointer\n");
    for (size_t i = 0; i < report->reg_count; i++)
        say("%s%6s %0*" PRIxPTR "%s", i % 4 == 0 ? "fata:" : "", report->regs[i].name,
            (int)(2 * sizeof(uintptr_t)), report->regs[i].value,
            i % 4 == 3 || i + 1 == report->reg_count ? "\n" : " ");
    /* After a call into nowhere, the caller is what its return address says. */
    if (report->access == FA_CRASH_EXECUTE && plat_readable(report->sp, sizeof(uintptr_t)))
        say("fata: at 0x%" PRIxPTR "\n", *(const uintptr_t *)report->sp - 1);
    finish(report->pc, report->fp);
}

void fa_panic(const char *fmt, ...)
{
    enter_once();
    char text[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    say("\nfata: crash: %s in fiber '%s'\n", text, running_name());
    finish(0, (uintptr_t)__builtin_frame_address(0));
}

void fa_panic_assert(const char *file, int line, const char *condition)
{
    fa_panic("%s:%d: not true: %s", file, line, condition);
}
