/* SPDX-License-Identifier: ISC */
/* Requests and self-signed certificates: see certificates.h. */
#include "certificates.h"
#include <fata/acme.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define COMMON_NAME_BYTES_MAX 64u /* RFC 5280, appendix A.1: ub-common-name */
#define SELF_SIGNED_BYTES_MAX 1024u
#define DAY_S 86400u
#define LIFE_DAYS 30u
#define SERIAL_BYTES 16u

/* The names as mbedTLS has them: a list, in the room. */
static mbedtls_x509_san_list *list_of(const char *const *names, size_t count,
                                      mbedtls_x509_san_list room[FA_ACME_NAMES_MAX])
{
    memset(room, 0, FA_ACME_NAMES_MAX * sizeof *room);
    for (size_t i = 0; i < count; i++) {
        room[i].node.type = MBEDTLS_X509_SAN_DNS_NAME;
        room[i].node.san.unstructured_name.p = (unsigned char *)(uintptr_t)names[i];
        room[i].node.san.unstructured_name.len = strlen(names[i]);
        room[i].next = i + 1 < count ? &room[i + 1] : NULL;
    }
    return room;
}

fa_err fa_acme_request(mbedtls_pk_context *key, const char *const *names, size_t name_count,
                       uint8_t room[FA_ACME_REQUEST_BYTES_MAX], uint8_t **bytes_out, size_t *len_out)
{
    mbedtls_x509write_csr request;
    mbedtls_x509_san_list list[FA_ACME_NAMES_MAX];
    mbedtls_x509write_csr_init(&request);
    mbedtls_x509write_csr_set_md_alg(&request, MBEDTLS_MD_SHA256);
    mbedtls_x509write_csr_set_key(&request, key);
    int ret = 0;
    if (strlen(names[0]) <= COMMON_NAME_BYTES_MAX) { /* some cannot read a request whose subject is empty */
        char subject[COMMON_NAME_BYTES_MAX + 4];
        snprintf(subject, sizeof subject, "CN=%s", names[0]);
        ret = mbedtls_x509write_csr_set_subject_name(&request, subject);
    }
    if (ret == 0)
        ret = mbedtls_x509write_csr_set_subject_alternative_name(&request, list_of(names, name_count, list));
    if (ret == 0) /* it writes at the end */
        ret = mbedtls_x509write_csr_der(&request, room, FA_ACME_REQUEST_BYTES_MAX, fa_jose_random, NULL);
    mbedtls_x509write_csr_free(&request);
    if (ret <= 0)
        return FA_ENOMEM; /* what it needs is bounded by what the names may be */
    *len_out = (size_t)ret;
    *bytes_out = room + FA_ACME_REQUEST_BYTES_MAX - *len_out;
    return FA_OK;
}

static void date_of(uint64_t s, char text_out[16])
{
    const time_t seconds = (time_t)s;
    struct tm date;
    gmtime_r(&seconds, &date);
    strftime(text_out, 16, "%Y%m%d%H%M%S", &date);
}

/* RFC 8737, 3: critical, an octet string with the digest; id-pe-acmeIdentifier. */
static int add_digest(mbedtls_x509write_cert *crt, const uint8_t digest[FA_JOSE_HASH_BYTES])
{
    static const char oid[] = "\x2b\x06\x01\x05\x05\x07\x01\x1f";
    uint8_t value[2 + FA_JOSE_HASH_BYTES] = {MBEDTLS_ASN1_OCTET_STRING, FA_JOSE_HASH_BYTES};
    memcpy(value + 2, digest, FA_JOSE_HASH_BYTES);
    return mbedtls_x509write_crt_set_extension(crt, oid, sizeof oid - 1, 1, value, sizeof value);
}

/* Its length; less than 0: mbedTLS's error. It is written at the end of the room. */
static int write_self_signed(mbedtls_pk_context *key, const char *name, const uint8_t *digest,
                             uint8_t room[SELF_SIGNED_BYTES_MAX])
{
    mbedtls_x509write_cert crt;
    mbedtls_x509_san_list list[FA_ACME_NAMES_MAX];
    unsigned char serial[SERIAL_BYTES];
    char from[16], to[16];
    const uint64_t now_s = fa_clock_wall_ns() / FA_NS_PER_S;
    date_of(now_s > DAY_S ? now_s - DAY_S : 0, from);
    date_of(now_s + LIFE_DAYS * DAY_S, to);
    mbedtls_x509write_crt_init(&crt);
    mbedtls_x509write_crt_set_md_alg(&crt, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&crt, key);
    mbedtls_x509write_crt_set_issuer_key(&crt, key);
    int ret = fa_jose_random(NULL, serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* not negative, nor with a zero in front, which DER does not have */
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_serial_raw(&crt, serial, sizeof serial);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_subject_name(&crt, "CN=self-signed");
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_issuer_name(&crt, "CN=self-signed");
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_validity(&crt, from, to);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_subject_alternative_name(&crt, list_of(&name, 1, list));
    if (ret == 0 && digest != NULL)
        ret = add_digest(&crt, digest);
    if (ret == 0)
        ret = mbedtls_x509write_crt_der(&crt, room, SELF_SIGNED_BYTES_MAX, fa_jose_random, NULL);
    mbedtls_x509write_crt_free(&crt);
    return ret;
}

fa_err fa_acme_self_signed(const char *name, const uint8_t digest[FA_JOSE_HASH_BYTES],
                           fa_tls_identity **identity_out)
{
    mbedtls_pk_context key;
    uint8_t *room = malloc(SELF_SIGNED_BYTES_MAX);
    char key_pem[FA_JOSE_KEY_BYTES_MAX];
    if (room == NULL)
        return FA_ENOMEM;
    mbedtls_pk_init(&key);
    fa_err err = fa_jose_key_make(&key);
    if (err == FA_OK)
        err = fa_jose_key_write(&key, key_pem);
    const int len = err == FA_OK ? write_self_signed(&key, name, digest, room) : 0;
    if (err == FA_OK && len <= 0)
        err = FA_ENOMEM;
    if (err == FA_OK)
        err = fa_tls_identity_new(room + SELF_SIGNED_BYTES_MAX - len, (size_t)len, key_pem, strlen(key_pem),
                                  identity_out, NULL);
    mbedtls_platform_zeroize(key_pem, sizeof key_pem);
    mbedtls_pk_free(&key);
    free(room);
    if (err == FA_OK && digest != NULL)
        fa_tls_identity_only_for(*identity_out, FA_ACME_ALPN);
    return err;
}

fa_err fa_acme_placeholder(const char *name, fa_tls_identity **identity_out)
{
    return fa_acme_self_signed(name, NULL, identity_out);
}

static bool has_name(const mbedtls_x509_crt *crt, const char *name)
{
    for (const mbedtls_x509_sequence *san = &crt->subject_alt_names; san != NULL; san = san->next)
        if ((san->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_DNS_NAME &&
            san->buf.len == strlen(name) && strncasecmp((const char *)san->buf.p, name, san->buf.len) == 0)
            return true;
    return false;
}

bool fa_acme_covers(const char *pem, const char *const *names, size_t name_count)
{
    mbedtls_x509_crt crt;
    mbedtls_x509_crt_init(&crt);
    bool all = mbedtls_x509_crt_parse(&crt, (const unsigned char *)pem, strlen(pem) + 1) == 0;
    for (size_t i = 0; i < name_count && all; i++)
        all = has_name(&crt, names[i]);
    mbedtls_x509_crt_free(&crt);
    return all;
}
