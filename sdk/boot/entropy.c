/* SPDX-License-Identifier: ISC */
/* The pool's way to the platform's sources. */
#include "../core/entropy.h"
#include "../../bsp/plat.h"

void fa_entropy_gather(void)
{
    plat_entropy();
}
