/* SPDX-License-Identifier: ISC */
/* The scheduler as the rest of the SDK sees it: how the boot starts it, how a crash lists fibers. */
#ifndef FATA_FIBER_SCHED_H
#define FATA_FIBER_SCHED_H

#include "../cpu/unwind.h"
#include <fata/fiber.h>

/* Runs `fn(NULL)` as the first fiber, "main"; it must not return. FA_ENOMEM is the only return. */
fa_err fa_sched_start(fa_fiber_fn *fn);

/* A fiber of the image itself: no scope joins it, nothing cancels it, it ends with the image. */
FA_MUST_CHECK fa_err fa_sched_spawn(const fa_fiber_options *options, fa_fiber_fn *fn, void *arg);

/* As fa_waitq_wait(), but nothing cancels it: for a fiber whose memory a device has. FA_ETIMEDOUT. */
FA_MUST_CHECK fa_err fa_sched_wait_held(fa_waitq *queue, fa_deadline deadline);

/* The errno of the running fiber. */
int *fa_sched_errno(void);

typedef struct fa_fiber_info {
    const char *name;
    const char *state; /* "running", "ready", "sleeping", "waiting", "closing a scope" */
    fa_deadline deadline; /* of its wait; FA_FOREVER: none */
    uintptr_t stack_base;
    size_t stack_bytes;
    size_t stack_used_bytes; /* 0: not measured */
    fa_cpu_frame frame;      /* where it waits; zeroes for the running one */
} fa_fiber_info;

/* The fibers, for a crash report: start with NULL, then give what was returned; NULL at the end. */
const fa_fiber *fa_sched_next(const fa_fiber *after);
void fa_sched_info(const fa_fiber *fiber, fa_fiber_info *info_out);
/* How many there are; and the size of what such a pointer points to, for who must not trust it. */
size_t fa_sched_count(void);
extern const size_t fa_sched_record_bytes;
/* The running fiber; NULL before the first and on the boot stack. */
const fa_fiber *fa_sched_running(void);

#endif
