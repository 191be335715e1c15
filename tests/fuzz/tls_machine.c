/* SPDX-License-Identifier: ISC */
/* What sdk/tls asks of the machine: see tls_machine.h. */
#include "tls_machine.h"
#include "../../sdk/core/pages.h"
#include "../../sdk/fiber/sched.h"
#include "../../sdk/flow/waiter.h"
#include "../../sdk/tls/secret.h"
#include "require.h"
#include <fata/log.h>
#include <fata/random.h>
#include <fata/tls.h>

#define NOW_S UINT64_C(1800000000)

uint64_t machine_now_ns = FA_NS_PER_S;
static uint64_t random_state;

void machine_seed(void)
{
    random_state = UINT64_C(0x9e3779b97f4a7c15);
}

fa_err fa_random_bytes(void *bytes_out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        ((uint8_t *)bytes_out)[i] = (uint8_t)(random_state >> 56);
    }
    return FA_OK;
}

uint64_t fa_clock_mono_ns(void)
{
    return machine_now_ns;
}

uint64_t fa_clock_wall_ns(void)
{
    return NOW_S * FA_NS_PER_S + machine_now_ns;
}

void fa_log_write(const fa_log_module *module, fa_log_level level, const char *fmt, ...)
{
    (void)module, (void)level, (void)fmt;
}

fa_deadline fa_after_ns(uint64_t ns)
{
    return fa_clock_mono_ns() + ns;
}

fa_pages fa_ram; /* none that is known */

fa_err fa_tls_secret_begin(void)
{
    return FA_OK;
}

void fa_tls_secret_end(void)
{
}

/* Called only where somebody would wait. */
#define NOBODY_WAITS(...) { require(!"nothing waits here"); __VA_ARGS__; }
fa_err fa_sleep(fa_deadline deadline) NOBODY_WAITS(return (void)deadline, FA_ECANCELED)
fa_err fa_waitq_wait(fa_waitq *queue, fa_deadline deadline) NOBODY_WAITS(return (void)queue, (void)deadline, FA_ECANCELED)
void fa_waitq_wake_all(fa_waitq *queue) NOBODY_WAITS((void)queue)
void fa_waiter_init(fa_waiter *waiter) NOBODY_WAITS((void)waiter)
fa_err fa_waiter_wait(fa_waiter *waiter, fa_deadline deadline) NOBODY_WAITS(return (void)waiter, (void)deadline, FA_ECANCELED)
fa_err fa_turn_take(fa_deadline deadline) NOBODY_WAITS(return (void)deadline, FA_ECANCELED)
fa_err fa_sched_spawn(const fa_fiber_options *options, fa_fiber_fn *fn, void *arg)
{
    (void)options, (void)fn, (void)arg;
    return FA_ENOMEM;
}
