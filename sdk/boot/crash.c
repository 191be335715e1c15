/* SPDX-License-Identifier: ISC */
/* The crash report: what happened, the registers, a backtrace, the fibers, and
 * the exit record. Lines `fata: at 0x...` are what `fata run` turns into function, file and line. The
 * program's memory may be damaged: what hangs on it comes last, and a crash inside the report ends
 * the run at once. */
#include "../cpu/crash.h"
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
#define SEARCH_MAX 100000 /* fibers that are looked through for a guard page */
#define LINE_BYTES 192
#define NAME_BYTES 32

static void say(const char *fmt, ...) FA_PRINTF(1, 2);
static void say(const char *fmt, ...)
{
    char line[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    const int len = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (len >= (int)sizeof line)
        line[sizeof line - 2] = '\n'; /* cut, but a line */
    plat_console_write(line, len < 0 ? 0 : (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

/* Leaves the last of the frames behind. */
static void print_frames(fa_cpu_frame *frame, unsigned frames_max)
{
    unsigned count = 0;
    do {
        say("fata: at 0x%" PRIxPTR "\n", frame->pc);
        count++;
    } while (count < frames_max && fa_cpu_frame_up(frame, plat_readable));
}

/* A name that may be damaged, cut at what can be read and at NAME_BYTES. */
static const char *safe_name(const char *name)
{
    static char copy[NAME_BYTES];
    size_t len = 0;
    while (len < sizeof copy - 1 && plat_readable((uintptr_t)(name + len), 1) && name[len] != '\0') {
        copy[len] = name[len] >= ' ' && name[len] <= '~' ? name[len] : '?';
        len++;
    }
    copy[len] = '\0';
    return copy;
}

/* The next fiber whose record can be read; the list may be damaged. */
static const fa_fiber *next_fiber(const fa_fiber *after)
{
    const fa_fiber *fiber = fa_sched_next(after);
    return plat_readable((uintptr_t)fiber, fa_sched_record_bytes) ? fiber : NULL;
}

/* Says so when an address lies in a fiber's guard page. */
static void print_guarded(uintptr_t address)
{
    unsigned count = 0;
    for (const fa_fiber *f = next_fiber(NULL); f != NULL && count < SEARCH_MAX; f = next_fiber(f)) {
        fa_fiber_info info;
        fa_sched_info(f, &info);
        if (address < info.stack_base && address >= info.stack_base - PLAT_STACK_GUARD_BYTES) {
            say("fata: stack overflow: that is the guard page of fiber '%s'\n", safe_name(info.name));
            return;
        }
        count++;
    }
}

static void print_running(void)
{
    const fa_fiber *running = fa_sched_running();
    if (running == NULL || !plat_readable((uintptr_t)running, fa_sched_record_bytes))
        return;
    fa_fiber_info info;
    fa_sched_info(running, &info);
    say("fata: in fiber '%s'\n", safe_name(info.name));
}

static void print_fibers(void)
{
    unsigned count = 0;
    for (const fa_fiber *f = next_fiber(NULL); f != NULL && count < FIBERS_MAX; f = next_fiber(f)) {
        fa_fiber_info info;
        fa_sched_info(f, &info);
        count++;
        say("fata: fiber '%s' %s", safe_name(info.name), info.state);
        if (info.deadline != FA_FOREVER)
            say(" until %" PRIu64 ".%06" PRIu64, info.deadline / FA_NS_PER_S,
                info.deadline % FA_NS_PER_S / FA_NS_PER_US);
        if (info.stack_used_bytes != 0)
            say(", stack %zu of %zu bytes", info.stack_used_bytes, info.stack_bytes);
        say("\n");
        if (info.frame.pc != 0)
            print_frames(&info.frame, FIBER_FRAMES_MAX);
    }
    if (count == FIBERS_MAX && fa_sched_count() > count)
        say("fata: and %zu more fibers\n", fa_sched_count() - count);
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

/* From the backtrace on; what hangs on memory of the program comes last. `address` (0: none) is what
 * the program accessed. */
FA_NORETURN static void finish(fa_cpu_frame *frame, uintptr_t address)
{
    print_frames(frame, FRAMES_MAX);
    print_running();
    if (address != 0)
        print_guarded(address);
    print_fibers();
    say("fata: exit %d\n", FA_EXIT_CRASH);
    plat_exit(FA_EXIT_CRASH);
}

void fa_crash(const fa_crash_report *report)
{
    static const char *const verbs[] = {"", "read of", "write to", "execution of"};
    const bool has_address = report->access != FA_CRASH_NO_ADDRESS;
    enter_once();
    if (has_address)
        say("\nfata: crash: %s: %s 0x%" PRIxPTR "\n", report->what, verbs[report->access],
            report->address);
    else
        say("\nfata: crash: %s\n", report->what);
    if (has_address && report->address < PLAT_STACK_GUARD_BYTES)
        say("fata: that is a null pointer\n");
    for (size_t i = 0; i < report->reg_count; i++)
        say("%s%6s %0*" PRIxPTR "%s", i % 4 == 0 ? "fata:" : "", report->regs[i].name,
            (int)(2 * sizeof(uintptr_t)), report->regs[i].value,
            i % 4 == 3 || i + 1 == report->reg_count ? "\n" : " ");
    fa_cpu_frame frame = report->frame;
    if (report->access == FA_CRASH_EXECUTE) /* a call into nowhere: the caller says more */
        (void)fa_cpu_frame_up_from_entry(&frame, plat_readable);
    finish(&frame, has_address ? report->address : 0);
}

void fa_panic(const char *fmt, ...)
{
    enter_once();
    char text[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    say("\nfata: crash: %.*s\n", LINE_BYTES - 32, text);
    fa_cpu_frame frame;
    fa_cpu_frame_here(&frame);
    (void)fa_cpu_frame_up(&frame, plat_readable); /* who panics, not this */
    finish(&frame, 0);
}

void fa_panic_assert(const char *file, int line, const char *condition)
{
    fa_panic("%s:%d: not true: %s", file, line, condition);
}
