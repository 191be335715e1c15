/* SPDX-License-Identifier: ISC */
/* The machine as Xen's guest. */
#ifndef FATA_CUBIEBOARD2_XEN_H
#define FATA_CUBIEBOARD2_XEN_H

#include "../../sdk/drivers/dt/dt.h"

fa_err xen_probe(dt_node node); /* xen,xen: before UARTs, clocks and PSCI, which it is preferred to */

#endif
