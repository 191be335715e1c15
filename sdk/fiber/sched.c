/* SPDX-License-Identifier: ISC */
/* The scheduler. The fibers that can run form a ring, in which a turn goes round; the running one is
 * in it. A fiber that waits leaves the ring and switches to the next one directly: there is no
 * scheduler stack. When none is ready, the waiting fiber idles the machine on its own
 * stack. The clock, timers and devices are looked at when none is ready, and once in a batch of
 * switches otherwise: about as many as the last ones had room for in LOOK_INTERVAL_NS, at most
 * BATCH_MAX, so that a switch itself costs next to nothing. A debug build looks at every switch.
 *
 * The record of a fiber lies at the top of its stack. An ended fiber's stack is freed by the next
 * one that looks around, since it cannot free the ground that it stands on. */
#include "sched.h"
#include "../../bsp/plat.h"
#include "../core/build.h"
#include "../core/console.h"
#include "../cpu/context.h"
#include "timers.h"
#include <fata/log.h>
#include <fata/panic.h>
#include <string.h>

FA_LOG_MODULE("fiber");

#define LOOK_INTERVAL_NS (100 * FA_NS_PER_US)
#define BATCH_MAX 16u
#define PAINT_BYTE 0xa5 /* what a debug build fills a new stack with */
#define RECORD_ALIGN ((size_t)64)

typedef enum fiber_state {
    RUNNABLE, /* in the ring */
    WAITING,
    CLOSING, /* waiting too, and not to be canceled */
    HELD,    /* the same, by fa_sched_wait_held() */
} fiber_state;

struct fa_fiber {
    fa_cpu_context context;
    fa_fiber *ring_next, *ring_prev;
    fiber_state state;
    bool canceled;
    fa_err woken_by; /* what its wait returns */
    int error_number;
    fa_timer timer;
    fa_waitq *queue; /* that it waits in, or NULL */
    fa_fiber *queue_next, *queue_prev;
    fa_scope *scope; /* that it lives in */
    fa_fiber *scope_next, *scope_prev;
    fa_scope *opened; /* the innermost scope that it opened */
    fa_fiber *all_next, *all_prev;
    const char *name;
    fa_fiber_fn *fn;
    void *arg;
    plat_stack stack;
};

static struct {
    fa_fiber *running;
    fa_fiber *turn; /* in the ring: the running fiber, unless it waits; NULL: the ring is empty */
    unsigned batch;      /* switches from one look to the next */
    unsigned batch_left; /* until the next look */
    uint64_t looked_at_ns;
    fa_fiber *ended; /* whose stack is to be freed */
    fa_fiber *all;
    size_t count;
    int boot_error_number; /* errno before the first fiber */
} sched;

/* Puts a fiber into the ring, at the end of the round. */
static void make_ready(fa_fiber *fiber)
{
    fa_fiber *turn = sched.turn;
    fiber->state = RUNNABLE;
    if (turn == NULL) {
        fiber->ring_next = fiber->ring_prev = fiber;
        sched.turn = fiber;
        return;
    }
    fiber->ring_next = turn;
    fiber->ring_prev = turn->ring_prev;
    turn->ring_prev->ring_next = fiber;
    turn->ring_prev = fiber;
}

/* Takes the running fiber out of the ring; it is the next one's turn. */
static void leave_ring(fa_fiber *self)
{
    fa_fiber *next = self->ring_next;
    self->ring_prev->ring_next = next;
    next->ring_prev = self->ring_prev;
    sched.turn = next == self ? NULL : next;
}

static void queue_add(fa_waitq *queue, fa_fiber *fiber)
{
    fiber->queue = queue;
    fiber->queue_next = NULL;
    fiber->queue_prev = queue->last;
    if (queue->last == NULL)
        queue->first = fiber;
    else
        queue->last->queue_next = fiber;
    queue->last = fiber;
}

static void queue_remove(fa_fiber *fiber)
{
    fa_waitq *queue = fiber->queue;
    if (queue == NULL)
        return;
    if (fiber->queue_prev == NULL)
        queue->first = fiber->queue_next;
    else
        fiber->queue_prev->queue_next = fiber->queue_next;
    if (fiber->queue_next == NULL)
        queue->last = fiber->queue_prev;
    else
        fiber->queue_next->queue_prev = fiber->queue_prev;
    fiber->queue = NULL;
}

/* Ends a fiber's wait with the given result. */
static void wake(fa_fiber *fiber, fa_err result)
{
    queue_remove(fiber);
    fa_timers_remove(&fiber->timer);
    fiber->woken_by = result;
    make_ready(fiber);
}

static fa_fiber *fiber_of_timer(fa_timer *timer)
{
    return (fa_fiber *)(void *)((uint8_t *)timer - offsetof(fa_fiber, timer));
}

static void poll(uint64_t now_ns)
{
    for (fa_timer *timer; (timer = fa_timers_expire(now_ns)) != NULL;)
        wake(fiber_of_timer(timer), FA_ETIMEDOUT);
    plat_poll();
}

static void report_long_run(uint64_t ran_ns)
{
    fa_log_warn("fiber '%s' ran for %lu us without a wait (the bound is %lu us)",
                sched.running->name, (unsigned long)(ran_ns / FA_NS_PER_US),
                (unsigned long)(FA_FIBER_RUN_BOUND_NS / FA_NS_PER_US));
}

static void free_ended(void)
{
    fa_fiber *ended = sched.ended;
    sched.ended = NULL;
    if (ended != NULL)
        plat_stack_free(ended->stack);
}

static void choose_batch(uint64_t elapsed_ns)
{
    if (fa_build_debug || elapsed_ns > LOOK_INTERVAL_NS)
        sched.batch = 1;
    else if (elapsed_ns < LOOK_INTERVAL_NS / 2 && sched.batch < BATCH_MAX)
        sched.batch *= 2;
    sched.batch_left = sched.batch;
}

/* Lets timers and devices make fibers ready; idles the machine until there is one. */
__attribute__((noinline)) static void look_around(void)
{
    uint64_t now_ns = plat_clock_mono_ns();
    const uint64_t elapsed_ns = now_ns - sched.looked_at_ns;
    if (fa_build_debug && sched.running != NULL && elapsed_ns > FA_FIBER_RUN_BOUND_NS)
        report_long_run(elapsed_ns);
    free_ended();
    choose_batch(elapsed_ns);
    poll(now_ns);
    if (sched.turn == NULL)
        fa_console_flush();
    while (sched.turn == NULL) {
        if (!plat_wait(fa_timers_first()))
            fa_panic("deadlock: every fiber waits for another, and nothing can wake one");
        now_ns = plat_clock_mono_ns();
        poll(now_ns);
    }
    sched.looked_at_ns = now_ns;
}

/* Gives the turn to the next fiber; idles until there is one. */
static fa_fiber *pick_next(void)
{
    if (--sched.batch_left == 0 || sched.turn == NULL)
        look_around();
    sched.running = sched.turn;
    return sched.running;
}

/* Suspends the running fiber, which stands in some queue or among the timers, until it is woken. */
static fa_err wait_until(fa_deadline deadline, fiber_state state)
{
    fa_fiber *self = sched.running;
    self->state = state;
    if (deadline != FA_FOREVER)
        fa_timers_add(deadline, &self->timer);
    leave_ring(self);
    fa_fiber *next = pick_next();
    if (next != self)
        fa_cpu_switch(&self->context, &next->context);
    return self->woken_by;
}

fa_err fa_waitq_wait(fa_waitq *queue, fa_deadline deadline)
{
    if (sched.running->canceled)
        return FA_ECANCELED;
    if (deadline == FA_NOW)
        return FA_ETIMEDOUT;
    queue_add(queue, sched.running);
    return wait_until(deadline, WAITING);
}

fa_err fa_sched_wait_held(fa_waitq *queue, fa_deadline deadline)
{
    queue_add(queue, sched.running);
    return wait_until(deadline, HELD);
}

void fa_waitq_wake_one(fa_waitq *queue)
{
    if (queue->first != NULL)
        wake(queue->first, FA_OK);
}

void fa_waitq_wake_all(fa_waitq *queue)
{
    while (queue->first != NULL)
        wake(queue->first, FA_OK);
}

/* Not inlined into fa_sleep(): it would cost each of its switches registers. */
__attribute__((noinline)) static fa_err sleep_until(fa_deadline deadline)
{
    const fa_err woken_by = wait_until(deadline, WAITING);
    return woken_by == FA_ETIMEDOUT ? FA_OK : woken_by;
}

fa_err fa_sleep(fa_deadline deadline)
{
    fa_fiber *self = sched.running;
    if (self->canceled)
        return FA_ECANCELED;
    if (deadline != FA_NOW)
        return sleep_until(deadline);
    if (--sched.batch_left == 0)
        look_around();
    fa_fiber *next = self->ring_next;
    sched.running = sched.turn = next;
    if (next != self)
        fa_cpu_switch(&self->context, &next->context);
    return self->canceled ? FA_ECANCELED : FA_OK;
}

bool fa_canceled(void)
{
    return sched.running->canceled;
}

const char *fa_fiber_name(void)
{
    return sched.running->name;
}

/* The most of a painted stack that was ever written to. */
static size_t stack_used(const fa_fiber *fiber)
{
    if (!fa_build_debug)
        return 0;
    size_t untouched = 0;
    while (untouched < fiber->stack.size_bytes && fiber->stack.base[untouched] == PAINT_BYTE)
        untouched++;
    return fiber->stack.size_bytes - untouched;
}

static void report_tight_stack(const fa_fiber *fiber)
{
    const size_t used_bytes = stack_used(fiber), size_bytes = fiber->stack.size_bytes;
    if (used_bytes > size_bytes / 4 * 3)
        fa_log_warn("fiber '%s' has used %zu of its stack's %zu bytes", fiber->name, used_bytes,
                    size_bytes);
}

static void end_running(void)
{
    fa_fiber *self = sched.running;
    if (self->opened != NULL)
        fa_panic("fiber '%s' ended with a scope open", self->name);
    report_tight_stack(self);
    fa_scope *scope = self->scope;
    if (self->scope_prev == NULL)
        scope->fibers = self->scope_next;
    else
        self->scope_prev->scope_next = self->scope_next;
    if (self->scope_next != NULL)
        self->scope_next->scope_prev = self->scope_prev;
    if (self->all_prev == NULL)
        sched.all = self->all_next;
    else
        self->all_prev->all_next = self->all_next;
    if (self->all_next != NULL)
        self->all_next->all_prev = self->all_prev;
    sched.count--;
    /* (An owner whose deadline has just passed still has owner_waits set, but is ready already.) */
    if (scope->fibers == NULL && scope->owner_waits && scope->owner->state >= WAITING)
        wake(scope->owner, FA_OK);
    leave_ring(self);
    fa_fiber *next = pick_next();
    free_ended();
    sched.ended = self;
    sched.batch_left = 1; /* so that it is freed soon */
    fa_cpu_leave(&self->context, &next->context);
}

/* Where every fiber begins. */
static void enter(void)
{
    fa_cpu_context_entered();
    sched.running->fn(sched.running->arg);
    end_running();
}

void fa_scope_open(fa_scope *scope)
{
    *scope = (fa_scope){.owner = sched.running, .outer = sched.running->opened};
    sched.running->opened = scope;
}

fa_err fa_scope_spawn(fa_scope *scope, const char *name, fa_fiber_fn *fn, void *arg)
{
    return fa_scope_spawn_with(scope, &(fa_fiber_options){.name = name}, fn, arg);
}

fa_err fa_scope_spawn_with(fa_scope *scope, const fa_fiber_options *options, fa_fiber_fn *fn,
                           void *arg)
{
    const size_t size_bytes =
        options->stack_bytes == 0 ? FA_FIBER_STACK_BYTES : options->stack_bytes;
    if (size_bytes > FA_FIBER_STACK_MAX_BYTES)
        return FA_EINVAL;
    if (scope->canceled)
        return FA_ECANCELED;
    fa_err err = fa_timers_reserve(sched.count + 1);
    plat_stack stack;
    if (err == FA_OK)
        err = plat_stack_alloc(size_bytes, &stack);
    if (err != FA_OK)
        return err;
    if (fa_build_debug)
        memset(stack.base, PAINT_BYTE, stack.size_bytes);

    const size_t record_bytes = (sizeof(fa_fiber) + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
    const size_t usable_bytes = stack.size_bytes - record_bytes;
    fa_fiber *fiber = (fa_fiber *)(void *)(stack.base + usable_bytes);
    *fiber = (fa_fiber){
        .scope = scope,
        .scope_next = scope->fibers,
        .all_next = sched.all,
        .name = options->name,
        .fn = fn,
        .arg = arg,
        .stack = stack,
    };
    fa_cpu_context_init(&fiber->context, stack.base, usable_bytes, enter);
    if (scope->fibers != NULL)
        scope->fibers->scope_prev = fiber;
    scope->fibers = fiber;
    if (sched.all != NULL)
        sched.all->all_prev = fiber;
    sched.all = fiber;
    sched.count++;
    make_ready(fiber);
    return FA_OK;
}

static fa_err wait_for_fibers(fa_scope *scope, fa_deadline deadline, fiber_state state)
{
    if (scope->fibers == NULL)
        return FA_OK;
    scope->owner_waits = true;
    const fa_err err = wait_until(deadline, state);
    scope->owner_waits = false;
    return scope->fibers == NULL ? FA_OK : err; /* the last may have ended after the deadline */
}

fa_err fa_scope_wait(fa_scope *scope, fa_deadline deadline)
{
    fa_assert(scope->owner == sched.running);
    if (scope->fibers != NULL && sched.running->canceled)
        return FA_ECANCELED;
    if (scope->fibers != NULL && deadline == FA_NOW)
        return FA_ETIMEDOUT;
    return wait_for_fibers(scope, deadline, WAITING);
}

void fa_scope_cancel(fa_scope *scope)
{
    scope->canceled = true;
    for (fa_fiber *fiber = scope->fibers; fiber != NULL; fiber = fiber->scope_next) {
        fiber->canceled = true;
        if (fiber->state == WAITING)
            wake(fiber, FA_ECANCELED);
    }
}

void fa_scope_close(fa_scope *scope)
{
    fa_fiber *self = sched.running;
    if (scope->owner != self || self->opened != scope)
        fa_panic("fiber '%s' closes a scope that is not the innermost one it opened", self->name);
    fa_scope_cancel(scope);
    const fa_err err = wait_for_fibers(scope, FA_FOREVER, CLOSING);
    fa_assert(err == FA_OK);
    self->opened = scope->outer;
}

fa_err fa_sched_start(fa_fiber_fn *fn)
{
    static fa_scope root;
    static fa_cpu_context boot_context;
    const fa_err err = fa_scope_spawn_with(
        &root, &(fa_fiber_options){"main", FA_FIBER_STACK_MAIN_BYTES}, fn, NULL);
    if (err != FA_OK)
        return err;
    sched.batch = sched.batch_left = 1;
    fa_fiber *first = pick_next();
    fa_cpu_leave(&boot_context, &first->context);
}

fa_err fa_sched_spawn(const fa_fiber_options *options, fa_fiber_fn *fn, void *arg)
{
    static fa_scope image; /* of nobody, never closed */
    return fa_scope_spawn_with(&image, options, fn, arg);
}

int *fa_sched_errno(void)
{
    return sched.running == NULL ? &sched.boot_error_number : &sched.running->error_number;
}

const size_t fa_sched_record_bytes = sizeof(fa_fiber);

size_t fa_sched_count(void)
{
    return sched.count;
}

const fa_fiber *fa_sched_running(void)
{
    return sched.running;
}

const fa_fiber *fa_sched_next(const fa_fiber *after)
{
    return after == NULL ? sched.all : after->all_next;
}

void fa_fiber_stack(size_t *used_bytes_out, size_t *size_bytes_out)
{
    *used_bytes_out = stack_used(sched.running);
    *size_bytes_out = sched.running->stack.size_bytes;
}

void fa_sched_info(const fa_fiber *fiber, fa_fiber_info *info_out)
{
    static const char *const states[] = {"ready", "waiting", "closing a scope", "waiting"};
    const bool sleeps = fiber->state == WAITING && fiber->queue == NULL && fiber->timer.slot != 0;
    const bool running = fiber == sched.running;
    *info_out = (fa_fiber_info){
        .name = fiber->name,
        .state = running ? "running" : sleeps ? "sleeping" : states[fiber->state],
        .deadline = fa_timers_deadline(&fiber->timer),
        .stack_base = (uintptr_t)fiber->stack.base,
        .stack_bytes = fiber->stack.size_bytes,
        .stack_used_bytes = stack_used(fiber),
    };
    if (!running)
        fa_cpu_context_where(&fiber->context, &info_out->frame);
}
