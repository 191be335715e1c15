/* SPDX-License-Identifier: ISC */
/* What x86-64 has for ciphers and hashes, by CPUID (Intel SDM volume 2A, CPUID): AES-NI and PCLMULQDQ
 * for AES-GCM, SSE4.1 for ChaCha20-Poly1305, the SHA extensions. Nothing here needs AVX, whose
 * registers a machine of ours does not turn on. */
#include "../crypto.h"
#include <bearssl_block.h>
#include <bearssl_hash.h>
#include <cpuid.h>

/* From ring (BoringSSL's assembler). */
fa_cpu_chachapoly ring_chacha20_poly1305_seal_sse41, ring_chacha20_poly1305_open_sse41;
void ring_sha256_block_data_order_hw(uint32_t state[8], const uint8_t *blocks, size_t count);
void ring_sha256_block_data_order_nohw(uint32_t state[8], const uint8_t *blocks, size_t count);

typedef struct features {
    bool asked, sse41, sha;
} features;

static const features *cpu_features(void)
{
    static features cpu;
    unsigned a, b, c, d;
    if (!cpu.asked && __get_cpuid(1, &a, &b, &c, &d))
        cpu.sse41 = (c & bit_SSSE3) && (c & bit_SSE4_1);
    if (!cpu.asked && __get_cpuid_count(7, 0, &a, &b, &c, &d))
        cpu.sha = cpu.sse41 && (b & bit_SHA);
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
    else
        ring_sha256_block_data_order_nohw(state, blocks, count);
}
