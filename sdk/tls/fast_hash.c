/* SPDX-License-Identifier: ISC */
/* SHA-256 and ChaCha20-Poly1305 for mbedTLS, by the code that suits the CPU best.
 * Above: mbedTLS, which is built with MBEDTLS_SHA256_PROCESS_ALT and our patch. Below: sdk/cpu/crypto.h. */
#include "../cpu/crypto.h"
#include <mbedtls/fata_fast.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <string.h>

int mbedtls_internal_sha256_process(mbedtls_sha256_context *ctx, const unsigned char data[64])
{
    fa_cpu_sha256_blocks(ctx->MBEDTLS_PRIVATE(state), data, 1);
    return 0;
}

bool fa_tls_fast_chachapoly(bool encrypt, const uint32_t key[8], const unsigned char nonce[12], const unsigned char *extra,
                            size_t extra_len, const unsigned char *in, unsigned char *out, size_t len, unsigned char tag[16])
{
    fa_cpu_chachapoly *run = encrypt ? fa_cpu_chachapoly_seal() : fa_cpu_chachapoly_open();
    if (!run)
        return false;
    _Alignas(16) uint8_t state[64] = {0};
    for (size_t i = 0; i < 32; i++)
        state[i] = (uint8_t)(key[i / 4] >> (i % 4 * 8));
    memcpy(state + 36, nonce, 12);
    if (in != out)
        memmove(out, in, len);
    run(out, out, len, extra, extra_len, state);
    memcpy(tag, state, 16);
    mbedtls_platform_zeroize(state, sizeof state);
    return true;
}
