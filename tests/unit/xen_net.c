/* SPDX-License-Identifier: ISC */
/* Xen's network device against a back end that keeps the rules, comes and goes. */
#include "xen_net.h"

static fa_packet_queue receive(unsigned max)
{
    fa_packet_queue queue = {0};
    netif->ops->receive(netif, &queue, max);
    return queue;
}

static bool put(size_t len)
{
    static uint8_t bytes[NETBACK_FRAME_MAX];
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i / 7);
    return netback_put(bytes, len, 0, 4096, 0, 0);
}

static void opens(void **state)
{
    (void)state;
    static const uint8_t mac[6] = {0, 0x16, 0x3e, 0x0a, 0xbc, 0xff};
    assert_int_equal(try_open(SOON), FA_ENOENT);
    open();
    assert_string_equal(netif->name, "netfront");
    assert_memory_equal(netif->mac, mac, 6);
    assert_int_equal(netif->mtu, 1500);
    assert_true(netif->link_up);
    assert_int_equal(netif->features, FA_NETIF_CHECKSUM | FA_NETIF_TSO4);
    assert_int_equal(pool.free_page_count, PAGES - SHARE);
    assert_int_equal(fake_given(), SHARE + 2);
    assert_int_equal(netback_front_state(), 4);
    assert_int_not_equal(back.send_port, back.receive_port);
    assert_string_equal(fake_store_get(NETBACK_FRONT "/feature-rx-notify"), "1");
    assert_string_equal(fake_store_get(NETBACK_FRONT "/feature-sg"), "1");
    assert_string_equal(fake_store_get(NETBACK_FRONT "/feature-gso-tcpv4"), "1");
    fa_netif *other;
    assert_int_equal(xen_netfront_open(0, &pool, &other, SOON), FA_EBUSY);
    assert_int_equal(xen_netfront_open(1, &pool, &other, SOON), FA_ENOENT);
    assert_int_equal(xen_netfront_open(XEN_NETFRONT_MAX, &pool, &other, SOON), FA_ELIMIT);
    close_all();
}

static void opens_again(void **state)
{
    (void)state;
    open();
    for (unsigned i = 0; i < 3; i++) {
        netif->ops->close(netif);
        assert_int_equal(pool.free_page_count, PAGES);
        assert_int_equal(try_open(SOON), FA_OK);
        assert_true(netif->link_up);
    }
    close_all();
}

static fa_err other_err;

static void open_too(void *arg)
{
    (void)arg;
    other_err = try_open(SOON);
}

/* Two who wait for the end of one that was closed: one of them gets it, the other does not wait for the
 * end of that. */
static void opened_by_two(void **state)
{
    (void)state;
    open();
    netif->ops->close(netif);
    fa_scope scope;
    fa_scope_open(&scope);
    assert_int_equal(fa_scope_spawn(&scope, "other", open_too, NULL), FA_OK);
    const uint64_t start_ns = fa_clock_mono_ns();
    const fa_err err = try_open(SOON);
    assert_int_equal(fa_scope_wait(&scope, SOON), FA_OK);
    fa_scope_close(&scope);
    assert_int_equal(err == FA_OK ? other_err : err, FA_EBUSY);
    assert_true(err == FA_OK || other_err == FA_OK);
    assert_true(fa_clock_mono_ns() - start_ns < FA_NS_PER_S);
    close_all();
}

/* What says nothing sensible is told of, and gets something usual. */
static void odd_values(void **state)
{
    (void)state;
    static const char *const macs[] = {"00:16:3e:0a:bc", "00:16:3e:0a:bc:fg", "01:16:3e:0a:bc:ff",
                                       "00-16-3e-0a-bc-ff", "00:16:3e:0a:bc:ff:00", ""};
    static const char *const mtus[] = {"67", "9001", "-1", "", "many"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(macs); i++) {
        netback_attach();
        fake_store_set(NETBACK_FRONT "/mac", macs[i]);
        fake_store_set(NETBACK_FRONT "/mtu", mtus[i % FA_ARRAY_COUNT(mtus)]);
        assert_int_equal(try_open(SOON), FA_OK);
        assert_int_equal(netif->mac[0] & 3, 2);
        assert_int_equal(netif->mtu, 1500);
        close_all();
    }
}

static void sends(void **state)
{
    (void)state;
    open();
    for (unsigned round = 0; round < 500; round++) { /* round the ring */
        transmit_one(new_packet(1 + round % FA_PACKET_SEGMENTS_MAX, 1000));
        assert_true(netback_take(&frame));
        assert_int_equal(frame.parts, 1 + round % FA_PACKET_SEGMENTS_MAX);
        assert_int_equal(frame.len, frame.parts * 1000);
        assert_int_equal(frame.flags & ~NETIF_SEND_MORE_DATA, 0);
        for (unsigned i = 0; i < frame.parts; i++) {
            assert_int_equal(frame.bytes[1000 * i], 0x60 + i);
            assert_int_equal(frame.bytes[1000 * i + 999], 0x60 + i);
        }
    }
    (void)receive(1);
    assert_int_equal(pool.free_page_count, PAGES - SHARE);
    assert_int_equal(netif->sent_packets, 500);
    assert_false(netback_take(&frame));
    close_all();
}

static void sends_to_be_cut(void **state)
{
    (void)state;
    open();
    fa_packet *packet = new_packet(FA_PACKET_SEGMENTS_MAX, 1000);
    packet->segments[3].len = 0; /* a part without bytes is none */
    packet->len -= 1000;
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_start = 34;
    packet->checksum_offset = 16;
    packet->segment_payload_bytes = 1448;
    packet->header_bytes = 66;
    transmit_one(packet);
    assert_true(netback_take(&frame));
    assert_int_equal(frame.parts, FA_PACKET_SEGMENTS_MAX - 1);
    assert_int_equal(frame.flags, NETIF_SEND_CSUM_BLANK | NETIF_SEND_DATA_VALIDATED |
                                      NETIF_SEND_EXTRA_INFO | NETIF_SEND_MORE_DATA);
    assert_int_equal(frame.extra.type, NETIF_EXTRA_GSO);
    assert_int_equal(frame.extra.flags, 0);
    assert_int_equal(frame.extra.gso_size, 1448);
    assert_int_equal(frame.extra.gso_type, NETIF_GSO_TCPV4);
    (void)receive(1);
    assert_int_equal(pool.free_page_count, PAGES - SHARE);
    transmit_one(new_packet(1, 60)); /* comes back when the device is closed */
    transmit_one(new_packet(1, 13)); /* too short, too long */
    transmit_one(new_packet(17, 3900));
    assert_int_equal(netif->dropped_packets, 2);
    close_all();
}

/* A page that is in other packets, too: it is granted twice at a time. */
static void sends_shared_pages(void **state)
{
    (void)state;
    open();
    fa_packet *packet = new_packet(1, 1000);
    fa_packet_page *page = packet->segments[0].page;
    fa_packet_page_keep(page);
    transmit_one(packet);
    assert_int_equal(page->users, 2);
    packet = fa_packet_alloc_empty(&pool);
    assert_int_equal(fa_packet_append_page(packet, page, 0, 500), FA_OK);
    transmit_one(packet);
    assert_true(netback_take(&frame) && netback_take(&frame));
    assert_int_equal(frame.len, 500);
    (void)receive(1);
    assert_int_equal(page->users, 1);
    fa_packet_page_release(page);
    close_all();
}

static void receives(void **state)
{
    (void)state;
    static uint8_t bytes[65535];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i / 100);
    open();
    for (unsigned round = 0; round < 300; round++) {
        static const size_t lens[] = {14, 60, 1514, 4096, 4097, 9014, 65535};
        const size_t len = lens[round % FA_ARRAY_COUNT(lens)];
        const unsigned extras = round % 3;
        const uint16_t flags = round % 4;
        assert_true(netback_put(bytes, len, flags, 4000, 96, extras));
        netback_push();
        fa_packet_queue queue = receive(64);
        assert_int_equal(queue.count, 1);
        fa_packet *packet = fa_packet_queue_take(&queue);
        assert_int_equal(packet->len, len);
        assert_int_equal(packet->checksum, flags == 0 ? FA_PACKET_UNCHECKED : FA_PACKET_VERIFIED);
        static uint8_t copy[sizeof bytes];
        assert_true(fa_packet_copy(packet, 0, copy, len));
        assert_memory_equal(copy, bytes, len);
        fa_packet_free(packet);
        (void)receive(1);
        assert_int_equal(pool.free_page_count, PAGES - SHARE);
        assert_int_equal(fake_given(), SHARE + 2);
    }
    assert_int_equal(netif->received_packets, 300);
    assert_int_equal(netif->dropped_packets, 0);
    close_all();
}

/* Batches, and packets of which a part has come. */
static void receives_in_parts(void **state)
{
    (void)state;
    open();
    for (unsigned i = 0; i < 30; i++)
        assert_true(put(100 + i));
    netback_push();
    fa_packet_queue queue = receive(20);
    assert_int_equal(queue.count, 20);
    fa_packet_queue_free(&queue);
    queue = receive(20);
    assert_int_equal(queue.count, 10);
    fa_packet_queue_free(&queue);
    assert_true(put(9000));
    netback_push_some(2);
    queue = receive(20);
    assert_int_equal(queue.count, 0);
    netback_push_some(1);
    queue = receive(20);
    assert_int_equal(queue.count, 1);
    assert_int_equal(queue.first->len, 9000);
    fa_packet_queue_free(&queue);
    close_all();
}

/* What the back end has written is ours alone by the time that anybody looks at it. */
static void received_pages_are_not_granted(void **state)
{
    (void)state;
    netif_receive_request request;
    open();
    assert_true(put(100));
    netback_push();
    fa_packet_queue queue = receive(1);
    assert_int_equal(queue.count, 1);
    assert_int_equal(fake_given(), SHARE + 2); /* the ones that took their places are */
    fa_packet_queue_free(&queue);
    /* One that is still mapped when its answer comes is not looked at. */
    assert_true(netback_request(&request));
    assert_non_null(fake_map(request.ref, true));
    netback_answer((netif_receive_answer){request.id, 0, 0, 60});
    netback_push();
    queue = receive(1);
    assert_int_equal(queue.count, 0);
    assert_int_equal(netif->dropped_packets, 1);
    assert_int_equal(xen_grants_counted().kept, 1);
    assert_true(netif->link_up);
    fake_unmap(request.ref);
    assert_int_equal(xen_grants_retry(), 0);
    close_all();
}

static void errors_and_runts_are_dropped(void **state)
{
    (void)state;
    static const int16_t statuses[] = {-1, -2, 0, 13};
    netif_receive_request request;
    open();
    for (size_t i = 0; i < FA_ARRAY_COUNT(statuses); i++) {
        assert_true(netback_request(&request));
        netback_answer((netif_receive_answer){request.id, 0, 0, statuses[i]});
    }
    for (unsigned i = 0; i < 25; i++) { /* more parts than a packet has */
        assert_true(netback_request(&request));
        netback_answer((netif_receive_answer){
            request.id, 0, i < 24 ? NETIF_RECEIVE_MORE_DATA : 0, 100});
    }
    assert_true(put(60));
    netback_push();
    fa_packet_queue queue = receive(64);
    assert_int_equal(queue.count, 1);
    assert_int_equal(netif->dropped_packets, 5);
    fa_packet_queue_free(&queue);
    assert_true(netif->link_up);
    close_all();
}

static void full(void **state)
{
    (void)state;
    open();
    fa_packet_queue queue = {0};
    fa_packet_page *page = fa_packet_page_alloc(&pool);
    for (unsigned i = 0; i < PAGES - SHARE; i++) {
        fa_packet *packet = fa_packet_alloc_empty(&pool);
        for (unsigned k = 0; k < 2; k++)
            assert_int_equal(fa_packet_append_page(packet, page, 0, 100), FA_OK);
        fa_packet_queue_add(&queue, packet);
    }
    const unsigned notified = fake.notified[back.send_port];
    netif->ops->transmit(netif, &queue);
    assert_int_equal(queue.count, PAGES - SHARE - 127); /* room for extra information is kept */
    assert_int_equal(fake.notified[back.send_port], notified + 1);
    assert_false(netif->ops->arm(netif));
    while (wake_count == 0) {
        assert_true(netback_take(&frame));
        xen_events_poll();
    }
    assert_int_equal(back.send_taken, 128); /* half of them */
    netif->ops->transmit(netif, &queue);
    assert_int_equal(queue.count, 0);
    fa_packet_page_release(page);
    close_all();
}

static void wakes_once(void **state)
{
    (void)state;
    open();
    assert_true(put(60));
    netback_push();
    xen_events_poll();
    assert_int_equal(wake_count, 0); /* not armed */
    assert_true(netif->ops->arm(netif));
    fa_packet_queue queue = receive(64);
    fa_packet_queue_free(&queue);
    assert_false(netif->ops->arm(netif));
    for (unsigned i = 0; i < 3; i++) {
        assert_true(put(60));
        netback_push();
        xen_events_poll();
        assert_int_equal(wake_count, 1);
    }
    queue = receive(64);
    assert_int_equal(queue.count, 3);
    fa_packet_queue_free(&queue);
    close_all();
}

static void woken_by_pages(void **state)
{
    (void)state;
    open();
    fa_packet_queue others = {0}, kept = {0};
    for (fa_packet *packet; (packet = fa_packet_alloc(&pool)) != NULL;)
        fa_packet_queue_add(&others, packet);
    for (unsigned i = 0; i < SHARE; i++)
        assert_true(put(60));
    netback_push();
    netif->ops->receive(netif, &kept, SHARE);
    assert_int_equal(kept.count, SHARE);
    assert_false(put(60));
    assert_false(netif->ops->arm(netif));
    fa_packet_queue_free(&kept);
    assert_int_equal(wake_count, 1);
    fa_packet_queue_free(&others);
    (void)receive(1);
    assert_int_equal(fake_given(), SHARE + 2);
    close_all();
}

static void carrier(void **state)
{
    (void)state;
    netback_attach();
    netback_set("carrier", "0");
    assert_int_equal(try_open(SOON), FA_OK);
    assert_false(netif->link_up);
    (void)receive(1);
    assert_false(netif->ops->arm(netif));
    netback_set("carrier", "1");
    world_settle();
    assert_int_equal(wake_count, 1);
    assert_true(netif->link_up);
    assert_true(netif->ops->arm(netif)); /* news */
    (void)receive(1);
    netback_set("carrier", "0");
    world_settle();
    assert_false(netif->link_up);
    close_all();
}

/* Detached and attached under traffic, again and again: whatever was on its way, nothing is left. */
static void comes_and_goes(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED;
    open();
    const unsigned watches = fake_store_watches();
    for (unsigned cycle = 0; cycle < 1000; cycle++) {
        const unsigned packets = (unsigned)test_random_below(&seed, 8);
        assert_true(netif->link_up);
        back.holds = cycle % 3 == 1;
        back.keeps_ring = cycle % 5 == 1;
        for (unsigned i = 0; i < packets; i++) {
            transmit_one(new_packet(1 + i, 1000));
            if (test_random_below(&seed, 2))
                assert_true(netback_take(&frame));
            assert_true(put(3000));
        }
        netback_push();
        fa_packet_queue queue = receive((unsigned)test_random_below(&seed, 8));
        (void)netif->ops->arm(netif);
        wake_count = 0;
        netback_detach();
        world_settle();
        assert_false(netif->link_up);
        assert_int_equal(netback_front_state(), 0);
        assert_true(back.send == NULL);
        fa_packet_queue_free(&queue);
        transmit_one(new_packet(1, 60)); /* to nowhere */
        if (back.holds || back.keeps_ring) {
            netback_let_go();
            fa_sleep(fa_after_s(3));
        }
        expect_nothing_left();
        assert_int_equal(fake_store_nodes(), 0);
        netback_attach();
        world_settle();
        assert_int_equal(fake_store_watches(), watches);
    }
    transmit_one(new_packet(1, 60));
    assert_true(netback_take(&frame));
    close_all();
}

/* Gone and come again before anybody has looked; and a back end that begins anew without a word. */
static void comes_again_at_once(void **state)
{
    (void)state;
    open();
    for (unsigned i = 0; i < 10; i++) {
        fake_store_set(NETBACK_FRONT, NULL);
        fake_store_set(NETBACK_BACK, NULL);
        netback_let_go();
        fake_unmap(back.refs[0]);
        fake_unmap(back.refs[1]);
        netback_attach();
        world_settle();
        fa_sleep(fa_after_s(3));
        assert_true(netif->link_up);
        assert_int_equal(fake_given(), SHARE + 2);
        fake_unmap(back.refs[0]);
        fake_unmap(back.refs[1]);
        back.is_lazy = true;
        netback_set_state(2);
        world_settle();
        assert_false(netif->link_up);
        back.is_lazy = false;
        fa_sleep(fa_after_s(3));
        assert_true(netif->link_up);
        assert_int_equal(fake_given(), SHARE + 2);
    }
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opens), TEST(opens_again), TEST(opened_by_two), TEST(odd_values),
        TEST(sends), TEST(sends_to_be_cut), TEST(sends_shared_pages), TEST(receives),
        TEST(receives_in_parts), TEST(received_pages_are_not_granted),
        TEST(errors_and_runts_are_dropped), TEST(full), TEST(wakes_once), TEST(woken_by_pages),
        TEST(carrier), TEST(comes_and_goes), TEST(comes_again_at_once),
    };
    world_init();
    return cmocka_run_group_tests_name("xen_net", tests, NULL, NULL);
}
