/* SPDX-License-Identifier: ISC */
/* Devices over devices, with a device in memory below: what pcap records is what passed, once; faults
 * do what they are told, in the same way for the same seed, and change nothing that others hold. */
#include "../../sdk/packet/faults.h"
#include "../../sdk/packet/pcap.h"
#include "test.h"
#include <fata/bytes.h>

#define PAGES 64u

/* The device below: what is sent comes back; it takes `room` packets at a time. */
typedef struct mirror {
    fa_netif netif;
    fa_packet_queue inside;
    unsigned room;
    bool closed;
} mirror;

static void mirror_transmit(fa_netif *netif, fa_packet_queue *queue)
{
    mirror *m = (mirror *)netif;
    for (unsigned i = 0; i < m->room && queue->count > 0; i++) {
        fa_packet_queue_add(&m->inside, fa_packet_queue_take(queue));
        netif->sent_packets++;
    }
}

static void mirror_receive(fa_netif *netif, fa_packet_queue *queue_out, unsigned max)
{
    mirror *m = (mirror *)netif;
    for (; max > 0 && m->inside.count > 0; max--)
        fa_packet_queue_add(queue_out, fa_packet_queue_take(&m->inside));
}

static bool mirror_arm(fa_netif *netif)
{
    return ((mirror *)netif)->inside.count > 0;
}

static void mirror_close(fa_netif *netif)
{
    ((mirror *)netif)->closed = true;
    fa_packet_queue_free(&((mirror *)netif)->inside);
}

static mirror new_mirror(unsigned room)
{
    static const fa_netif_ops ops = {mirror_transmit, mirror_receive, mirror_arm, mirror_close};
    return (mirror){.netif = {.ops = &ops, .name = "mirror", .mtu = 1500, .link_up = true}, .room = room};
}

static fa_packet *new_packet(fa_packet_pool *pool, uint8_t number)
{
    fa_packet *packet = fa_packet_alloc(pool);
    assert_non_null(packet);
    memset(fa_packet_append(packet, 100), number, 100);
    memcpy(packet->segments[0].page->bytes + FA_PACKET_HEADROOM + 12, "\x08\x00", 2);
    return packet;
}

static uint8_t file[1 << 16];
static size_t file_len;

static void write_file(void *user, const void *bytes, size_t len)
{
    assert_ptr_equal(user, file);
    memcpy(file + file_len, bytes, len);
    file_len += len;
}

static uint64_t now_ns;
static uint64_t wall_now(void)
{
    return now_ns;
}
static uint64_t now_of(void *user)
{
    return *(uint64_t *)user;
}

static void wake_count(void *arg)
{
    ++*(unsigned *)arg;
}

static void records(void **state)
{
    (void)state;
    fa_packet_pool pool;
    assert_int_equal(fa_packet_pool_init(&pool, PAGES), FA_OK);
    mirror m = new_mirror(2);
    fa_pcap pcap;
    unsigned woken = 0;
    file_len = 0;
    now_ns = 1700000000123456789;
    fa_pcap_init(&pcap, &m.netif, write_file, file, wall_now);
    assert_string_equal(pcap.netif.name, "mirror");
    pcap.netif.wake = wake_count;
    pcap.netif.wake_arg = &woken;
    m.netif.wake(m.netif.wake_arg);
    assert_int_equal(woken, 1);
    fa_packet_queue queue = {0}, received = {0};
    for (uint8_t i = 0; i < 5; i++)
        fa_packet_queue_add(&queue, new_packet(&pool, i));
    /* Five packets in three calls, as the device has room; each is recorded once. */
    pcap.netif.ops->transmit(&pcap.netif, &queue);
    assert_int_equal(queue.count, 3);
    pcap.netif.ops->transmit(&pcap.netif, &queue);
    fa_packet_queue_add(&queue, new_packet(&pool, 5));
    pcap.netif.ops->transmit(&pcap.netif, &queue);
    assert_int_equal(queue.count, 0);
    assert_int_equal(pcap.netif.sent_packets, 6);
    assert_int_equal(file_len, 24 + 6 * (16 + 100));
    assert_true(pcap.netif.ops->arm(&pcap.netif));
    pcap.netif.ops->receive(&pcap.netif, &received, 4);
    assert_int_equal(received.count, 4);
    assert_int_equal(file_len, 24 + 10 * (16 + 100));
    fa_reader reader = fa_reader_of(file, file_len);
    assert_int_equal(fa_read_le32(&reader), FA_PCAP_MAGIC_NS);
    assert_int_equal(fa_read_le16(&reader), 2);
    assert_int_equal(fa_read_le16(&reader), 4);
    fa_read_bytes(&reader, 12);
    assert_int_equal(fa_read_le32(&reader), FA_PCAP_ETHERNET);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(fa_read_le32(&reader), 1700000000);
        assert_int_equal(fa_read_le32(&reader), 123456789);
        assert_int_equal(fa_read_le32(&reader), 100);
        assert_int_equal(fa_read_le32(&reader), 100);
        assert_int_equal(fa_read_bytes(&reader, 100)[50], i % 6);
    }
    fa_packet_queue_free(&received);
    pcap.netif.ops->close(&pcap.netif);
    assert_true(m.closed);
    fa_packet_pool_free(&pool);
}

typedef struct outcome {
    unsigned count, in_order, whole;
    uint64_t hash;
    uint64_t end_ns;
} outcome;

/* Sends 200 packets, a millisecond apart, and says what came back. */
static outcome pass(const fa_faults_options *options)
{
    fa_packet_pool pool;
    assert_int_equal(fa_packet_pool_init(&pool, PAGES), FA_OK);
    mirror m = new_mirror(100);
    static fa_faults faults;
    fa_packet_queue queue = {0}, received = {0};
    outcome o = {.hash = 1};
    uint64_t clock_ns = FA_NS_PER_S;
    int last = -1;
    fa_faults_init(&faults, &m.netif, options, now_of, &clock_ns);
    for (unsigned i = 0; i < 300; i++) {
        fa_packet *kept = i < 200 ? new_packet(&pool, (uint8_t)i) : NULL;
        fa_packet_page *page = NULL;
        if (kept != NULL) {
            page = kept->segments[0].page;
            fa_packet_page_keep(page); /* as TCP does until it is acknowledged */
            fa_packet_queue_add(&queue, kept);
        }
        faults.netif.ops->transmit(&faults.netif, &queue);
        assert_int_equal(queue.count, 0);
        faults.netif.ops->receive(&faults.netif, &received, 100);
        for (fa_packet *packet; (packet = fa_packet_queue_take(&received)) != NULL;) {
            uint8_t bytes[100], expected[100];
            assert_true(fa_packet_copy(packet, 0, bytes, sizeof bytes));
            fa_packet_free(packet);
            memset(expected, bytes[0], sizeof expected);
            memcpy(expected + 12, "\x08\x00", 2);
            o.count++;
            o.in_order += (int)bytes[0] > last;
            o.whole += memcmp(bytes, expected, sizeof bytes) == 0;
            last = bytes[0];
            o.hash = o.hash * 31 + bytes[0] + clock_ns;
            o.end_ns = clock_ns;
        }
        if (page != NULL) {
            assert_int_equal(page->bytes[FA_PACKET_HEADROOM + 50], (uint8_t)i);
            fa_packet_page_release(page);
        }
        assert_true(fa_faults_next(&faults) > clock_ns);
        clock_ns += FA_NS_PER_MS;
    }
    assert_true(fa_faults_next(&faults) == FA_FOREVER);
    faults.netif.ops->close(&faults.netif);
    fa_packet_pool_free(&pool);
    return o;
}

static void faults(void **state)
{
    (void)state;
    outcome o = pass(&(fa_faults_options){.seed = 1});
    assert_int_equal(o.count, 200);
    assert_int_equal(o.in_order, 200);
    assert_int_equal(o.whole, 200);
    o = pass(&(fa_faults_options){.seed = 1, .drop_permille = 500});
    assert_in_range(o.count, 70, 130);
    o = pass(&(fa_faults_options){.seed = 1, .drop_permille = 1000});
    assert_int_equal(o.count, 0);
    o = pass(&(fa_faults_options){.seed = 1, .repeat_permille = 1000});
    assert_int_equal(o.count, 400);
    o = pass(&(fa_faults_options){.seed = 1, .damage_permille = 1000});
    assert_int_equal(o.count, 200);
    assert_int_equal(o.whole, 0);
    const uint64_t end_ns = FA_NS_PER_S + 199 * FA_NS_PER_MS;
    o = pass(&(fa_faults_options){.seed = 1, .delay_ns = 10 * FA_NS_PER_MS});
    assert_int_equal(o.in_order, 200);
    assert_int_equal(o.end_ns, end_ns + 10 * FA_NS_PER_MS);
    const fa_faults_options all = {.seed = 7, .drop_permille = 100, .repeat_permille = 100,
                                   .reorder_permille = 300, .damage_permille = 100,
                                   .delay_ns = FA_NS_PER_MS, .reorder_ns = 9 * FA_NS_PER_MS};
    o = pass(&all);
    assert_in_range(o.in_order, 50, o.count - 20);
    assert_true(pass(&all).hash == o.hash);
    fa_faults_options other = all;
    other.seed = 8;
    assert_true(pass(&other).hash != o.hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),
        cmocka_unit_test(faults),
    };
    return cmocka_run_group_tests_name("netif", tests, NULL, NULL);
}
