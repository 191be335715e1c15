/* SPDX-License-Identifier: ISC */
/* Revocation lists for tests, as DER, which mbedTLS only reads. */
#ifndef FATA_TESTS_UNIT_TLS_CRL_H
#define FATA_TESTS_UNIT_TLS_CRL_H

#include "tls_certs.h"
#include <mbedtls/sha256.h>
#include <string.h>

static inline void crt_of(const cert *c, mbedtls_x509_crt *crt)
{
    mbedtls_x509_crt_init(crt);
    assert_int_equal(mbedtls_x509_crt_parse(crt, (const unsigned char *)c->pem, strlen(c->pem) + 1), 0);
}

static inline size_t wrap(uint8_t tag, const uint8_t *inner, size_t len, uint8_t *der_out)
{
    size_t head = 2;
    der_out[0] = tag;
    if (len < 0x80) {
        der_out[1] = (uint8_t)len;
    } else {
        der_out[1] = 0x82;
        der_out[2] = (uint8_t)(len >> 8);
        der_out[3] = (uint8_t)len;
        head = 4;
    }
    memcpy(der_out + head, inner, len);
    return head + len;
}

static inline size_t crl_make(const cert *issuer, const cert *signer, const char *from, const char *to, const mbedtls_x509_crt *revoked,
                       uint8_t der_out[1024])
{
    static const uint8_t algorithm[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    uint8_t body[900], one[100], list[100], tbs[900], hash[32], signature[100] = {0};
    mbedtls_x509_crt crt;
    size_t len = 3, entry_len, sig_len;
    crt_of(issuer, &crt);
    memcpy(body, "\x02\x01\x01", 3);
    memcpy(body + len, algorithm, sizeof algorithm);
    len += sizeof algorithm;
    memcpy(body + len, crt.subject_raw.p, crt.subject_raw.len);
    len += crt.subject_raw.len;
    len += wrap(0x17, (const uint8_t *)from, strlen(from), body + len);
    len += wrap(0x17, (const uint8_t *)to, strlen(to), body + len);
    entry_len = wrap(0x02, revoked->serial.p, revoked->serial.len, one);
    entry_len += wrap(0x17, (const uint8_t *)from, strlen(from), one + entry_len);
    entry_len = wrap(0x30, one, entry_len, list);
    len += wrap(0x30, list, entry_len, body + len);
    size_t tbs_len = wrap(0x30, body, len, tbs);
    assert_int_equal(mbedtls_sha256(tbs, tbs_len, hash, 0), 0);
    assert_int_equal(mbedtls_pk_sign((mbedtls_pk_context *)(uintptr_t)&signer->key, MBEDTLS_MD_SHA256, hash, sizeof hash, signature + 1,
                                     sizeof signature - 1, &sig_len, fa_tls_draw, NULL), 0);
    memcpy(tbs + tbs_len, algorithm, sizeof algorithm);
    tbs_len += sizeof algorithm;
    tbs_len += wrap(0x03, signature, sig_len + 1, tbs + tbs_len);
    mbedtls_x509_crt_free(&crt);
    return wrap(0x30, tbs, tbs_len, der_out);
}

#endif
