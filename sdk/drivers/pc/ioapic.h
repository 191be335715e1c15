/* SPDX-License-Identifier: ISC */
/* The I/O APIC of a PC at its usual address: which interrupt lines reach the CPU. Source: Intel
 * 82093AA data sheet. */
#ifndef FATA_DRIVERS_PC_IOAPIC_H
#define FATA_DRIVERS_PC_IOAPIC_H

#include <fata/err.h>

#define IOAPIC_VECTOR_FIRST 33u /* of line 0; line n has n more */

/* Sends an edge-triggered line to the CPU with that local APIC. FA_ENOTSUP: there is no I/O APIC,
 * or it has no such line; FA_ENOMEM. */
FA_MUST_CHECK fa_err ioapic_open_line(unsigned line, uint32_t lapic);

#endif
