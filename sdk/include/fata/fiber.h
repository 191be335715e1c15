/* SPDX-License-Identifier: ISC */
/* Fibers: many straight-line flows of control in one image, cooperative, each on a stack of its own
 * with a guard page below it. A fiber lives in a scope; leaving the scope cancels and joins all of
 * its fibers, so no fiber outlives what it uses. `main` runs as a fiber too.
 *
 * A fiber runs until it calls a function whose last parameter is a deadline (or fa_scope_close).
 * It must do so within FA_FIBER_RUN_BOUND_NS; a debug build logs who did not. When the fiber's
 * scope is canceled, its current and all later waits return FA_ECANCELED at once: clean up and
 * return. Fibers take no locks: between two waits nothing else runs. A busy machine looks at its
 * timers and devices at every 16th switch at the latest.
 *
 *     static void worker(void *arg) { ... fa_sleep(fa_after_ms(10)); ... }
 *
 *     fa_scope scope;
 *     fa_scope_open(&scope);
 *     fa_err err = fa_scope_spawn(&scope, "worker", worker, &job);
 *     err = fa_scope_wait(&scope, fa_after_s(5));   // optional: until all have ended
 *     fa_scope_close(&scope);                       // cancels what is left, and joins it
 */
#ifndef FATA_FIBER_H
#define FATA_FIBER_H

#include <fata/base.h>
#include <fata/clock.h>
#include <fata/err.h>

/* The stack of a fiber that asks for no other. Where libc is the host's (unix), which needs more,
 * the platform adds a fixed amount to what was asked for. */
#define FA_FIBER_STACK_BYTES (8 * FA_KIB)
#define FA_FIBER_STACK_MAX_BYTES (1020 * FA_KIB)
#define FA_FIBER_STACK_MAIN_BYTES (60 * FA_KIB)
/* How long a fiber may run between two waits. */
#define FA_FIBER_RUN_BOUND_NS (10 * FA_NS_PER_MS)

typedef void fa_fiber_fn(void *arg);
typedef struct fa_fiber fa_fiber;

/* A scope lies in the frame of the fiber that opened it; only that fiber waits for and closes it,
 * scopes of one fiber being closed in the reverse order. Its members are private. */
typedef struct fa_scope {
    fa_fiber *owner;
    fa_fiber *fibers;       /* those spawned in it that have not ended */
    struct fa_scope *outer; /* the scope that the owner opened before this one */
    bool canceled;
    bool owner_waits;
} fa_scope;

typedef struct fa_fiber_options {
    const char *name;   /* for crash reports and logs; must outlive the fiber */
    size_t stack_bytes; /* 0: FA_FIBER_STACK_BYTES; rounded up to whole pages */
} fa_fiber_options;

void fa_scope_open(fa_scope *scope);
/* Starts `fn(arg)` as a fiber of the scope; it first runs when the caller waits. `name` must
 * outlive the fiber. FA_ENOMEM; FA_ECANCELED when the scope was canceled. */
FA_MUST_CHECK fa_err fa_scope_spawn(fa_scope *scope, const char *name, fa_fiber_fn *fn, void *arg);
/* The same with options. FA_EINVAL: stack_bytes is over FA_FIBER_STACK_MAX_BYTES. */
FA_MUST_CHECK fa_err fa_scope_spawn_with(fa_scope *scope, const fa_fiber_options *options,
                                         fa_fiber_fn *fn, void *arg);
/* Waits until all fibers of the scope have ended. FA_ETIMEDOUT, FA_ECANCELED: some have not. */
FA_MUST_CHECK fa_err fa_scope_wait(fa_scope *scope, fa_deadline deadline);
/* Cancels the scope's fibers; does not wait for them. Scopes that they have opened are canceled when
 * they close them. Any fiber may call. */
void fa_scope_cancel(fa_scope *scope);
/* Cancels and joins: the one function without a deadline that waits. It cannot be canceled. */
void fa_scope_close(fa_scope *scope);

/* Suspends until the deadline: FA_OK then, FA_ECANCELED earlier. `fa_sleep(FA_NOW)` lets every
 * other fiber that is ready run once. */
fa_err fa_sleep(fa_deadline deadline);
/* Whether the running fiber was canceled: for long loops that do not wait. */
bool fa_canceled(void);

/* Of the running fiber: its name, and the most of its stack that was ever in use and its whole
 * size, in bytes. `used` is measured in debug builds only, where stacks are painted; else 0. */
const char *fa_fiber_name(void);
void fa_fiber_stack(size_t *used_bytes_out, size_t *size_bytes_out);

/* A queue of waiting fibers: what channels, flows and drivers are built from. A zeroed one is empty.
 * Wakes are not remembered: check the condition, then wait, in a loop. */
typedef struct fa_waitq {
    fa_fiber *first;
    fa_fiber *last;
} fa_waitq;

/* FA_OK: woken. FA_ETIMEDOUT, FA_ECANCELED. First come, first woken. */
FA_MUST_CHECK fa_err fa_waitq_wait(fa_waitq *queue, fa_deadline deadline);
/* Makes the first, or every, waiting fiber ready. Does not suspend. */
void fa_waitq_wake_one(fa_waitq *queue);
void fa_waitq_wake_all(fa_waitq *queue);

#endif
