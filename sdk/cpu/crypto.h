/* SPDX-License-Identifier: ISC */
/* The ciphers and hashes that the CPU does best, of BearSSL's and ring's, chosen when they are asked
 * for, by what the CPU says it has. All take the same time whatever their secrets are.
 * Above: sdk/tls. Below: each CPU's crypto.c. */
#ifndef FATA_CPU_CRYPTO_H
#define FATA_CPU_CRYPTO_H

#include <fata/base.h>

struct br_block_ctr_class_; /* <bearssl_block.h> */

typedef struct fa_cpu_gcm {
    const struct br_block_ctr_class_ *ctr;
    void (*ghash)(void *y, const void *h, const void *data, size_t len); /* a br_ghash */
} fa_cpu_gcm;

/* AES-GCM by instructions of the CPU, or by what any CPU has. */
fa_cpu_gcm fa_cpu_gcm_hardware(void); /* its fields are NULL if the CPU has no such instructions */
fa_cpu_gcm fa_cpu_gcm_portable(void);

/* ChaCha20-Poly1305 (RFC 8439, 2.8) in one pass. `state` is the key's 32 bytes, a counter of 4, which is 0,
 * and the nonce's 12, then 16 that are 0; the tag takes the first 16. `in` and `out` are the same or apart.
 * NULL if the CPU has nothing better than what mbedTLS does. */
typedef void fa_cpu_chachapoly(void *out, const void *in, size_t len, const void *extra, size_t extra_len, uint8_t state[64]);
fa_cpu_chachapoly *fa_cpu_chachapoly_seal(void);
fa_cpu_chachapoly *fa_cpu_chachapoly_open(void);

/* SHA-256's compression of `count` blocks of 64 bytes (FIPS 180-4, 6.2.2). */
void fa_cpu_sha256_blocks(uint32_t state[8], const uint8_t *blocks, size_t count);

/* X25519 (RFC 7748, 5), masking the scalar. NULL if the CPU has nothing better than what any has. */
typedef void fa_cpu_x25519(uint8_t out[32], const uint8_t scalar[32], const uint8_t u[32]);
fa_cpu_x25519 *fa_cpu_x25519_mul(void);

/* r = a b / 2^(the limbs' bits) mod n, for odd n, a and b below it, and n0 = -1/n mod 2^(a limb's bits). Limbs are as wide as
 * pointers, the lowest first; r may be a or b. False if mbedTLS does it as well. */
bool fa_cpu_montmul(uintptr_t *r, const uintptr_t *a, const uintptr_t *b, const uintptr_t *n, uintptr_t n0, size_t limb_count);

#endif
