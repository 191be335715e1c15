/* SPDX-License-Identifier: ISC */
/* The A10's timers, for where there is no Generic Timer: timer 1 runs down all the time and is the
 * clock, timer 0 interrupts once. Source: the binding allwinner,sun4i-a10-timer, Linux's driver and
 * QEMU's model. The 64-bit counter beside them would be simpler, but reads 0 in QEMU 10. Not
 * exercised by any emulator: that a timer takes two cycles of its clock to stop. */
#include "../dt/machine.h"
#include "drivers.h"

enum { IRQ_ENABLE = 0x00, IRQ_STATUS = 0x04,
       /* of timer 0, */
       EVENT_CTRL = 0x10, EVENT_INTERVAL = 0x14,
       /* and of timer 1. */
       CLOCK_CTRL = 0x20, CLOCK_INTERVAL = 0x24, CLOCK_VALUE = 0x28 };
#define REGISTERS_BYTES 0x2cu
#define IRQ_EVENT 0x1u
#define CTRL_ENABLE 0x01u
#define CTRL_RELOAD 0x02u /* takes the interval; does not clear itself in QEMU */
#define CTRL_OSC24M 0x04u /* the clock, undivided */
#define OSC24M_HZ 24000000u
#define CTRL_ONCE 0x80u
#define STOP_TICKS 3u
#define STOP_LOOKS_MAX 1000u

static arm_mmio timers;

static uint64_t ticks(void)
{
    static uint64_t total;
    static uint32_t last;
    const uint32_t now = ~arm_read32(timers, CLOCK_VALUE);
    total += now - last;
    last = now;
    return total;
}

/* The timer does not see a new interval before it has seen that it was stopped. */
static void stop_event(void)
{
    arm_write32(timers, EVENT_CTRL, CTRL_OSC24M);
    const uint32_t start = arm_read32(timers, CLOCK_VALUE);
    for (unsigned look = 0; look < STOP_LOOKS_MAX; look++)
        if (start - arm_read32(timers, CLOCK_VALUE) >= STOP_TICKS)
            return;
}

static void arm_timer(uint64_t ticks_ahead)
{
    const uint64_t interval = ticks_ahead < STOP_TICKS ? STOP_TICKS : ticks_ahead;
    stop_event();
    arm_write32(timers, EVENT_INTERVAL,
                interval < UINT32_MAX ? (uint32_t)interval : UINT32_MAX);
    arm_write32(timers, EVENT_CTRL, CTRL_OSC24M | CTRL_ENABLE | CTRL_RELOAD | CTRL_ONCE);
}

static void expired(void *arg)
{
    (void)arg;
    arm_write32(timers, IRQ_STATUS, IRQ_EVENT);
}

fa_err sun4i_timer_probe(dt_node node)
{
    static machine_timer timer = {.ticks = ticks, .arm = arm_timer, .ticks_max = UINT32_MAX};
    if (machine.timer != NULL)
        return FA_OK;
    /* Old trees have the oscillator as a gate of its own kind, which says no frequency. */
    const uint32_t hz = dt_clock_hz(node, 0);
    timer.hz = hz != 0 ? hz : OSC24M_HZ;
    fa_err err = machine_map_registers(node, 0, REGISTERS_BYTES, &timers);
    if (err != FA_OK)
        return err;
    arm_write32(timers, CLOCK_INTERVAL, UINT32_MAX);
    arm_write32(timers, CLOCK_CTRL, CTRL_OSC24M | CTRL_ENABLE | CTRL_RELOAD);
    stop_event();
    arm_write32(timers, IRQ_STATUS, UINT32_MAX);
    arm_write32(timers, IRQ_ENABLE, IRQ_EVENT);
    err = machine_open_interrupt(node, 0, expired, NULL);
    if (err == FA_OK)
        machine.timer = &timer;
    return err;
}
