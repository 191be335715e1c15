/* SPDX-License-Identifier: ISC */
/* The chip's temperature, of A10 and A20: the touch screen's controller measures it besides. Nothing is
 * waited for: the sensor is turned on, and has a value some seconds later. */
#ifndef FATA_DRIVERS_SUNXI_SUN4I_TS_H
#define FATA_DRIVERS_SUNXI_SUN4I_TS_H

#include "../../cpu/device.h"
#include <fata/err.h>

#define SUN4I_TS_REGISTERS_BYTES 0x24u

/* A value counts steps above a lowest temperature, both in thousandths of a degree Celsius. */
typedef struct sun4i_ts_scale {
    int32_t step, lowest;
} sun4i_ts_scale;
extern const sun4i_ts_scale sun4i_ts_a10; /* allwinner,sun4i-a10-ts */
extern const sun4i_ts_scale sun4i_ts_a13; /* allwinner,sun5i-a13-ts: the A20's, too */

/* Turns the sensor on. FA_ENOTSUP: nothing is behind the registers, as in emulators. */
FA_MUST_CHECK fa_err sun4i_ts_open(fa_cpu_device registers);
/* The last value. FA_EAGAIN: there is none yet. */
FA_MUST_CHECK fa_err sun4i_ts_read(fa_cpu_device registers, const sun4i_ts_scale *scale,
                                   int32_t *milli_celsius_out);

#endif
