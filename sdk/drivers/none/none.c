/* SPDX-License-Identifier: ISC */
/* What machines that are no boards have none of: see <fata/board.h>. */
#include "../../../bsp/plat.h"

fa_err plat_watchdog(unsigned limit_s)
{
    (void)limit_s;
    return FA_ENOTSUP;
}

fa_err plat_led(unsigned number, bool on)
{
    (void)number;
    (void)on;
    return FA_ENOTSUP;
}

fa_err plat_pin_read(unsigned port, unsigned number, bool pull_up, bool *high_out)
{
    (void)port;
    (void)number;
    (void)pull_up;
    (void)high_out;
    return FA_ENOTSUP;
}

fa_err plat_pin_write(unsigned port, unsigned number, bool high)
{
    (void)port;
    (void)number;
    (void)high;
    return FA_ENOTSUP;
}

fa_err plat_serial(uint32_t words_out[4])
{
    (void)words_out;
    return FA_ENOTSUP;
}

fa_err plat_temperature(int32_t *milli_celsius_out)
{
    (void)milli_celsius_out;
    return FA_ENOTSUP;
}

fa_err plat_model(const char **name_out)
{
    (void)name_out;
    return FA_ENOTSUP;
}
