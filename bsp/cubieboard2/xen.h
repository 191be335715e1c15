/* SPDX-License-Identifier: ISC */
/* The machine as Xen's guest. */
#ifndef FATA_CUBIEBOARD2_XEN_H
#define FATA_CUBIEBOARD2_XEN_H

#include "../../sdk/drivers/dt/dt.h"

/* Has events looked at when they come, from the first call on. */
FA_MUST_CHECK fa_err xen_open_interrupt(void);
fa_err xen_probe(dt_node node); /* xen,xen: before UARTs, clocks and PSCI, which it is preferred to */

#endif
