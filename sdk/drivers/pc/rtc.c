/* SPDX-License-Identifier: ISC */
/* The MC146818 clock behind ports 0x70 and 0x71. Its registers are read twice until both agree and
 * no update is under way. Source: Motorola MC146818 data sheet; the century at 0x32 as PCs do. */
#include "rtc.h"
#include "../../core/calendar.h"
#include "../../cpu/x86_64/cpu.h"
#include <string.h>

#define PORT_INDEX 0x70u
#define PORT_DATA 0x71u
enum { SECONDS = 0, MINUTES = 2, HOURS = 4, DAY = 7, MONTH = 8, YEAR = 9, CENTURY = 0x32 };
#define REG_A 0x0au
#define REG_B 0x0bu
#define A_UPDATE_IN_PROGRESS 0x80u
#define B_24_HOURS 0x02u
#define B_BINARY 0x04u
#define HOURS_PM 0x80u
#define TRIES_MAX 10000u

static const uint8_t registers[] = {SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR, CENTURY};
typedef struct reading {
    uint8_t value[sizeof registers];
} reading;

static uint8_t get(unsigned reg)
{
    x86_out8(PORT_INDEX, (uint8_t)reg);
    return x86_in8(PORT_DATA);
}

static bool read_once(reading *out)
{
    for (unsigned tries = 0; get(REG_A) & A_UPDATE_IN_PROGRESS; tries++)
        if (tries == TRIES_MAX)
            return false; /* also where there is no clock: all ones */
    for (size_t i = 0; i < sizeof registers; i++)
        out->value[i] = get(registers[i]);
    return true;
}

static unsigned decimal(unsigned value, unsigned mode)
{
    return mode & B_BINARY ? value : (value >> 4) * 10 + (value & 15);
}

uint64_t rtc_read_s(void)
{
    reading first, second;
    for (unsigned tries = 0;; tries++) {
        if (tries == 8 || !read_once(&first) || !read_once(&second))
            return 0;
        if (memcmp(&first, &second, sizeof first) == 0)
            break;
    }
    const unsigned mode = get(REG_B);
    const unsigned raw_hours = first.value[2];
    unsigned hours = decimal(raw_hours & ~HOURS_PM, mode);
    if (!(mode & B_24_HOURS))
        hours = hours % 12 + (raw_hours & HOURS_PM ? 12 : 0);
    const unsigned century = decimal(first.value[6], mode);
    return fa_date_to_s((fa_date){
        .year = decimal(first.value[5], mode) + 100 * (century >= 20 ? century : 20),
        .month = decimal(first.value[4], mode),
        .day = decimal(first.value[3], mode),
        .hour = hours,
        .minute = decimal(first.value[1], mode),
        .second = decimal(first.value[0], mode),
    });
}
