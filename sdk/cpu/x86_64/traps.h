/* SPDX-License-Identifier: ISC */
/* Faults and interrupts. Faults become crash reports; an interrupt only leaves a mark, which
 * plat_poll() collects with the CPU's interrupts closed: drivers never run inside an interrupt. */
#ifndef FATA_CPU_X86_64_TRAPS_H
#define FATA_CPU_X86_64_TRAPS_H

#include <fata/base.h>

#define X86_VECTOR_IRQ_FIRST 32u
#define X86_VECTOR_COUNT 64u /* exceptions, then interrupts */
#define X86_VECTOR_SPURIOUS 63u

/* Loads the GDT, TSS and IDT. The CPU's interrupts stay closed. */
void x86_traps_init(void);
/* How an interrupt is acknowledged, once the interrupt controller is known. */
void x86_traps_set_eoi(volatile uint32_t *eoi_register);
/* Whether the vector's interrupt came since the last call for it. */
bool x86_traps_taken(unsigned vector);

#endif
