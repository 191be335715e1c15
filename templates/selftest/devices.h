/* SPDX-License-Identifier: ISC */
/* The tests. Each adds its lines to the report (report.h), and ends by itself: all that it waits for has a
 * deadline. Those that say one suspend. */
#ifndef DEVICES_H
#define DEVICES_H

#include <fata/clock.h>
#include <fata/net.h>

/* machine.c: what every machine has. */
void test_memory(uint64_t bytes_max, fa_deadline deadline);
void test_timers(fa_deadline deadline);
void test_clock(fa_deadline deadline);
void test_entropy(void);

/* board.c: what boards have. */
void test_serial(void);
void test_leds(fa_deadline deadline);
void test_pins(void);
void test_jumper(const char *pins); /* "PG0,PG1"; "": none */
void test_thermometer(fa_deadline deadline);
void test_watchdog(bool really);
/* Lets the watchdog reset the machine; returns where it does not. */
void reset_by_watchdog(fa_deadline deadline);

/* disks.c */
void test_disks(fa_deadline deadline);

/* network.c: *net_out is NULL where there is no network. */
void test_network(fa_net **net_out, fa_deadline deadline);

#endif
