/* SPDX-License-Identifier: ISC */
/* The rest of what sdk/tls does in mbedTLS's place (tls_fast.c): SHA-256, and Montgomery's multiplication, which
 * is switched off by --wrap to compare. */
#include "../../sdk/cpu/crypto.h"
#include "test.h"
#include <bearssl_hash.h>
#include <mbedtls/bignum.h>
#include <mbedtls/fata_fast.h>
#include <mbedtls/sha256.h>

#define LONG_BYTES 700

static bool without_hardware;
static uint64_t random_state = TEST_SEED;
static unsigned montmul_count;

bool __real_fa_tls_fast_montmul(mbedtls_mpi_uint *, const mbedtls_mpi_uint *, const mbedtls_mpi_uint *, const mbedtls_mpi_uint *,
                                size_t, mbedtls_mpi_uint);
bool __wrap_fa_tls_fast_montmul(mbedtls_mpi_uint *, const mbedtls_mpi_uint *, const mbedtls_mpi_uint *, const mbedtls_mpi_uint *,
                                size_t, mbedtls_mpi_uint);
bool __wrap_fa_tls_fast_montmul(mbedtls_mpi_uint *X, const mbedtls_mpi_uint *A, const mbedtls_mpi_uint *B, const mbedtls_mpi_uint *N,
                                size_t limbs, mbedtls_mpi_uint mm)
{
    const bool done = !without_hardware && __real_fa_tls_fast_montmul(X, A, B, N, limbs, mm);
    montmul_count += done;
    return done;
}

static int random_bytes(void *context, unsigned char *out, size_t len)
{
    (void)context;
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)(test_random(&random_state) >> 56);
    return 0;
}

/* The CPU's way, and those of CPUs with less. */
typedef void compress(uint32_t state[8], const uint8_t *blocks, size_t count);
compress ring_sha256_block_data_order_ssse3, ring_sha256_block_data_order_nohw;

static void sha256_choices_agree(void **state)
{
    (void)state;
    uint8_t blocks[5 * 64];
    random_bytes(NULL, blocks, sizeof blocks);
    for (size_t count = 1; count <= sizeof blocks / 64; count++) {
        uint32_t a[8] = {1, 2, 3, 4, 5, 6, 7, 8}, b[8], c[8];
        memcpy(b, a, sizeof a);
        memcpy(c, a, sizeof a);
        fa_cpu_sha256_blocks(a, blocks, count);
        ring_sha256_block_data_order_ssse3(b, blocks, count);
        ring_sha256_block_data_order_nohw(c, blocks, count);
        assert_memory_equal(a, b, sizeof a);
        assert_memory_equal(a, c, sizeof a);
    }
}

/* SHA-256 against BearSSL's, and "abc" (FIPS 180-4's example). */
static void sha256_agrees(void **state)
{
    (void)state;
    static const uint8_t abc[32] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    uint8_t bytes[LONG_BYTES], got[32], want[32];
    assert_int_equal(mbedtls_sha256((const uint8_t *)"abc", 3, got, 0), 0);
    assert_memory_equal(got, abc, 32);
    random_bytes(NULL, bytes, sizeof bytes);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        br_sha256_context bear;
        br_sha256_init(&bear);
        br_sha256_update(&bear, bytes, len);
        br_sha256_out(&bear, want);
        assert_int_equal(mbedtls_sha256(bytes, len, got, 0), 0);
        assert_memory_equal(got, want, 32);
    }
}

/* Powers modulo odd numbers of all lengths up to 4,160 bits, as RSA takes them. */
static void powers_agree(void **state)
{
    (void)state;
    mbedtls_mpi a, e, n, ours, theirs;
    mbedtls_mpi *all[] = {&a, &e, &n, &ours, &theirs};
    for (size_t i = 0; i < FA_ARRAY_COUNT(all); i++)
        mbedtls_mpi_init(all[i]);
    for (size_t limbs = 1; limbs <= 65; limbs++) {
        for (unsigned round = 0; round < 4; round++) {
            assert_int_equal(mbedtls_mpi_fill_random(&n, limbs * 8, random_bytes, NULL), 0);
            assert_int_equal(mbedtls_mpi_set_bit(&n, 0, 1), 0);
            assert_int_equal(mbedtls_mpi_set_bit(&n, limbs * 64 - 1, 1), 0);
            if (round == 3) /* all ones: carries everywhere */
                for (size_t bit = 0; bit < limbs * 64; bit++)
                    assert_int_equal(mbedtls_mpi_set_bit(&n, bit, 1), 0);
            assert_int_equal(mbedtls_mpi_fill_random(&e, 12, random_bytes, NULL), 0);
            assert_int_equal(mbedtls_mpi_fill_random(&a, limbs * 8, random_bytes, NULL), 0);
            assert_int_equal(mbedtls_mpi_mod_mpi(&a, &a, &n), 0);
            if (round == 2)
                assert_int_equal(mbedtls_mpi_sub_int(&a, &n, 1), 0);
            const unsigned before = montmul_count;
            assert_int_equal(mbedtls_mpi_exp_mod(&ours, &a, &e, &n, NULL), 0);
            assert_int_equal(montmul_count > before, limbs >= 4);
            without_hardware = true;
            assert_int_equal(mbedtls_mpi_exp_mod(&theirs, &a, &e, &n, NULL), 0);
            without_hardware = false;
            assert_int_equal(mbedtls_mpi_cmp_mpi(&ours, &theirs), 0);
        }
    }
    for (size_t i = 0; i < FA_ARRAY_COUNT(all); i++)
        mbedtls_mpi_free(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_agrees),
        cmocka_unit_test(sha256_choices_agree),
        cmocka_unit_test(powers_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
