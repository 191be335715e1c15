/* SPDX-License-Identifier: ISC */
/* The entropy pool is the state of an HMAC_DRBG with SHA-256 (NIST SP 800-90A, 10.1.2): what is
 * added goes in by its update function, and its generate function replaces the state before
 * anything is given out, so who reads the memory later cannot tell what was given out before. The
 * generator is BearSSL's. */
#include "entropy.h"
#include "resumed.h"
#include <bearssl_rand.h>
#include <fata/random.h>

#define GATHER_TRIES 8u /* for sources that give little at a time */

static br_hmac_drbg_context drbg;
static bool drbg_ready;
static unsigned gathered_after; /* so many resumes: a saved state may be used twice */
static unsigned seed_bits; /* entropy added so far; counts up to FA_RANDOM_SEED_BITS */

void fa_random_add(const void *bytes, size_t len, unsigned entropy_bits)
{
    if (!drbg_ready)
        br_hmac_drbg_init(&drbg, &br_sha256_vtable, NULL, 0);
    drbg_ready = true;
    br_hmac_drbg_update(&drbg, bytes, len);
    const unsigned missing_bits = FA_RANDOM_SEED_BITS - seed_bits;
    seed_bits += entropy_bits < missing_bits ? entropy_bits : missing_bits;
}

fa_err fa_random_bytes(void *bytes_out, size_t len)
{
    if (gathered_after != fa_resumed_count)
        fa_entropy_gather();
    gathered_after = fa_resumed_count;
    for (unsigned tries = 0; seed_bits < FA_RANDOM_SEED_BITS && tries < GATHER_TRIES; tries++)
        fa_entropy_gather();
    if (seed_bits < FA_RANDOM_SEED_BITS)
        return FA_ENOENTROPY;
    br_hmac_drbg_generate(&drbg, bytes_out, len);
    return FA_OK;
}
