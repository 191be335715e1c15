/* SPDX-License-Identifier: ISC */
/* What sdk/tls does in mbedTLS's place gives what the standards' examples give, and what mbedTLS itself
 * gives: the hooks are switched off for that by --wrap. Both choices of sdk/cpu are tried. */
#include "../../sdk/cpu/crypto.h"
#include "test.h"
#include <mbedtls/chachapoly.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/error.h>
#include <mbedtls/fata_fast.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>

#define RANDOM_ROUNDS 60
#define LONG_BYTES 700

static bool without_hardware, without_curves;
static uint64_t random_state = TEST_SEED;
static unsigned step_count;

fa_cpu_gcm __real_fa_cpu_gcm_hardware(void);
fa_cpu_gcm __wrap_fa_cpu_gcm_hardware(void);
fa_cpu_gcm __wrap_fa_cpu_gcm_hardware(void)
{
    return without_hardware ? (fa_cpu_gcm){NULL, NULL} : __real_fa_cpu_gcm_hardware();
}

fa_cpu_chachapoly *__real_fa_cpu_chachapoly_seal(void);
fa_cpu_chachapoly *__wrap_fa_cpu_chachapoly_seal(void);
fa_cpu_chachapoly *__wrap_fa_cpu_chachapoly_seal(void)
{
    return without_hardware ? NULL : __real_fa_cpu_chachapoly_seal();
}

fa_cpu_chachapoly *__real_fa_cpu_chachapoly_open(void);
fa_cpu_chachapoly *__wrap_fa_cpu_chachapoly_open(void);
fa_cpu_chachapoly *__wrap_fa_cpu_chachapoly_open(void)
{
    return without_hardware ? NULL : __real_fa_cpu_chachapoly_open();
}

fa_cpu_x25519 *__real_fa_cpu_x25519_mul(void);
fa_cpu_x25519 *__wrap_fa_cpu_x25519_mul(void);
fa_cpu_x25519 *__wrap_fa_cpu_x25519_mul(void)
{
    return without_hardware ? NULL : __real_fa_cpu_x25519_mul();
}

int __real_fa_tls_fast_ecp_mul(const mbedtls_ecp_group *, mbedtls_ecp_point *, const mbedtls_mpi *, const mbedtls_ecp_point *);
int __wrap_fa_tls_fast_ecp_mul(const mbedtls_ecp_group *, mbedtls_ecp_point *, const mbedtls_mpi *, const mbedtls_ecp_point *);
int __wrap_fa_tls_fast_ecp_mul(const mbedtls_ecp_group *group, mbedtls_ecp_point *R, const mbedtls_mpi *m, const mbedtls_ecp_point *P)
{
    return without_curves ? MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE : __real_fa_tls_fast_ecp_mul(group, R, m, P);
}

int __real_fa_tls_fast_ecp_muladd(const mbedtls_ecp_group *, mbedtls_ecp_point *, const mbedtls_mpi *, const mbedtls_ecp_point *,
                                  const mbedtls_mpi *, const mbedtls_ecp_point *);
int __wrap_fa_tls_fast_ecp_muladd(const mbedtls_ecp_group *, mbedtls_ecp_point *, const mbedtls_mpi *, const mbedtls_ecp_point *,
                                  const mbedtls_mpi *, const mbedtls_ecp_point *);
int __wrap_fa_tls_fast_ecp_muladd(const mbedtls_ecp_group *group, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                                  const mbedtls_ecp_point *P, const mbedtls_mpi *n, const mbedtls_ecp_point *Q)
{
    return without_curves ? MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE : __real_fa_tls_fast_ecp_muladd(group, R, m, P, n, Q);
}

static int random_bytes(void *context, unsigned char *out, size_t len)
{
    (void)context;
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)(test_random(&random_state) >> 56);
    return 0;
}

static void count_step(void)
{
    step_count++;
}

/* Bytes from a text of hexadecimal digits; how many. */
static size_t hex(uint8_t *out, const char *text)
{
    size_t len = 0;
    for (; text[0] && text[1]; text += 2) {
        const char digits[3] = {text[0], text[1], 0};
        out[len++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len;
}

typedef struct vector {
    const char *key, *nonce, *extra, *plain, *sealed, *tag;
} vector;

/* AES-GCM: "The Galois/Counter Mode of Operation", McGrew and Viega, appendix B, test cases 1 to 6, 10, 13, 16. */
#define GCM_KEY "feffe9928665731c6d6a8f9467308308"
#define GCM_PLAIN                                                                                          \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16a" \
    "edf5aa0de657ba637b39"
#define GCM_EXTRA "feedfacedeadbeeffeedfacedeadbeefabaddad2"
static const vector gcm_vectors[] = {
    {"00000000000000000000000000000000", "000000000000000000000000", "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
    {"00000000000000000000000000000000", "000000000000000000000000", "", "00000000000000000000000000000000",
     "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf"},
    {GCM_KEY, "cafebabefacedbaddecaf888", GCM_EXTRA, GCM_PLAIN,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {GCM_KEY, "cafebabefacedbad", GCM_EXTRA, GCM_PLAIN,
     "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c742373806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598",
     "3612d2e79e3b0785561be14aaca2fccb"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "", "",
     "530f8afbc74536b9a963b4f1c4cb738b"},
    {GCM_KEY GCM_KEY, "cafebabefacedbaddecaf888", GCM_EXTRA, GCM_PLAIN,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static void gcm_known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < FA_ARRAY_COUNT(gcm_vectors); i++) {
        uint8_t key[32], nonce[64], extra[64], plain[64], sealed[64], tag[16], got[64], got_tag[16];
        const size_t key_len = hex(key, gcm_vectors[i].key), nonce_len = hex(nonce, gcm_vectors[i].nonce);
        const size_t extra_len = hex(extra, gcm_vectors[i].extra), len = hex(plain, gcm_vectors[i].plain);
        assert_int_equal(hex(sealed, gcm_vectors[i].sealed), len);
        assert_int_equal(hex(tag, gcm_vectors[i].tag), 16);
        mbedtls_gcm_context gcm;
        mbedtls_gcm_init(&gcm);
        assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, (unsigned)key_len * 8), 0);
        assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, len, nonce, nonce_len, extra, extra_len, plain,
                                                   got, 16, got_tag), 0);
        assert_memory_equal(got, sealed, len);
        assert_memory_equal(got_tag, tag, 16);
        memset(got, 0, sizeof got);
        assert_int_equal(mbedtls_gcm_auth_decrypt(&gcm, len, nonce, nonce_len, extra, extra_len, tag, 16, sealed, got), 0);
        assert_memory_equal(got, plain, len);
        tag[15] ^= 1;
        memset(got, 0x55, sizeof got);
        assert_int_equal(mbedtls_gcm_auth_decrypt(&gcm, len, nonce, nonce_len, extra, extra_len, tag, 16, sealed, got),
                         MBEDTLS_ERR_GCM_AUTH_FAILED);
        for (size_t j = 0; j < len; j++)
            assert_int_equal(got[j], 0); /* nothing that is not authentic is given out */
        mbedtls_gcm_free(&gcm);
    }
}

/* With and without the CPU's instructions, at once and in pieces: one result. */
static void gcm_choices_agree(void **state)
{
    (void)state;
    for (unsigned round = 0; round < RANDOM_ROUNDS; round++) {
        uint8_t key[32], nonce[12], extra[40], plain[LONG_BYTES], sealed[2][LONG_BYTES], tags[2][16];
        random_bytes(NULL, key, sizeof key);
        random_bytes(NULL, nonce, sizeof nonce);
        random_bytes(NULL, extra, sizeof extra);
        random_bytes(NULL, plain, sizeof plain);
        const size_t len = test_random_below(&random_state, LONG_BYTES + 1), extra_len = test_random_below(&random_state, sizeof extra);
        const unsigned bits = 128 + 64 * (round % 3);
        for (unsigned choice = 0; choice < 2; choice++) {
            without_hardware = choice == 1;
            mbedtls_gcm_context first, gcm;
            mbedtls_gcm_init(&first);
            assert_int_equal(mbedtls_gcm_setkey(&first, MBEDTLS_CIPHER_ID_AES, key, bits), 0);
            gcm = first; /* a context may be copied */
            memset(&first, 0x55, sizeof first);
            assert_int_equal(mbedtls_gcm_starts(&gcm, MBEDTLS_GCM_ENCRYPT, nonce, sizeof nonce), 0);
            assert_int_equal(mbedtls_gcm_update_ad(&gcm, extra, extra_len), 0);
            size_t got = 0;
            for (size_t at = 0; at < len; at += got) {
                const size_t piece = choice == 0 ? len : 1 + test_random_below(&random_state, len - at);
                assert_int_equal(mbedtls_gcm_update(&gcm, plain + at, piece, sealed[choice] + at, LONG_BYTES - at, &got), 0);
                assert_int_equal(got, piece);
            }
            assert_int_equal(mbedtls_gcm_finish(&gcm, NULL, 0, &got, tags[choice], 16), 0);
            uint8_t opened[LONG_BYTES];
            memcpy(opened, sealed[choice], len); /* in place */
            assert_int_equal(mbedtls_gcm_auth_decrypt(&gcm, len, nonce, sizeof nonce, extra, extra_len, tags[choice], 16, opened,
                                                      opened), 0);
            assert_memory_equal(opened, plain, len);
            mbedtls_gcm_free(&gcm);
        }
        without_hardware = false;
        assert_memory_equal(sealed[0], sealed[1], len);
        assert_memory_equal(tags[0], tags[1], 16);
    }
}

static void gcm_refuses(void **state)
{
    (void)state;
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    uint8_t bytes[32] = {0}, tag[16];
    size_t done;
    assert_int_equal(mbedtls_gcm_starts(&gcm, MBEDTLS_GCM_ENCRYPT, bytes, 12), MBEDTLS_ERR_GCM_BAD_INPUT); /* no key */
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, bytes, 120), MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_ARIA, bytes, 128), MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, bytes, 128), 0);
    assert_int_equal(mbedtls_gcm_starts(&gcm, MBEDTLS_GCM_ENCRYPT, bytes, 0), MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_starts(&gcm, MBEDTLS_GCM_ENCRYPT, bytes, 12), 0);
    assert_int_equal(mbedtls_gcm_update(&gcm, bytes, 16, bytes, 15, &done), MBEDTLS_ERR_GCM_BUFFER_TOO_SMALL);
    assert_int_equal(mbedtls_gcm_update(&gcm, bytes, 16, bytes, 16, &done), 0);
    assert_int_equal(mbedtls_gcm_update_ad(&gcm, bytes, 1), MBEDTLS_ERR_GCM_BAD_INPUT); /* too late */
    assert_int_equal(mbedtls_gcm_finish(&gcm, NULL, 0, &done, tag, 3), MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_finish(&gcm, NULL, 0, &done, tag, 17), MBEDTLS_ERR_GCM_BAD_INPUT);
    mbedtls_gcm_free(&gcm);
    mbedtls_gcm_free(NULL);
    for (size_t i = 0; i < sizeof gcm; i++)
        assert_int_equal(((const uint8_t *)&gcm)[i], 0);
}

/* RFC 8439, 2.8.2. */
static void chachapoly_known_answer(void **state)
{
    (void)state;
    static const char plain[] = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
                                "sunscreen would be it.";
    uint8_t key[32], nonce[12], extra[12], sealed[114], tag[16], got[114], got_tag[16];
    hex(key, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    hex(nonce, "070000004041424344454647");
    hex(extra, "50515253c0c1c2c3c4c5c6c7");
    hex(sealed, "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e06"
                "0b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d265"
                "86cec64b6116");
    hex(tag, "1ae10b594f09e26a7e902ecbd0600691");
    mbedtls_chachapoly_context context;
    mbedtls_chachapoly_init(&context);
    assert_int_equal(mbedtls_chachapoly_setkey(&context, key), 0);
    for (unsigned choice = 0; choice < 2; choice++) {
        without_hardware = choice == 1;
        assert_int_equal(mbedtls_chachapoly_encrypt_and_tag(&context, sizeof sealed, nonce, extra, sizeof extra,
                                                            (const uint8_t *)plain, got, got_tag), 0);
        assert_memory_equal(got, sealed, sizeof sealed);
        assert_memory_equal(got_tag, tag, sizeof tag);
        memset(got, 0, sizeof got);
        assert_int_equal(mbedtls_chachapoly_auth_decrypt(&context, sizeof sealed, nonce, extra, sizeof extra, tag, sealed, got), 0);
        assert_memory_equal(got, plain, sizeof sealed);
        got_tag[0] ^= 0x80;
        assert_int_equal(mbedtls_chachapoly_auth_decrypt(&context, sizeof sealed, nonce, extra, sizeof extra, got_tag, sealed, got),
                         MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
        for (size_t i = 0; i < sizeof got; i++)
            assert_int_equal(got[i], 0);
    }
    without_hardware = false;
    mbedtls_chachapoly_free(&context);
}

static void chachapoly_choices_agree(void **state)
{
    (void)state;
    for (unsigned round = 0; round < LONG_BYTES; round++) {
        uint8_t key[32], nonce[12], extra[40], plain[LONG_BYTES], sealed[2][LONG_BYTES], tags[2][16], opened[LONG_BYTES];
        random_bytes(NULL, key, sizeof key);
        random_bytes(NULL, nonce, sizeof nonce);
        random_bytes(NULL, extra, sizeof extra);
        random_bytes(NULL, plain, sizeof plain);
        const size_t len = round, extra_len = test_random_below(&random_state, sizeof extra);
        mbedtls_chachapoly_context context;
        mbedtls_chachapoly_init(&context);
        assert_int_equal(mbedtls_chachapoly_setkey(&context, key), 0);
        for (unsigned choice = 0; choice < 2; choice++) {
            without_hardware = choice == 1;
            assert_int_equal(mbedtls_chachapoly_encrypt_and_tag(&context, len, nonce, extra, extra_len, plain, sealed[choice],
                                                                tags[choice]), 0);
            memcpy(opened, sealed[choice], len);
            assert_int_equal(mbedtls_chachapoly_auth_decrypt(&context, len, nonce, extra, extra_len, tags[choice], opened, opened), 0);
            assert_memory_equal(opened, plain, len);
        }
        without_hardware = false;
        assert_memory_equal(sealed[0], sealed[1], len);
        assert_memory_equal(tags[0], tags[1], 16);
        mbedtls_chachapoly_free(&context);
    }
}

typedef struct curve {
    mbedtls_ecp_group group;
    mbedtls_mpi m, n;
    mbedtls_ecp_point P, Q, R, S;
} curve;

static void open_curve(curve *c, mbedtls_ecp_group_id id)
{
    mbedtls_ecp_group_init(&c->group);
    mbedtls_mpi_init(&c->m);
    mbedtls_mpi_init(&c->n);
    mbedtls_ecp_point_init(&c->P);
    mbedtls_ecp_point_init(&c->Q);
    mbedtls_ecp_point_init(&c->R);
    mbedtls_ecp_point_init(&c->S);
    assert_int_equal(mbedtls_ecp_group_load(&c->group, id), 0);
}

static void close_curve(curve *c)
{
    mbedtls_ecp_group_free(&c->group);
    mbedtls_mpi_free(&c->m);
    mbedtls_mpi_free(&c->n);
    mbedtls_ecp_point_free(&c->P);
    mbedtls_ecp_point_free(&c->Q);
    mbedtls_ecp_point_free(&c->R);
    mbedtls_ecp_point_free(&c->S);
}

/* R = m P by ours, and by mbedTLS: the same. */
static void same_product(curve *c, const mbedtls_ecp_point *P)
{
    without_curves = false;
    const unsigned steps = step_count;
    assert_int_equal(mbedtls_ecp_mul(&c->group, &c->R, &c->m, P, random_bytes, NULL), 0);
    assert_int_equal(step_count, steps + 1); /* it was ours, and it let others run */
    without_curves = true;
    assert_int_equal(mbedtls_ecp_mul(&c->group, &c->S, &c->m, P, random_bytes, NULL), 0);
    without_curves = false;
    assert_int_equal(mbedtls_mpi_cmp_mpi(&c->R.MBEDTLS_PRIVATE(X), &c->S.MBEDTLS_PRIVATE(X)), 0);
    assert_int_equal(mbedtls_mpi_cmp_mpi(&c->R.MBEDTLS_PRIVATE(Y), &c->S.MBEDTLS_PRIVATE(Y)), 0);
    assert_int_equal(mbedtls_mpi_cmp_int(&c->R.MBEDTLS_PRIVATE(Z), 1), 0);
}

static void products_agree(mbedtls_ecp_group_id id)
{
    curve c;
    open_curve(&c, id);
    mbedtls_ecp_point_init(&c.P);
    for (unsigned round = 0; round < RANDOM_ROUNDS; round++) {
        assert_int_equal(mbedtls_ecp_gen_privkey(&c.group, &c.m, random_bytes, NULL), 0);
        same_product(&c, &c.group.G);
        assert_int_equal(mbedtls_ecp_copy(&c.P, &c.R), 0);
        assert_int_equal(mbedtls_ecp_gen_privkey(&c.group, &c.m, random_bytes, NULL), 0);
        same_product(&c, &c.P);
    }
    close_curve(&c);
}

static void p256_products(void **state)
{
    (void)state;
    products_agree(MBEDTLS_ECP_DP_SECP256R1);
    curve c;
    open_curve(&c, MBEDTLS_ECP_DP_SECP256R1);
    for (int small = 1; small < 40; small++) {
        assert_int_equal(mbedtls_mpi_lset(&c.m, small), 0);
        same_product(&c, &c.group.G);
        assert_int_equal(mbedtls_mpi_sub_int(&c.m, &c.group.N, small), 0);
        same_product(&c, &c.group.G);
        assert_int_equal(mbedtls_ecp_copy(&c.P, &c.R), 0);
        same_product(&c, &c.P);
    }
    assert_int_equal(mbedtls_mpi_lset(&c.m, 0), 0); /* neither 0 nor the order is a key */
    assert_int_not_equal(mbedtls_ecp_mul(&c.group, &c.R, &c.m, &c.group.G, random_bytes, NULL), 0);
    assert_int_not_equal(mbedtls_ecp_mul(&c.group, &c.R, &c.group.N, &c.group.G, random_bytes, NULL), 0);
    assert_int_equal(mbedtls_mpi_lset(&c.m, 5), 0);
    assert_int_equal(mbedtls_ecp_copy(&c.P, &c.group.G), 0);
    assert_int_equal(mbedtls_mpi_add_int(&c.P.MBEDTLS_PRIVATE(Y), &c.P.MBEDTLS_PRIVATE(Y), 1), 0); /* not on the curve */
    assert_int_not_equal(mbedtls_ecp_mul(&c.group, &c.R, &c.m, &c.P, random_bytes, NULL), 0);
    assert_int_not_equal(mbedtls_ecp_muladd(&c.group, &c.R, &c.m, &c.P, &c.m, &c.group.G), 0);
    assert_int_not_equal(mbedtls_ecp_muladd(&c.group, &c.R, &c.m, &c.group.G, &c.m, &c.P), 0);
    close_curve(&c);
}

static void same_sum(curve *c)
{
    without_curves = false;
    const int err = mbedtls_ecp_muladd(&c->group, &c->R, &c->m, &c->P, &c->n, &c->Q);
    without_curves = true;
    assert_int_equal(mbedtls_ecp_muladd(&c->group, &c->S, &c->m, &c->P, &c->n, &c->Q), err);
    without_curves = false;
    if (err == 0)
        assert_int_equal(mbedtls_ecp_point_cmp(&c->R, &c->S), 0);
}

static void p256_sums(void **state)
{
    (void)state;
    curve c;
    open_curve(&c, MBEDTLS_ECP_DP_SECP256R1);
    assert_int_equal(mbedtls_ecp_copy(&c.P, &c.group.G), 0);
    for (unsigned round = 0; round < RANDOM_ROUNDS / 3; round++) {
        assert_int_equal(mbedtls_ecp_gen_keypair(&c.group, &c.m, &c.Q, random_bytes, NULL), 0);
        assert_int_equal(mbedtls_ecp_gen_privkey(&c.group, &c.n, random_bytes, NULL), 0);
        same_sum(&c);
    }
    assert_int_equal(mbedtls_ecp_copy(&c.Q, &c.P), 0);
    assert_int_equal(mbedtls_mpi_copy(&c.n, &c.m), 0); /* a point added to itself */
    same_sum(&c);
    assert_int_equal(mbedtls_mpi_sub_mpi(&c.n, &c.group.N, &c.m), 0); /* to its opposite: the point at infinity */
    same_sum(&c);
    for (int small = -1; small < 3; small++) {
        assert_int_equal(mbedtls_mpi_lset(&c.m, small), 0);
        assert_int_equal(mbedtls_ecp_gen_privkey(&c.group, &c.n, random_bytes, NULL), 0);
        same_sum(&c);
    }
    close_curve(&c);
}

/* RFC 6979, A.2.5: with SHA-256, message "sample". */
static void p256_signs(void **state)
{
    (void)state;
    curve c;
    open_curve(&c, MBEDTLS_ECP_DP_SECP256R1);
    mbedtls_mpi d, r, s;
    mbedtls_mpi_init(&d);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    uint8_t hash[32], bytes[32], got[32];
    assert_int_equal(mbedtls_sha256((const uint8_t *)"sample", 6, hash, 0), 0);
    hex(bytes, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    assert_int_equal(mbedtls_mpi_read_binary(&d, bytes, 32), 0);
    assert_int_equal(mbedtls_ecp_mul(&c.group, &c.Q, &d, &c.group.G, random_bytes, NULL), 0);
    hex(bytes, "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6");
    assert_int_equal(mbedtls_mpi_write_binary(&c.Q.MBEDTLS_PRIVATE(X), got, 32), 0);
    assert_memory_equal(got, bytes, 32);
    assert_int_equal(mbedtls_ecdsa_sign_det_ext(&c.group, &r, &s, &d, hash, 32, MBEDTLS_MD_SHA256, random_bytes, NULL), 0);
    hex(bytes, "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716");
    assert_int_equal(mbedtls_mpi_write_binary(&r, got, 32), 0);
    assert_memory_equal(got, bytes, 32);
    hex(bytes, "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
    assert_int_equal(mbedtls_mpi_write_binary(&s, got, 32), 0);
    assert_memory_equal(got, bytes, 32);
    assert_int_equal(mbedtls_ecdsa_verify(&c.group, hash, 32, &c.Q, &r, &s), 0);
    hash[0] ^= 1;
    assert_int_equal(mbedtls_ecdsa_verify(&c.group, hash, 32, &c.Q, &r, &s), MBEDTLS_ERR_ECP_VERIFY_FAILED);
    memset(hash, 0, sizeof hash); /* a hash that is 0 makes a factor that is 0 */
    assert_int_equal(mbedtls_ecdsa_sign_det_ext(&c.group, &r, &s, &d, hash, 32, MBEDTLS_MD_SHA256, random_bytes, NULL), 0);
    assert_int_equal(mbedtls_ecdsa_verify(&c.group, hash, 32, &c.Q, &r, &s), 0);
    mbedtls_mpi_free(&d);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    close_curve(&c);
}

/* A product of X25519 as bytes, with a scalar masked as RFC 7748, 5 says. */
static int x25519(curve *c, uint8_t out[32], const uint8_t scalar[32], const uint8_t u[32])
{
    uint8_t masked[32];
    memcpy(masked, scalar, 32);
    masked[0] &= 248;
    masked[31] = (uint8_t)((masked[31] & 127) | 64);
    assert_int_equal(mbedtls_mpi_read_binary_le(&c->m, masked, 32), 0);
    assert_int_equal(mbedtls_ecp_point_read_binary(&c->group, &c->P, u, 32), 0);
    const int err = mbedtls_ecp_mul(&c->group, &c->R, &c->m, &c->P, random_bytes, NULL);
    size_t len;
    if (err == 0)
        assert_int_equal(mbedtls_ecp_point_write_binary(&c->group, &c->R, MBEDTLS_ECP_PF_UNCOMPRESSED, &len, out, 32), 0);
    return err;
}

static void x25519_by_this_choice(void)
{
    products_agree(MBEDTLS_ECP_DP_CURVE25519);
    curve c;
    open_curve(&c, MBEDTLS_ECP_DP_CURVE25519);
    uint8_t k[32], u[32], want[32], got[32];
    hex(k, "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"); /* RFC 7748, 5.2 */
    hex(u, "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    hex(want, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    assert_int_equal(x25519(&c, got, k, u), 0);
    assert_memory_equal(got, want, 32);
    hex(k, "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d");
    hex(u, "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493");
    hex(want, "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
    assert_int_equal(x25519(&c, got, k, u), 0);
    assert_memory_equal(got, want, 32);
    memset(k, 0, sizeof k); /* and the iterations that follow there */
    k[0] = 9;
    memcpy(u, k, 32);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(x25519(&c, got, k, u), 0);
        memcpy(u, k, 32);
        memcpy(k, got, 32);
    }
    hex(want, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
    assert_memory_equal(k, want, 32);
    memset(u, 0, sizeof u); /* points of small order make a secret that anyone knows */
    assert_int_not_equal(x25519(&c, got, k, u), 0);
    u[0] = 1;
    assert_int_not_equal(x25519(&c, got, k, u), 0);
    hex(u, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    assert_int_not_equal(x25519(&c, got, k, u), 0);
    assert_int_equal(mbedtls_ecp_point_read_binary(&c.group, &c.P, u, 32), 0);
    assert_int_not_equal(fa_tls_fast_ecp_mul(&c.group, &c.R, &c.m, &c.P), 0); /* by itself, too */
    close_curve(&c);
}

static void x25519_products(void **state)
{
    (void)state;
    x25519_by_this_choice();
    without_hardware = true;
    x25519_by_this_choice();
    without_hardware = false;
}

/* What ours does not do, mbedTLS does. */
static void others_are_left_alone(void **state)
{
    (void)state;
    curve c;
    open_curve(&c, MBEDTLS_ECP_DP_SECP384R1);
    assert_int_equal(mbedtls_mpi_lset(&c.m, 7), 0);
    assert_int_equal(fa_tls_fast_ecp_mul(&c.group, &c.R, &c.m, &c.group.G), MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE);
    assert_int_equal(fa_tls_fast_ecp_muladd(&c.group, &c.R, &c.m, &c.group.G, &c.m, &c.group.G), MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE);
    assert_int_equal(mbedtls_ecp_mul(&c.group, &c.R, &c.m, &c.group.G, random_bytes, NULL), 0);
    assert_int_equal(mbedtls_ecp_check_pubkey(&c.group, &c.R), 0);
    close_curve(&c);
}

int main(void)
{
    mbedtls_fata_step = count_step;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gcm_known_answers),
        cmocka_unit_test(gcm_choices_agree),
        cmocka_unit_test(gcm_refuses),
        cmocka_unit_test(chachapoly_known_answer),
        cmocka_unit_test(chachapoly_choices_agree),
        cmocka_unit_test(p256_products),
        cmocka_unit_test(p256_sums),
        cmocka_unit_test(p256_signs),
        cmocka_unit_test(x25519_products),
        cmocka_unit_test(others_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
