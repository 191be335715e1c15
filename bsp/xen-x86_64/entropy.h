/* SPDX-License-Identifier: ISC */
/* Randomness from before there is a pool. */
#ifndef FATA_BSP_XEN_X86_64_ENTROPY_H
#define FATA_BSP_XEN_X86_64_ENTROPY_H

#include <fata/base.h>

/* A word for the stack protector: from the CPU's generator where there is one, and the time. Needs
 * nothing, and is not protected itself. */
uint64_t entropy_early_word(void);

#endif
