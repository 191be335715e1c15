/* SPDX-License-Identifier: ISC */
/* The time of day: of Xen, or of the first clock in the device tree that there is a driver for. It is
 * looked for when it is first asked for, so that other programs have no such driver. */
#include "../../sdk/drivers/arm/drivers.h"
#include "../../sdk/drivers/dt/machine.h"
#include "../../sdk/drivers/sunxi/drivers.h"
#include "../plat.h"

uint64_t plat_clock_wall_ns(void)
{
    static const dt_driver drivers[] = {
        {"arm,pl031", pl031_probe},
        {"allwinner,sun4i-a10-rtc", sunxi_rtc_probe_a10},
        {"allwinner,sun7i-a20-rtc", sunxi_rtc_probe_a20},
    };
    static bool has_probed;
    if (!has_probed && machine.wall_s == NULL)
        dt_probe(drivers, FA_ARRAY_COUNT(drivers));
    has_probed = true;
    return machine.wall_s == NULL ? 0 : machine.wall_s() * FA_NS_PER_S;
}
