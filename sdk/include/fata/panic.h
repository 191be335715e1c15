/* SPDX-License-Identifier: ISC */
/* Programmer errors. A panic prints `fata: crash: ...`, a backtrace and the fibers, and ends the
 * machine with exit status FA_EXIT_CRASH. It is for what cannot happen in a right program: input,
 * peers, devices and a lack of memory give an `fa_err` instead. Nothing is cleaned up.
 *
 *     fa_assert(len <= cap);            // stays on in release; never with a side effect inside
 *     fa_panic("slot %u is free twice", slot);
 */
#ifndef FATA_PANIC_H
#define FATA_PANIC_H

#include <fata/base.h>

/* The exit status of a run that ended in a panic or a CPU fault: 128 + 6, as after abort(). */
#define FA_EXIT_CRASH 134

FA_NORETURN void fa_panic(const char *fmt, ...) FA_PRINTF(1, 2);
FA_NORETURN void fa_panic_assert(const char *file, int line, const char *condition);

#define fa_assert(condition)                                                                       \
    ((condition) ? (void)0 : fa_panic_assert(__FILE__, __LINE__, #condition))

#endif
