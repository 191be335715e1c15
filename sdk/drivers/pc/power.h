/* SPDX-License-Identifier: ISC */
/* Ending a PC: QEMU's debug exit, ACPI's soft-off and reset, and what every PC can do. */
#ifndef FATA_DRIVERS_PC_POWER_H
#define FATA_DRIVERS_PC_POWER_H

#include "../../cpu/x86_64/mmu.h"

/* Tries, in turn: QEMU's isa-debug-exit, which hands `status` on; soft-off, by the ACPI tables that
 * begin at `rsdp` (0: not known); a reset. */
FA_NORETURN void power_off(int status, x86_phys rsdp);
/* ACPI's reset register, the keyboard controller's reset line, a triple fault. */
FA_NORETURN void power_reset(x86_phys rsdp);

#endif
