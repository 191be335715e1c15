/* SPDX-License-Identifier: ISC */
/* Saving a domain. Memory and the CPU's registers come back as they were; what Xen has for a domain does
 * not: event channels, grants, the shared page, Xenstore and the console begin anew, and back ends know
 * nothing of us. Unless the save is only a copy, or was given up: then all goes on as before. Source:
 * Xen's public header sched.h, SHUTDOWN_suspend. */
#include "suspend.h"
#include "../../sdk/core/resumed.h"
#include "../../sdk/drivers/xen/console.h"
#include "../../sdk/drivers/xen/grants.h"
#include "../../sdk/drivers/xen/power.h"
#include "../../sdk/drivers/xen/xenbus.h"
#include "../plat.h"
#include "machine.h"
#include "xendev.h"
#include <fata/log.h>
#include <fata/panic.h>

FA_LOG_MODULE("xen");

static void need(fa_err err, const char *what)
{
    if (err != FA_OK)
        fa_panic("the domain was saved and cannot go on: %s: %s", what, fa_err_text(err));
}

static void reconnect(void)
{
    need(xen_grants_resume(), "grants");
    need(xendev_resume(), "Xenstore");
    xen_bus_resume();
}

fa_err suspend_domain(void)
{
    fa_log_info("the domain is being saved");
    xen_console_drain();
    const uint64_t mono_ns = plat_clock_mono_ns();
    bool is_another;
    const fa_err err = xen_suspend(&is_another);
    if (err != FA_OK)
        return err;
    fa_resumed_count++;
    if (is_another)
        machine_xen_reconnect();
    machine_xen_set_mono(mono_ns); /* as if no time had passed */
    if (is_another)
        reconnect();
    fa_log_info("the domain goes on%s", is_another ? "" : " as the same one");
    return FA_OK;
}
