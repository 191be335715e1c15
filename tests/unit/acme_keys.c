/* SPDX-License-Identifier: ISC */
/* What ACME signs and asks for: base64url, the key of RFC 7515's appendix A.3 with its JWK and thumbprint, signatures that
 * verify, certificate requests, self-signed certificates; and options that are not right. */
#include "../../sdk/acme/certificates.h"
#include "../../sdk/acme/json.h"
#include "board.h"
#include "test.h"
#include <fata/acme.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_csr.h>
#include <stdlib.h>

static const char rfc_key[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END EC PRIVATE KEY-----\n";

static mbedtls_pk_context key;

static int set_up(void **state)
{
    (void)state;
    mbedtls_pk_init(&key);
    return fa_jose_key_read(&key, rfc_key) == FA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mbedtls_pk_free(&key);
    return 0;
}

static void base64url(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"\xff\xfe\xfb", "__77"}};
    char text[16];
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        const size_t len = strlen(cases[i][0]);
        assert_int_equal(fa_base64url(cases[i][0], len, text), strlen(cases[i][1]));
        assert_string_equal(text, cases[i][1]);
        assert_true(strlen(text) < FA_BASE64URL_BYTES(len));
    }
    assert_true(fa_base64url_is("aZ09-_"));
    assert_false(fa_base64url_is(""));
    assert_false(fa_base64url_is("a="));
    assert_false(fa_base64url_is("a\"b"));
}

static void keys(void **state)
{
    (void)state;
    char jwk[FA_JOSE_JWK_BYTES], thumbprint[FA_JOSE_THUMBPRINT_BYTES], pem[FA_JOSE_KEY_BYTES_MAX];
    assert_int_equal(fa_jose_jwk(&key, jwk), FA_OK);
    assert_string_equal(jwk, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                             "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}");
    assert_int_equal(fa_jose_thumbprint(&key, thumbprint), FA_OK);
    assert_string_equal(thumbprint, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    assert_int_equal(fa_jose_key_write(&key, pem), FA_OK);
    assert_string_equal(pem, rfc_key);
    mbedtls_pk_context other;
    mbedtls_pk_init(&other);
    assert_int_equal(fa_jose_key_read(&other, "no key"), FA_EFORMAT);
    assert_int_equal(fa_jose_key_make(&other), FA_OK);
    assert_int_equal(fa_jose_key_write(&other, pem), FA_OK);
    assert_string_not_equal(pem, rfc_key);
    mbedtls_pk_free(&other);
}

static void signatures(void **state)
{
    (void)state;
    char *jws, part[3][256], input[600];
    static const char *const names[] = {"protected", "payload", "signature"};
    fa_json document, value;
    assert_int_equal(fa_jose_sign(&key, "{\"alg\":\"ES256\"}", "", &jws), FA_OK);
    assert_int_equal(fa_json_parse(jws, strlen(jws), &document), FA_OK);
    assert_true(fa_json_member(document, "payload", &value));
    assert_int_equal(value.len, 2); /* POST-as-GET */
    free(jws);
    assert_int_equal(fa_jose_sign(&key, "{\"alg\":\"ES256\"}", "{\"a\":1}", &jws), FA_OK);
    assert_int_equal(fa_json_parse(jws, strlen(jws), &document), FA_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_true(fa_json_member(document, names[i], &value));
        assert_int_equal(fa_json_text(value, part[i], sizeof part[i]), FA_OK);
    }
    free(jws);
    uint8_t bytes[256], hash[32];
    size_t len;
    assert_int_equal(fa_base64url_read(part[1], bytes, sizeof bytes, &len), FA_OK);
    assert_int_equal(len, 7);
    assert_memory_equal(bytes, "{\"a\":1}", 7);
    strcat(strcat(strcpy(input, part[0]), "."), part[1]);
    assert_int_equal(mbedtls_sha256((uint8_t *)input, strlen(input), hash, 0), 0);
    assert_int_equal(fa_base64url_read(part[2], bytes, sizeof bytes, &len), FA_OK);
    assert_int_equal(len, FA_JOSE_SIGNATURE_BYTES);
    mbedtls_ecp_group group;
    mbedtls_mpi d, r, s;
    mbedtls_ecp_point q;
    mbedtls_ecp_group_init(&group);
    mbedtls_mpi_init(&d);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    mbedtls_ecp_point_init(&q);
    assert_int_equal(mbedtls_ecp_export(mbedtls_pk_ec(key), &group, &d, &q), 0);
    assert_int_equal(mbedtls_mpi_read_binary(&r, bytes, 32), 0);
    assert_int_equal(mbedtls_mpi_read_binary(&s, bytes + 32, 32), 0);
    assert_int_equal(mbedtls_ecdsa_verify(&group, hash, sizeof hash, &q, &r, &s), 0);
    mbedtls_ecp_group_free(&group);
    mbedtls_mpi_free(&d);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    mbedtls_ecp_point_free(&q);
}

static void secrets(void **state)
{
    (void)state;
    static const char secret[] = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    char *jws;
    uint8_t bytes[64];
    size_t len;
    assert_int_equal(fa_jose_authenticate(secret, "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}",
                                          "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}", &jws), FA_OK);
    assert_string_equal(jws, "{\"protected\":\"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9\",\"payload\":"
                             "\"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\","
                             "\"signature\":\"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk\"}"); /* RFC 7515, A.1 */
    free(jws);
    assert_int_equal(fa_base64url_read("Zm9vYg", bytes, 4, &len), FA_OK);
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "foob", 4);
    assert_int_equal(fa_base64url_read("Zm9vYg", bytes, 3, &len), FA_ELIMIT);
    static const char *const bad[] = {"", "Z", "Zm9vZ", "Zh", "Zm9=", "Zm+v", "Zm 9"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(bad); i++)
        assert_int_equal(fa_base64url_read(bad[i], bytes, sizeof bytes, &len), FA_EFORMAT);
    assert_int_equal(fa_jose_authenticate("?", "{}", "{}", &jws), FA_EFORMAT);
}

static void requests(void **state)
{
    (void)state;
    static const char *const names[] = {"a.example", "b.example"};
    static uint8_t room[FA_ACME_REQUEST_BYTES_MAX];
    uint8_t *bytes;
    size_t len;
    assert_int_equal(fa_acme_request(&key, names, 2, room, &bytes, &len), FA_OK);
    mbedtls_x509_csr csr;
    mbedtls_x509_csr_init(&csr);
    assert_int_equal(mbedtls_x509_csr_parse_der(&csr, bytes, len), 0);
    assert_memory_equal(csr.subject_alt_names.buf.p, "b.example", 9); /* in whatever order */
    assert_memory_equal(csr.subject_alt_names.next->buf.p, "a.example", 9);
    assert_null(csr.subject_alt_names.next->next);
    assert_int_equal(mbedtls_pk_check_pair(&csr.pk, &key, fa_jose_random, NULL), 0);
    mbedtls_x509_csr_free(&csr);
    /* The longest that there can be. */
    static char longest[FA_ACME_NAMES_MAX][FA_TLS_NAME_BYTES_MAX];
    const char *all[FA_ACME_NAMES_MAX];
    for (size_t i = 0; i < FA_ACME_NAMES_MAX; i++) {
        memset(longest[i], 'a', FA_TLS_NAME_BYTES_MAX - 1);
        all[i] = longest[i];
    }
    assert_int_equal(fa_acme_request(&key, all, FA_ACME_NAMES_MAX, room, &bytes, &len), FA_OK);
}

static void placeholders(void **state)
{
    (void)state;
    fa_tls_identity *identity;
    uint64_t from_s, to_s;
    fa_clock_set_wall(UINT64_C(1800000000) * FA_NS_PER_S);
    assert_int_equal(fa_acme_placeholder("a.example", &identity), FA_OK);
    fa_tls_identity_times(identity, &from_s, &to_s);
    assert_true(from_s < 1800000000 && from_s > 1800000000 - 100000);
    assert_true(to_s > 1800000000 + 29 * 86400 && to_s < 1800000000 + 31 * 86400);
    fa_tls_identity_free(identity);
    const uint8_t digest[FA_JOSE_HASH_BYTES] = {1};
    static char longest[FA_TLS_NAME_BYTES_MAX];
    memset(longest, 'a', sizeof longest - 1);
    assert_int_equal(fa_acme_self_signed(longest, digest, &identity), FA_OK);
    fa_tls_identity_free(identity);
}

static void use(void *arg, fa_tls_identity *certificate, fa_tls_identity *challenge)
{
    (void)arg;
    (void)certificate;
    (void)challenge;
}

static fa_err open_with(const fa_acme_options *options)
{
    fa_acme *acme;
    const fa_err err = fa_acme_open(options, &acme);
    if (err == FA_OK)
        fa_acme_close(acme);
    return err;
}

static void options(void **state)
{
    (void)state;
    static int anything;
    const char *names[] = {"a.example"}, *many[FA_ACME_NAMES_MAX + 1];
    const fa_acme_options good = {.directory = "https://ca.example/dir", .names = names, .name_count = 1, .agrees = true,
                                  .client = (fa_tls_client *)(void *)&anything, .use = use};
    fa_acme_options o = good;
    assert_int_equal(open_with(&o), FA_OK);
    o.contact = "mailto:a@b.example";
    assert_int_equal(open_with(&o), FA_OK);
    static const char *const bad_names[] = {"", "A.example", "a..b", ".a", "a.", "-a", "a\"b", "a b", "*.a.example", "\xc3\xa4"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(bad_names); i++) {
        names[0] = bad_names[i];
        assert_int_equal(open_with(&good), FA_EINVAL);
    }
    names[0] = "a.example";
    static const char *const bad_contacts[] = {"", "a@b.example", "mailto:a\"b", "mailto:a\\b", "mailto:a b"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(bad_contacts); i++) {
        o.contact = bad_contacts[i];
        assert_int_equal(open_with(&o), FA_EINVAL);
    }
    static const char *const bindings[][2] = {{"id", "AAAAAAAAAAAAAAAAAAAAAA"}, {"id", NULL}, {NULL, "AAAAAAAAAAAAAAAAAAAAAA"},
                                              {"id", "AAAAAAAAAAAAAAAAAAAAA"}, {"id", "AAAAAAAAAAAAAAAAAAAAAA=="},
                                              {"", "AAAAAAAAAAAAAAAAAAAAAA"}, {"i\"d", "AAAAAAAAAAAAAAAAAAAAAA"}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(bindings); i++) {
        o = good;
        o.binding_id = bindings[i][0];
        o.binding_key = bindings[i][1];
        assert_int_equal(open_with(&o), i == 0 ? FA_OK : FA_EINVAL);
    }
    o = good;
    o.agrees = false;
    assert_int_equal(open_with(&o), FA_EINVAL);
    o = good;
    o.directory = "http://ca.example/dir";
    assert_int_equal(open_with(&o), FA_EINVAL);
    for (size_t i = 0; i < FA_ARRAY_COUNT(many); i++)
        many[i] = "a.example";
    o = good;
    o.names = many;
    o.name_count = FA_ACME_NAMES_MAX + 1;
    assert_int_equal(open_with(&o), FA_EINVAL);
    o.name_count = FA_ACME_NAMES_MAX;
    assert_int_equal(open_with(&o), FA_OK);
    o.name_count = 0;
    assert_int_equal(open_with(&o), FA_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(base64url), TEST(keys), TEST(signatures), TEST(secrets), TEST(requests), TEST(placeholders), TEST(options),
    };
    return cmocka_run_group_tests_name("acme_keys", tests, NULL, NULL);
}
