/* SPDX-License-Identifier: ISC */
/* The 8254 interval timer, channel 2: a counter of known frequency to measure the CPU's clocks
 * against. Source: Intel 8254 data sheet; port 0x61 as in the IBM PC/AT technical reference. */
#ifndef FATA_DRIVERS_PC_PIT_H
#define FATA_DRIVERS_PC_PIT_H

#include <fata/base.h>

#define PIT_HZ UINT64_C(1193182)

/* Starts the counter. */
void pit_start(void);
/* How far it has come since, in 1/PIT_HZ seconds, modulo 65536 (55 ms). */
uint16_t pit_elapsed(void);

#endif
