/* SPDX-License-Identifier: ISC */
/* The board's first random word; plat_entropy() is in the same file. */
#ifndef FATA_BSP_CUBIEBOARD2_ENTROPY_H
#define FATA_BSP_CUBIEBOARD2_ENTROPY_H

#include <fata/base.h>

/* A word for the stack protector: from the device tree's seeds and the cycle counter. Needs the
 * device tree and nothing else; is no entropy for keys. */
uint32_t entropy_early_word(void);

#endif
