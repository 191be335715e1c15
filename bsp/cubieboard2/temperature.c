/* SPDX-License-Identifier: ISC */
/* The chip's temperature, and what the board calls itself, for <fata/board.h>. A file of its own, so that
 * programs that blink have no sensor. */
#include "../../sdk/drivers/dt/machine.h"
#include "../../sdk/drivers/sunxi/sun4i_ts.h"
#include "../plat.h"

static arm_mmio registers;
static const sun4i_ts_scale *scale;

static fa_err open(dt_node node, const sun4i_ts_scale *its_scale)
{
    fa_err err = machine_map_registers(node, 0, SUN4I_TS_REGISTERS_BYTES, &registers);
    if (err == FA_OK)
        err = sun4i_ts_open(registers);
    if (err == FA_OK)
        scale = its_scale;
    /* Where nothing is behind the registers, the search's log need not say so. */
    return err == FA_ENOTSUP ? FA_OK : err;
}

static fa_err open_a10(dt_node node)
{
    return open(node, &sun4i_ts_a10);
}

static fa_err open_a13(dt_node node)
{
    return open(node, &sun4i_ts_a13);
}

fa_err plat_temperature(int32_t *milli_celsius_out)
{
    static const dt_driver drivers[] = {
        {"allwinner,sun4i-a10-ts", open_a10},
        {"allwinner,sun5i-a13-ts", open_a13},
    };
    static bool has_probed;
    if (!has_probed)
        dt_probe(drivers, FA_ARRAY_COUNT(drivers));
    has_probed = true;
    return scale == NULL ? FA_ENOTSUP : sun4i_ts_read(registers, scale, milli_celsius_out);
}

fa_err plat_model(const char **name_out)
{
    const char *name = dt_model();
    if (name == NULL)
        return FA_ENOENT;
    *name_out = name;
    return FA_OK;
}
