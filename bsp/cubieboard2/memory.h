/* SPDX-License-Identifier: ISC */
/* Turns the device tree's memory into fa_ram and the final page tables. */
#ifndef FATA_BSP_CUBIEBOARD2_MEMORY_H
#define FATA_BSP_CUBIEBOARD2_MEMORY_H

#include <fata/base.h>

/* `dt_end`: of the device tree behind the image. Panics when there is not enough memory to begin
 * with. */
void memory_init(uintptr_t dt_end);

#endif
