/* SPDX-License-Identifier: ISC */
/* The entropy pool: nothing before enough bits; then what HMAC_DRBG says (entropy_vector.py computes
 * the known answers). The pool is one per image, so the tests build on each other. */
#include "../../sdk/core/entropy.h"
#include "../../sdk/core/resumed.h"
#include "test.h"
#include <fata/random.h>

static unsigned gather_count;

/* The machine has no sources. */
void fa_entropy_gather(void)
{
    gather_count++;
}

static const char first_seed[] = "first seed";

static void not_before_enough(void **state)
{
    (void)state;
    uint8_t bytes[40];
    memset(bytes, 0x11, sizeof bytes);
    assert_int_equal(fa_random_bytes(bytes, sizeof bytes), FA_ENOENTROPY);
    assert_int_equal(gather_count, 8); /* a bounded number of tries */
    fa_random_add(first_seed, sizeof first_seed - 1, 255);
    assert_int_equal(fa_random_bytes(bytes, sizeof bytes), FA_ENOENTROPY);
    assert_int_equal(fa_random_bytes(bytes, 0), FA_ENOENTROPY);
    assert_int_equal(gather_count, 24);
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], 0x11); /* written on FA_OK only */
}

static void known_answer(void **state)
{
    (void)state;
    uint8_t more[100], bytes[40];
    for (size_t i = 0; i < sizeof more; i++)
        more[i] = (uint8_t)i;
    fa_random_add(more, sizeof more, UINT32_MAX); /* the count of bits does not wrap */
    static const uint8_t first[40] = {
        0x25, 0x67, 0x4d, 0xa2, 0x6d, 0x9b, 0xce, 0x72, 0xfd, 0x14, 0x3a, 0x97, 0x84, 0x2e,
        0x7a, 0xfd, 0x4e, 0xe3, 0xa0, 0x1c, 0x89, 0xe1, 0xe4, 0x1b, 0x0a, 0x7a, 0x60, 0x85,
        0xd5, 0x9e, 0xaa, 0x43, 0xde, 0x02, 0xca, 0xe1, 0x85, 0x57, 0x5b, 0x15};
    static const uint8_t second[40] = {
        0x17, 0x0a, 0xd0, 0x39, 0x61, 0x08, 0xb9, 0xd6, 0x04, 0x0a, 0xad, 0x51, 0xb8, 0xcd,
        0x87, 0x8b, 0x49, 0xd5, 0x1f, 0x0e, 0x2d, 0x26, 0x6d, 0x52, 0xbb, 0x5f, 0x5e, 0xde,
        0xf4, 0xc3, 0x53, 0x77, 0xef, 0x8d, 0x66, 0x3a, 0x65, 0x88, 0x29, 0xda};
    static const uint8_t third[5] = {0xe4, 0xc5, 0xab, 0xf1, 0x20};
    assert_int_equal(fa_random_bytes(bytes, sizeof bytes), FA_OK);
    assert_memory_equal(bytes, first, sizeof first);
    assert_int_equal(fa_random_bytes(bytes, sizeof bytes), FA_OK);
    assert_memory_equal(bytes, second, sizeof second);
    fa_random_add("more", 4, 0);
    assert_int_equal(fa_random_bytes(bytes, 5), FA_OK);
    assert_memory_equal(bytes, third, sizeof third);
    assert_int_equal(gather_count, 24); /* the sources are left alone once there is enough */
}

/* No two blocks of a long output are alike, nor of two outputs; one that is a second seed's neither. */
static void differs(void **state)
{
    (void)state;
    static uint8_t bytes[256][32];
    assert_int_equal(fa_random_bytes(bytes, sizeof bytes / 2), FA_OK);
    for (size_t i = 128; i < 256; i++) {
        if (i % 2 == 0)
            fa_random_add("same", 4, 0);
        assert_int_equal(fa_random_bytes(bytes[i], sizeof bytes[i]), FA_OK);
    }
    for (size_t i = 0; i < 256; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(bytes[i], bytes[j], sizeof bytes[i]);
    uint8_t one = 0;
    assert_int_equal(fa_random_bytes(&one, 0), FA_OK);
    assert_int_equal(one, 0);
}

/* A machine that was saved may go on twice. */
static void resumed(void **state)
{
    (void)state;
    uint8_t bytes[8];
    const unsigned before = gather_count;
    fa_resumed_count++;
    assert_int_equal(fa_random_bytes(bytes, sizeof bytes), FA_OK);
    assert_int_equal(gather_count, before + 1);
    assert_int_equal(fa_random_bytes(bytes, sizeof bytes), FA_OK);
    assert_int_equal(gather_count, before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_before_enough),
        cmocka_unit_test(known_answer),
        cmocka_unit_test(differs),
        cmocka_unit_test(resumed),
    };
    return cmocka_run_group_tests_name("entropy", tests, NULL, NULL);
}
