/* SPDX-License-Identifier: ISC */
/* Shutting the domain down. */
#include "power.h"
#include "console.h"
#include <fata/panic.h>

static uint32_t regular_end = XEN_SHUTDOWN_POWEROFF;

void xen_shutdown(uint32_t reason)
{
    xen_console_drain();
    xen_op_shutdown op = {reason};
    fa_cpu_hypercall(XEN_HYPERCALL_SCHED_OP, XEN_SCHED_SHUTDOWN, (uintptr_t)&op, 0, 0, 0);
}

void xen_exit_reboots(void)
{
    regular_end = XEN_SHUTDOWN_REBOOT;
}

void xen_exit(int status)
{
    xen_shutdown(status == FA_EXIT_CRASH ? XEN_SHUTDOWN_CRASH : regular_end);
}

/* The toolstack sets what the call returns: 1 in a domain that goes on as the same. */
fa_err xen_suspend(bool *is_another_out)
{
    xen_op_shutdown op = {XEN_SHUTDOWN_SUSPEND};
    const intptr_t result = fa_cpu_hypercall(XEN_HYPERCALL_SCHED_OP, XEN_SCHED_SHUTDOWN,
                                             (uintptr_t)&op, 0, 0, 0);
    *is_another_out = result == 0;
    return result < 0 ? FA_EPERM : FA_OK;
}
