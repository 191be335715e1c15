/* SPDX-License-Identifier: ISC */
/* What Cortex-A7 and A8 do best of ciphers and hashes. Neither has instructions for AES, so TLS
 * prefers ChaCha20-Poly1305 there; their 32-bit multiplication takes the same time for all operands, as
 * BearSSL's GHASH asks. */
#include "../crypto.h"
#include <bearssl_block.h>
#include <bearssl_hash.h>

/* From ring (BoringSSL's assembler). */
void ring_sha256_block_data_order_nohw(uint32_t state[8], const uint8_t *blocks, size_t count);

fa_cpu_gcm fa_cpu_gcm_hardware(void)
{
    return (fa_cpu_gcm){NULL, NULL};
}

fa_cpu_gcm fa_cpu_gcm_portable(void)
{
    return (fa_cpu_gcm){&br_aes_ct_ctr_vtable, br_ghash_ctmul};
}

fa_cpu_chachapoly *fa_cpu_chachapoly_seal(void)
{
    return NULL;
}

fa_cpu_chachapoly *fa_cpu_chachapoly_open(void)
{
    return NULL;
}

void fa_cpu_sha256_blocks(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    ring_sha256_block_data_order_nohw(state, blocks, count);
}

fa_cpu_x25519 *fa_cpu_x25519_mul(void)
{
    return NULL;
}

bool fa_cpu_montmul(uintptr_t *r, const uintptr_t *a, const uintptr_t *b, const uintptr_t *n, uintptr_t n0, size_t limb_count)
{
    (void)r;
    (void)a;
    (void)b;
    (void)n;
    (void)n0;
    (void)limb_count;
    return false;
}
