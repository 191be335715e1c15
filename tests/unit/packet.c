/* SPDX-License-Identifier: ISC */
/* Packets against plain arrays of bytes: every operation at random, over pages that are shared and
 * pools that run dry; checksums against the sum by the book. */
#include "../../sdk/packet/packet.h"
#include "test.h"
#include <stdlib.h>

#define PAGES 24u
#define STEPS 30000u
#define BYTES_MAX ((size_t)80000)

static uint16_t slow_checksum(const uint8_t *bytes, size_t len)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint64_t)bytes[i] << 8 : bytes[i];
    while (sum >> 16 != 0)
        sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)~sum;
}

static void expect(const fa_packet *packet, const uint8_t *model, size_t len)
{
    static uint8_t bytes[BYTES_MAX];
    assert_int_equal(packet->len, len);
    size_t sum = 0;
    for (unsigned i = 0; i < packet->segment_count; i++)
        sum += packet->segments[i].len;
    assert_int_equal(sum, len);
    assert_true(fa_packet_copy(packet, 0, bytes, len));
    assert_memory_equal(bytes, model, len);
    assert_false(fa_packet_copy(packet, 1, bytes, len));
}

static void same_as_an_array(void **state)
{
    (void)state;
    static uint8_t model[BYTES_MAX + FA_PACKET_HEADROOM], random[BYTES_MAX];
    uint64_t seed = TEST_SEED;
    fa_packet_pool pool;
    assert_int_equal(fa_packet_pool_init(&pool, PAGES), FA_OK);
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)test_random(&seed);
    fa_packet *packet = fa_packet_alloc(&pool);
    fa_packet_page *shared = fa_packet_page_alloc(&pool);
    memcpy(shared->bytes, random, FA_PACKET_PAGE_BYTES);
    size_t len = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        const size_t n = test_random_below(&seed, FA_PACKET_HEADROOM + 1);
        const size_t some = test_random_below(&seed, len + 1), at = test_random_below(&seed, 500);
        const uint8_t *from = random + test_random_below(&seed, 1000);
        uint8_t *room = NULL;
        switch (test_random_below(&seed, 8)) {
        case 0:
            if ((room = fa_packet_prepend(packet, n)) != NULL) {
                memmove(model + n, model, len);
                memcpy(model, from, n);
                memcpy(room, from, n);
                len += n;
            } else {
                assert_int_equal(packet->segment_count, FA_PACKET_SEGMENTS_MAX);
            }
            break;
        case 1:
            if ((room = fa_packet_append(packet, n)) != NULL) {
                memcpy(room, from, n);
                memcpy(model + len, from, n);
                len += n;
            }
            break;
        case 2:
            if (fa_packet_append_page(packet, shared, at, 7 * n) == FA_OK) {
                memcpy(model + len, random + at, 7 * n);
                len += 7 * n;
            }
            break;
        case 3:
            if (len < 40000) {
                const fa_err err = fa_packet_append_bytes(packet, from, 20 * n);
                memcpy(model + len, from, 20 * n);
                assert_true(err == FA_OK ? packet->len == len + 20 * n : err == FA_ELIMIT);
                len = packet->len;
            }
            break;
        case 4:
            fa_packet_pull(packet, some / (1 + n % 5));
            memmove(model, model + some / (1 + n % 5), len);
            len -= some / (1 + n % 5);
            break;
        case 5:
            fa_packet_truncate(packet, len - some / (1 + n % 5));
            len -= some / (1 + n % 5);
            break;
        case 6:
            room = fa_packet_head(packet, n);
            assert_true((room != NULL) == (len >= n && packet->segment_count > 0));
            if (room != NULL)
                assert_memory_equal(room, model, n);
            break;
        default:
            assert_int_equal(
                fa_checksum_fold(fa_packet_checksum_add(0, packet, some, (len - some) / 2)),
                slow_checksum(model + some, (len - some) / 2));
        }
        expect(packet, model, len);
    }
    fa_packet_free(packet);
    fa_packet_page_release(shared);
    fa_packet_pool_free(&pool);
}

static void a_dry_pool(void **state)
{
    (void)state;
    fa_packet_pool pool;
    assert_int_equal(fa_packet_pool_init(&pool, 0), FA_EINVAL);
    assert_int_equal(fa_packet_pool_init(&pool, 4), FA_OK);
    fa_packet_queue queue = {0};
    assert_false(fa_packet_pool_is_low(&pool));
    for (unsigned i = 0; i < 4; i++) {
        fa_packet *packet = fa_packet_alloc(&pool);
        assert_non_null(packet);
        assert_int_equal((uintptr_t)packet->segments[0].page->bytes % FA_PACKET_PAGE_BYTES, 0);
        fa_packet_queue_add(&queue, packet);
    }
    assert_null(fa_packet_alloc(&pool));
    assert_null(fa_packet_alloc_empty(&pool));
    assert_null(fa_packet_page_alloc(&pool));
    assert_true(fa_packet_pool_is_low(&pool));
    static const uint8_t bytes[FA_PACKET_PAGE_BYTES];
    assert_int_equal(fa_packet_append_bytes(queue.first, bytes, sizeof bytes), FA_ENOMEM);
    assert_non_null(fa_packet_prepend(queue.first, FA_PACKET_HEADROOM));
    assert_null(fa_packet_prepend(queue.first, 1));
    fa_packet_queue other = {0};
    fa_packet_queue_move(&other, &queue);
    fa_packet_queue_move(&other, &queue);
    assert_int_equal(other.count, 4);
    assert_null(fa_packet_queue_take(&queue));
    fa_packet_queue_free(&other);
    expect_assert_failure(fa_packet_page_release(&pool.pages[0]));
    fa_packet_page *held = fa_packet_page_alloc(&pool);
    expect_assert_failure(fa_packet_pool_free(&pool));
    fa_packet_page_release(held);
    fa_packet_pool_free(&pool);
}

static void checksums(void **state)
{
    (void)state;
    /* RFC 1071, 3: the sum of these is ddf2. */
    static const uint8_t rfc1071[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    assert_int_equal(fa_checksum_fold(fa_checksum_add(0, rfc1071, sizeof rfc1071)), 0xffff & ~0xddf2);
    static uint8_t bytes[70000];
    memset(bytes, 0xff, sizeof bytes);
    uint64_t seed = TEST_SEED;
    for (unsigned round = 0; round < 2000; round++) {
        const size_t at = test_random_below(&seed, 9), len = 1 + test_random_below(&seed, 3000);
        assert_int_equal(fa_checksum_fold(fa_checksum_add(0, bytes + at, len)),
                         slow_checksum(bytes + at, len));
        /* In pieces of an even length, and from any sum before: adding ffff changes nothing. */
        assert_int_equal(fa_checksum_fold(fa_checksum_add(
                             fa_checksum_add(UINT32_MAX - 0xffff, bytes + at, len & ~(size_t)1),
                             bytes + at + (len & ~(size_t)1), len & 1)),
                         slow_checksum(bytes + at, len));
        bytes[test_random_below(&seed, 3000)] = (uint8_t)test_random(&seed);
    }
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(fa_checksum_fold(fa_checksum_add(0, bytes, sizeof bytes)), 0);
}

/* A partial checksum stays in its place as headers come and go. */
static void a_partial_checksum(void **state)
{
    (void)state;
    fa_packet_pool pool;
    assert_int_equal(fa_packet_pool_init(&pool, 4), FA_OK);
    fa_packet *packet = fa_packet_alloc(&pool);
    memcpy(fa_packet_append(packet, 11), "\x12\x34\x00\x00payload", 11);
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_offset = 2;
    packet->header_bytes = 4;
    memcpy(fa_packet_prepend(packet, 3), "abc", 3);
    assert_int_equal(packet->checksum_start, 3);
    assert_int_equal(packet->header_bytes, 7);
    fa_packet_pull(packet, 1);
    fa_packet_finish_checksum(packet);
    assert_int_equal(packet->checksum, FA_PACKET_UNCHECKED);
    uint8_t bytes[13];
    assert_true(fa_packet_copy(packet, 0, bytes, sizeof bytes));
    assert_memory_equal(bytes, "bc\x12\x34", 4);
    assert_int_equal(slow_checksum(bytes + 2, 11), 0);
    packet->checksum = FA_PACKET_PARTIAL;
    fa_packet_pull(packet, 3);
    assert_int_equal(packet->checksum, FA_PACKET_VERIFIED);
    fa_packet_free(packet);
    fa_packet_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_an_array),
        cmocka_unit_test(a_dry_pool),
        cmocka_unit_test(checksums),
        cmocka_unit_test(a_partial_checksum),
    };
    return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
