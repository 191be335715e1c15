/* SPDX-License-Identifier: ISC */
/* The temperature sensor in the touch screen's controller of A10 and A20: see sun4i_ts.h. Source: the
 * binding allwinner,sun4i-a10-ts and the drivers of Linux (sun4i-ts.c), NetBSD (sunxi_ts.c) and FreeBSD
 * (aw_ts.c); no data sheet was at hand. Not exercised by any emulator: all of it, QEMU has no such device.
 *
 * How good its values are nobody says. The A10's scale is Linux's mean of four boards, whose steps were
 * 0.096 to 0.170 degrees; the A13's is that of another chip of the maker's family, the AXP209. */
#include "sun4i_ts.h"

enum { CTRL0 = 0x00, CTRL1 = 0x04, INT_FIFOC = 0x10, TPR = 0x18, TEMP_DATA = 0x20 };
/* The crystal's 24 MHz divided by 6 (2), then by 2^20 (7) for the touch screen's part; the time that a
 * value is taken in, 63. What the three drivers use. */
#define CTRL0_CLOCKS (2u << 20 | 7u << 16 | 63u)
#define CTRL1_MODE_ENABLE (1u << 4)
/* Values are announced. The machine's interrupt controller leaves the line closed. */
#define INT_FIFOC_TEMP (1u << 18)
#define TPR_ENABLE (1u << 16)
#define TPR_PERIOD 1953u /* times 256 * 16 cycles of 4 MHz: 2 s */
#define TEMP_DATA_MASK 0xfffu

const sun4i_ts_scale sun4i_ts_a10 = {133, -257000};
const sun4i_ts_scale sun4i_ts_a13 = {100, -144700};

fa_err sun4i_ts_open(fa_cpu_device registers)
{
    fa_cpu_write32(registers, CTRL0, CTRL0_CLOCKS);
    fa_cpu_write32(registers, CTRL1, CTRL1_MODE_ENABLE);
    fa_cpu_write32(registers, TPR, TPR_ENABLE | TPR_PERIOD);
    fa_cpu_write32(registers, INT_FIFOC, INT_FIFOC_TEMP);
    return fa_cpu_read32(registers, TPR) == (TPR_ENABLE | TPR_PERIOD) ? FA_OK : FA_ENOTSUP;
}

fa_err sun4i_ts_read(fa_cpu_device registers, const sun4i_ts_scale *scale, int32_t *milli_celsius_out)
{
    const uint32_t value = fa_cpu_read32(registers, TEMP_DATA) & TEMP_DATA_MASK;
    if (value == 0) /* colder than any chip: it has not measured yet */
        return FA_EAGAIN;
    *milli_celsius_out = (int32_t)value * scale->step + scale->lowest;
    return FA_OK;
}
