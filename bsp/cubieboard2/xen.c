/* SPDX-License-Identifier: ISC */
/* Xen, where the device tree has its node: the console of the domain's owner in the place of a UART, the
 * wall clock, and an end of the domain that says why. Source: the binding xen,xen (Linux:
 * Documentation/devicetree/bindings/arm/xen.txt): `interrupts` is what events come by. */
#include "xen.h"
#include "../../sdk/cpu/armv7a/mmu.h"
#include "../../sdk/drivers/dt/machine.h"
#include "../../sdk/drivers/xen/console.h"
#include "../../sdk/drivers/xen/events.h"
#include "../../sdk/drivers/xen/power.h"
#include <fata/clock.h>

static _Alignas(XEN_PAGE_BYTES) uint8_t shared_page[XEN_PAGE_BYTES];
static dt_node hypervisor;

static void events_came(void *arg)
{
    (void)arg;
    xen_events_poll();
}

fa_err xen_open_interrupt(void)
{
    static bool is_open;
    const fa_err err =
        is_open ? FA_OK : machine_open_interrupt(hypervisor, 0, events_came, NULL);
    is_open = err == FA_OK;
    return err;
}

static bool listen(void (*arrived)(void))
{
    return xen_open_interrupt() == FA_OK && xen_console_listen(arrived);
}

/* On ARM, Xen's system time is the domain's virtual count (xen/arch/arm/vtimer.c). */
static uint64_t wall_s(void)
{
    const uint64_t base_ns = xen_wall_base_ns();
    return base_ns == 0 ? 0 : base_ns / FA_NS_PER_S + machine.timer->ticks() / machine.timer->hz;
}

static void reset(void)
{
    xen_shutdown(XEN_SHUTDOWN_REBOOT);
}

/* The page lies outside of what the device tree calls RAM. */
static void open_console(void)
{
    static const machine_console console = {xen_console_write, xen_console_read, listen};
    uint64_t frame;
    void *page;
    if (xen_console_find(&frame) == FA_OK &&
        arm_mmu_map_shared((arm_phys){frame * XEN_PAGE_BYTES}, XEN_PAGE_BYTES, &page) == FA_OK) {
        xen_console_open(page);
        machine.console = &console;
    }
}

fa_err xen_probe(dt_node node)
{
    const fa_err err =
        xen_map_shared_info(shared_page, arm_phys_of(shared_page).address / XEN_PAGE_BYTES);
    if (err != FA_OK)
        return err;
    hypervisor = node;
    xen_events_init();
    open_console();
    machine.wall_s = wall_s;
    machine.off = xen_exit;
    machine.reset = reset;
    return FA_OK;
}
