/* SPDX-License-Identifier: ISC */
/* <fata/board.h> over the platform: names of pins, the text of a number. */
#include <fata/board.h>
#include "../../bsp/plat.h"
#include <stdio.h>

#define PIN_NUMBER_MAX 31u

fa_err fa_board_watchdog(unsigned limit_s)
{
    return limit_s > FA_BOARD_WATCHDOG_S_MAX ? FA_ERANGE : plat_watchdog(limit_s);
}

fa_err fa_board_led(unsigned number, bool on)
{
    return plat_led(number, on);
}

/* "PH20": P, a port, and one digit or two. */
static bool read_name(const char *name, unsigned *port_out, unsigned *number_out)
{
    if (name[0] != 'P' || name[1] < 'A' || name[1] > 'Z' || name[2] < '0' || name[2] > '9')
        return false;
    *port_out = (unsigned)(name[1] - 'A');
    *number_out = (unsigned)(name[2] - '0');
    if (name[3] == '\0')
        return true;
    *number_out = *number_out * 10 + (unsigned)(name[3] - '0');
    return name[2] != '0' && name[3] >= '0' && name[3] <= '9' && name[4] == '\0' &&
           *number_out <= PIN_NUMBER_MAX;
}

fa_err fa_board_pin_read(const char *name, bool pull_up, bool *high_out)
{
    unsigned port, number;
    return read_name(name, &port, &number) ? plat_pin_read(port, number, pull_up, high_out) : FA_EINVAL;
}

fa_err fa_board_pin_write(const char *name, bool high)
{
    unsigned port, number;
    return read_name(name, &port, &number) ? plat_pin_write(port, number, high) : FA_EINVAL;
}

fa_err fa_board_serial(char text_out[FA_BOARD_SERIAL_BYTES])
{
    uint32_t words[4];
    const fa_err err = plat_serial(words);
    if (err == FA_OK)
        snprintf(text_out, FA_BOARD_SERIAL_BYTES, "%08lx%08lx", (unsigned long)words[0],
                 (unsigned long)words[3]);
    return err;
}

fa_err fa_board_temperature(int32_t *milli_celsius_out)
{
    return plat_temperature(milli_celsius_out);
}

fa_err fa_board_model(const char **name_out)
{
    return plat_model(name_out);
}

fa_err fa_board_clock(uint64_t *wall_ns_out)
{
    const uint64_t wall_ns = plat_clock_wall_ns();
    if (wall_ns == 0)
        return FA_ENOENT;
    *wall_ns_out = wall_ns;
    return FA_OK;
}
