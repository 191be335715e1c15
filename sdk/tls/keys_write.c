/* SPDX-License-Identifier: ISC */
/* Keys onto a disk, and bundles in general: see keys.h. */
#include "keys.h"
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN_BYTES ((size_t)4096) /* the largest sector */

void fa_tls_bundle_start(fa_writer *out)
{
    (void)fa_write_reserve(out, FA_TLS_BUNDLE_HEAD_BYTES);
}

void fa_tls_bundle_add(fa_writer *out, uint16_t kind, const void *bytes, size_t len)
{
    fa_write_be16(out, kind);
    fa_write_be16(out, 0);
    fa_write_be32(out, (uint32_t)len);
    fa_write_bytes(out, bytes, len);
    fa_write_bytes(out, "\0\0\0", (4 - len % 4) % 4);
}

/* The library writes a key from the end of the room that it gets on. */
static void add_key(fa_writer *out, const mbedtls_pk_context *key)
{
    uint8_t *der = calloc(1, FA_TLS_KEY_DER_BYTES_MAX);
    const int len = der == NULL ? -1 : mbedtls_pk_write_key_der(key, der, FA_TLS_KEY_DER_BYTES_MAX);
    if (len > 0)
        fa_tls_bundle_add(out, FA_TLS_BUNDLE_KEY, der + FA_TLS_KEY_DER_BYTES_MAX - len, (size_t)len);
    else
        out->failed = true;
    if (der != NULL)
        mbedtls_platform_zeroize(der, FA_TLS_KEY_DER_BYTES_MAX);
    free(der);
}

void fa_tls_bundle_add_identity(fa_writer *out, const char *name, const mbedtls_x509_crt *chain,
                                const mbedtls_pk_context *key)
{
    size_t len = 0;
    for (const mbedtls_x509_crt *crt = chain; crt != NULL; crt = crt->next)
        len += crt->raw.len;
    fa_tls_bundle_add(out, FA_TLS_BUNDLE_NAME, name, strlen(name));
    fa_write_be16(out, FA_TLS_BUNDLE_CHAIN);
    fa_write_be16(out, 0);
    fa_write_be32(out, (uint32_t)len);
    for (const mbedtls_x509_crt *crt = chain; crt != NULL; crt = crt->next)
        fa_write_bytes(out, crt->raw.p, crt->raw.len);
    fa_write_bytes(out, "\0\0\0", (4 - len % 4) % 4);
    add_key(out, key);
}

void fa_tls_bundle_finish(fa_writer *out)
{
    uint8_t digest[32];
    if (out->failed)
        return;
    const size_t body = out->len - FA_TLS_BUNDLE_HEAD_BYTES;
    fa_writer head = fa_writer_of(out->bytes, FA_TLS_BUNDLE_HEAD_BYTES);
    out->failed = mbedtls_sha256(out->bytes + FA_TLS_BUNDLE_HEAD_BYTES, body, digest, 0) != 0;
    fa_write_bytes(&head, FA_TLS_BUNDLE_MAGIC, FA_TLS_BUNDLE_MAGIC_BYTES);
    fa_write_be32(&head, FA_TLS_BUNDLE_VERSION);
    fa_write_be32(&head, (uint32_t)body);
    fa_write_bytes(&head, digest, sizeof digest);
}

static size_t room_for(const fa_tls_keys *keys)
{
    size_t len = FA_TLS_BUNDLE_HEAD_BYTES + (keys->trust == NULL ? 0 : keys->trust->table.len);
    for (size_t i = 0; i < keys->count; i++) {
        len += FA_TLS_KEY_DER_BYTES_MAX + FA_TLS_BUNDLE_NAME_BYTES_MAX;
        for (const mbedtls_x509_crt *crt = &keys->identities[i]->chain; crt != NULL; crt = crt->next)
            len += crt->raw.len;
    }
    if (keys->trust != NULL)
        for (const mbedtls_x509_crl *crl = &keys->trust->crls; crl != NULL; crl = crl->next)
            len += crl->raw.len;
    len += 16 * (size_t)(3 * FA_TLS_BUNDLE_IDENTITIES_MAX + FA_TLS_CRLS_MAX + 1); /* the entries' heads */
    return (len + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
}

fa_err fa_tls_keys_to_block(const fa_tls_keys *keys, fa_block *block, uint64_t sector, fa_deadline deadline)
{
    const size_t cap = room_for(keys);
    uint8_t *bytes = aligned_alloc(ALIGN_BYTES, cap);
    if (bytes == NULL)
        return FA_ENOMEM;
    memset(bytes, 0, cap);
    fa_writer out = fa_writer_of(bytes, cap);
    fa_tls_bundle_start(&out);
    for (size_t i = 0; i < keys->count; i++)
        fa_tls_bundle_add_identity(&out, keys->names[i], &keys->identities[i]->chain, &keys->identities[i]->key);
    if (keys->trust != NULL && keys->trust->table.bytes != NULL)
        fa_tls_bundle_add(&out, FA_TLS_BUNDLE_TRUST, keys->trust->table.bytes, keys->trust->table.len);
    if (keys->trust != NULL)
        for (const mbedtls_x509_crl *crl = &keys->trust->crls; crl != NULL && crl->raw.p != NULL; crl = crl->next)
            fa_tls_bundle_add(&out, FA_TLS_BUNDLE_CRL, crl->raw.p, crl->raw.len);
    fa_tls_bundle_finish(&out);
    const size_t len = (out.len + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    fa_err err = out.failed ? FA_ENOMEM : fa_block_write(block, sector, &(fa_block_from){bytes, len}, 1, deadline);
    if (err == FA_OK)
        err = fa_block_flush(block, deadline);
    mbedtls_platform_zeroize(bytes, cap);
    free(bytes);
    return err;
}
