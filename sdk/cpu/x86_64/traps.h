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
/* How an interrupt is acknowledged, once the interrupt controller is known. Without one it lasts until
 * somebody has looked what it is about (Xen's events), so it closes interrupts behind it. */
void x86_traps_set_eoi(volatile uint32_t *eoi_register);
/* Has `handler` called by x86_traps_poll() when the vector's interrupt came; a NULL: none any more. */
void x86_traps_handle(unsigned vector, void (*handler)(void *arg), void *arg);
/* Calls the handlers of what came since the last time. */
void x86_traps_poll(void);
/* Whether there is any handler. */
bool x86_traps_any_handler(void);

#endif
