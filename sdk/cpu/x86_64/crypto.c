/* SPDX-License-Identifier: ISC */
/* What x86-64 has for ciphers and hashes, by CPUID (Intel SDM volume 2A, CPUID): AES-NI and PCLMULQDQ
 * for AES-GCM, SSE4.1 for ChaCha20-Poly1305, the SHA extensions, MULX and ADX for RSA and X25519. Nothing here needs AVX, whose
 * registers a machine of ours does not turn on. */
#include "../crypto.h"
#include <bearssl_block.h>
#include <bearssl_hash.h>
#include <cpuid.h>

/* From ring (assembler of BoringSSL's, and fiat-crypto's). */
fa_cpu_chachapoly ring_chacha20_poly1305_seal_sse41, ring_chacha20_poly1305_open_sse41;
void ring_sha256_block_data_order_hw(uint32_t state[8], const uint8_t *blocks, size_t count);
void ring_sha256_block_data_order_nohw(uint32_t state[8], const uint8_t *blocks, size_t count);
void ring_sha256_block_data_order_ssse3(uint32_t state[8], const uint8_t *blocks, size_t count);
void ring_bn_mul_mont_nohw(uintptr_t *r, const uintptr_t *a, const uintptr_t *b, const uintptr_t *n, const uintptr_t *n0, size_t len);
void ring_bn_mul4x_mont(uintptr_t *r, const uintptr_t *a, const uintptr_t *b, const uintptr_t *n, const uintptr_t *n0, size_t len);
void ring_bn_mulx4x_mont(uintptr_t *r, const uintptr_t *a, const uintptr_t *b, const uintptr_t *n, const uintptr_t *n0, size_t len);

fa_cpu_x25519 ring_x25519_scalar_mult_adx;

#define MONT_LIMBS_MIN 4u
#define MONT_LIMBS_BY_4_MIN 8u
#define MONT_LIMBS_MAX 128u /* 8192 bits: they are on the stack twice */

typedef struct features {
    bool asked, sse41, sha, mulx;
} features;

static const features *cpu_features(void)
{
    static features cpu;
    unsigned a, b, c, d;
    if (!cpu.asked && __get_cpuid(1, &a, &b, &c, &d))
        cpu.sse41 = (c & bit_SSSE3) && (c & bit_SSE4_1);
    if (!cpu.asked && __get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        cpu.sha = cpu.sse41 && (b & bit_SHA);
        cpu.mulx = (b & bit_BMI2) && (b & bit_ADX);
    }
    cpu.asked = true;
    return &cpu;
}

fa_cpu_gcm fa_cpu_gcm_hardware(void)
{
    const fa_cpu_gcm gcm = {br_aes_x86ni_ctr_get_vtable(), br_ghash_pclmul_get()};
    return gcm.ctr && gcm.ghash ? gcm : (fa_cpu_gcm){NULL, NULL};
}

fa_cpu_gcm fa_cpu_gcm_portable(void)
{
    return (fa_cpu_gcm){&br_aes_ct64_ctr_vtable, br_ghash_ctmul64};
}

fa_cpu_chachapoly *fa_cpu_chachapoly_seal(void)
{
    return cpu_features()->sse41 ? ring_chacha20_poly1305_seal_sse41 : NULL;
}

fa_cpu_chachapoly *fa_cpu_chachapoly_open(void)
{
    return cpu_features()->sse41 ? ring_chacha20_poly1305_open_sse41 : NULL;
}

void fa_cpu_sha256_blocks(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    if (cpu_features()->sha)
        ring_sha256_block_data_order_hw(state, blocks, count);
    else if (cpu_features()->sse41)
        ring_sha256_block_data_order_ssse3(state, blocks, count);
    else
        ring_sha256_block_data_order_nohw(state, blocks, count);
}

fa_cpu_x25519 *fa_cpu_x25519_mul(void)
{
    return cpu_features()->mulx ? ring_x25519_scalar_mult_adx : NULL;
}

bool fa_cpu_montmul(uintptr_t *r, const uintptr_t *a, const uintptr_t *b, const uintptr_t *n, uintptr_t n0, size_t limb_count)
{
    if (limb_count < MONT_LIMBS_MIN || limb_count > MONT_LIMBS_MAX)
        return false;
    if (limb_count % 4 != 0 || limb_count < MONT_LIMBS_BY_4_MIN)
        ring_bn_mul_mont_nohw(r, a, b, n, &n0, limb_count);
    else if (cpu_features()->mulx)
        ring_bn_mulx4x_mont(r, a, b, n, &n0, limb_count);
    else
        ring_bn_mul4x_mont(r, a, b, n, &n0, limb_count);
    return true;
}
