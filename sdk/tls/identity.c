/* SPDX-License-Identifier: ISC */
/* Identities and trust: certificates and keys out of PEM or DER. */
#include "conn.h"
#include "../core/calendar.h"
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <stdlib.h>
#include <string.h>

#define RSA_BITS_MIN 2048u

/* mbedTLS wants a NUL behind PEM, and counts it. */
typedef struct text {
    unsigned char *bytes;
    size_t len;
} text;

static bool is_pem(const void *bytes, size_t len)
{
    static const char begin[] = "-----BEGIN ";
    return memmem(bytes, len, begin, sizeof begin - 1) != NULL;
}

static fa_err text_of(const void *bytes, size_t len, text *text_out, fa_tls_reason *why)
{
    if (len == 0 || len > FA_TLS_CHAIN_BYTES_MAX) {
        fa_tls_say(why, len == 0 ? "it is empty" : "it is longer than 64 KiB");
        return len == 0 ? FA_EFORMAT : FA_ELIMIT;
    }
    text_out->bytes = malloc(len + 1);
    if (text_out->bytes == NULL)
        return FA_ENOMEM;
    memcpy(text_out->bytes, bytes, len);
    text_out->bytes[len] = '\0';
    text_out->len = len + is_pem(bytes, len);
    return FA_OK;
}

static void text_free(text *t)
{
    mbedtls_platform_zeroize(t->bytes, t->len);
    free(t->bytes);
}

static fa_err parse_certificates(mbedtls_x509_crt *crt, const void *bytes, size_t len, fa_tls_reason *why)
{
    text t;
    fa_err err = text_of(bytes, len, &t, why);
    if (err != FA_OK)
        return err;
    const int ret = mbedtls_x509_crt_parse(crt, t.bytes, t.len);
    text_free(&t);
    if (ret > 0) {
        fa_tls_say(why, "%d of the certificates cannot be read", ret);
        return FA_EFORMAT;
    }
    if (ret == 0)
        return FA_OK;
    fa_tls_reason reason = {""};
    err = fa_tls_err_of(ret, NULL, &reason);
    fa_tls_say(why, "not a certificate: %.200s", reason.text);
    return err;
}

static fa_err parse_key(mbedtls_pk_context *key, const void *bytes, size_t len, fa_tls_reason *why)
{
    text t;
    fa_err err = text_of(bytes, len, &t, why);
    if (err != FA_OK)
        return err;
    const int ret = mbedtls_pk_parse_key(key, t.bytes, t.len, NULL, 0, fa_tls_draw, NULL);
    text_free(&t);
    if (ret == 0)
        return FA_OK;
    fa_tls_reason reason = {""};
    err = fa_tls_err_of(ret, NULL, &reason);
    fa_tls_say(why, "not a key: %.200s", reason.text);
    return err;
}

static fa_err check_pair(fa_tls_identity *identity, fa_tls_reason *why)
{
    const mbedtls_pk_context *public_key = &identity->chain.pk;
    if (mbedtls_pk_get_type(public_key) == MBEDTLS_PK_RSA &&
        mbedtls_pk_get_bitlen(public_key) < RSA_BITS_MIN) {
        fa_tls_say(why, "its RSA key has %u bits, less than %u", (unsigned)mbedtls_pk_get_bitlen(public_key),
                   RSA_BITS_MIN);
        return FA_EPERM;
    }
    if (mbedtls_pk_check_pair(public_key, &identity->key, fa_tls_draw, NULL) == 0)
        return FA_OK;
    char subject[96] = "";
    (void)mbedtls_x509_dn_gets(subject, sizeof subject, &identity->chain.subject);
    fa_tls_say(why, "the key is not that of the first certificate, %s", subject);
    return FA_EINVAL;
}

fa_err fa_tls_identity_new(const void *chain, size_t chain_len, const void *key, size_t key_len,
                           fa_tls_identity **identity_out, fa_tls_reason *why)
{
    fa_tls_say(why, "%s", "");
    fa_err err = fa_tls_library_start();
    if (err != FA_OK)
        return err;
    fa_tls_identity *identity = calloc(1, sizeof *identity);
    if (identity == NULL)
        return FA_ENOMEM;
    identity->refs = 1;
    mbedtls_x509_crt_init(&identity->chain);
    mbedtls_pk_init(&identity->key);
    err = parse_certificates(&identity->chain, chain, chain_len, why);
    if (err == FA_OK)
        err = parse_key(&identity->key, key, key_len, why);
    if (err == FA_OK)
        err = check_pair(identity, why);
    if (err == FA_OK)
        *identity_out = identity;
    else
        fa_tls_identity_free(identity);
    return err;
}

void fa_tls_identity_only_for(fa_tls_identity *identity, const char *alpn)
{
    identity->only_for = alpn;
}

static uint64_t seconds_of(const mbedtls_x509_time *t)
{
    return fa_date_to_s((fa_date){(unsigned)t->year, (unsigned)t->mon, (unsigned)t->day,
                                  (unsigned)t->hour, (unsigned)t->min, (unsigned)t->sec});
}

void fa_tls_identity_times(const fa_tls_identity *identity, uint64_t *from_s_out, uint64_t *to_s_out)
{
    *from_s_out = seconds_of(&identity->chain.valid_from);
    *to_s_out = seconds_of(&identity->chain.valid_to);
}

void fa_tls_identity_free(fa_tls_identity *identity)
{
    if (identity == NULL || --identity->refs > 0)
        return;
    mbedtls_x509_crt_free(&identity->chain);
    mbedtls_pk_free(&identity->key);
    free(identity);
}

fa_tls_identity *fa_tls_identity_keep(fa_tls_identity *identity)
{
    if (identity != NULL)
        identity->refs++;
    return identity;
}

fa_err fa_tls_trust_new(fa_tls_trust **trust_out)
{
    const fa_err err = fa_tls_library_start();
    if (err != FA_OK)
        return err;
    fa_tls_trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL)
        return FA_ENOMEM;
    trust->refs = 1;
    mbedtls_x509_crt_init(&trust->cas);
    mbedtls_x509_crl_init(&trust->crls);
    *trust_out = trust;
    return FA_OK;
}

fa_err fa_tls_trust_add(fa_tls_trust *trust, const void *bytes, size_t len, fa_tls_reason *why)
{
    fa_tls_say(why, "%s", "");
    return parse_certificates(&trust->cas, bytes, len, why);
}

fa_err fa_tls_trust_add_crl(fa_tls_trust *trust, const void *bytes, size_t len, fa_tls_reason *why)
{
    text t;
    fa_tls_say(why, "%s", "");
    fa_err err = text_of(bytes, len, &t, why);
    if (err != FA_OK)
        return err;
    const int ret = mbedtls_x509_crl_parse(&trust->crls, t.bytes, t.len);
    text_free(&t);
    if (ret == 0)
        return FA_OK;
    fa_tls_reason reason = {""};
    err = fa_tls_err_of(ret, NULL, &reason);
    fa_tls_say(why, "not a revocation list: %.200s", reason.text);
    return err;
}

void fa_tls_trust_free(fa_tls_trust *trust)
{
    if (trust == NULL || --trust->refs > 0)
        return;
    mbedtls_x509_crt_free(&trust->cas);
    mbedtls_x509_crl_free(&trust->crls);
    free(trust);
}

fa_tls_trust *fa_tls_trust_keep(fa_tls_trust *trust)
{
    if (trust != NULL)
        trust->refs++;
    return trust;
}
