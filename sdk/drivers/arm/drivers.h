/* SPDX-License-Identifier: ISC */
/* Devices of ARM's own and others' that machines with a device tree have: their probe functions, for
 * a board's table (dt.h), each with the `compatible` texts that it is for. */
#ifndef FATA_DRIVERS_ARM_DRIVERS_H
#define FATA_DRIVERS_ARM_DRIVERS_H

#include "../dt/dt.h"

fa_err pl011_probe(dt_node node);      /* arm,pl011 */
fa_err pl011_sbsa_probe(dt_node node); /* arm,sbsa-uart */
fa_err uart16550_probe(dt_node node);  /* snps,dw-apb-uart, ns16550a */
fa_err gic_probe(dt_node node);        /* arm,gic-400, arm,cortex-a7-gic, -a9-gic, -a15-gic */
fa_err arch_timer_probe(dt_node node); /* arm,armv7-timer, arm,armv8-timer */
fa_err pl031_probe(dt_node node);      /* arm,pl031 */
/* arm,psci-0.2, arm,psci-1.0. What implements version 0.1 only (arm,psci) can end CPUs, not the
 * machine. */
fa_err psci_probe(dt_node node);

#endif
