/* SPDX-License-Identifier: ISC */
/* The GMAC's driver on QEMU's model of such a controller, npcm-gmac of the machine npcm750-evb: the
 * program's argument is a QEMU that has it (10.0, say). The driver runs here, with sanitizers; its
 * registers are the machine's by the protocol qtest, its memory is a part of the machine's that lies in
 * a file, its cable is a socket. QEMU runs no instruction. The model writes a descriptor in two steps,
 * so the driver looks at one only when QEMU has answered a question since. */
#include "fake_device.h"
#include "../../bsp/plat.h"
#include "../../sdk/drivers/sunxi/sunxi_gmac.h"
#include "gmac_dma.h"
#include "host.h"
#include "qtest.h"
#include "test.h"
#include <fata/fiber.h>
#include <stdio.h>

#define PAGES 300u
#define DEVICE 0xf0802000u
#define DMA_AT 0x100000u
#define INTERRUPT 14u
#define RING SUNXI_GMAC_RING
#define CRC_BYTES 4u
enum { STATUS = 0x1014, INT_ENABLE = 0x101c, RECEIVING_NOW = 0x104c };
#define NO_PAGE 0x80u

static fa_packet_pool pool;
static sunxi_gmac gmac;
static unsigned wake_count;
static const uint8_t station[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

fa_err fa_sleep(fa_deadline deadline)
{
    host_mono_ns = deadline > host_mono_ns ? deadline : host_mono_ns;
    return FA_OK;
}

fa_deadline fa_after_ns(uint64_t ns)
{
    return host_mono_ns + ns;
}

fa_deadline fa_after_ms(uint64_t ms)
{
    return host_mono_ns + ms * FA_NS_PER_MS;
}

uint32_t fake_device_read(uintptr_t which, size_t offset)
{
    host_mono_ns += 1000;
    return qtest_read((uint32_t)(which + offset));
}

void fake_device_write(uintptr_t which, size_t offset, uint32_t value)
{
    host_mono_ns += 1000;
    qtest_write((uint32_t)(which + offset), value);
}

static void wake(void *arg)
{
    assert_ptr_equal(arg, &pool);
    wake_count++;
}

static void try_open(void)
{
    sunxi_gmac_config config = {.registers = (fa_cpu_device)DEVICE, .phy_address = 1, .takes_1000 = true};
    memcpy(config.mac, station, sizeof station);
    assert_int_equal(sunxi_gmac_open(&gmac, &config, &pool, FA_FOREVER), FA_OK);
    gmac.netif.wake = wake;
    gmac.netif.wake_arg = &pool;
}

static int setup(void **state)
{
    (void)state;
    gmac_dma_init(qtest_memory + DMA_AT, DMA_AT);
    gmac = (sunxi_gmac){0};
    wake_count = 0;
    host_mono_ns = FA_NS_PER_S;
    host_console_clear();
    if (fa_packet_pool_init(&pool, PAGES) != FA_OK)
        return -1;
    try_open();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (gmac.registers != NULL)
        gmac.netif.ops->close(&gmac.netif);
    fa_packet_pool_free(&pool); /* all of them came back */
    return gmac_dma_count == 0 ? 0 : -1;
}

static fa_packet_queue receive(unsigned max)
{
    fa_packet_queue queue = {0};
    gmac.netif.ops->receive(&gmac.netif, &queue, max);
    return queue;
}

static void pass_time(uint64_t ns)
{
    host_mono_ns += ns;
    assert_null(receive(0).first);
}

/* Frames of `len` bytes, of the values `value` and up, whose first bytes tell them apart. */
static void arrive(unsigned count, size_t len, uint8_t value)
{
    uint8_t frame[2048];
    assert_true(len <= sizeof frame);
    for (unsigned n = 0; n < count; n++) {
        for (size_t i = 0; i < len; i++)
            frame[i] = (uint8_t)(value + n + i);
        qtest_send_frame(frame, len);
    }
}

/* Until the controller is at this descriptor of its ring. */
static void await_descriptor(unsigned index)
{
    const uint32_t wanted = (uint32_t)(gmac.rings.addr.address + index % RING * sizeof(sunxi_gmac_descriptor));
    for (unsigned i = 0; fake_device_read(DEVICE, RECEIVING_NOW) != wanted; i++)
        qtest_pause(i);
}

static fa_packet *packet_of(size_t first, size_t second)
{
    fa_packet *packet = fa_packet_alloc_empty(&pool);
    const size_t lens[] = {first, second};
    uint8_t value = 0;
    for (size_t i = 0; i < 2; i++) {
        fa_packet_page *page = fa_packet_page_alloc(&pool);
        assert_non_null(page);
        for (size_t n = 0; n < lens[i]; n++)
            page->bytes[1 + i + n] = value++;
        assert_int_equal(fa_packet_append_page(packet, page, 1 + i, lens[i]), FA_OK);
        fa_packet_page_release(page);
    }
    return packet;
}

static unsigned transmit(fa_packet_queue *queue)
{
    gmac.netif.ops->transmit(&gmac.netif, queue);
    const unsigned left = queue->count;
    fa_packet_queue_free(queue);
    return left;
}

static void follows_the_link(void **state)
{
    (void)state;
    assert_int_equal(gmac.phy.address, 0);
    qtest_set_link(false);
    pass_time(FA_NS_PER_S);
    assert_false(gmac.netif.link_up);
    qtest_set_link(true);
    pass_time(FA_NS_PER_S);
    assert_true(gmac.netif.link_up);
    assert_non_null(strstr(host_console, "1000 Mbit/s, full duplex"));
}

static void receives(void **state)
{
    (void)state;
    unsigned at = 0;
    for (size_t len = 15; len <= 1532; len += len < 70 ? 1 : 89) {
        const unsigned count = 1 + (unsigned)len % 7;
        arrive(count, len, (uint8_t)len);
        await_descriptor(at += count);
        fa_packet_queue queue = receive(100);
        assert_int_equal(queue.count, count);
        uint8_t value = (uint8_t)len;
        for (const fa_packet *packet = queue.first; packet != NULL; packet = packet->next, value++) {
            assert_int_equal(packet->len, len);
            for (size_t i = 0; i < len; i++)
                assert_int_equal(packet->segments[0].page->bytes[i], (uint8_t)(value + i));
        }
        fa_packet_queue_free(&queue);
    }
    assert_true(at > 4 * RING);
    assert_int_equal(gmac.netif.received_packets, at);
    assert_int_equal(gmac.netif.dropped_packets, 0);
}

static void drops_what_is_too_long(void **state)
{
    (void)state;
    arrive(1, 2000, 1);
    arrive(1, 1533, 1);
    arrive(1, 14, 1);
    arrive(1, 64, 7);
    await_descriptor(2 + 2 + 1 + 1);
    fa_packet_queue queue = receive(100);
    assert_int_equal(queue.count, 1);
    assert_int_equal(fa_packet_head(queue.first, 1)[0], 7);
    assert_int_equal(gmac.netif.dropped_packets, 3);
    fa_packet_queue_free(&queue);
}

static void goes_on_after_a_full_ring(void **state)
{
    (void)state;
    assert_int_equal(gmac.rings.receive_count, RING);
    arrive(RING, 64, 0);
    await_descriptor(RING);
    for (unsigned round = 0; round < 3; round++) {
        arrive(1, 64, 99); /* is lost */
        for (unsigned i = 0; !(fake_device_read(DEVICE, STATUS) & NO_PAGE); i++)
            qtest_pause(i);
        fa_packet_queue queue = receive(2 * RING);
        assert_int_equal(queue.count, RING);
        assert_int_equal(fa_packet_head(queue.last, 1)[0], RING - 1);
        assert_false(gmac.netif.ops->arm(&gmac.netif));
        fa_packet_queue_free(&queue);
        arrive(RING - 1, 64, 0);
        await_descriptor(RING - 1);
        arrive(1, 64, RING - 1);
        await_descriptor(RING);
    }
    fa_packet_queue queue = receive(2 * RING);
    assert_int_equal(queue.count, RING);
    fa_packet_queue_free(&queue);
}

static void sends_every_shape(void **state)
{
    (void)state;
    unsigned count = 0;
    for (size_t first = 0; first <= 1514; first += first < 20 ? 1 : 111) {
        for (size_t second = first < 15 ? 15 - first : 0; second <= 1514 - first; second += second < 20 ? 1 : 333) {
            fa_packet_queue queue = {0};
            fa_packet_queue_add(&queue, packet_of(first, second));
            fa_packet_queue_add(&queue, packet_of(second, first));
            assert_int_equal(transmit(&queue), 0);
            for (unsigned n = 0; n < 2; n++, count++) {
                uint8_t frame[2048];
                assert_int_equal(qtest_take_frame(frame, sizeof frame), first + second);
                for (size_t i = 0; i < first + second; i++)
                    assert_int_equal(frame[i], (uint8_t)i);
            }
        }
    }
    assert_true(count > 4 * RING);
    assert_int_equal(gmac.netif.sent_packets, count);
    assert_null(receive(1).first);
    assert_int_equal(gmac.rings.send_count, 0);
    assert_int_equal(gmac.netif.dropped_packets, 0);
}

/* UDP over IPv4 of 18 bytes, from 10.0.0.1 to 10.0.0.2: the sum over the pseudo header is in its place. */
static void computes_checksums(void **state)
{
    (void)state;
    static const uint8_t headers[42] = {
        0x02, 1, 1, 1, 1, 1, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 8, 0,                   /* Ethernet */
        0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0x26, 0xbd, 10, 0, 0, 1, 10, 0, 0, 2, /* IP */
        0, 53, 0, 54, 0, 26, 0x14, 0x2e};
    assert_true(gmac.netif.features & FA_NETIF_CHECKSUM);
    assert_int_equal(fa_checksum_fold(fa_checksum_add(0, headers + 14, 20)), 0);
    fa_packet *packet = packet_of(42, 18);
    memcpy(packet->segments[0].page->bytes + packet->segments[0].offset, headers, sizeof headers);
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_start = 34;
    packet->checksum_offset = 6;
    fa_packet_queue queue = {0};
    fa_packet_queue_add(&queue, packet);
    assert_int_equal(transmit(&queue), 0);
    uint8_t frame[2048], pseudo[12] = {10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 26};
    assert_int_equal(qtest_take_frame(frame, sizeof frame), 60);
    assert_memory_equal(frame, headers, 40);
    assert_int_equal(fa_checksum_fold(fa_checksum_add(fa_checksum_add(0, pseudo, 12), frame + 34, 26)), 0);
}

static void wakes(void **state)
{
    (void)state;
    assert_false(gmac.netif.ops->arm(&gmac.netif));
    assert_false(qtest_interrupt(INTERRUPT));
    arrive(1, 64, 1);
    await_descriptor(1);
    assert_true(qtest_interrupt(INTERRUPT));
    assert_true(fake_device_read(DEVICE, INT_ENABLE) != 0);
    sunxi_gmac_interrupt(&gmac);
    assert_int_equal(wake_count, 1);
    assert_false(qtest_interrupt(INTERRUPT));
    assert_true(gmac.netif.ops->arm(&gmac.netif));
    fa_packet_queue queue = receive(10);
    assert_int_equal(queue.count, 1);
    fa_packet_queue_free(&queue);
    assert_false(gmac.netif.ops->arm(&gmac.netif));
    assert_false(qtest_interrupt(INTERRUPT));
}

static void begins_anew(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        arrive(3, 64, 1);
        await_descriptor(3);
        fa_packet_queue queue = {0};
        fa_packet_queue_add(&queue, packet_of(30, 30));
        assert_int_equal(transmit(&queue), 0);
        uint8_t frame[2048];
        assert_int_equal(qtest_take_frame(frame, sizeof frame), 60);
        gmac.netif.ops->close(&gmac.netif);
        assert_int_equal(gmac_dma_count, 0);
        assert_int_equal(pool.free_page_count, PAGES);
        try_open();
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        TEST(follows_the_link), TEST(receives), TEST(drops_what_is_too_long), TEST(goes_on_after_a_full_ring),
        TEST(sends_every_shape), TEST(computes_checksums), TEST(wakes), TEST(begins_anew),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s QEMU-SYSTEM-ARM\n", argv[0]);
        return 2;
    }
    if (!qtest_start(argv[1], "npcm750-evb", "npcm-gmac"))
        return 1;
    const int failed = cmocka_run_group_tests_name("sunxi_gmac_qemu", tests, NULL, NULL);
    qtest_end();
    return failed;
}
