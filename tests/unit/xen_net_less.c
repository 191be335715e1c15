/* SPDX-License-Identifier: ISC */
/* Xen's network device where something is lacking: features of the back end, also of one that takes the
 * place of a better one; references, slots, pages, time. */
#include "xen_net.h"

static void take_turn(void)
{
    fa_packet_queue queue = {0};
    netif->ops->receive(netif, &queue, 64);
    fa_packet_queue_free(&queue);
}

static fa_packet *new_large_packet(void)
{
    fa_packet *packet = new_packet(3, 1000);
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_start = 34;
    packet->checksum_offset = 16;
    packet->segment_payload_bytes = 1448;
    packet->header_bytes = 66;
    return packet;
}

static void less_features(void **state)
{
    (void)state;
    netback_attach();
    netback_set("feature-split-event-channels", "0");
    netback_set("feature-gso-tcpv4", NULL);
    fake_store_set(NETBACK_FRONT "/mtu", "9000");
    assert_int_equal(try_open(SOON), FA_OK);
    assert_int_equal(netif->features, FA_NETIF_CHECKSUM);
    assert_int_equal(netif->mtu, 9000);
    assert_int_equal(back.send_port, back.receive_port);
    const unsigned notified = fake.notified[back.receive_port];
    transmit_one(new_packet(1, 60));
    assert_int_equal(fake.notified[back.receive_port], notified + 1);
    close_all();
    netback_attach();
    netback_set("feature-no-csum-offload", "1");
    assert_int_equal(try_open(SOON), FA_OK);
    assert_int_equal(netif->features, 0);
    fa_packet *packet = new_packet(1, 60);
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_start = 34;
    packet->checksum_offset = 6;
    transmit_one(packet);
    assert_true(netback_take(&frame));
    assert_int_equal(frame.flags, 0);
    close_all();
}

static void refused(void **state)
{
    (void)state;
    netback_attach();
    netback_set("feature-rx-copy", NULL);
    assert_int_equal(try_open(SOON), FA_ENOTSUP);
    world_settle();
    assert_int_equal(netback_front_state(), 6);
    expect_nothing_left();
    fake_store_set(NETBACK_FRONT, NULL);
    fake_store_set(NETBACK_BACK, NULL);
}

/* One part each, of one page at most. */
static void takes_no_parts(void **state)
{
    (void)state;
    netback_attach();
    netback_set("feature-sg", NULL);
    fake_store_set(NETBACK_FRONT "/mtu", "9000");
    assert_int_equal(try_open(SOON), FA_OK);
    assert_int_equal(netif->features, FA_NETIF_CHECKSUM);
    assert_int_equal(netif->mtu, 4082);
    fa_packet *packet = new_packet(4, 1024);
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_start = 34;
    packet->checksum_offset = 6;
    transmit_one(packet);
    assert_true(netback_take(&frame));
    assert_int_equal(frame.parts, 1);
    assert_int_equal(frame.len, 4096);
    assert_int_equal(frame.flags, NETIF_SEND_CSUM_BLANK | NETIF_SEND_DATA_VALIDATED);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(frame.bytes[1024 * i], 0x60 + i);
        assert_int_equal(frame.bytes[1024 * i + 1023], 0x60 + i);
    }
    transmit_one(new_packet(5, 1000)); /* too long */
    assert_int_equal(netif->dropped_packets, 1);
    assert_false(netback_take(&frame));
    fa_packet_queue pages = {0};
    packet = new_packet(2, 100);
    for (fa_packet *one; (one = fa_packet_alloc(&pool)) != NULL;)
        fa_packet_queue_add(&pages, one);
    transmit_one(packet); /* no page to put it into */
    assert_int_equal(netif->dropped_packets, 2);
    fa_packet_queue_free(&pages);
    take_turn();
    close_all();
}

/* What the stack has made for the device before, or makes before it looks at the new one. */
static void comes_with_less(void **state)
{
    (void)state;
    open();
    netback_detach();
    world_settle();
    netback_attach();
    netback_set("feature-gso-tcpv4", "0");
    netback_set("feature-sg", "0");
    world_settle();
    assert_true(netif->link_up);
    assert_int_equal(netif->features, FA_NETIF_CHECKSUM);
    transmit_one(new_large_packet());
    assert_false(netback_take(&frame));
    assert_int_equal(netif->dropped_packets, 1);
    transmit_one(new_packet(2, 60));
    assert_true(netback_take(&frame));
    assert_int_equal(frame.parts, 1);
    netback_detach();
    world_settle();
    netback_attach();
    netback_set("feature-no-csum-offload", "1");
    world_settle();
    assert_int_equal(netif->features, 0);
    netback_detach();
    world_settle();
    netback_attach();
    world_settle();
    assert_int_equal(netif->features, FA_NETIF_CHECKSUM | FA_NETIF_TSO4);
    transmit_one(new_large_packet());
    assert_true(netback_take(&frame));
    assert_int_equal(frame.extra.gso_size, 1448);
    take_turn();
    close_all();
}

/* Linux' back end drops a packet whose first part does not hold the Ethernet header. */
static void header_in_many_parts(void **state)
{
    (void)state;
    open();
    for (size_t len = 1; len <= 14; len++) {
        fa_packet *packet = new_packet(FA_PACKET_SEGMENTS_MAX, len);
        transmit_one(packet);
        assert_true(netback_take(&frame));
        assert_int_equal(frame.len, FA_PACKET_SEGMENTS_MAX * len);
        assert_true(frame.first_len >= 14);
        for (size_t i = 0; i < frame.len; i++)
            assert_int_equal(frame.bytes[i], 0x60 + i / len);
    }
    take_turn();
    close_all();
}

/* Sends so many small packets, of a page that all share. */
static void send_many(unsigned count)
{
    fa_packet_page *page = fa_packet_page_alloc(&pool);
    assert_non_null(page);
    for (unsigned i = 0; i < count; i++) {
        fa_packet *packet = fa_packet_alloc_empty(&pool);
        assert_int_equal(fa_packet_append_page(packet, page, 0, 60), FA_OK);
        transmit_one(packet);
    }
    fa_packet_page_release(page);
}

/* Xen gives no more references, and those that the back end has held come back just when one is asked
 * for: their slots do, too. */
static void references_at_the_last_moment(void **state)
{
    (void)state;
    static uint32_t refs[8 * XEN_GRANTS_PER_FRAME];
    size_t count = 0;
    open();
    for (unsigned round = 0; round < 20; round++) {
        back.holds = true;
        send_many(10);
        while (netback_take(&frame))
            ;
        take_turn();
        assert_int_equal(xen_grants_counted().kept, 10);
        while (xen_grant_reserve(&refs[count]) == FA_OK)
            count++;
        netback_let_go();
        send_many(3);
        assert_true(netback_take(&frame));
        take_turn();
        assert_int_equal(xen_grants_counted().kept, 0);
        while (netback_take(&frame))
            ;
        take_turn();
        while (count > 0)
            xen_grant_release(refs[--count]);
    }
    assert_int_equal(netif->dropped_packets, 0);
    send_many(254);
    assert_int_equal(netif->dropped_packets, 0);
    while (netback_take(&frame))
        ;
    take_turn();
    close_all();
}

/* No reference to receive with: it goes on when there are some. */
static void no_references_to_receive(void **state)
{
    (void)state;
    static uint32_t refs[8 * XEN_GRANTS_PER_FRAME];
    size_t count = 0;
    netif_receive_request requests[SHARE];
    open();
    for (unsigned i = 0; i < SHARE; i++) {
        assert_true(netback_request(&requests[i]));
        assert_non_null(fake_map(requests[i].ref, true));
        netback_answer((netif_receive_answer){requests[i].id, 0, 0, 60});
    }
    while (xen_grant_reserve(&refs[count]) == FA_OK)
        count++;
    netback_push();
    take_turn(); /* all of them stay aside, and there are none to take their places */
    assert_int_equal(xen_grants_counted().kept, SHARE);
    assert_false(netback_request(&requests[0]));
    assert_false(netif->ops->arm(netif));
    for (unsigned i = 0; i < SHARE; i++)
        fake_unmap(requests[i].ref);
    assert_int_equal(xen_grants_retry(), 0);
    assert_int_equal(wake_count, 1);
    take_turn();
    assert_int_equal(fake_given(), SHARE + 2);
    while (count > 0)
        xen_grant_release(refs[--count]);
    close_all();
}

/* Whatever the device is doing at the time, it goes on when the store does. */
static void busy_or_slow_store(void **state)
{
    (void)state;
    netback_attach();
    fake_store_conflicts = 3 * XEN_STORE_TRIES_MAX;
    assert_int_equal(try_open(SOON), FA_OK);
    assert_int_equal(fake_store_conflicts, 0);
    for (unsigned steps = 0; steps < 60; steps++) {
        netback_detach();
        fa_sleep(fa_after_s(1));
        assert_false(netif->link_up);
        netback_attach();
        fa_sleep(fa_after_ms(steps * STEP_MS));
        fake_store_silent = true;
        fa_sleep(fa_after_s(steps % 2 == 0 ? 15 : 25));
        fake_store_silent = false;
        fa_sleep(fa_after_s(15));
        assert_true(netif->link_up);
        assert_int_equal(netback_front_state(), 4);
        transmit_one(new_packet(1, 60));
        assert_true(netback_take(&frame));
        take_turn();
    }
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(less_features), TEST(refused), TEST(takes_no_parts), TEST(comes_with_less),
        TEST(header_in_many_parts), TEST(references_at_the_last_moment),
        TEST(no_references_to_receive), TEST(busy_or_slow_store),
    };
    world_init();
    return cmocka_run_group_tests_name("xen_net_less", tests, NULL, NULL);
}
