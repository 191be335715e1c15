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
