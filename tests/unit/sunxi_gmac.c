/* SPDX-License-Identifier: ISC */
/* The GMAC's driver against a controller and a PHY of the test's own: what arrives and is sent, waiting,
 * and the link. */
#include "gmac_dma.h"
#include "gmac_fake.h"
#include "host.h"
#include "test.h"

#define PAGES GMAC_FAKE_PAGES
#define SMALL_PAGES 8u
#define RING SUNXI_GMAC_RING

static int setup(void **state)
{
    (void)state;
    return setup_pages(PAGES);
}

static int setup_small(void **state)
{
    (void)state;
    return setup_pages(SMALL_PAGES);
}

static void starts(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    assert_int_equal(device.reset_count, 1);
    assert_int_equal(*at(CONFIG), 0xe80c); /* MII, 100, full duplex, both ways */
    assert_int_equal(*at(FLOW), 4);
    assert_int_equal(*at(FILTER), 0x10);
    assert_int_equal(*at(MAC_HIGH), 0x5544);
    assert_int_equal(*at(MAC_LOW), 0x33221102);
    assert_int_equal(*at(CONTROL), 0x02202006);
    assert_int_equal(*at(INT_ENABLE), 0);
    assert_int_equal(gmac.netif.features, 0);
    assert_true(gmac.netif.link_up);
    assert_memory_equal(gmac.netif.mac, station, 6);
    assert_int_equal(pool.free_page_count, PAGES - PAGES / 4);
    assert_int_equal(try_open(), FA_EBUSY);
}

static void finds_its_phy(void **state)
{
    (void)state;
    memset(device.phy, 0xff, sizeof device.phy);
    plug(31, 0x01e1);
    device.phy[31][0] = 0x0800; /* powered down */
    assert_int_equal(try_open(), FA_OK);
    assert_int_equal(gmac.phy.address, 31);
    assert_int_equal(device.phy[31][0], 0x1200);
}

static void receives_every_length(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    for (size_t len = 64; len <= 1536; len++) {
        assert_true(arrive(len, (uint8_t)len, 0));
        fa_packet_queue queue = receive(4);
        assert_int_equal(queue.count, 1);
        assert_int_equal(queue.first->len, len - 4);
        assert_int_equal(queue.first->segment_count, 1); /* where it came to lie */
        assert_int_equal(queue.first->checksum, FA_PACKET_UNCHECKED);
        for (size_t i = 0; i < len - 4; i++)
            assert_int_equal(queue.first->segments[0].page->bytes[i], (uint8_t)(len + i));
        fa_packet_queue_free(&queue);
    }
    assert_int_equal(gmac.netif.received_packets, 1473);
    assert_int_equal(gmac.netif.dropped_packets, 0);
}

static void knows_of_checksums(void **state)
{
    (void)state;
    *at(FEATURES) = 1u << 16 | 1u << 18;
    assert_int_equal(try_open(), FA_OK);
    assert_int_equal(gmac.netif.features, FA_NETIF_CHECKSUM);
    assert_int_equal(*at(CONFIG) & 0x400, 0x400);
    static const uint32_t unsure[] = {0, 0x01, 0x80, 0x81, 0x21, 0xa0, 0xa1};
    arrive(64, 1, 0x20);
    for (size_t i = 0; i < FA_ARRAY_COUNT(unsure); i++)
        arrive(64, 1, unsure[i]);
    fa_packet_queue queue = receive(20);
    assert_int_equal(queue.count, 1 + FA_ARRAY_COUNT(unsure));
    for (const fa_packet *packet = queue.first; packet != NULL; packet = packet->next)
        assert_int_equal(packet->checksum, packet == queue.first ? FA_PACKET_VERIFIED : FA_PACKET_UNCHECKED);
    fa_packet_queue_free(&queue);
    fa_packet *packet = packet_of(40, 20);
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_start = 30;
    packet->checksum_offset = 6;
    fa_packet_queue_add(&queue, packet);
    fa_packet_queue_add(&queue, packet_of(20, 20));
    gmac.netif.ops->transmit(&gmac.netif, &queue);
    assert_int_equal(device.sent_count, 2);
    assert_int_equal(device.checksum_count, 1);
}

static void completes_checksums(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    fa_packet_queue queue = {0};
    fa_packet *packet = packet_of(20, 40); /* the field is moved into the first segment */
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_start = 30;
    packet->checksum_offset = 6;
    fa_packet_queue_add(&queue, packet);
    gmac.netif.ops->transmit(&gmac.netif, &queue);
    assert_int_equal(device.sent_count, 1);
    assert_int_equal(device.checksum_count, 0);
    assert_int_equal(device.sent_len, 60);
    assert_int_equal(fa_checksum_fold(fa_checksum_add(0, device.sent + 30, 30)), 36 << 8 | 37);
}

static void a_ring_that_is_full(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    const unsigned posted = PAGES / 4;
    for (unsigned i = 0; i < posted; i++)
        assert_true(arrive(64, (uint8_t)i, 0));
    assert_false(arrive(64, 99, 0));
    const unsigned demands = device.demand_count;
    fa_packet_queue queue = receive(10);
    assert_int_equal(queue.count, 10);
    assert_int_equal(device.demand_count, demands + 1);
    for (unsigned i = 0; i < 10; i++)
        assert_true(arrive(64, (uint8_t)(posted + i), 0));
    fa_packet_queue rest = receive(2 * posted);
    assert_int_equal(rest.count, posted);
    fa_packet_queue_move(&queue, &rest);
    unsigned value = 0;
    for (fa_packet *packet = queue.first; packet != NULL; packet = packet->next)
        assert_int_equal(fa_packet_head(packet, 1)[0], value++);
    assert_int_equal(value, posted + 10);
    fa_packet_queue_free(&queue);
}

static void waits_for_pages(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK); /* with two pages to receive into */
    fa_packet *hoard[SMALL_PAGES];
    unsigned count = 0;
    while (pool.free_page_count > 0)
        hoard[count++] = fa_packet_alloc(&pool);
    assert_true(arrive(64, 1, 0) && arrive(64, 2, 0) && !arrive(64, 3, 0));
    fa_packet_queue queue = receive(10);
    assert_int_equal(queue.count, 2);
    assert_false(gmac.netif.ops->arm(&gmac.netif));
    assert_int_equal(wake_count, 0);
    fa_packet_free(hoard[--count]);
    assert_int_equal(wake_count, 1);
    assert_int_equal(receive_and_free(10), 0);
    assert_true(arrive(64, 4, 0));
    assert_int_equal(receive_and_free(10), 1);
    while (count > 0)
        fa_packet_free(hoard[--count]);
    fa_packet_queue_free(&queue);
}

/* Pages that are being sent come back when that is done, which it tells then. */
static void waits_for_pages_that_are_sent(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    assert_int_equal(transmit(1), 0); /* which tells as the ring's first */
    assert_int_equal(receive_and_free(10), 0);
    device.sends_late = true;
    assert_int_equal(transmit(3), 0);
    assert_true(arrive(64, 1, 0) && arrive(64, 2, 0));
    fa_packet_queue queue = receive(10);
    assert_int_equal(pool.free_page_count, 0);
    assert_false(gmac.netif.ops->arm(&gmac.netif));
    run_sending();
    assert_true(has_interrupt());
    sunxi_gmac_interrupt(&gmac);
    assert_int_equal(wake_count, 1);
    assert_int_equal(receive_and_free(10), 0);
    assert_true(arrive(64, 3, 0) && arrive(64, 4, 0));
    fa_packet_queue_free(&queue);
}

static void sends_every_shape(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    unsigned count = 0;
    for (size_t first = 0; first <= 1514; first += first < 70 ? 1 : 111) {
        for (size_t second = first == 0; second <= 1514 - first; second += second < 20 ? 1 : 333) {
            fa_packet_queue queue = {0};
            fa_packet_queue_add(&queue, packet_of(first, second));
            gmac.netif.ops->transmit(&gmac.netif, &queue);
            assert_null(queue.first);
            assert_int_equal(device.sent_count, ++count);
            assert_int_equal(device.sent_len, first + second);
            for (size_t i = 0; i < first + second; i++)
                assert_int_equal(device.sent[i], (uint8_t)i);
        }
    }
    assert_int_equal(gmac.netif.sent_packets, count);
    fa_packet_queue queue = {0};
    fa_packet_queue_add(&queue, packet_of(1000, 515));
    fa_packet_queue_add(&queue, fa_packet_alloc_empty(&pool));
    gmac.netif.ops->transmit(&gmac.netif, &queue);
    assert_int_equal(device.sent_count, count);
    assert_int_equal(gmac.netif.dropped_packets, 2);
    device.sends_badly = true;
    assert_int_equal(transmit(2), 0);
    receive_and_free(1);
    assert_int_equal(gmac.netif.dropped_packets, 4);
}

static void waits_for_room(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    device.sends_late = true;
    assert_int_equal(transmit(RING / 2 + 3), 3);
    assert_false(gmac.netif.ops->arm(&gmac.netif));
    assert_false(has_interrupt());
    run_sending();
    assert_int_equal(device.sent_count, RING / 2);
    assert_true(has_interrupt());
    sunxi_gmac_interrupt(&gmac);
    assert_int_equal(wake_count, 1);
    assert_int_equal(transmit(RING / 2 + 1), 1);
    run_sending();
    assert_true(gmac.netif.ops->arm(&gmac.netif)); /* there is room by now */
    assert_false(has_interrupt());
    assert_int_equal(gmac.netif.dropped_packets, 0);
}

static void misses_no_frame(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    arrive(64, 1, 0);
    assert_true(gmac.netif.ops->arm(&gmac.netif));
    assert_int_equal(*at(INT_ENABLE), 0);
    assert_int_equal(receive_and_free(10), 1);
    assert_false(gmac.netif.ops->arm(&gmac.netif));
    assert_false(has_interrupt());
    arrive(64, 1, 0);
    assert_true(has_interrupt());
    sunxi_gmac_interrupt(&gmac);
    sunxi_gmac_interrupt(&gmac);
    assert_int_equal(wake_count, 1);
    assert_false(has_interrupt());
    assert_int_equal(receive_and_free(10), 1);
}

static void follows_the_link(void **state)
{
    (void)state;
    assert_int_equal(try_open_until(true, FA_FOREVER), FA_OK);
    plug(1, 0);
    pass_time(FA_NS_PER_S / 10); /* not at once */
    assert_true(gmac.netif.link_up);
    pass_time(FA_NS_PER_S);
    assert_false(gmac.netif.link_up);
    static const struct {
        uint16_t partner;
        uint32_t config, flow;
    } modes[] = {{0x0021, 0xa00c, 0}, {0x0061, 0xa80c, 4}, {0x00a1, 0xe00c, 0}, {0x01e1, 0xe80c, 4}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(modes); i++) {
        plug(1, modes[i].partner);
        pass_time(FA_NS_PER_S);
        assert_true(gmac.netif.link_up);
        assert_int_equal(*at(CONFIG), modes[i].config);
        assert_int_equal(*at(FLOW), modes[i].flow);
    }
    plug_gigabit(1, 0x0300, 0x0c00);
    pass_time(FA_NS_PER_S);
    assert_int_equal(*at(CONFIG), 0x280c);
    plug_gigabit(1, 0x0300, 0x0400);
    pass_time(FA_NS_PER_S);
    assert_int_equal(*at(CONFIG), 0x200c); /* half duplex */
    plug_gigabit(1, 0x0200, 0x0400);
    pass_time(FA_NS_PER_S);
    assert_int_equal(*at(CONFIG), 0xe80c); /* not the same */
    device.phy[1][0] = 0x0140; /* by order */
    pass_time(FA_NS_PER_S);
    assert_int_equal(*at(CONFIG), 0x280c);
}

static void offers_what_its_wires_can_do(void **state)
{
    (void)state;
    plug_gigabit(1, 0x0300, 0x0c00);
    assert_int_equal(try_open(), FA_OK);
    assert_int_equal(device.phy[1][9], 0);
    assert_int_equal(device.phy[1][0], 0x1200);
    assert_int_equal(*at(CONFIG), 0xe80c);
    gmac.netif.ops->close(&gmac.netif);
    plug_gigabit(1, 0x0300, 0x0c00);
    assert_int_equal(try_open_until(true, FA_FOREVER), FA_OK);
    assert_int_equal(device.phy[1][0], 0x1000);
    assert_int_equal(*at(CONFIG), 0x280c);
}

static void closes(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    device.sends_late = true;
    assert_int_equal(transmit(3), 0);
    assert_false(gmac.netif.ops->arm(&gmac.netif));
    gmac.netif.ops->close(&gmac.netif);
    assert_int_equal(*at(CONTROL) | *at(INT_ENABLE), 0);
    assert_int_equal(gmac_dma_count, 0);
    assert_int_equal(pool.free_page_count, PAGES);
    sunxi_gmac_interrupt(&gmac);
    assert_int_equal(wake_count, 0);
}

/* Frames in both directions, at any time and in any number, are all there and in order; now and then
 * the controller starts anew, and what it had is lost. */
#define STEPS 30000u
static uint32_t sent_next, made_next, received_next, arrived_next;

static size_t len_of(uint32_t number)
{
    return 64 + number * 37 % 1455;
}

static void check_sent(void)
{
    uint32_t number;
    memcpy(&number, device.sent, sizeof number);
    assert_int_equal(number, sent_next++);
    assert_int_equal(device.sent_len, 8 + number % 90);
}

static void send_some(unsigned count)
{
    fa_packet_queue queue = {0};
    for (unsigned i = 0; i < count && pool.free_page_count > PAGES / 4; i++) {
        fa_packet *packet = packet_of(8, made_next % 90);
        memcpy(packet->segments[0].page->bytes + packet->segments[0].offset, &made_next, sizeof made_next);
        fa_packet_queue_add(&queue, packet);
        made_next++;
    }
    gmac.netif.ops->transmit(&gmac.netif, &queue);
    made_next -= queue.count;
    fa_packet_queue_free(&queue);
}

static void receive_some(unsigned max, fa_packet_queue *kept)
{
    const unsigned resets = device.reset_count;
    fa_packet_queue queue = receive(max);
    for (const fa_packet *packet = queue.first; packet != NULL; packet = packet->next, received_next++) {
        assert_int_equal(packet->len, len_of(received_next) - 4);
        assert_int_equal(packet->segments[0].page->bytes[0], (uint8_t)received_next);
    }
    fa_packet_queue_move(kept, &queue);
    if (device.reset_count == resets)
        return;
    received_next = arrived_next;
    sent_next = made_next;
}

static void keeps_everything_in_order(void **state)
{
    (void)state;
    uint64_t seed = 7;
    fa_packet_queue kept = {0};
    sent_next = made_next = received_next = arrived_next = 0;
    assert_int_equal(try_open(), FA_OK);
    device.frame_was_sent = check_sent;
    for (unsigned step = 0; step < STEPS; step++) {
        device.sends_late = test_random_below(&seed, 2) == 0;
        switch (test_random_below(&seed, 6)) {
        case 0:
            send_some((unsigned)test_random_below(&seed, 40));
            break;
        case 1:
            run_sending();
            break;
        case 2:
            for (size_t i = test_random_below(&seed, 30); i > 0; i--)
                arrived_next += arrive(len_of(arrived_next), (uint8_t)arrived_next, 0);
            break;
        case 3:
            receive_some((unsigned)test_random_below(&seed, 70), &kept);
            break;
        case 4:
            (void)gmac.netif.ops->arm(&gmac.netif);
            break;
        default:
            fa_packet_queue_free(&kept);
            *at(STATUS) |= test_random_below(&seed, 50) == 0 ? BUS_ERROR : 0;
            break;
        }
        if (has_interrupt())
            sunxi_gmac_interrupt(&gmac);
    }
    receive_some(UINT32_MAX, &kept);
    run_sending();
    assert_true(made_next > STEPS && arrived_next > STEPS && device.reset_count > 10 && wake_count > 100);
    assert_int_equal(received_next, arrived_next);
    assert_int_equal(sent_next, made_next);
    fa_packet_queue_free(&kept);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define SMALL_TEST(name) cmocka_unit_test_setup_teardown(name, setup_small, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(starts), TEST(finds_its_phy), TEST(receives_every_length), TEST(knows_of_checksums),
        TEST(completes_checksums), TEST(a_ring_that_is_full), SMALL_TEST(waits_for_pages),
        SMALL_TEST(waits_for_pages_that_are_sent), TEST(sends_every_shape), TEST(waits_for_room),
        TEST(misses_no_frame), TEST(follows_the_link), TEST(offers_what_its_wires_can_do), TEST(closes), TEST(keeps_everything_in_order),
    };
    return cmocka_run_group_tests_name("sunxi_gmac", tests, NULL, NULL);
}
