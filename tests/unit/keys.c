/* SPDX-License-Identifier: ISC */
/* Bundles of keys, from memory and from a disk, and the pages that keys lie in, as a program of the unix
 * board. What tests/cli has of `fata cert` writes them; here they are put together by hand. */
#include "../../sdk/tls/bundle_format.h"
#include "../../sdk/tls/check.h"
#include "../../sdk/tls/secret.h"
#include "tls_certs.h"
#include <fata/keys.h>
#include <mbedtls/sha256.h>
#include <string.h>

#define BYTES_MAX 16384u
#define WAIT fa_after_s(1)

static cert ca, leaf, other;
static uint8_t bundle[BYTES_MAX];
static fa_writer out;

static void start(void)
{
    memset(bundle, 0, sizeof bundle);
    out = fa_writer_of(bundle, sizeof bundle);
    (void)fa_write_reserve(&out, FA_TLS_BUNDLE_HEAD_BYTES);
}

static void entry(uint16_t kind, const void *bytes, size_t len)
{
    fa_write_be16(&out, kind);
    fa_write_be16(&out, 0);
    fa_write_be32(&out, (uint32_t)len);
    fa_write_bytes(&out, bytes, len);
    fa_write_bytes(&out, "\0\0\0", (4 - len % 4) % 4);
}

static void finish(void)
{
    fa_writer head = fa_writer_of(bundle, FA_TLS_BUNDLE_HEAD_BYTES);
    uint8_t digest[32];
    const size_t body = out.len - FA_TLS_BUNDLE_HEAD_BYTES;
    assert_false(out.failed);
    assert_int_equal(mbedtls_sha256(bundle + FA_TLS_BUNDLE_HEAD_BYTES, body, digest, 0), 0);
    fa_write_bytes(&head, FA_TLS_BUNDLE_MAGIC, FA_TLS_BUNDLE_MAGIC_BYTES);
    fa_write_be32(&head, FA_TLS_BUNDLE_VERSION);
    fa_write_be32(&head, (uint32_t)body);
    fa_write_bytes(&head, digest, sizeof digest);
}

static size_t key_der(const cert *c, uint8_t der_out[512])
{
    uint8_t der[512];
    const int len = mbedtls_pk_write_key_der((mbedtls_pk_context *)(uintptr_t)&c->key, der, sizeof der);
    assert_true(len > 0);
    memcpy(der_out, der + sizeof der - len, (size_t)len);
    return (size_t)len;
}

static void crt_of(const cert *c, mbedtls_x509_crt *crt)
{
    mbedtls_x509_crt_init(crt);
    assert_int_equal(mbedtls_x509_crt_parse(crt, (const unsigned char *)c->pem, strlen(c->pem) + 1), 0);
}

static void identity_entries(const char *name, const cert *chain, const cert *key)
{
    mbedtls_x509_crt crt;
    uint8_t der[512];
    crt_of(chain, &crt);
    entry(FA_TLS_BUNDLE_NAME, name, strlen(name));
    entry(FA_TLS_BUNDLE_CHAIN, crt.raw.p, crt.raw.len);
    entry(FA_TLS_BUNDLE_KEY, der, key_der(key, der));
    mbedtls_x509_crt_free(&crt);
}

static void table_entry(const cert *c)
{
    uint8_t table[4096];
    fa_writer w = fa_writer_of(table, sizeof table);
    mbedtls_x509_crt crt;
    crt_of(c, &crt);
    fa_write_be32(&w, 1);
    fa_write_be32(&w, fa_tls_name_hash(&crt.subject));
    fa_write_be32(&w, 12);
    fa_write_bytes(&w, crt.raw.p, crt.raw.len);
    entry(FA_TLS_BUNDLE_TRUST, table, w.len);
    mbedtls_x509_crt_free(&crt);
}

static void make_good(void)
{
    start();
    identity_entries("client", &leaf, &leaf);
    identity_entries("server", &other, &other);
    table_entry(&ca);
    finish();
}

static int setup_all(void **state)
{
    (void)state;
    fa_clock_set_wall(CERT_NOW_S * FA_NS_PER_S);
    assert_int_equal(fa_tls_library_start(), FA_OK);
    cert_make(&ca, &(cert_options){.subject = "CN=Test CA,O=Fata", .ca = true}, NULL);
    cert_make(&leaf, &(cert_options){.subject = "CN=leaf", .dns = "fata.example"}, &ca);
    cert_make(&other, &(cert_options){.subject = "CN=other", .dns = "other.example"}, &ca);
    return 0;
}

static bool holds(const uint8_t *bytes, size_t len, const cert *c)
{
    uint8_t secret[32];
    assert_int_equal(mbedtls_mpi_write_binary(&mbedtls_pk_ec(c->key)->d, secret, sizeof secret), 0);
    return memmem(bytes, len, secret, sizeof secret) != NULL;
}

static void good(void **state)
{
    (void)state;
    fa_tls_keys *keys;
    fa_tls_reason why;
    size_t count;
    make_good();
    assert_true(holds(bundle, sizeof bundle, &leaf));
    assert_int_equal(fa_tls_keys_from_bytes(bundle, out.len, &keys, &why), FA_OK);
    assert_string_equal(why.text, "");
    for (size_t i = 0; i < sizeof bundle; i++)
        assert_int_equal(bundle[i], 0);
    fa_tls_identity *const *all = fa_tls_keys_identities(keys, &count);
    assert_int_equal(count, 2);
    assert_ptr_equal(fa_tls_keys_identity(keys, "client"), all[0]);
    assert_ptr_equal(fa_tls_keys_identity(keys, "server"), all[1]);
    assert_null(fa_tls_keys_identity(keys, "clien"));
    assert_non_null(fa_tls_keys_trust(keys));
    fa_tls_keys_free(keys);
    fa_tls_keys_free(NULL);
}

static void in_pages_of_their_own(void **state)
{
    (void)state;
    fa_tls_keys *keys;
    make_good();
    assert_int_equal(fa_tls_secret_used_bytes(), 0);
    assert_int_equal(fa_tls_keys_from_bytes(bundle, out.len, &keys, NULL), FA_OK);
    const fa_tls_identity *identity = fa_tls_keys_identity(keys, "client");
    const mbedtls_ecp_keypair *pair = mbedtls_pk_ec(identity->key);
    assert_true(fa_tls_secret_holds(pair));
    assert_true(fa_tls_secret_holds(pair->d.p));
    assert_false(fa_tls_secret_holds(identity->chain.raw.p));
    const size_t used_bytes = fa_tls_secret_used_bytes();
    assert_true(used_bytes > 64 && used_bytes < 8192);
    fa_tls_keys_free(keys);
    assert_int_equal(fa_tls_secret_used_bytes(), 0);
}

/* More keys than a page holds, freed in another order. */
static void many(void **state)
{
    (void)state;
    fa_tls_keys *keys[40];
    for (size_t i = 0; i < FA_ARRAY_COUNT(keys); i++) {
        make_good();
        assert_int_equal(fa_tls_keys_from_bytes(bundle, out.len, &keys[i], NULL), FA_OK);
    }
    for (size_t i = 0; i < FA_ARRAY_COUNT(keys); i++)
        fa_tls_keys_free(keys[i * 7 % FA_ARRAY_COUNT(keys)]);
    assert_int_equal(fa_tls_secret_used_bytes(), 0);
}

static void refused(fa_err want, const char *text)
{
    fa_tls_keys *keys = NULL;
    fa_tls_reason why;
    const fa_err err = fa_tls_keys_from_bytes(bundle, out.len, &keys, &why);
    if (err != want || strstr(why.text, text) == NULL)
        fail_msg("%s: %s, not %s: %s", fa_err_text(err), why.text, fa_err_text(want), text);
    assert_false(holds(bundle, sizeof bundle, &leaf));
    assert_int_equal(fa_tls_secret_used_bytes(), 0);
}

static void bad(void **state)
{
    (void)state;
    start();
    identity_entries("client", &leaf, &ca);
    finish();
    refused(FA_EINVAL, "client: the key (P-256) is not that of the certificate (CN=leaf, P-256)");
    start();
    entry(FA_TLS_BUNDLE_KEY, "x", 1);
    finish();
    refused(FA_EFORMAT, "damaged");
    start();
    entry(FA_TLS_BUNDLE_NAME, "n", 1);
    entry(FA_TLS_BUNDLE_CHAIN, "n", 1);
    entry(FA_TLS_BUNDLE_KEY, "x", 1);
    finish();
    refused(FA_EFORMAT, "n: it is neither PEM");
    start();
    entry(FA_TLS_BUNDLE_TRUST, "\0\0\0\1", 4);
    finish();
    refused(FA_EFORMAT, "damaged");
    start();
    char name[FA_TLS_BUNDLE_NAME_BYTES_MAX + 1];
    memset(name, 'n', sizeof name);
    entry(FA_TLS_BUNDLE_NAME, name, sizeof name);
    finish();
    refused(FA_EFORMAT, "damaged");
    start();
    finish();
    memcpy(bundle, "fatakeyz", 8);
    refused(FA_ENOENT, fa_err_text(FA_ENOENT));
}

/* Each bit: nothing is taken for what it is not. */
static void damaged(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * 200; bit++) {
        fa_tls_keys *keys;
        make_good();
        bundle[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(fa_tls_keys_from_bytes(bundle, out.len, &keys, NULL), FA_OK);
    }
    for (size_t len = 0; len < 200; len++) {
        fa_tls_keys *keys;
        make_good();
        assert_int_equal(fa_tls_keys_from_bytes(bundle, len, &keys, NULL), FA_ETRUNCATED);
    }
}

static void disk(void **state)
{
    (void)state;
    fa_block *block;
    fa_tls_keys *keys;
    fa_tls_reason why;
    assert_int_equal(fa_block_open_ram(64 * 512, &block), FA_OK);
    assert_int_equal(fa_tls_keys_from_block(block, 8, &keys, &why, WAIT), FA_ENOENT);
    assert_non_null(strstr(why.text, "fata cert disk"));
    make_good();
    assert_int_equal(fa_block_write(block, 8, &(fa_block_from){bundle, 8192}, 1, WAIT), FA_OK);
    assert_int_equal(fa_tls_keys_from_block(block, 8, &keys, &why, WAIT), FA_OK);
    assert_non_null(fa_tls_keys_identity(keys, "server"));
    fa_tls_keys_free(keys);
    assert_int_equal(fa_tls_keys_from_block(block, 60, &keys, &why, WAIT), FA_ERANGE);
    fa_block_close(block);
}

static void not_embedded(void **state)
{
    (void)state;
    fa_tls_keys *keys;
    fa_tls_reason why;
    assert_int_equal(fa_tls_keys_embedded(&keys, &why), FA_ENOENT);
    assert_non_null(strstr(why.text, "TLS=1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),    cmocka_unit_test(in_pages_of_their_own), cmocka_unit_test(many),
        cmocka_unit_test(bad),     cmocka_unit_test(damaged),               cmocka_unit_test(disk),
        cmocka_unit_test(not_embedded),
    };
    return cmocka_run_group_tests_name("keys", tests, setup_all, NULL);
}
