/* SPDX-License-Identifier: ISC */
/* The PC's real-time clock (MC146818), in UTC as QEMU and servers keep it. */
#ifndef FATA_DRIVERS_PC_RTC_H
#define FATA_DRIVERS_PC_RTC_H

#include <fata/base.h>

/* Seconds since 1970; 0 when there is no clock or it does not hold a date. */
uint64_t rtc_read_s(void);

#endif
