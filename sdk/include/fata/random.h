/* SPDX-License-Identifier: ISC */
/* Random bytes fit for keys: a generator (HMAC_DRBG) that absorbs the sources of the machine until it
 * is seeded, and what is added later, and forgets how it made what it gave out. Nothing is given out before FA_RANDOM_SEED_BITS of entropy
 * have been gathered.
 *
 *     uint8_t key[32];
 *     if (fa_random_bytes(key, sizeof key) != FA_OK) ...      // FA_ENOENTROPY
 */
#ifndef FATA_RANDOM_H
#define FATA_RANDOM_H

#include <fata/err.h>

#define FA_RANDOM_SEED_BITS 256u

/* FA_ENOENTROPY: the machine's sources have not given enough yet. */
FA_MUST_CHECK fa_err fa_random_bytes(void *bytes_out, size_t len);
/* Mixes bytes in, which hold at least `entropy_bits` that nobody can guess (0: unknown). A bad
 * source does no harm, as long as its estimate is honest. */
void fa_random_add(const void *bytes, size_t len, unsigned entropy_bits);

#endif
