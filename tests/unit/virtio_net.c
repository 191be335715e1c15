/* SPDX-License-Identifier: ISC */
/* The network device's driver against a device that keeps the rules. */
#include "virtio_net.h"

static void interrupt(unsigned why)
{
    device.interrupt = why;
    virtio_net_interrupt(&net);
}

static void opens(void **state)
{
    (void)state;
    open(USUAL, false);
    assert_int_equal(device.accepted, USUAL & ~F_UNKNOWN);
    assert_int_equal(device.status, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
                                        VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK);
    assert_memory_equal(net.netif.mac, device.config, 6);
    assert_true(net.netif.link_up);
    assert_int_equal(net.netif.features, FA_NETIF_CHECKSUM | FA_NETIF_TSO4);
    assert_int_equal(pool.free_page_count, PAGES - SHARE);
    assert_int_equal(device.notified[FAKE_RECEIVE], 1);
    assert_int_equal(try_open(), FA_EBUSY);
    close_all();
    assert_int_equal(device.status, 0);
}

static void legacy(void **state)
{
    (void)state;
    open(USUAL | VIRTIO_F_ANY_LAYOUT, true);
    assert_int_equal(device.accepted & VIRTIO_F_VERSION_1, 0);
    assert_int_equal(device.status,
                     VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK);
    /* One piece, whose address is that of a page. */
    const virtio_queue_place *place = &device.places[FAKE_RECEIVE];
    assert_int_equal(place->descriptors.address % 4096, 0);
    assert_int_equal(place->used.address % 4096, 0);
    close_all();
    open(F_MAC | VIRTIO_F_ANY_LAYOUT, true);
    write_frame(plain, 10, 60, 0);
    fa_packet_queue queue = receive(1);
    assert_int_equal(queue.first->len, 60);
    fa_packet_queue_free(&queue);
    close_all();
    fake_init(&device, F_MAC, true);
    assert_int_equal(try_open(), FA_ENOTSUP); /* a header apart */
}

static void refused(void **state)
{
    (void)state;
    fake_init(&device, USUAL & ~VIRTIO_F_VERSION_1, false);
    assert_int_equal(try_open(), FA_ENOTSUP);
    fake_init(&device, USUAL, false);
    device.refuses_features = true;
    assert_int_equal(try_open(), FA_ENOTSUP);
    fake_init(&device, USUAL, false);
    device.status = 15;
    device.never_resets = true;
    assert_int_equal(try_open(), FA_EIO);
    fake_init(&device, USUAL, false);
    device.size_max = VIRTIO_NET_QUEUE_SIZE_MIN - 1;
    assert_int_equal(try_open(), FA_ENOTSUP);
    device.size_max = 0;
    assert_int_equal(try_open(), FA_ENOTSUP);
    fake_init(&device, USUAL & ~(uint64_t)F_MAC, false);
    no_entropy = true;
    assert_int_equal(try_open(), FA_ENOENTROPY);
    assert_int_equal(pool.free_page_count, PAGES);
}

static void own_mac(void **state)
{
    (void)state;
    static const uint8_t want[6] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff};
    open(USUAL & ~(uint64_t)F_MAC, false);
    assert_memory_equal(net.netif.mac, want, 6);
    close_all();
}

static void config_of_one_moment(void **state)
{
    (void)state;
    fake_init(&device, USUAL, false);
    device.generation_steps = 4; /* it changes while the first bytes of the address are read */
    assert_int_equal(try_open(), FA_OK);
    assert_memory_equal(net.netif.mac, device.config, 6);
    close_all();
}

static void small_queues(void **state)
{
    (void)state;
    fake_init(&device, USUAL, false);
    device.size_max = 48; /* no power of 2 */
    assert_int_equal(try_open(), FA_OK);
    assert_int_equal(device.places[FAKE_RECEIVE].size, 32);
    assert_int_equal(pool.free_page_count, PAGES - 32);
    close_all();
}

static void receives(void **state)
{
    (void)state;
    open(USUAL, false);
    for (unsigned round = 0; round < 2000; round++) { /* round the ring and its index */
        for (unsigned i = 0; i < 40; i++)
            write_frame(plain, 12, 60 + i, 0);
        fa_packet_queue queue = receive(30);
        assert_int_equal(queue.count, 30);
        assert_int_equal(queue.first->len, 60);
        assert_int_equal(queue.first->checksum, FA_PACKET_UNCHECKED);
        uint8_t end;
        assert_true(fa_packet_copy(queue.first, 0, &end, 1) && end == 0x40);
        assert_true(fa_packet_copy(queue.first, 59, &end, 1) && end == 0x40);
        fa_packet_queue_free(&queue);
        queue = receive(30);
        assert_int_equal(queue.count, 10);
        fa_packet_queue_free(&queue);
        assert_int_equal(pool.free_page_count, PAGES - SHARE);
    }
    assert_int_equal(net.netif.received_packets, 80000);
    close_all();
}

static void receives_merged(void **state)
{
    (void)state;
    static const uint8_t valid[12] = {2, 1}, partial[12] = {1};
    open(USUAL, false);
    write_frame(valid, 12, 65535 + 14, 0);
    write_frame(partial, 12, 4096, 0);
    fa_packet_queue queue = receive(64);
    assert_int_equal(queue.count, 2);
    fa_packet *packet = fa_packet_queue_take(&queue);
    assert_int_equal(packet->len, 65535 + 14);
    assert_int_equal(packet->segment_count, 17);
    assert_int_equal(packet->checksum, FA_PACKET_VERIFIED);
    uint8_t byte;
    assert_true(fa_packet_copy(packet, 4084, &byte, 1) && byte == 0x41);
    assert_true(fa_packet_copy(packet, 65548, &byte, 1) && byte == 0x50);
    fa_packet_free(packet);
    assert_int_equal(queue.first->checksum, FA_PACKET_VERIFIED);
    assert_int_equal(queue.first->segment_count, 2);
    fa_packet_queue_free(&queue);
    close_all();
}

static void runts_are_dropped(void **state)
{
    (void)state;
    open(USUAL, false);
    write_frame(plain, 12, 13, 0);
    write_frame(plain, 12, 0, 0);
    write_frame(plain, 12, 14, 0);
    fake_take(&device, FAKE_RECEIVE, &head, parts);
    memset(parts[0].bytes, 0, 12);
    parts[0].bytes[10] = 1;
    fake_use(&device, FAKE_RECEIVE, head, 3); /* not even a header */
    fa_packet_queue queue = receive(64);
    assert_int_equal(queue.count, 1);
    assert_int_equal(net.netif.dropped_packets, 3);
    fa_packet_queue_free(&queue);
    assert_true(net.netif.link_up);
    close_all();
}

/* The pool is empty: no pages for the device, until some come back. */
static void starved(void **state)
{
    (void)state;
    fa_packet *held[PAGES];
    open(USUAL, false);
    unsigned count = 0;
    for (; (held[count] = fa_packet_alloc(&pool)) != NULL; count++)
        ;
    fa_packet_queue kept = {0};
    for (unsigned i = 0; i < SHARE; i++)
        write_frame(plain, 12, 60, 0);
    net.netif.ops->receive(&net.netif, &kept, SHARE + 1);
    assert_int_equal(kept.count, SHARE);
    assert_int_equal(net.receive.posted_count, 0);
    assert_false(net.netif.ops->arm(&net.netif));
    fa_packet_queue_free(&kept);
    assert_false(net.netif.ops->arm(&net.netif)); /* it gives the device pages again */
    assert_int_equal(net.receive.posted_count, SHARE);
    assert_int_equal(wake_count, 1);
    while (count-- > 0)
        fa_packet_free(held[count]);
    close_all();
}

/* A device without any page can receive nothing that would wake who uses it: the first page that is
 * free again does, and no later one until it asks again. */
static void woken_by_pages(void **state)
{
    (void)state;
    open(USUAL, false);
    fa_packet_queue kept = {0}, others = {0};
    for (fa_packet *packet; (packet = fa_packet_alloc(&pool)) != NULL;)
        fa_packet_queue_add(&others, packet);
    for (unsigned i = 0; i < SHARE; i++)
        write_frame(plain, 12, 60, 0);
    net.netif.ops->receive(&net.netif, &kept, SHARE);
    assert_int_equal(fake_take(&device, FAKE_RECEIVE, &head, parts), 0);
    fa_packet_free(fa_packet_queue_take(&kept)); /* not armed yet: it says nothing */
    assert_int_equal(wake_count, 0);
    assert_false(net.netif.ops->arm(&net.netif));
    assert_int_equal(net.receive.posted_count, 1);
    fa_packet_queue_free(&kept);
    assert_int_equal(wake_count, 1);
    fa_packet_queue_free(&others);
    assert_int_equal(wake_count, 1);
    fa_packet_queue received = receive(64); /* as who was woken does */
    assert_int_equal(received.count, 0);
    assert_int_equal(net.receive.posted_count, SHARE);
    write_frame(plain, 12, 60, 0);
    received = receive(64);
    assert_int_equal(received.count, 1);
    /* With all its pages, it does not care what others free. */
    assert_false(net.netif.ops->arm(&net.netif));
    fa_packet_queue_free(&received);
    assert_int_equal(wake_count, 1);
    close_all();
}

static void transmits(void **state)
{
    (void)state;
    open(USUAL, false);
    fa_packet *packet = new_packet(FA_PACKET_SEGMENTS_MAX, 1000);
    packet->segments[3].len = 0; /* a device takes no part without bytes */
    packet->len -= 1000;
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_start = 0x122;
    packet->checksum_offset = 0x10;
    packet->segment_payload_bytes = 1448;
    packet->header_bytes = 66;
    transmit_one(packet);
    static const uint8_t want[12] = {1, 1, 66, 0, 0xa8, 5, 0x22, 1, 0x10};
    assert_int_equal(fake_take(&device, FAKE_TRANSMIT, &head, parts), FA_PACKET_SEGMENTS_MAX);
    assert_int_equal(parts[0].len, 12);
    assert_memory_equal(parts[0].bytes, want, 12);
    for (unsigned i = 1; i < FA_PACKET_SEGMENTS_MAX; i++) {
        assert_false(parts[i].writes);
        assert_int_equal(parts[i].len, 1000);
        assert_int_equal(parts[i].bytes[0], 0x60 + (i > 3 ? i : i - 1));
        assert_int_equal(parts[i].bytes[999], parts[i].bytes[0]);
    }
    assert_int_equal(fake_take(&device, FAKE_TRANSMIT, &head, parts), 0);
    fake_use(&device, FAKE_TRANSMIT, head, 0);
    (void)receive(1);
    assert_int_equal(pool.free_page_count, PAGES - SHARE);
    assert_int_equal(net.netif.sent_packets, 1);
    assert_int_equal(net.netif.sent_bytes, 17000);
    transmit_one(new_packet(1, 60)); /* comes back when the device is closed */
    close_all();
}

/* A device that completes no checksums gets complete ones. */
static void finishes_checksums(void **state)
{
    (void)state;
    open(USUAL & ~(uint64_t)(F_CSUM | F_HOST_TSO4), false);
    assert_int_equal(net.netif.features, 0);
    fa_packet *packet = new_packet(1, 60);
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_start = 34;
    packet->checksum_offset = 6;
    uint8_t *udp = packet->segments[0].page->bytes + 100 + 34;
    udp[6] = udp[7] = 0;
    const uint16_t sum = fa_checksum_fold(fa_checksum_add(0, udp, 60 - 34));
    transmit_one(packet);
    assert_int_equal(fake_take(&device, FAKE_TRANSMIT, &head, parts), 2);
    assert_memory_equal(parts[0].bytes, plain, 10);
    assert_int_equal(parts[1].bytes[40] << 8 | parts[1].bytes[41], sum);
    close_all();
}

/* No room: the rest stays in the queue, and who waits is woken once half of it is there. */
static void full(void **state)
{
    (void)state;
    open(USUAL, false);
    fa_packet_queue queue = {0};
    for (unsigned i = 0; i < 140; i++)
        fa_packet_queue_add(&queue, new_packet(1, 60));
    const unsigned notified = device.notified[FAKE_TRANSMIT];
    net.netif.ops->transmit(&net.netif, &queue);
    assert_int_equal(queue.count, 140 - 128);
    assert_int_equal(device.notified[FAKE_TRANSMIT], notified + 1);
    assert_false(net.netif.ops->arm(&net.netif));
    assert_int_equal(fake_used_event(&device, FAKE_TRANSMIT), 64);
    for (unsigned i = 0; i < 65; i++) {
        assert_int_equal(fake_take(&device, FAKE_TRANSMIT, &head, parts), 2);
        fake_use(&device, FAKE_TRANSMIT, head, 0);
    }
    interrupt(VIRTIO_INTERRUPT_QUEUE);
    assert_int_equal(wake_count, 1);
    net.netif.ops->transmit(&net.netif, &queue);
    assert_int_equal(queue.count, 0);
    close_all();
}

static void notifications_are_held_down(void **state)
{
    (void)state;
    open(USUAL, false);
    fake_set_available_event(&device, FAKE_TRANSMIT, 2);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(device.notified[FAKE_TRANSMIT], 0);
        transmit_one(new_packet(1, 60));
    }
    assert_int_equal(device.notified[FAKE_TRANSMIT], 1);
    close_all();
    open(USUAL & ~VIRTIO_F_EVENT_IDX, false);
    fake_set_no_notify(&device, FAKE_TRANSMIT, true);
    transmit_one(new_packet(1, 60));
    assert_int_equal(device.notified[FAKE_TRANSMIT], 0);
    fake_set_no_notify(&device, FAKE_TRANSMIT, false);
    transmit_one(new_packet(1, 60));
    assert_int_equal(device.notified[FAKE_TRANSMIT], 1);
    close_all();
}

static void wakes_once(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 2; kind++) {
        open(kind == 0 ? USUAL : USUAL & ~VIRTIO_F_EVENT_IDX, false);
        wake_count = 0;
        if (kind == 1)
            assert_true(fake_no_interrupt(&device, FAKE_RECEIVE));
        interrupt(VIRTIO_INTERRUPT_QUEUE);
        assert_int_equal(wake_count, 0); /* not armed */
        assert_false(net.netif.ops->arm(&net.netif));
        assert_false(fake_no_interrupt(&device, FAKE_RECEIVE));
        virtio_net_interrupt(&net);
        assert_int_equal(wake_count, 0); /* not its own */
        for (unsigned i = 0; i < 2; i++) {
            interrupt(VIRTIO_INTERRUPT_QUEUE);
            assert_int_equal(wake_count, 1);
        }
        write_frame(plain, 12, 60, 0);
        assert_true(net.netif.ops->arm(&net.netif));
        interrupt(VIRTIO_INTERRUPT_QUEUE);
        assert_int_equal(wake_count, 1);
        fa_packet_queue queue = receive(64);
        assert_int_equal(queue.count, 1);
        fa_packet_queue_free(&queue);
        close_all();
    }
}

static void link_changes(void **state)
{
    (void)state;
    open(USUAL, false);
    assert_false(net.netif.ops->arm(&net.netif));
    device.config[6] = 0;
    interrupt(VIRTIO_INTERRUPT_CONFIG);
    assert_int_equal(wake_count, 1);
    (void)receive(1);
    assert_false(net.netif.link_up);
    device.config[6] = 1;
    virtio_net_config_interrupt(&net); /* not armed: it is news when it will be */
    assert_true(net.netif.ops->arm(&net.netif));
    (void)receive(1);
    assert_true(net.netif.link_up);
    assert_false(net.netif.ops->arm(&net.netif));
    close_all();
    virtio_net_interrupt(&net); /* too late */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opens), TEST(legacy), TEST(refused), TEST(own_mac), TEST(config_of_one_moment),
        TEST(small_queues), TEST(receives), TEST(receives_merged), TEST(runts_are_dropped),
        TEST(starved), TEST(woken_by_pages), TEST(transmits), TEST(finishes_checksums), TEST(full),
        TEST(notifications_are_held_down), TEST(wakes_once), TEST(link_changes),
    };
    return cmocka_run_group_tests_name("virtio_net", tests, NULL, NULL);
}
