/* SPDX-License-Identifier: ISC */
/* Readers and writers: each width and order, and every bound. The buffers are from malloc, at their
 * exact size, so that the sanitizer sees a byte too many. */
#include "test.h"
#include <fata/bytes.h>
#include <stdlib.h>

static const uint8_t row[8] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

static fa_reader reader_of_row(void)
{
    return fa_reader_of(row, sizeof row);
}

static void read_values(void **state)
{
    (void)state;
    fa_reader r = reader_of_row();
    assert_int_equal(fa_read_u8(&r), 0x01);
    assert_int_equal(r.left_bytes, 7);
    r = reader_of_row();
    assert_int_equal(fa_read_be16(&r), 0x0123);
    assert_int_equal(fa_read_le16(&r), 0x6745);
    assert_int_equal(fa_read_be32(&r), UINT32_C(0x89abcdef));
    assert_int_equal(r.left_bytes, 0);
    assert_false(r.failed);
    r = reader_of_row();
    assert_int_equal(fa_read_le32(&r), UINT32_C(0x67452301));
    r = reader_of_row();
    assert_true(fa_read_be64(&r) == UINT64_C(0x0123456789abcdef));
    r = reader_of_row();
    assert_true(fa_read_le64(&r) == UINT64_C(0xefcdab8967452301));
    assert_false(r.failed);
}

/* Reads a value by the number of its kind; returns its width. */
static size_t read_kind(fa_reader *r, unsigned kind, uint64_t *value_out)
{
    switch (kind) {
    case 0: *value_out = fa_read_u8(r); return 1;
    case 1: *value_out = fa_read_be16(r); return 2;
    case 2: *value_out = fa_read_le16(r); return 2;
    case 3: *value_out = fa_read_be32(r); return 4;
    case 4: *value_out = fa_read_le32(r); return 4;
    case 5: *value_out = fa_read_be64(r); return 8;
    default: *value_out = fa_read_le64(r); return 8;
    }
}

static size_t write_kind(fa_writer *w, unsigned kind, uint64_t n)
{
    switch (kind) {
    case 0: fa_write_u8(w, (uint8_t)n); return 1;
    case 1: fa_write_be16(w, (uint16_t)n); return 2;
    case 2: fa_write_le16(w, (uint16_t)n); return 2;
    case 3: fa_write_be32(w, (uint32_t)n); return 4;
    case 4: fa_write_le32(w, (uint32_t)n); return 4;
    case 5: fa_write_be64(w, n); return 8;
    default: fa_write_le64(w, n); return 8;
    }
}
#define KINDS 7u

static void read_at_every_bound(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (size_t len = 0; len <= 10; len++) {
            uint8_t *bytes = malloc(len);
            memset(bytes, 0xff, len);
            fa_reader r = fa_reader_of(bytes, len);
            uint64_t value;
            const size_t width = read_kind(&r, kind, &value);
            assert_int_equal(r.failed, len < width);
            if (len < width) {
                assert_true(value == 0);
                assert_int_equal(r.left_bytes, len);
            } else {
                assert_true(value == UINT64_MAX >> (64 - 8 * width));
                assert_int_equal(r.left_bytes, len - width);
                assert_ptr_equal(r.next, bytes + width);
            }
            free(bytes);
        }
}

static void read_stays_failed(void **state)
{
    (void)state;
    fa_reader r = reader_of_row();
    assert_null(fa_read_bytes(&r, sizeof row + 1));
    assert_true(r.failed);
    assert_int_equal(fa_read_u8(&r), 0);
    assert_int_equal(fa_read_be16(&r), 0);
    assert_null(fa_read_bytes(&r, 1));
    assert_true(r.failed);
    r = reader_of_row();
    assert_null(fa_read_bytes(&r, SIZE_MAX));
    assert_true(r.failed);
}

static void read_bytes(void **state)
{
    (void)state;
    fa_reader r = reader_of_row();
    assert_ptr_equal(fa_read_bytes(&r, 3), row);
    assert_ptr_equal(fa_read_bytes(&r, 0), row + 3);
    assert_ptr_equal(fa_read_bytes(&r, 5), row + 3);
    (void)fa_read_bytes(&r, 0);
    assert_false(r.failed);
    r = fa_reader_of(NULL, 0);
    (void)fa_read_bytes(&r, 0);
    assert_false(r.failed);
    (void)fa_read_u8(&r);
    assert_true(r.failed);
}

static void write_at_every_bound(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (size_t cap = 0; cap <= 10; cap++) {
            uint8_t *bytes = malloc(cap);
            memset(bytes, 0x5a, cap);
            fa_writer w = fa_writer_of(bytes, cap);
            const size_t width = write_kind(&w, kind, UINT64_C(0x1122334455667788));
            assert_int_equal(w.failed, cap < width);
            assert_int_equal(w.len, cap < width ? 0 : width);
            for (size_t i = w.len; i < cap; i++)
                assert_int_equal(bytes[i], 0x5a);
            free(bytes);
        }
}

/* One byte after the other, up to the end and past it. */
static void fill_up(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(5);
    fa_writer w = fa_writer_of(bytes, 5);
    for (uint8_t i = 0; i < 5; i++)
        fa_write_u8(&w, i);
    assert_false(w.failed);
    fa_write_u8(&w, 5);
    assert_true(w.failed);
    w = fa_writer_of(bytes, 5);
    fa_write_be32(&w, 0);
    fa_write_be16(&w, 0);
    assert_true(w.failed);
    assert_int_equal(w.len, 4);
    fa_reader r = fa_reader_of(bytes, 5);
    for (unsigned i = 0; i < 5; i++)
        (void)fa_read_u8(&r);
    assert_false(r.failed);
    (void)fa_read_u8(&r);
    assert_true(r.failed);
    free(bytes);
}

static void write_then_read(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED;
    for (unsigned round = 0; round < 1000; round++) {
        uint8_t bytes[64];
        uint64_t numbers[8];
        unsigned kinds[8];
        fa_writer w = fa_writer_of(bytes, sizeof bytes);
        for (unsigned i = 0; i < 8; i++) {
            kinds[i] = (unsigned)test_random_below(&seed, KINDS);
            numbers[i] = test_random(&seed);
            const size_t width = write_kind(&w, kinds[i], numbers[i]);
            numbers[i] &= UINT64_MAX >> (64 - 8 * width);
        }
        assert_false(w.failed);
        fa_reader r = fa_reader_of(bytes, w.len);
        for (unsigned i = 0; i < 8; i++) {
            uint64_t value;
            (void)read_kind(&r, kinds[i], &value);
            assert_true(value == numbers[i]);
        }
        assert_false(r.failed);
        assert_int_equal(r.left_bytes, 0);
    }
}

static void write_order(void **state)
{
    (void)state;
    uint8_t bytes[29];
    static const uint8_t want[29] = {
        1, 0, 2, 3, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 7, 0, 0, 0, 0, 0, 0, 0,
    };
    fa_writer w = fa_writer_of(bytes, sizeof bytes);
    fa_write_u8(&w, 1);
    fa_write_be16(&w, 2);
    fa_write_le16(&w, 3);
    fa_write_be32(&w, 4);
    fa_write_le32(&w, 5);
    fa_write_be64(&w, 6);
    fa_write_le64(&w, 7);
    assert_false(w.failed);
    assert_int_equal(w.len, sizeof want);
    assert_memory_equal(bytes, want, sizeof want);
}

static void write_stays_failed(void **state)
{
    (void)state;
    uint8_t bytes[4];
    fa_writer w = fa_writer_of(bytes, sizeof bytes);
    fa_write_bytes(&w, row, 5);
    assert_true(w.failed);
    fa_write_u8(&w, 1);
    assert_null(fa_write_reserve(&w, 0));
    assert_true(w.failed);
    assert_int_equal(w.len, 0);
    w = fa_writer_of(bytes, sizeof bytes);
    fa_write_u8(&w, 1);
    assert_null(fa_write_reserve(&w, SIZE_MAX));
    assert_true(w.failed);
}

static void write_nothing(void **state)
{
    (void)state;
    uint8_t bytes[4];
    fa_writer w = fa_writer_of(bytes, sizeof bytes);
    assert_ptr_equal(fa_write_reserve(&w, 4), bytes);
    fa_write_bytes(&w, NULL, 0);
    assert_false(w.failed);
    w = fa_writer_of(NULL, 0);
    fa_write_bytes(&w, row, 0);
    assert_false(w.failed);
    fa_write_u8(&w, 1);
    assert_true(w.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_values),
        cmocka_unit_test(read_at_every_bound),
        cmocka_unit_test(read_stays_failed),
        cmocka_unit_test(read_bytes),
        cmocka_unit_test(write_order),
        cmocka_unit_test(write_at_every_bound),
        cmocka_unit_test(fill_up),
        cmocka_unit_test(write_then_read),
        cmocka_unit_test(write_stays_failed),
        cmocka_unit_test(write_nothing),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
