/* SPDX-License-Identifier: ISC */
/* The little of ACPI that ends a machine. Source: ACPI specification 6.5, 5.2 (tables), 4.8.3.7
 * (sleep control), 16.1 (entering sleep states). The tables are the firmware's: lengths in them are
 * checked, and nothing is read twice. */
#ifndef FATA_DRIVERS_PC_ACPI_H
#define FATA_DRIVERS_PC_ACPI_H

#include "../../cpu/x86_64/mmu.h"

/* A register to write for an effect. */
typedef struct acpi_write {
    enum { ACPI_NONE, ACPI_PORT_8, ACPI_PORT_16 } kind;
    uint16_t port;
    uint16_t value;
} acpi_write;

typedef struct acpi_power {
    acpi_write soft_off; /* S5 */
    acpi_write reset;
} acpi_power;

/* Reads the tables from the root pointer on; rsdp 0 makes it look where a BIOS leaves it. What was
 * not found is ACPI_NONE. */
acpi_power acpi_find_power(x86_phys rsdp);

#endif
