/* SPDX-License-Identifier: ISC */
/* Bundles of keys, from memory and from a disk, the pages that keys lie in, and revocation lists, as a program of the unix
 * board. What tests/cli has of `fata cert` writes them; here they are put together by hand. */
#include "../../sdk/tls/bundle_format.h"
#include "../../sdk/tls/check.h"
#include "../../sdk/tls/secret.h"
#include "tls_crl.h"
#include <fata/keys.h>
#include <inttypes.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_csr.h>
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
    mbedtls_platform_zeroize(der, sizeof der);
    return (size_t)len;
}

static void identity_entries(const char *name, const cert *chain, const cert *key)
{
    mbedtls_x509_crt crt;
    uint8_t der[512];
    crt_of(chain, &crt);
    entry(FA_TLS_BUNDLE_NAME, name, strlen(name));
    entry(FA_TLS_BUNDLE_CHAIN, crt.raw.p, crt.raw.len);
    entry(FA_TLS_BUNDLE_KEY, der, key_der(key, der));
    mbedtls_platform_zeroize(der, sizeof der);
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

/* A server has the trust for longer than the keys that it came with. */
static void trust_outlives_keys(void **state)
{
    (void)state;
    fa_tls_keys *keys;
    mbedtls_x509_crt child, *found;
    make_good();
    assert_int_equal(fa_tls_keys_from_bytes(bundle, out.len, &keys, NULL), FA_OK);
    fa_tls_config config = {.trust = fa_tls_trust_keep(fa_tls_keys_trust(keys))};
    fa_tls_keys_free(keys);
    crt_of(&leaf, &child);
    assert_int_equal(fa_tls_trust_find(&config, &child, &found), 0);
    assert_non_null(found);
    assert_int_equal(found->subject_raw.len, child.issuer_raw.len);
    mbedtls_x509_crt_free(found);
    free(found);
    mbedtls_x509_crt_free(&child);
    fa_tls_trust_free(config.trust);
}

/* Revocation lists. */

/* One list too many is not taken, and what those before it say still holds. */
static void too_many_lists(void **state)
{
    (void)state;
    mbedtls_x509_crt named, unnamed;
    uint8_t good[1024], bad[1024];
    uint32_t flags = 0;
    fa_tls_trust *trust = cert_trust(&ca);
    crt_of(&leaf, &named);
    crt_of(&other, &unnamed);
    const size_t good_len = crl_make(&ca, &ca, "260101000000Z", "290101000000Z", &named, good);
    const size_t bad_len = crl_make(&ca, &other, "260101000000Z", "290101000000Z", &named, bad);
    for (size_t i = 0; i < FA_TLS_CRLS_MAX; i++)
        assert_int_equal(fa_tls_trust_add_crl(trust, good, good_len, NULL), FA_OK);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(fa_tls_trust_add_crl(trust, bad, bad_len, NULL), FA_ELIMIT);
    fa_tls_trust_judge(trust, &unnamed, &flags);
    assert_int_equal(flags, 0);
    fa_tls_trust_judge(trust, &named, &flags);
    assert_int_equal(flags, MBEDTLS_X509_BADCERT_REVOKED);
    fa_tls_trust_free(trust);
    mbedtls_x509_crt_free(&named);
    mbedtls_x509_crt_free(&unnamed);
}

/* Who is judged by a list: the one that it names, all of its CA if the list is not to be believed, and nobody else. */
static void revoked(void **state)
{
    (void)state;
    static const struct {
        bool by_another;
        const char *from, *to;
        uint32_t named, unnamed;
    } cases[] = {
        {false, "260101000000Z", "290101000000Z", MBEDTLS_X509_BADCERT_REVOKED, 0},
        {true, "260101000000Z", "290101000000Z", MBEDTLS_X509_BADCERT_REVOKED | MBEDTLS_X509_BADCRL_NOT_TRUSTED,
         MBEDTLS_X509_BADCRL_NOT_TRUSTED},
        {false, "260101000000Z", "260601000000Z", MBEDTLS_X509_BADCERT_REVOKED | MBEDTLS_X509_BADCRL_EXPIRED,
         MBEDTLS_X509_BADCRL_EXPIRED},
        {false, "280101000000Z", "290101000000Z", MBEDTLS_X509_BADCRL_FUTURE, MBEDTLS_X509_BADCRL_FUTURE},
    };
    cert stranger, theirs;
    mbedtls_x509_crt named, unnamed, other_ca;
    uint8_t der[1024];
    cert_make(&stranger, &(cert_options){.subject = "CN=Another CA", .ca = true}, NULL);
    cert_make(&theirs, &(cert_options){.subject = "CN=theirs", .dns = "theirs.example"}, &stranger);
    crt_of(&leaf, &named);
    crt_of(&other, &unnamed);
    crt_of(&theirs, &other_ca);
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        fa_tls_trust *trust = cert_trust(&ca);
        const size_t len = crl_make(&ca, cases[i].by_another ? &stranger : &ca, cases[i].from, cases[i].to, &named, der);
        uint32_t flags = 0;
        assert_int_equal(fa_tls_trust_add_crl(trust, der, len, NULL), FA_OK);
        for (unsigned again = 0; again < 2; again++) {
            flags = 0;
            fa_tls_trust_judge(trust, &named, &flags);
            /* One that is of the future revokes from then on. */
            assert_int_equal(flags & ~(uint32_t)(i == 3 ? MBEDTLS_X509_BADCERT_REVOKED : 0), cases[i].named);
            flags = 0;
            fa_tls_trust_judge(trust, &unnamed, &flags);
            assert_int_equal(flags, cases[i].unnamed);
            flags = 0;
            fa_tls_trust_judge(trust, &other_ca, &flags);
            assert_int_equal(flags, 0);
        }
        fa_tls_trust_free(trust);
    }
    mbedtls_x509_crt_free(&named);
    mbedtls_x509_crt_free(&unnamed);
    mbedtls_x509_crt_free(&other_ca);
    cert_free(&stranger);
    cert_free(&theirs);
}

/* At a first boot: made, kept on a disk, a certificate asked for and got. */
static void made_here(void **state)
{
    (void)state;
    const char *const names[] = {"new.example", "192.0.2.7", NULL}, *const none[] = {NULL}, *const bad_one[] = {"a b", NULL};
    const char *const many_names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", NULL};
    fa_tls_keys *keys, *again;
    fa_tls_reason why;
    fa_block *block;
    char request[FA_TLS_REQUEST_BYTES];
    mbedtls_x509_csr csr;
    assert_int_equal(fa_tls_keys_make(none, &keys, &why), FA_EINVAL);
    assert_int_equal(fa_tls_keys_make(bad_one, &keys, &why), FA_EINVAL);
    assert_non_null(strstr(why.text, "'a b'"));
    assert_int_equal(fa_tls_keys_make(many_names, &keys, &why), FA_ELIMIT);
    assert_int_equal(fa_tls_keys_make(names, &keys, &why), FA_OK);
    const fa_tls_identity *identity = fa_tls_keys_identity(keys, "server");
    assert_true(fa_tls_secret_holds(mbedtls_pk_ec(identity->key)->d.p));

    assert_int_equal(fa_block_open_ram(64 * 512, &block), FA_OK);
    assert_int_equal(fa_tls_keys_to_block(keys, block, 8, WAIT), FA_OK);
    assert_int_equal(fa_tls_keys_from_block(block, 8, &again, &why, WAIT), FA_OK);
    const fa_tls_identity *same = fa_tls_keys_identity(again, "server");
    assert_int_equal(same->chain.raw.len, identity->chain.raw.len);
    assert_memory_equal(same->chain.raw.p, identity->chain.raw.p, identity->chain.raw.len);
    fa_tls_keys_free(again);
    assert_int_equal(fa_tls_keys_to_block(keys, block, 60, WAIT), FA_ERANGE);
    fa_block_close(block);

    assert_int_equal(fa_tls_keys_request(keys, "none", request, sizeof request), FA_ENOENT);
    assert_int_equal(fa_tls_keys_request(keys, "server", request, 100), FA_ENOSPC);
    assert_int_equal(fa_tls_keys_request(keys, "server", request, sizeof request), FA_OK);
    mbedtls_x509_csr_init(&csr);
    assert_int_equal(mbedtls_x509_csr_parse(&csr, (const unsigned char *)request, strlen(request) + 1), 0);
    assert_int_equal(mbedtls_pk_check_pair(&csr.pk, &identity->key, fa_tls_draw, NULL), 0);
    assert_int_equal(csr.subject_alt_names.buf.len, 11);
    mbedtls_x509_csr_free(&csr);

    assert_int_equal(fa_tls_keys_set_chain(keys, "server", leaf.pem, strlen(leaf.pem), &why), FA_EINVAL);
    assert_ptr_equal(fa_tls_keys_identity(keys, "server"), identity);
    uint8_t der[1024];
    const size_t len = identity->chain.raw.len;
    assert_true(len <= sizeof der);
    memcpy(der, identity->chain.raw.p, len);
    assert_int_equal(fa_tls_keys_set_chain(keys, "server", der, len, &why), FA_OK);
    assert_memory_equal(fa_tls_keys_identity(keys, "server")->chain.raw.p, der, len);
    fa_tls_keys_free(keys);
    assert_int_equal(fa_tls_secret_used_bytes(), 0);
}

/* In the place of what the build makes. */
uint8_t fa_tls_bundle[BYTES_MAX];
const size_t fa_tls_bundle_bytes = sizeof fa_tls_bundle;

static void embedded(void **state)
{
    (void)state;
    fa_tls_keys *keys, *again;
    fa_tls_reason why;
    assert_int_equal(fa_tls_keys_embedded(&keys, &why), FA_ENOENT);
    make_good();
    memcpy(fa_tls_bundle, bundle, sizeof bundle);
    assert_true(holds(fa_tls_bundle, sizeof fa_tls_bundle, &leaf));
    assert_int_equal(fa_tls_keys_embedded(&keys, &why), FA_OK);
    assert_false(holds(fa_tls_bundle, sizeof fa_tls_bundle, &leaf));
    assert_false(holds(fa_tls_bundle, sizeof fa_tls_bundle, &other));
    assert_int_equal(fa_tls_keys_embedded(&again, &why), FA_OK);
    assert_ptr_equal(again, keys);
    fa_tls_keys_free(keys); /* which are kept */
    assert_non_null(fa_tls_keys_identity(again, "server"));
}

#define SECRET_BYTES 32u
#define MASK 0x5a

/* How many times the secret stands in memory that this process can write, outside of pages for keys; in
 * either order of bytes. `masked` is the secret in another form, so that it is not found itself. */
__attribute__((no_sanitize("address"))) static unsigned copies_outside(const uint8_t masked[SECRET_BYTES])
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned count = 0;
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t start, end;
        char rights[5];
        assert_int_equal(sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, rights), 3);
        if (strncmp(rights, "rw", 2) != 0 || end - start > (uintptr_t)1 << 26) /* the sanitizer's own maps are larger */
            continue;
        for (const volatile uint8_t *p = (const volatile uint8_t *)start; p + SECRET_BYTES <= (const volatile uint8_t *)end; p++) {
            size_t forward = 0, backward = 0;
            while (forward < SECRET_BYTES && p[forward] == (uint8_t)(masked[forward] ^ MASK))
                forward++;
            while (backward < SECRET_BYTES && p[backward] == (uint8_t)(masked[SECRET_BYTES - 1 - backward] ^ MASK))
                backward++;
            count += (forward == SECRET_BYTES || backward == SECRET_BYTES) && !fa_tls_secret_holds((const void *)p);
        }
    }
    fclose(maps);
    return count;
}

/* Also after it has signed. What dumps leave out is marked so for the kernel. */
static void nowhere_else(void **state)
{
    (void)state;
    cert one;
    uint8_t masked[SECRET_BYTES], hash[32] = {1}, signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t len;
    fa_tls_keys *keys;
    cert_make(&one, &(cert_options){.subject = "CN=one", .dns = "one.example"}, &ca);
    start();
    identity_entries("one", &one, &one);
    finish();
    assert_int_equal(mbedtls_mpi_write_binary(&mbedtls_pk_ec(one.key)->d, masked, sizeof masked), 0);
    for (size_t i = 0; i < sizeof masked; i++)
        masked[i] ^= MASK;
    assert_true(copies_outside(masked) >= 2); /* the certificate's, the bundle's */
    cert_free(&one);
    assert_int_equal(fa_tls_keys_from_bytes(bundle, out.len, &keys, NULL), FA_OK);
    assert_int_equal(copies_outside(masked), 0);
    fa_tls_identity *identity = fa_tls_keys_identity(keys, "one");
    assert_int_equal(mbedtls_pk_sign(&identity->key, MBEDTLS_MD_SHA256, hash, sizeof hash, signature, sizeof signature, &len,
                                     fa_tls_draw, NULL), 0);
    assert_int_equal(copies_outside(masked), 0);
    fa_tls_keys_free(keys);
}

static void not_in_dumps(void **state)
{
    (void)state;
    fa_tls_keys *keys;
    char line[512], flags[512] = "";
    bool here = false;
    make_good();
    assert_int_equal(fa_tls_keys_from_bytes(bundle, out.len, &keys, NULL), FA_OK);
    const uintptr_t key = (uintptr_t)mbedtls_pk_ec(fa_tls_keys_identity(keys, "client")->key);
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t first, end;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &first, &end) == 2)
            here = key >= first && key < end;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            strcpy(flags, line);
    }
    fclose(maps);
    assert_non_null(strstr(flags, " dd "));
    fa_tls_keys_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),    cmocka_unit_test(in_pages_of_their_own), cmocka_unit_test(many),
        cmocka_unit_test(bad),     cmocka_unit_test(damaged),               cmocka_unit_test(disk), cmocka_unit_test(trust_outlives_keys),
        cmocka_unit_test(revoked), cmocka_unit_test(too_many_lists),  cmocka_unit_test(made_here), cmocka_unit_test(nowhere_else), cmocka_unit_test(not_in_dumps),     cmocka_unit_test(embedded),
    };
    return cmocka_run_group_tests_name("keys", tests, setup_all, NULL);
}
