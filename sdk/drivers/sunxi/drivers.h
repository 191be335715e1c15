/* SPDX-License-Identifier: ISC */
/* Devices of Allwinner's A10 and A20 (sun4i, sun7i): their probe functions, for a board's table
 * (dt.h), each with the `compatible` text that it is for. */
#ifndef FATA_DRIVERS_SUNXI_DRIVERS_H
#define FATA_DRIVERS_SUNXI_DRIVERS_H

#include "../dt/dt.h"

fa_err sun4i_intc_probe(dt_node node);  /* allwinner,sun4i-a10-ic */
fa_err sun4i_timer_probe(dt_node node); /* allwinner,sun4i-a10-timer */
fa_err sun4i_wdt_probe(dt_node node);   /* allwinner,sun4i-a10-wdt */

#endif
