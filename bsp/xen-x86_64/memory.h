/* SPDX-License-Identifier: ISC */
/* Turns the loader's memory map into fa_ram and the final page tables. */
#ifndef FATA_BSP_XEN_X86_64_MEMORY_H
#define FATA_BSP_XEN_X86_64_MEMORY_H

#include "pvh.h"

/* Panics when there is not enough memory to begin with. */
void memory_init(const pvh_boot *boot);

#endif
