/* SPDX-License-Identifier: ISC */
/* Dates of the Gregorian calendar, as clocks of machines keep them, into seconds. */
#ifndef FATA_CORE_CALENDAR_H
#define FATA_CORE_CALENDAR_H

#include <fata/base.h>

typedef struct fa_date {
    unsigned year, month, day, hour, minute, second; /* month and day from 1 on */
} fa_date;

/* Seconds since 1970; 0: that is no date, or not one of 1970 to 2225. */
uint64_t fa_date_to_s(fa_date date);

#endif
