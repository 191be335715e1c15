/* SPDX-License-Identifier: ISC */
/* Devices of Allwinner's A10 and A20 (sun4i, sun7i): their probe functions, for a board's table
 * (dt.h), each with the `compatible` text that it is for. */
#ifndef FATA_DRIVERS_SUNXI_DRIVERS_H
#define FATA_DRIVERS_SUNXI_DRIVERS_H

#include "../dt/dt.h"

fa_err sun4i_intc_probe(dt_node node);  /* allwinner,sun4i-a10-ic */
fa_err sun4i_timer_probe(dt_node node); /* allwinner,sun4i-a10-timer */
fa_err sun4i_wdt_probe(dt_node node);   /* allwinner,sun4i-a10-wdt */
fa_err sunxi_rtc_probe_a10(dt_node node);   /* allwinner,sun4i-a10-rtc */
fa_err sunxi_rtc_probe_a20(dt_node node);   /* allwinner,sun7i-a20-rtc */

/* As plat_watchdog(); it finds its node by itself. */
FA_MUST_CHECK fa_err sun4i_wdt_service_feed(unsigned limit_s);

#endif
