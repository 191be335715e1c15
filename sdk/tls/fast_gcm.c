/* SPDX-License-Identifier: ISC */
/* AES-GCM (NIST SP 800-38D) for mbedTLS, by BearSSL: with the CPU's instructions for AES and for GHASH if it
 * has them, otherwise by code that looks nothing up in tables. mbedTLS's own works block by block, and its
 * AES without instructions is a matter of tables, whose cache lines tell about the key.
 * Above: mbedTLS, which is built with MBEDTLS_GCM_ALT. Below: sdk/cpu/crypto.h. */
#include "../cpu/crypto.h"
#include <bearssl_aead.h>
#include <bearssl_block.h>
#include <mbedtls/error.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <string.h>

#define DATA_MAX ((UINT64_C(1) << 36) - 32) /* SP 800-38D, 5.2.1.1: 2^39 - 256 bits; no IV or extra data in memory reaches its own limit */

typedef struct state {
    br_aes_gen_ctr_keys keys;
    br_gcm_context gcm;
    fa_cpu_gcm by; /* ctr is NULL before there is a key */
    bool encrypt, in_data; /* in_data: the extra data is at its end */
    uint64_t data_len;
} state;

_Static_assert(sizeof(state) <= sizeof(mbedtls_gcm_context), "gcm_alt.h has too little room");
_Static_assert(_Alignof(state) <= _Alignof(mbedtls_gcm_context), "gcm_alt.h is not aligned enough");

static state *state_of(mbedtls_gcm_context *ctx)
{
    return (state *)(void *)ctx->opaque;
}

void mbedtls_gcm_init(mbedtls_gcm_context *ctx)
{
    memset(ctx, 0, sizeof *ctx);
}

void mbedtls_gcm_free(mbedtls_gcm_context *ctx)
{
    if (ctx)
        mbedtls_platform_zeroize(ctx, sizeof *ctx);
}

int mbedtls_gcm_setkey(mbedtls_gcm_context *ctx, mbedtls_cipher_id_t cipher, const unsigned char *key, unsigned int keybits)
{
    if (cipher != MBEDTLS_CIPHER_ID_AES || (keybits != 128 && keybits != 192 && keybits != 256))
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    state *s = state_of(ctx);
    s->by = fa_cpu_gcm_hardware();
    if (!s->by.ctr)
        s->by = fa_cpu_gcm_portable();
    s->by.ctr->init(&s->keys.vtable, key, keybits / 8);
    br_gcm_init(&s->gcm, &s->keys.vtable, s->by.ghash);
    return 0;
}

int mbedtls_gcm_starts(mbedtls_gcm_context *ctx, int mode, const unsigned char *iv, size_t iv_len)
{
    state *s = state_of(ctx);
    if (!s->by.ctr || iv_len == 0)
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    s->gcm.bctx = &s->keys.vtable; /* a context may have been copied since */
    br_gcm_reset(&s->gcm, iv, iv_len);
    s->encrypt = mode == MBEDTLS_GCM_ENCRYPT;
    s->in_data = false;
    s->data_len = 0;
    return 0;
}

int mbedtls_gcm_update_ad(mbedtls_gcm_context *ctx, const unsigned char *add, size_t add_len)
{
    state *s = state_of(ctx);
    if (s->in_data)
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    if (add_len > 0)
        br_gcm_aad_inject(&s->gcm, add, add_len);
    return 0;
}

int mbedtls_gcm_update(mbedtls_gcm_context *ctx, const unsigned char *input, size_t input_length, unsigned char *output,
                       size_t output_size, size_t *output_length)
{
    state *s = state_of(ctx);
    if (output_size < input_length)
        return MBEDTLS_ERR_GCM_BUFFER_TOO_SMALL;
    *output_length = input_length;
    if (input_length == 0)
        return 0;
    if (input_length > DATA_MAX - s->data_len)
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    if (!s->in_data)
        br_gcm_flip(&s->gcm);
    s->in_data = true;
    s->data_len += input_length;
    if (output != input)
        memmove(output, input, input_length);
    br_gcm_run(&s->gcm, s->encrypt, output, input_length);
    return 0;
}

int mbedtls_gcm_finish(mbedtls_gcm_context *ctx, unsigned char *output, size_t output_size, size_t *output_length,
                       unsigned char *tag, size_t tag_len)
{
    (void)output; /* nothing is held back */
    (void)output_size;
    state *s = state_of(ctx);
    *output_length = 0;
    if (tag_len < 4 || tag_len > 16)
        return MBEDTLS_ERR_GCM_BAD_INPUT;
    if (!s->in_data)
        br_gcm_flip(&s->gcm);
    s->in_data = true;
    br_gcm_get_tag_trunc(&s->gcm, tag, tag_len);
    return 0;
}

int mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t length, const unsigned char *iv, size_t iv_len,
                              const unsigned char *add, size_t add_len, const unsigned char *input, unsigned char *output,
                              size_t tag_len, unsigned char *tag)
{
    size_t done = 0;
    int err = mbedtls_gcm_starts(ctx, mode, iv, iv_len);
    if (err == 0)
        err = mbedtls_gcm_update_ad(ctx, add, add_len);
    if (err == 0)
        err = mbedtls_gcm_update(ctx, input, length, output, length, &done);
    if (err == 0)
        err = mbedtls_gcm_finish(ctx, NULL, 0, &done, tag, tag_len);
    return err;
}

int mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t length, const unsigned char *iv, size_t iv_len,
                             const unsigned char *add, size_t add_len, const unsigned char *tag, size_t tag_len,
                             const unsigned char *input, unsigned char *output)
{
    unsigned char got[16];
    int err = mbedtls_gcm_crypt_and_tag(ctx, MBEDTLS_GCM_DECRYPT, length, iv, iv_len, add, add_len, input, output, tag_len, got);
    if (err != 0)
        return err;
    unsigned different = 0;
    for (size_t i = 0; i < tag_len; i++)
        different |= (unsigned)(got[i] ^ tag[i]);
    mbedtls_platform_zeroize(got, sizeof got);
    if (different == 0)
        return 0;
    mbedtls_platform_zeroize(output, length);
    return MBEDTLS_ERR_GCM_AUTH_FAILED;
}
