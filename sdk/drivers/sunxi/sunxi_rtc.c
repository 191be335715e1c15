/* SPDX-License-Identifier: ISC */
/* The clocks of A10 and A20 that go on without power if there is a battery, which these boards have
 * not: U-Boot or an earlier system may have set them. They count a date, taken as UTC. Source: the
 * bindings allwinner,sun4i-a10-rtc and sun7i-a20-rtc, Linux's driver (rtc-sunxi.c) and QEMU's model. */
#include "../../core/calendar.h"
#include "../dt/machine.h"
#include "drivers.h"

enum { DATE = 0x04, TIME = 0x08 };
#define REGISTERS_BYTES 0x0cu
#define FIRST_YEAR_A10 2010u /* of the years that the date counts, 6 bits and 8 */
#define YEARS_A10 0x3fu
#define FIRST_YEAR_A20 1970u
#define YEARS_A20 0xffu
#define YEAR_MIN 2024u /* before: nobody has set it */
#define TRIES_MAX 8u

static arm_mmio rtc;
static unsigned first_year, years;

static uint64_t wall_s(void)
{
    uint32_t date = arm_read32(rtc, DATE), time = arm_read32(rtc, TIME);
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        const uint32_t date_again = arm_read32(rtc, DATE), time_again = arm_read32(rtc, TIME);
        if (date == date_again && time == time_again)
            break;
        date = date_again;
        time = time_again;
    }
    const fa_date value = {.year = first_year + (date >> 16 & years),
                           .month = date >> 8 & 0xf,
                           .day = date & 0x1f,
                           .hour = time >> 16 & 0x1f,
                           .minute = time >> 8 & 0x3f,
                           .second = time & 0x3f};
    return value.year < YEAR_MIN ? 0 : fa_date_to_s(value);
}

static fa_err open(dt_node node, unsigned first, unsigned mask)
{
    if (machine.wall_s != NULL)
        return FA_OK;
    const fa_err err = machine_map_registers(node, 0, REGISTERS_BYTES, &rtc);
    if (err != FA_OK)
        return err;
    first_year = first;
    years = mask;
    machine.wall_s = wall_s;
    return FA_OK;
}

fa_err sunxi_rtc_probe_a10(dt_node node)
{
    return open(node, FIRST_YEAR_A10, YEARS_A10);
}

fa_err sunxi_rtc_probe_a20(dt_node node)
{
    return open(node, FIRST_YEAR_A20, YEARS_A20);
}
