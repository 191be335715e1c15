/* SPDX-License-Identifier: ISC */
/* Keys that an appliance makes itself: see <fata/keys.h>. */
#include "keys.h"
#include "secret.h"
#include <fata/random.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <stdlib.h>
#include <string.h>

#define IDENTITY "server"
#define FROM "20200101000000" /* before any appliance's clock, which may not be set yet */
#define UNTIL "20491231235959"
#define SERIAL_BYTES 16u
#define CERT_BYTES_MAX ((size_t)2048)
#define HOST_BYTES_MAX 253u

/* extendedKeyUsage: serverAuth and clientAuth. */
static const unsigned char uses[] = {0x30, 0x14, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03,
                                     0x01, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};

typedef struct name_list {
    mbedtls_x509_san_list items[FA_TLS_KEYS_NAMES_MAX];
    fa_ip4 addresses[FA_TLS_KEYS_NAMES_MAX];
    size_t count;
} name_list;

static bool is_host(const char *name)
{
    static const char valid[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    const size_t len = strlen(name);
    return len > 0 && len <= HOST_BYTES_MAX && strspn(name, valid) == len;
}

static void add_name(name_list *list, int type, const void *bytes, size_t len)
{
    mbedtls_x509_san_list *item = &list->items[list->count++];
    *item = (mbedtls_x509_san_list){.node = {.type = type}};
    item->node.san.unstructured_name.p = (unsigned char *)(uintptr_t)bytes;
    item->node.san.unstructured_name.len = len;
    if (list->count > 1)
        list->items[list->count - 2].next = item;
}

static fa_err read_names(name_list *list, const char *const *names, fa_tls_reason *why)
{
    for (; *names != NULL; names++) {
        fa_ip4 *address = &list->addresses[list->count % FA_TLS_KEYS_NAMES_MAX];
        if (list->count == FA_TLS_KEYS_NAMES_MAX) {
            fa_tls_say(why, "more than %u names", FA_TLS_KEYS_NAMES_MAX);
            return FA_ELIMIT;
        }
        if (fa_ip4_parse(*names, address) == FA_OK) {
            add_name(list, MBEDTLS_X509_SAN_IP_ADDRESS, address->byte, sizeof address->byte);
        } else if (is_host(*names)) {
            add_name(list, MBEDTLS_X509_SAN_DNS_NAME, *names, strlen(*names));
        } else {
            fa_tls_say(why, "'%.100s' is no name of a host", *names);
            return FA_EINVAL;
        }
    }
    if (list->count == 0)
        fa_tls_say(why, "a certificate needs a name");
    return list->count == 0 ? FA_EINVAL : FA_OK;
}

static int make_key(mbedtls_pk_context *key)
{
    const int ret = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    return ret != 0 ? ret : mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), fa_tls_draw, NULL);
}

/* Signs itself; the length, at the end of `der`, or an error of mbedTLS's. */
static int write_certificate(mbedtls_pk_context *key, const name_list *list, uint8_t *der)
{
    mbedtls_x509write_cert w;
    uint8_t serial[SERIAL_BYTES];
    mbedtls_x509write_crt_init(&w);
    mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&w, key);
    mbedtls_x509write_crt_set_issuer_key(&w, key);
    int ret = fa_tls_draw(NULL, serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_serial_raw(&w, serial, sizeof serial);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_validity(&w, FROM, UNTIL);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_subject_name(&w, "CN=" IDENTITY);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_issuer_name(&w, "CN=" IDENTITY);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_basic_constraints(&w, 0, -1);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_key_usage(&w, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_extension(&w, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0, uses, sizeof uses);
    if (ret == 0)
        ret = mbedtls_x509write_crt_set_subject_alternative_name(&w, list->items);
    if (ret == 0)
        ret = mbedtls_x509write_crt_der(&w, der, CERT_BYTES_MAX, fa_tls_draw, NULL);
    mbedtls_x509write_crt_free(&w);
    return ret;
}

/* The certificate as a bundle, which is read as any other. */
static fa_err load(mbedtls_pk_context *key, const uint8_t *der, size_t len, fa_tls_keys **keys_out, fa_tls_reason *why)
{
    mbedtls_x509_crt crt;
    const size_t cap = CERT_BYTES_MAX + FA_TLS_KEY_DER_BYTES_MAX;
    uint8_t *bytes = calloc(1, cap);
    if (bytes == NULL)
        return FA_ENOMEM;
    fa_writer out = fa_writer_of(bytes, cap);
    mbedtls_x509_crt_init(&crt);
    fa_err err = mbedtls_x509_crt_parse_der(&crt, der, len) == 0 ? FA_OK : FA_ENOMEM;
    if (err == FA_OK) {
        fa_tls_bundle_start(&out);
        fa_tls_bundle_add_identity(&out, IDENTITY, &crt, key);
        fa_tls_bundle_finish(&out);
        err = out.failed ? FA_ENOMEM : fa_tls_keys_from_bytes(bytes, out.len, keys_out, why);
    }
    mbedtls_x509_crt_free(&crt);
    mbedtls_platform_zeroize(bytes, cap);
    free(bytes);
    return err;
}

fa_err fa_tls_keys_make(const char *const *names, fa_tls_keys **keys_out, fa_tls_reason *why)
{
    name_list list = {.count = 0};
    mbedtls_pk_context key;
    fa_tls_say(why, "%s", "");
    fa_err err = read_names(&list, names, why);
    if (err == FA_OK)
        err = fa_tls_library_start();
    if (err == FA_OK)
        err = fa_tls_secret_begin();
    if (err != FA_OK)
        return err;
    mbedtls_pk_init(&key);
    const int made = make_key(&key);
    fa_tls_secret_end();
    uint8_t *der = made == 0 ? malloc(CERT_BYTES_MAX) : NULL;
    const int len = der == NULL ? -1 : write_certificate(&key, &list, der);
    err = len < 0 ? FA_ENOMEM : load(&key, der + CERT_BYTES_MAX - len, (size_t)len, keys_out, why);
    mbedtls_pk_free(&key);
    free(der);
    return err;
}

static fa_err find(const fa_tls_keys *keys, const char *name, size_t *number_out)
{
    for (*number_out = 0; *number_out < keys->count; ++*number_out)
        if (strcmp(keys->names[*number_out], name) == 0)
            return FA_OK;
    return FA_ENOENT;
}

/* The names of a certificate, once more for a request. */
static void names_of(const mbedtls_x509_crt *crt, name_list *list)
{
    const mbedtls_x509_sequence *name = &crt->subject_alt_names;
    for (; name != NULL && name->buf.p != NULL && list->count < FA_TLS_KEYS_NAMES_MAX; name = name->next) {
        const int type = name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
        if (type == MBEDTLS_X509_SAN_DNS_NAME || type == MBEDTLS_X509_SAN_IP_ADDRESS)
            add_name(list, type, name->buf.p, name->buf.len);
    }
}

fa_err fa_tls_keys_request(const fa_tls_keys *keys, const char *name, char *pem_out, size_t cap)
{
    size_t number;
    name_list list = {.count = 0};
    mbedtls_x509write_csr w;
    fa_err err = find(keys, name, &number);
    if (err != FA_OK)
        return err;
    fa_tls_identity *identity = keys->identities[number];
    names_of(&identity->chain, &list);
    mbedtls_x509write_csr_init(&w);
    mbedtls_x509write_csr_set_md_alg(&w, MBEDTLS_MD_SHA256);
    mbedtls_x509write_csr_set_key(&w, &identity->key);
    int ret = mbedtls_x509write_csr_set_subject_name(&w, "CN=" IDENTITY);
    if (ret == 0 && list.count > 0)
        ret = mbedtls_x509write_csr_set_subject_alternative_name(&w, list.items);
    if (ret == 0)
        ret = mbedtls_x509write_csr_pem(&w, (unsigned char *)pem_out, cap, fa_tls_draw, NULL);
    mbedtls_x509write_csr_free(&w);
    return ret == 0 ? FA_OK : ret == MBEDTLS_ERR_X509_ALLOC_FAILED ? FA_ENOMEM : FA_ENOSPC;
}

fa_err fa_tls_keys_set_chain(fa_tls_keys *keys, const char *name, const void *chain, size_t len, fa_tls_reason *why)
{
    size_t number;
    fa_tls_identity *identity;
    uint8_t *der = calloc(1, FA_TLS_KEY_DER_BYTES_MAX);
    if (der == NULL)
        return FA_ENOMEM;
    fa_tls_say(why, "%s", "");
    fa_err err = find(keys, name, &number);
    if (err == FA_OK) {
        const int key_len = mbedtls_pk_write_key_der(&keys->identities[number]->key, der, FA_TLS_KEY_DER_BYTES_MAX);
        err = key_len < 0 ? FA_ENOMEM
                          : fa_tls_identity_new(chain, len, der + FA_TLS_KEY_DER_BYTES_MAX - key_len, (size_t)key_len,
                                                &identity, why);
    }
    mbedtls_platform_zeroize(der, FA_TLS_KEY_DER_BYTES_MAX);
    free(der);
    if (err != FA_OK)
        return err;
    fa_tls_identity_free(keys->identities[number]);
    keys->identities[number] = identity;
    return FA_OK;
}
