/* SPDX-License-Identifier: ISC */
/* Faults become crash reports. Interrupts stay masked for good, so none comes here. */
#ifndef FATA_CPU_ARMV7A_TRAPS_H
#define FATA_CPU_ARMV7A_TRAPS_H

/* Makes vectors.S the CPU's vectors. Until then a fault is lost. */
void arm_traps_init(void);

#endif
