/* SPDX-License-Identifier: ISC */
/* What a PVH loader hands over. Source: Xen's public header arch-x86/hvm/start_info.h. */
#ifndef FATA_BSP_XEN_X86_64_PVH_H
#define FATA_BSP_XEN_X86_64_PVH_H

#include "../../sdk/boot/boot.h"
#include "../../sdk/core/ranges.h"
#include "../../sdk/cpu/x86_64/mmu.h"

typedef struct pvh_boot {
    fa_ranges ram;
} pvh_boot;

extern x86_phys pvh_rsdp; /* ACPI's root pointer; address 0: not known */

/* The loader's, NUL-terminated. Where the boot splits it, its words stand in here, one behind the
 * other, each with a NUL behind it. */
extern char pvh_command_line[FA_BOOT_TEXT_BYTES];

/* Copies what matters out of the loader's memory, which is free afterwards. Panics when it is not
 * what a PVH loader makes. */
void pvh_read(uint32_t start_info, pvh_boot *boot_out);

#endif
