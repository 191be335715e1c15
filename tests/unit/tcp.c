/* SPDX-License-Identifier: ISC */
/* The parts of TCP that stand alone: sequence numbers, options, the keyed hash, queues of bytes in
 * pages, round-trip times, the SACK scoreboard. (Connections are tested in tests/sim.) */
#include "../../sdk/net/tcp_record.h"
#include "test.h"
#include <stdlib.h>

/* What is below TCP does nothing here. */

fa_err fa_ipv4_send(fa_host *host, fa_packet *packet, fa_ip4 source, fa_ip4 destination,
                    uint8_t protocol)
{
    (void)host;
    (void)source;
    (void)destination;
    (void)protocol;
    fa_packet_free(packet);
    return FA_OK;
}

uint32_t fa_ipv4_pseudo_sum(fa_ip4 source, fa_ip4 destination, uint8_t protocol, size_t len)
{
    (void)source;
    (void)destination;
    return (uint32_t)len + protocol;
}

uint16_t fa_ipv4_link_payload_max(const fa_host *host)
{
    (void)host;
    return 1480;
}

bool fa_ipv4_reachable(const fa_host *host, fa_ip4 destination)
{
    (void)host;
    (void)destination;
    return true;
}

static void random_bytes(void *bytes_out, size_t len)
{
    memset(bytes_out, 0x5a, len);
}

static void sequence_numbers(void **state)
{
    (void)state;
    assert_true(fa_tcp_before(1, 2) && !fa_tcp_before(2, 1) && !fa_tcp_before(2, 2));
    assert_true(fa_tcp_before(UINT32_MAX, 0) && !fa_tcp_before(0, UINT32_MAX));
    assert_true(fa_tcp_before(0xfffffff0, 0x7fffffef) && !fa_tcp_before(0x7fffffef, 0xfffffff0));
    assert_int_equal(fa_tcp_later(UINT32_MAX, 5), 5);
    assert_int_equal(fa_tcp_later(7, 5), 7);
}

static fa_tcp_options parse(const void *bytes, size_t len)
{
    /* In memory of its own, so that the sanitizer sees what is read behind it. */
    uint8_t *copy = malloc(len > 0 ? len : 1);
    fa_tcp_options options;
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    fa_tcp_options_parse(copy, len, &options);
    free(copy);
    return options;
}

static void options(void **state)
{
    (void)state;
    static const uint8_t syn[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 9, 1, 3, 3, 7};
    fa_tcp_options o = parse(syn, sizeof syn);
    assert_true(o.mss == 1460 && o.sack_permitted && o.timestamps && o.scale);
    assert_true(o.shift == 7 && o.ts_value == 0x01020304 && o.ts_echo == 9 && o.sack_count == 0);
    for (size_t len = 0; len < sizeof syn; len++) /* cut anywhere */
        (void)parse(syn, len);
    static const uint8_t sack[] = {1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 9};
    o = parse(sack, sizeof sack);
    assert_true(o.sack_count == 2 && o.sack[1].start == 5 && o.sack[1].end == 9);
    o = parse((const uint8_t[]){3, 3, 200}, 3);
    assert_true(o.scale && o.shift == FA_TCP_SCALE_MAX); /* RFC 7323, 2.3 */
    o = parse((const uint8_t[]){99, 3, 0, 2, 4, 1, 0}, 7);
    assert_int_equal(o.mss, 256); /* behind one that nobody knows */
    o = parse((const uint8_t[]){0, 2, 4, 1, 0}, 5);
    assert_int_equal(o.mss, 0); /* behind the end */
    o = parse((const uint8_t[]){99, 0, 2, 4, 1, 0}, 6);
    assert_int_equal(o.mss, 0); /* a length that would not go on */
    o = parse((const uint8_t[]){99, 1, 2, 4, 1, 0}, 6);
    assert_int_equal(o.mss, 0);
    o = parse((const uint8_t[]){2, 5, 1, 0, 0, 5, 6, 0, 0, 0, 0}, 11);
    assert_true(o.mss == 0 && o.sack_count == 0); /* lengths that these do not have */
}

/* The published vector: key 00 01 .. 0f, message 00 01 .. 0f. */
static void hash(void **state)
{
    (void)state;
    static const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    assert_true(fa_tcp_hash(key, key[0], key[1]) == UINT64_C(0x3f2acc7f57c29bdb));
}

/* A queue and a plain array go through the same, at random. */
static void queue_like_an_array(void **state)
{
    (void)state;
    enum { CAP = 300000 };
    static uint8_t model[CAP], bytes[20000];
    fa_packet_pool pool;
    fa_tcp_queue queue = {0};
    size_t start = 0, end = 0;
    uint64_t seed = TEST_SEED;
    assert_int_equal(fa_packet_pool_init(&pool, 64), FA_OK);
    for (unsigned step = 0; step < 20000; step++) {
        const size_t len = test_random_below(&seed, sizeof bytes) >> test_random_below(&seed, 12);
        switch (test_random_below(&seed, 5)) {
        case 0: {
            for (size_t i = 0; i < len; i++)
                bytes[i] = (uint8_t)test_random(&seed);
            if (end + len > CAP) {
                memmove(model, model + start, end - start);
                end -= start;
                start = 0;
            }
            const size_t done = fa_tcp_queue_write(&queue, &pool, bytes, len, 5);
            assert_true(done <= len && done + 4096 * 5 + 4096 > len);
            memcpy(model + end, bytes, done);
            end += done;
            break;
        }
        case 1: {
            const size_t done = fa_tcp_queue_read(&queue, bytes, len);
            assert_int_equal(done, len < end - start ? len : end - start);
            assert_memory_equal(bytes, model + start, done);
            start += done;
            break;
        }
        case 2: {
            const size_t n = len < end - start ? len : end - start;
            fa_tcp_queue_drop(&queue, n);
            start += n;
            break;
        }
        case 3: {
            const size_t offset = test_random_below(&seed, end - start + 1);
            const size_t n = len < end - start - offset ? len : end - start - offset;
            fa_tcp_queue_copy(&queue, offset, bytes, n);
            assert_memory_equal(bytes, model + start + offset, n);
            break;
        }
        default: {
            const size_t offset = test_random_below(&seed, end - start + 1);
            const size_t n = len < end - start - offset ? len : end - start - offset;
            fa_packet *packet = fa_packet_alloc_empty(&pool);
            assert_non_null(packet);
            const size_t done = fa_tcp_queue_refer(&queue, offset, n, packet);
            assert_true(done == n && packet->len == n);
            assert_true(fa_packet_copy(packet, 0, bytes, n));
            assert_memory_equal(bytes, model + start + offset, n);
            fa_packet_free(packet);
            break;
        }
        }
        assert_int_equal(queue.len, end - start);
        if (start == end)
            assert_true(queue.count == 0 && queue.ring == NULL);
    }
    fa_tcp_queue_free(&queue);
    fa_packet_pool_free(&pool);
}

/* Bytes are not written behind a range when another one has what is there. */
static void queue_shared_pages(void **state)
{
    (void)state;
    fa_packet_pool pool;
    fa_tcp_queue queue = {0};
    assert_int_equal(fa_packet_pool_init(&pool, 4), FA_OK);
    assert_false(fa_tcp_queue_fits(&queue, 1));
    fa_packet_page *page = fa_packet_page_alloc(&pool);
    assert_true(fa_tcp_queue_add(&queue, (fa_packet_segment){page, 100, 1000}));
    assert_false(fa_tcp_queue_fits(&queue, 1)); /* ours and the queue's */
    fa_packet_page_release(page);
    assert_true(fa_tcp_queue_fits(&queue, 4096 - 1100));
    assert_false(fa_tcp_queue_fits(&queue, 4096 - 1099));
    fa_tcp_queue_free(&queue);
    fa_packet_pool_free(&pool);
}

static void round_trips(void **state)
{
    (void)state;
    fa_tcp tcp = {0};
    fa_tcp_rtt_sample(&tcp, 100); /* RFC 6298, 2.2 */
    assert_true(tcp.srtt_x8 == 800 && tcp.rttvar_x4 == 200 && tcp.rto_ms == 300);
    fa_tcp_rtt_sample(&tcp, 200); /* 2.3: RTTVAR 3/4 50 + 1/4 100, SRTT 7/8 100 + 1/8 200 */
    assert_true(tcp.rttvar_x4 == 250 && tcp.srtt_x8 == 900 && tcp.rto_ms == 112 + 250);
    for (unsigned i = 0; i < 100; i++)
        fa_tcp_rtt_sample(&tcp, 0);
    assert_int_equal(tcp.rto_ms, FA_TCP_RTO_MIN_MS);
    fa_tcp_rtt_sample(&tcp, 4000000000u); /* nonsense is no sample */
    assert_int_equal(tcp.rto_ms, FA_TCP_RTO_MIN_MS);
    for (unsigned i = 0; i < 100; i++)
        fa_tcp_rtt_sample(&tcp, 119000);
    assert_int_equal(tcp.rto_ms, FA_TCP_RTO_MAX_MS);
}

/* The scoreboard and a map of sequence numbers hold the same, across their end. */
static void scoreboard(void **state)
{
    (void)state;
    enum { SPAN = 60 };
    uint64_t seed = TEST_SEED;
    for (unsigned round = 0; round < 300; round++) {
        bool map[SPAN] = {false};
        const uint32_t una = 0u - 20;
        fa_tcp tcp = {.snd_una = una, .snd_max = una + SPAN, .mss = 1};
        for (unsigned i = 0; i < 12; i++) {
            const uint32_t from = (uint32_t)test_random_below(&seed, SPAN);
            const uint32_t to = (uint32_t)test_random_below(&seed, SPAN + 10);
            fa_tcp_segment segment = {.acknowledgment = una};
            segment.options.sack_count = 1;
            segment.options.sack[0] = (fa_tcp_range){una + from, una + to};
            bool news = false;
            for (uint32_t at = from; to <= SPAN && at < to; at++) {
                news = news || !map[at];
                map[at] = true;
            }
            assert_int_equal(fa_tcp_sack_take(&tcp, &segment), news);
        }
        uint32_t next = 0;
        for (uint32_t i = 0; tcp.scoreboard != NULL && i < tcp.scoreboard->count; i++) {
            const fa_tcp_range range = tcp.scoreboard->ranges[i];
            for (; next < range.start - una; next++)
                assert_false(map[next]);
            for (; next < range.end - una; next++)
                assert_true(map[next]);
        }
        for (; next < SPAN; next++)
            assert_false(map[next]);
        fa_tcp_scoreboard_free(&tcp);
    }
}

static void scoreboard_full(void **state)
{
    (void)state;
    fa_tcp tcp = {.snd_una = 0, .snd_max = 100000, .mss = 1};
    fa_tcp_segment segment = {.acknowledgment = 0};
    segment.options.sack_count = 1;
    for (uint32_t i = 0; i < 3 * FA_TCP_SACK_RANGES_MAX; i++) {
        segment.options.sack[0] = (fa_tcp_range){90000 - i * 10, 90005 - i * 10};
        assert_true(fa_tcp_sack_take(&tcp, &segment));
        assert_true(tcp.scoreboard->count <= FA_TCP_SACK_RANGES_MAX);
    }
    assert_int_equal(tcp.scoreboard->ranges[0].start, 90000 - 10 * (3 * FA_TCP_SACK_RANGES_MAX - 1));
    segment.options.sack[0] = (fa_tcp_range){95000, 95001};
    assert_false(fa_tcp_sack_take(&tcp, &segment)); /* the highest is not kept */
    fa_tcp_scoreboard_free(&tcp);
}

/* Listeners, without anything that arrives. */
static void listeners(void **state)
{
    (void)state;
    fa_packet_pool pool;
    fa_tcp_listener *first, *second;
    assert_int_equal(fa_packet_pool_init(&pool, 8), FA_OK);
    fa_host *host = calloc(1, sizeof *host);
    assert_non_null(host);
    host->options.pool = &pool;
    host->options.random = random_bytes;
    fa_wheel_init(&host->wheel, 0);
    assert_int_equal(fa_tcp_init(host), FA_OK);
    assert_int_equal(fa_tcp_listen(host, 0, 0, &pool, &first), FA_OK);
    assert_int_equal(fa_tcp_listen(host, 0, 100000, NULL, &second), FA_OK);
    assert_true(fa_tcp_listener_port(first) >= FA_TCP_PORT_FIRST);
    assert_true(fa_tcp_listener_port(first) != fa_tcp_listener_port(second));
    assert_true(second->backlog == FA_TCP_BACKLOG_MAX && first->backlog == 1);
    assert_ptr_equal(fa_tcp_listener_user(first), &pool);
    assert_null(fa_tcp_accept(first, NULL));
    assert_null(fa_tcp_take_changed_listener(host));
    fa_tcp_unlisten(host, first);
    fa_tcp_free(host); /* the other one too */
    free(host);
    fa_packet_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequence_numbers), cmocka_unit_test(options),
        cmocka_unit_test(hash),             cmocka_unit_test(queue_like_an_array),
        cmocka_unit_test(queue_shared_pages), cmocka_unit_test(round_trips),
        cmocka_unit_test(scoreboard),       cmocka_unit_test(scoreboard_full),
        cmocka_unit_test(listeners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
