/* SPDX-License-Identifier: ISC */
/* ARM's real-time clock, which counts seconds: since 1970 UTC, as QEMU and Linux keep it. Source:
 * PrimeCell Real Time Clock (PL031) Technical Reference Manual, ARM DDI 0224. */
#include "../dt/machine.h"
#include "drivers.h"

enum { RTCDR = 0x00, RTCCR = 0x0c };
#define REGISTERS_BYTES 0x10u
#define CR_RUNS 1u

static arm_mmio rtc;

static uint64_t wall_s(void)
{
    return arm_read32(rtc, RTCCR) & CR_RUNS ? arm_read32(rtc, RTCDR) : 0;
}

fa_err pl031_probe(dt_node node)
{
    if (machine.wall_s != NULL)
        return FA_OK;
    const fa_err err = machine_map_registers(node, 0, REGISTERS_BYTES, &rtc);
    if (err == FA_OK)
        machine.wall_s = wall_s;
    return err;
}
