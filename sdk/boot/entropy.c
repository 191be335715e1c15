/* SPDX-License-Identifier: ISC */
/* The pool's way to the platform's sources. The time is nothing to rely on, but tells one machine from
 * another that has the same memory. */
#include "../core/entropy.h"
#include "../../bsp/plat.h"
#include <fata/random.h>

void fa_entropy_gather(void)
{
    const uint64_t times_ns[] = {plat_clock_wall_ns(), plat_clock_mono_ns()};
    fa_random_add(times_ns, sizeof times_ns, 0);
    plat_entropy();
}
