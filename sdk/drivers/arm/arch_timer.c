/* SPDX-License-Identifier: ISC */
/* The Generic Timer of ARMv7-A: the virtual count and the virtual timer, which every hypervisor
 * leaves to its guest. Source: ARM ARM (DDI 0406C) B8, and the binding arm,arch_timer for the
 * interrupts' order. */
#include "../../cpu/armv7a/generic_timer.h"
#include "../dt/machine.h"
#include "drivers.h"
#include <fata/log.h>

FA_LOG_MODULE("timer");

#define VIRTUAL_INTERRUPT 2u /* after the secure and the non-secure physical timer's */
/* The count has 56 bits at least and does not wrap within 40 years (B8); so far ahead is for ever. */
#define TICKS_AHEAD_MAX (UINT64_MAX >> 9)

static void arm_timer(uint64_t ticks)
{
    const uint64_t ahead = ticks < TICKS_AHEAD_MAX ? ticks : TICKS_AHEAD_MAX;
    arm_set_cntv_cval(arm_cntvct() + ahead);
    arm_set_cntv_ctl(ARM_CNTV_CTL_ENABLE);
    arm_isb();
}

/* Its line stays high until it is armed anew or turned off. */
static void expired(void *arg)
{
    (void)arg;
    arm_set_cntv_ctl(0);
    arm_isb();
}

fa_err arch_timer_probe(dt_node node)
{
    static machine_timer timer = {.ticks = arm_cntvct, .arm = arm_timer, .ticks_max = UINT64_MAX};
    if (machine.timer != NULL)
        return FA_OK;
    if (!arm_has_generic_timer())
        return FA_ENOTSUP;
    /* The register is what firmware left in it: where that is wrong, the tree says so (binding
     * arm,arch_timer). Xen copies what the machine's own tree says. */
    timer.hz = dt_u32(node, "clock-frequency", arm_cntfrq());
    if (timer.hz == 0) {
        fa_log_error("no frequency: CNTFRQ is 0 and the device tree has no clock-frequency");
        return FA_ENOTSUP;
    }
    arm_set_cntv_ctl(0);
    const fa_err err = machine_open_interrupt(node, VIRTUAL_INTERRUPT, expired, NULL);
    if (err == FA_OK)
        machine.timer = &timer;
    return err;
}
