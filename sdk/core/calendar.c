/* SPDX-License-Identifier: ISC */
/* Dates into seconds: see calendar.h. */
#include "calendar.h"

#define YEAR_MIN 1970u
#define YEAR_MAX 2225u

/* Days since 1970-01-01, by counting from March 1st, 0000. */
static uint64_t days_of(unsigned year, unsigned month, unsigned day)
{
    const unsigned y = month <= 2 ? year - 1 : year;
    const unsigned m = month <= 2 ? month + 9 : month - 3;
    const unsigned days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    return days - 719468u; /* 1970-01-01 on that scale */
}

uint64_t fa_date_to_s(fa_date date)
{
    if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31 || date.hour > 23 ||
        date.minute > 59 || date.second > 59 || date.year < YEAR_MIN || date.year > YEAR_MAX)
        return 0;
    return ((days_of(date.year, date.month, date.day) * 24 + date.hour) * 60 + date.minute) * 60 +
           date.second;
}
