/* SPDX-License-Identifier: ISC */
/* The A10's watchdog as a service: it resets the machine when a program does not feed it any more.
 * (sun4i_wdt.c has what every image has: a reset at once.) Source: the binding allwinner,sun4i-a10-wdt,
 * Linux's driver (sunxi_wdt.c) and U-Boot's, QEMU's model (from QEMU 10 on; before, nothing happens). */
#include "../dt/machine.h"
#include "drivers.h"

enum { CTRL = 0x0, MODE = 0x4 };
#define REGISTERS_BYTES 0x8u
#define CTRL_RESTART (0x0a57u << 1 | 1u)
#define MODE_ENABLE 0x1u
#define MODE_RESET 0x2u
#define MODE_INTERVAL_SHIFT 3u

static arm_mmio watchdog;

static fa_err note(dt_node node)
{
    return watchdog != NULL ? FA_OK : machine_map_registers(node, 0, REGISTERS_BYTES, &watchdog);
}

fa_err sun4i_wdt_service_feed(unsigned limit_s)
{
    /* Seconds that the intervals from number 1 on take; what lies between two takes the longer. */
    static const uint8_t seconds[] = {1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16};
    static const dt_driver drivers[] = {{"allwinner,sun4i-a10-wdt", note}};
    static unsigned set_s;
    unsigned i = 0;
    if (watchdog == NULL)
        dt_probe(drivers, FA_ARRAY_COUNT(drivers));
    if (watchdog == NULL)
        return FA_ENOTSUP;
    while (i < FA_ARRAY_COUNT(seconds) && seconds[i] < limit_s)
        i++;
    if (i == FA_ARRAY_COUNT(seconds))
        return FA_ERANGE;
    if (limit_s != set_s)
        arm_write32(watchdog, MODE,
                    limit_s == 0 ? 0 : MODE_ENABLE | MODE_RESET | (i + 1) << MODE_INTERVAL_SHIFT);
    set_s = limit_s;
    if (limit_s != 0)
        arm_write32(watchdog, CTRL, CTRL_RESTART);
    return FA_OK;
}
