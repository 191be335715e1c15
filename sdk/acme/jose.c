/* SPDX-License-Identifier: ISC */
/* JWS and its keys: see jose.h. Signatures are deterministic (RFC 6979): no bad randomness gives a key away. */
#include "jose.h"
#include "../tls/secret.h"
#include <fata/random.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINT_BYTES (1 + 2 * FA_JOSE_COORDINATE_BYTES) /* uncompressed */

int fa_jose_random(void *arg, unsigned char *bytes_out, size_t len)
{
    (void)arg;
    return fa_random_bytes(bytes_out, len) == FA_OK ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t fa_base64url(const void *bytes, size_t len, char *text_out)
{
    const uint8_t *from = bytes;
    char *to = text_out;
    for (size_t i = 0; i < len; i += 3) {
        const size_t left = len - i;
        const uint32_t word = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
                              (left > 2 ? from[i + 2] : 0);
        *to++ = digits[word >> 18];
        *to++ = digits[word >> 12 & 63];
        if (left > 1)
            *to++ = digits[word >> 6 & 63];
        if (left > 2)
            *to++ = digits[word & 63];
    }
    *to = '\0';
    return (size_t)(to - text_out);
}

bool fa_base64url_is(const char *text)
{
    return *text != '\0' && text[strspn(text, digits)] == '\0';
}

fa_err fa_base64url_read(const char *text, uint8_t *bytes_out, size_t cap, size_t *len_out)
{
    uint32_t word = 0;
    unsigned bits = 0;
    size_t len = 0;
    if (!fa_base64url_is(text))
        return FA_EFORMAT;
    for (; *text != '\0'; text++) {
        word = word << 6 | (uint32_t)(strchr(digits, *text) - digits);
        bits += 6;
        if (bits < 8)
            continue;
        if (len == cap)
            return FA_ELIMIT;
        bits -= 8;
        bytes_out[len++] = (uint8_t)(word >> bits);
    }
    *len_out = len;
    return bits < 6 && (word & ((1u << bits) - 1)) == 0 ? FA_OK : FA_EFORMAT; /* a digit too many, or bits that nobody needs */
}

static fa_err err_of(int ret)
{
    switch (ret) {
    case 0:
        return FA_OK;
    case MBEDTLS_ERR_MPI_ALLOC_FAILED:
    case MBEDTLS_ERR_PK_ALLOC_FAILED:
    case MBEDTLS_ERR_ECP_ALLOC_FAILED:
        return FA_ENOMEM;
    case MBEDTLS_ERR_ECP_RANDOM_FAILED:
        return FA_ENOENTROPY;
    default:
        return FA_EFORMAT;
    }
}

fa_err fa_jose_key_make(mbedtls_pk_context *key)
{
    const fa_err err = fa_tls_secret_begin();
    if (err != FA_OK)
        return err;
    int ret = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (ret == 0)
        ret = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), fa_jose_random, NULL);
    fa_tls_secret_end();
    return err_of(ret);
}

static bool is_p256(const mbedtls_pk_context *key)
{
    return mbedtls_pk_get_type(key) == MBEDTLS_PK_ECKEY &&
           mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*key)) == MBEDTLS_ECP_DP_SECP256R1;
}

fa_err fa_jose_key_read(mbedtls_pk_context *key, const char *pem)
{
    const fa_err err = fa_tls_secret_begin();
    if (err != FA_OK)
        return err;
    const int ret = mbedtls_pk_parse_key(key, (const unsigned char *)pem, strlen(pem) + 1, NULL, 0,
                                         fa_jose_random, NULL);
    fa_tls_secret_end();
    return ret != 0 ? err_of(ret) : is_p256(key) ? FA_OK : FA_EFORMAT;
}

fa_err fa_jose_key_write(const mbedtls_pk_context *key, char pem_out[FA_JOSE_KEY_BYTES_MAX])
{
    return err_of(mbedtls_pk_write_key_pem(key, (unsigned char *)pem_out, FA_JOSE_KEY_BYTES_MAX));
}

/* The parts of a key; the private one is wiped by parts_free(). */
typedef struct parts {
    mbedtls_ecp_group group;
    mbedtls_mpi secret;
    mbedtls_ecp_point point;
} parts;

static int parts_of(const mbedtls_pk_context *key, parts *p)
{
    mbedtls_ecp_group_init(&p->group);
    mbedtls_mpi_init(&p->secret);
    mbedtls_ecp_point_init(&p->point);
    return mbedtls_ecp_export(mbedtls_pk_ec(*key), &p->group, &p->secret, &p->point);
}

static void parts_free(parts *p)
{
    mbedtls_ecp_group_free(&p->group);
    mbedtls_mpi_free(&p->secret);
    mbedtls_ecp_point_free(&p->point);
}

fa_err fa_jose_jwk(const mbedtls_pk_context *key, char jwk_out[FA_JOSE_JWK_BYTES])
{
    parts p;
    uint8_t point[POINT_BYTES];
    size_t len;
    int ret = parts_of(key, &p);
    if (ret == 0)
        ret = mbedtls_ecp_point_write_binary(&p.group, &p.point, MBEDTLS_ECP_PF_UNCOMPRESSED, &len, point,
                                             sizeof point);
    parts_free(&p);
    if (ret != 0)
        return err_of(ret);
    char x[FA_BASE64URL_BYTES(FA_JOSE_COORDINATE_BYTES)], y[sizeof x];
    fa_base64url(point + 1, FA_JOSE_COORDINATE_BYTES, x);
    fa_base64url(point + 1 + FA_JOSE_COORDINATE_BYTES, FA_JOSE_COORDINATE_BYTES, y);
    /* RFC 7638, 3: these members, in this order, without blanks. */
    snprintf(jwk_out, FA_JOSE_JWK_BYTES, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", x, y);
    return FA_OK;
}

fa_err fa_jose_thumbprint(const mbedtls_pk_context *key, char text_out[FA_JOSE_THUMBPRINT_BYTES])
{
    char jwk[FA_JOSE_JWK_BYTES];
    uint8_t hash[FA_JOSE_HASH_BYTES];
    const fa_err err = fa_jose_jwk(key, jwk);
    if (err != FA_OK)
        return err;
    if (mbedtls_sha256((const unsigned char *)jwk, strlen(jwk), hash, 0) != 0)
        return FA_ENOMEM;
    fa_base64url(hash, sizeof hash, text_out);
    return FA_OK;
}

static int sign_hash(const mbedtls_pk_context *key, const uint8_t hash[FA_JOSE_HASH_BYTES],
                     uint8_t signature_out[FA_JOSE_SIGNATURE_BYTES])
{
    parts p;
    mbedtls_mpi r, s;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    int ret = parts_of(key, &p);
    if (ret == 0)
        ret = mbedtls_ecdsa_sign_det_ext(&p.group, &r, &s, &p.secret, hash, FA_JOSE_HASH_BYTES,
                                         MBEDTLS_MD_SHA256, fa_jose_random, NULL);
    if (ret == 0)
        ret = mbedtls_mpi_write_binary(&r, signature_out, FA_JOSE_COORDINATE_BYTES);
    if (ret == 0)
        ret = mbedtls_mpi_write_binary(&s, signature_out + FA_JOSE_COORDINATE_BYTES,
                                       FA_JOSE_COORDINATE_BYTES);
    parts_free(&p);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return ret;
}

/* What a signature is made of: one of these has it. */
typedef struct signer {
    const mbedtls_pk_context *key;
    const char *secret;
} signer;

/* RFC 7518, 3.2. */
static fa_err authenticate(const char *secret, const char *input, size_t len, uint8_t digest_out[FA_JOSE_HASH_BYTES])
{
    uint8_t key[FA_JOSE_SECRET_BYTES_MAX];
    size_t key_len;
    fa_err err = fa_base64url_read(secret, key, sizeof key, &key_len);
    if (err == FA_OK && mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), key, key_len,
                                        (const unsigned char *)input, len, digest_out) != 0)
        err = FA_ENOMEM;
    mbedtls_platform_zeroize(key, sizeof key);
    return err;
}

static fa_err sign_input(const signer *by, const char *input, size_t len, uint8_t signature_out[FA_JOSE_SIGNATURE_BYTES],
                         size_t *signature_len_out)
{
    uint8_t hash[FA_JOSE_HASH_BYTES];
    if (by->key == NULL) {
        *signature_len_out = FA_JOSE_HASH_BYTES;
        return authenticate(by->secret, input, len, signature_out);
    }
    *signature_len_out = FA_JOSE_SIGNATURE_BYTES;
    if (mbedtls_sha256((const unsigned char *)input, len, hash, 0) != 0)
        return FA_ENOMEM;
    return err_of(sign_hash(by->key, hash, signature_out));
}

static fa_err make_jws(const signer *by, const char *header, const char *payload, char **jws_out)
{
    static const char before[] = "{\"protected\":\"", between[] = "\",\"payload\":\"",
                      then[] = "\",\"signature\":\"", behind[] = "\"}";
    const size_t header_len = strlen(header), payload_len = strlen(payload);
    const size_t cap = FA_BASE64URL_BYTES(header_len) + FA_BASE64URL_BYTES(payload_len);
    char *input = malloc(cap + 1), signature_text[FA_BASE64URL_BYTES(FA_JOSE_SIGNATURE_BYTES)];
    uint8_t signature[FA_JOSE_SIGNATURE_BYTES];
    char *jws = malloc(cap + sizeof signature_text + sizeof before + sizeof between + sizeof then + sizeof behind);
    fa_err err = input == NULL || jws == NULL ? FA_ENOMEM : FA_OK;
    if (err == FA_OK) {
        /* RFC 7515, 5.1: what is signed is both, with a dot between them. */
        const size_t dot = fa_base64url(header, header_len, input);
        input[dot] = '.';
        const size_t len = dot + 1 + fa_base64url(payload, payload_len, input + dot + 1);
        size_t signature_len;
        err = sign_input(by, input, len, signature, &signature_len);
        input[dot] = '\0';
        if (err == FA_OK) {
            fa_base64url(signature, signature_len, signature_text);
            strcpy(jws, before);
            strcat(strcat(jws, input), between);
            strcat(strcat(jws, input + dot + 1), then);
            strcat(strcat(jws, signature_text), behind);
            *jws_out = jws;
        }
    }
    free(input);
    if (err != FA_OK)
        free(jws);
    return err;
}

fa_err fa_jose_sign(const mbedtls_pk_context *key, const char *header, const char *payload, char **jws_out)
{
    return make_jws(&(signer){.key = key}, header, payload, jws_out);
}

fa_err fa_jose_authenticate(const char *secret, const char *header, const char *payload, char **jws_out)
{
    return make_jws(&(signer){.secret = secret}, header, payload, jws_out);
}
