/* SPDX-License-Identifier: ISC */
/* Certificates for tests, made when they run: a CA, and what it has issued, good and bad. */
#ifndef FATA_TESTS_UNIT_TLS_CERTS_H
#define FATA_TESTS_UNIT_TLS_CERTS_H

#include "../../sdk/tls/conn.h"
#include "test.h"
#include <mbedtls/oid.h>
#include <mbedtls/rsa.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>

#define RSA_TEST_P \
    "EB06FDC2B9A8C6002593320F0B4EE39D2E7017BA3C558CA75F44B1DEA50F5E3A844A7F79222927937F69E1822D162EE7C607" \
    "37AEB3D53DAFF1EB906A8579944F998D9D38D5A5C204CAA29199AA000FB5B39842F5F7D9662EA07498EDC22553E670EBE77B" \
    "5649FD43A1CA93DB8E01E327B8443FAB966C74635C414D23556B3013"
#define RSA_TEST_Q \
    "D118D2299EFBEED0E3C54F12747378513CAFDB72BC757B54F8C77B5E123DAF752E51FB756B8AF1649745700CF78209956A61" \
    "8D643B0893E099176DA8890A2C9FCCC37A3272DFD8A71121208369DE537D63CEA1C68140DA6E72BC5652F1E56E28787BFF88" \
    "EA05CD81F82D34891828DC83AEB062DB403D6F92E0D243D94472A0DF"
#define CERT_PEM_BYTES 4096u
#define CERT_NOW_S UINT64_C(1800000000) /* 2027-01-15 */

typedef struct cert {
    char pem[CERT_PEM_BYTES], key_pem[CERT_PEM_BYTES];
    mbedtls_pk_context key;
    char subject[80];
} cert;

typedef struct cert_options {
    const char *subject, *dns, *other_dns, *from, *to;
    uint8_t ip[4]; /* 0: none */
    bool ca, rsa;
    const char *usage; /* an OID of extendedKeyUsage; NULL: none */
} cert_options;

static inline void cert_key(cert *c, bool rsa)
{
    mbedtls_pk_init(&c->key);
    assert_int_equal(mbedtls_pk_setup(&c->key, mbedtls_pk_info_from_type(rsa ? MBEDTLS_PK_RSA : MBEDTLS_PK_ECKEY)), 0);
    if (rsa) {
        /* Its primes were made once: mbedTLS is built without the making of them. */
        static const char p[] = RSA_TEST_P, q[] = RSA_TEST_Q;
        mbedtls_mpi mp, mq, me;
        mbedtls_mpi_init(&mp);
        mbedtls_mpi_init(&mq);
        mbedtls_mpi_init(&me);
        assert_int_equal(mbedtls_mpi_read_string(&mp, 16, p), 0);
        assert_int_equal(mbedtls_mpi_read_string(&mq, 16, q), 0);
        assert_int_equal(mbedtls_mpi_lset(&me, 65537), 0);
        mbedtls_rsa_context *r = mbedtls_pk_rsa(c->key);
        assert_int_equal(mbedtls_rsa_import(r, NULL, &mp, &mq, NULL, &me), 0);
        assert_int_equal(mbedtls_rsa_complete(r), 0);
        mbedtls_mpi_free(&mp);
        mbedtls_mpi_free(&mq);
        mbedtls_mpi_free(&me);
    } else {
        assert_int_equal(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(c->key), fa_tls_draw, NULL), 0);
    }
    assert_int_equal(mbedtls_pk_write_key_pem(&c->key, (unsigned char *)c->key_pem, sizeof c->key_pem), 0);
}

static inline void cert_names(mbedtls_x509write_cert *w, const cert_options *o)
{
    mbedtls_x509_san_list list[3] = {0};
    size_t count = 0;
    const char *const names[] = {o->dns, o->other_dns};
    for (size_t i = 0; i < 2; i++)
        if (names[i] != NULL) {
            list[count].node.type = MBEDTLS_X509_SAN_DNS_NAME;
            list[count].node.san.unstructured_name.p = (unsigned char *)(uintptr_t)names[i];
            list[count++].node.san.unstructured_name.len = strlen(names[i]);
        }
    if (o->ip[0] != 0) {
        list[count].node.type = MBEDTLS_X509_SAN_IP_ADDRESS;
        list[count].node.san.unstructured_name.p = (unsigned char *)(uintptr_t)o->ip;
        list[count++].node.san.unstructured_name.len = 4;
    }
    for (size_t i = 0; i + 1 < count; i++)
        list[i].next = &list[i + 1];
    if (count > 0)
        assert_int_equal(mbedtls_x509write_crt_set_subject_alternative_name(w, list), 0);
}

/* Signed by `issuer`; NULL: by itself. */
static inline void cert_make(cert *c, const cert_options *o, const cert *issuer)
{
    static unsigned char serial;
    mbedtls_x509write_cert w;
    serial++;
    *c = (cert){.pem = ""};
    cert_key(c, o->rsa);
    snprintf(c->subject, sizeof c->subject, "%s", o->subject);
    mbedtls_x509write_crt_init(&w);
    mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
    assert_int_equal(mbedtls_x509write_crt_set_serial_raw(&w, &serial, 1), 0);
    assert_int_equal(mbedtls_x509write_crt_set_validity(&w, o->from == NULL ? "20260101000000" : o->from,
                                                        o->to == NULL ? "20300101000000" : o->to), 0);
    assert_int_equal(mbedtls_x509write_crt_set_subject_name(&w, o->subject), 0);
    assert_int_equal(mbedtls_x509write_crt_set_issuer_name(&w, issuer == NULL ? o->subject : issuer->subject), 0);
    mbedtls_x509write_crt_set_subject_key(&w, &c->key);
    mbedtls_x509write_crt_set_issuer_key(&w, issuer == NULL ? &c->key : (mbedtls_pk_context *)(uintptr_t)&issuer->key);
    assert_int_equal(mbedtls_x509write_crt_set_basic_constraints(&w, o->ca, -1), 0);
    if (o->ca)
        assert_int_equal(mbedtls_x509write_crt_set_key_usage(&w, MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN), 0);
    if (o->usage != NULL) {
        mbedtls_asn1_sequence usage = {.buf = {MBEDTLS_ASN1_OID, strlen(o->usage), (unsigned char *)(uintptr_t)o->usage}};
        assert_int_equal(mbedtls_x509write_crt_set_ext_key_usage(&w, &usage), 0);
    }
    cert_names(&w, o);
    assert_int_equal(mbedtls_x509write_crt_pem(&w, (unsigned char *)c->pem, sizeof c->pem, fa_tls_draw, NULL), 0);
    mbedtls_x509write_crt_free(&w);
}

static inline fa_tls_identity *cert_identity(const cert *c)
{
    fa_tls_identity *identity;
    fa_tls_reason why;
    const fa_err err = fa_tls_identity_new(c->pem, strlen(c->pem), c->key_pem, strlen(c->key_pem), &identity, &why);
    if (err != FA_OK)
        fail_msg("%s: %s", fa_err_text(err), why.text);
    return identity;
}

static inline fa_tls_trust *cert_trust(const cert *c)
{
    fa_tls_trust *trust;
    fa_tls_reason why;
    assert_int_equal(fa_tls_trust_new(&trust), FA_OK);
    assert_int_equal(fa_tls_trust_add(trust, c->pem, strlen(c->pem), &why), FA_OK);
    return trust;
}

static inline void cert_free(cert *c)
{
    mbedtls_pk_free(&c->key);
}

#endif
