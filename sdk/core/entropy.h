/* SPDX-License-Identifier: ISC */
/* Where the pool behind <fata/random.h> gets its first seed: the platform's sources. */
#ifndef FATA_CORE_ENTROPY_H
#define FATA_CORE_ENTROPY_H

#include <fata/base.h>

/* Calls fa_random_add() with all that the machine's own sources give now. The boot layer provides
 * it over the platform's; the pool calls it as long as it is not seeded. */
void fa_entropy_gather(void);

#endif
