/* SPDX-License-Identifier: ISC */
/* The EMAC's driver against a controller and a PHY of the test's own, which lose frames, damage them,
 * stop sending and lose their place, as no emulator does. */
#include "fake_device.h"
#include "../../sdk/drivers/sunxi/soc.h"
#include "../../sdk/drivers/sunxi/sun4i_emac.h"
#include "host.h"
#include "test.h"
#include <fata/clock.h>

#define PAGES 8u
#define DEVICE 0x1000u /* any number but 0 */
#define RX_WORDS_MAX 4096u
#define TX_WORDS_MAX 1024u
#define PHYS 32u
enum { CTL = 0x00, TX_CTL0 = 0x0c, TX_CTL1 = 0x10, TX_INS = 0x14, TX_PL0 = 0x18, TX_PL1 = 0x1c, TX_DATA = 0x24,
       RX_CTL = 0x3c, RX_DATA = 0x4c, RX_COUNT = 0x50, INT_CTL = 0x54, INT_STA = 0x58, MAC_CTL1 = 0x60,
       MAC_SUPP = 0x74, MDIO_CMD = 0x80, MDIO_ADDRESS = 0x84, MDIO_WRITE = 0x88, MDIO_READ = 0x8c,
       MDIO_BUSY = 0x90, MAC_A0 = 0x98, MAC_A1 = 0x9c };
#define MAGIC 0x0143414du
#define OK 0x80u
#define INT_RX 0x100u
#define MDIO_NS (25 * FA_NS_PER_US) /* 64 bits */

static struct {
    uint32_t registers[SUN4I_EMAC_REGISTERS_BYTES / 4];
    uint32_t rx[RX_WORDS_MAX];
    size_t rx_at, rx_end;
    unsigned flush_count, reset_count;
    uint32_t tx[2][TX_WORDS_MAX];
    size_t tx_len[2];
    unsigned sent_count;
    uint8_t sent[4 * TX_WORDS_MAX];
    size_t sent_bytes;
    bool is_stuck, sends_late, keeps_flush, mdio_hangs;
    uint64_t mdio_busy_by_ns;
    uint16_t phy[PHYS][8];
    /* Called before a register is read: what happens between two steps of the driver. */
    void (*before_read)(size_t offset);
} device;

static fa_packet_pool pool;
static sun4i_emac emac;
static unsigned wake_count;
static const uint8_t station[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

static uint32_t *at(size_t offset)
{
    assert_true(offset % 4 == 0 && offset < SUN4I_EMAC_REGISTERS_BYTES);
    return &device.registers[offset / 4];
}

static void mdio_command(uint32_t value)
{
    const uint32_t address = *at(MDIO_ADDRESS);
    assert_true((address >> 8) < PHYS && (address & 0xff) < 8);
    assert_true(device.mdio_hangs || host_mono_ns >= device.mdio_busy_by_ns);
    if (value != 1)
        return;
    if (!device.mdio_hangs)
        *at(MDIO_READ) = device.phy[address >> 8][address & 0xff];
    device.mdio_busy_by_ns = host_mono_ns + MDIO_NS;
}

uint32_t fake_device_read(uintptr_t which, size_t offset)
{
    assert_int_equal(which, DEVICE);
    host_mono_ns += 1000;
    if (device.before_read != NULL)
        device.before_read(offset);
    *at(MDIO_BUSY) = device.mdio_hangs || host_mono_ns < device.mdio_busy_by_ns;
    assert_true(offset != MDIO_READ || device.mdio_hangs || *at(MDIO_BUSY) == 0);
    if (offset != RX_DATA)
        return *at(offset);
    assert_true(device.rx_at < device.rx_end);
    const uint32_t word = device.rx[device.rx_at++];
    if (device.rx_at == device.rx_end)
        *at(RX_COUNT) = 0;
    return word;
}

static void finish_sending(unsigned fifo)
{
    memcpy(device.sent, device.tx[fifo], sizeof device.tx[fifo]);
    device.sent_bytes = *at(TX_PL0 + fifo * 4);
    assert_true(device.sent_bytes <= device.tx_len[fifo] * 4 && device.sent_bytes + 3 >= device.tx_len[fifo] * 4);
    device.tx_len[fifo] = 0;
    device.sent_count++;
    *at(TX_CTL0 + fifo * 4) = 0;
    *at(INT_STA) |= 1u << fifo;
}

void fake_device_write(uintptr_t which, size_t offset, uint32_t value)
{
    assert_int_equal(which, DEVICE);
    host_mono_ns += 1000;
    const uint32_t before = *at(offset);
    *at(offset) = value;
    switch (offset) {
    case CTL:
        if (!(value & 1)) {
            device.reset_count++;
            device.tx_len[0] = device.tx_len[1] = 0;
            *at(TX_CTL0) = *at(TX_CTL1) = *at(INT_STA) = 0;
        }
        break;
    case RX_CTL:
        if (value & 8) {
            device.flush_count++;
            device.rx_at = device.rx_end = 0;
            *at(RX_COUNT) = 0;
            *at(RX_CTL) = device.keeps_flush ? value : value & ~8u;
        }
        break;
    case TX_DATA: {
        const uint32_t fifo = *at(TX_INS);
        assert_true(fifo < 2 && *at(TX_CTL0 + fifo * 4) == 0 && device.tx_len[fifo] < TX_WORDS_MAX);
        device.tx[fifo][device.tx_len[fifo]++] = value;
        break;
    }
    case TX_CTL0:
    case TX_CTL1:
        assert_true((value & 1) && *at(CTL) == 7);
        if (!device.is_stuck && !device.sends_late)
            finish_sending((unsigned)(offset - TX_CTL0) / 4);
        break;
    case INT_STA:
        *at(INT_STA) = before & ~value;
        break;
    case MDIO_CMD:
        mdio_command(value);
        break;
    case MDIO_ADDRESS: /* of what is on its way, too: that must have ended */
        assert_true(device.mdio_hangs || host_mono_ns >= device.mdio_busy_by_ns);
        break;
    case MDIO_WRITE:
        assert_true(device.mdio_hangs || host_mono_ns >= device.mdio_busy_by_ns);
        device.mdio_busy_by_ns = host_mono_ns + MDIO_NS;
        device.phy[*at(MDIO_ADDRESS) >> 8][*at(MDIO_ADDRESS) & 0xff] = (uint16_t)value;
        break;
    default:
        break;
    }
}

/* A frame of `len` bytes with the CRC, of the value `value` and up, whose header has this status. */
static void arrive(size_t len, uint8_t value, uint32_t status)
{
    device.rx[device.rx_end++] = MAGIC;
    device.rx[device.rx_end++] = (uint32_t)len | status << 16;
    for (size_t i = 0; i < len; i += 4) {
        uint32_t word = 0;
        for (unsigned n = 0; n < 4; n++)
            word |= (uint32_t)(uint8_t)(value + i + n) << 8 * n;
        device.rx[device.rx_end++] = word;
    }
    assert_true(device.rx_end <= RX_WORDS_MAX);
    *at(RX_COUNT) += 1;
    *at(INT_STA) |= INT_RX;
}

static void wake(void *arg)
{
    assert_ptr_equal(arg, &pool);
    wake_count++;
}

static void plug(unsigned address, uint16_t partner)
{
    memset(device.phy[address], 0, sizeof device.phy[address]);
    device.phy[address][0] = 0x1000;
    device.phy[address][1] = 0x786d & ~0x24;
    device.phy[address][2] = 0x1234;
    device.phy[address][4] = 0x01e1;
    device.phy[address][5] = partner;
    if (partner != 0)
        device.phy[address][1] |= 0x24;
}

static fa_err try_open(unsigned phy_address)
{
    const fa_err err = sun4i_emac_open(&emac, (fa_cpu_device)DEVICE, phy_address, station, &pool);
    emac.netif.wake = wake;
    emac.netif.wake_arg = &pool;
    return err;
}

static int setup(void **state)
{
    (void)state;
    host_console_clear();
    memset(&device, 0, sizeof device);
    memset(device.phy, 0xff, sizeof device.phy);
    plug(1, 0x01e1);
    emac = (sun4i_emac){0};
    wake_count = 0;
    host_mono_ns = FA_NS_PER_S;
    return fa_packet_pool_init(&pool, PAGES) == FA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    if (emac.registers != NULL)
        emac.netif.ops->close(&emac.netif);
    fa_packet_pool_free(&pool); /* all of them came back */
    return *state == NULL ? 0 : -1;
}

static fa_packet_queue receive(unsigned max)
{
    fa_packet_queue queue = {0};
    emac.netif.ops->receive(&emac.netif, &queue, max);
    return queue;
}

static void pass_time(uint64_t ns)
{
    host_mono_ns += ns;
    fa_packet_queue queue = receive(0);
    assert_null(queue.first);
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

/* How many of so many packets are left over. */
static unsigned transmit(unsigned count)
{
    fa_packet_queue queue = {0};
    for (unsigned i = 0; i < count; i++)
        fa_packet_queue_add(&queue, packet_of(30, 30));
    emac.netif.ops->transmit(&emac.netif, &queue);
    const unsigned left = queue.count;
    fa_packet_queue_free(&queue);
    return left;
}

static void starts(void **state)
{
    (void)state;
    assert_int_equal(try_open(1), FA_OK);
    assert_int_equal(*at(CTL), 7);
    assert_int_equal(*at(INT_CTL), 0);
    assert_int_equal(*at(MAC_A1), 0x021122);
    assert_int_equal(*at(MAC_A0), 0x334455);
    assert_int_equal(*at(MAC_SUPP), 0x100);
    assert_int_equal(*at(MAC_CTL1) & 1, 1);
    assert_true(emac.netif.link_up);
    assert_memory_equal(emac.netif.mac, station, 6);
    assert_int_equal(try_open(1), FA_EBUSY);
}

static void finds_its_phy(void **state)
{
    (void)state;
    memset(device.phy, 0xff, sizeof device.phy);
    plug(31, 0x01e1);
    device.phy[31][0] = 0x0800; /* powered down */
    assert_int_equal(try_open(1), FA_OK);
    assert_int_equal(emac.phy.address, 31);
    assert_int_equal(device.phy[31][0], 0x1200);
}

static void has_no_phy(void **state)
{
    (void)state;
    memset(device.phy, 0xff, sizeof device.phy);
    device.mdio_hangs = true;
    *at(MDIO_READ) = 0x786d; /* of an access before */
    assert_int_equal(try_open(1), FA_ENOENT);
    assert_null(emac.registers);
    assert_int_equal(*at(CTL), 0);
    plug(1, 0x01e1);
    device.mdio_hangs = false;
    assert_int_equal(try_open(1), FA_OK);
}

static void a_flush_without_an_end(void **state)
{
    (void)state;
    device.keeps_flush = true;
    assert_int_equal(try_open(1), FA_OK);
    assert_int_equal(*at(RX_CTL) & 8, 0);
}

static void receives_every_length(void **state)
{
    (void)state;
    assert_int_equal(try_open(1), FA_OK);
    for (size_t len = 64; len <= 1536; len++) {
        device.rx_at = device.rx_end = 0;
        arrive(len, (uint8_t)len, OK);
        fa_packet_queue queue = receive(4);
        assert_int_equal(queue.count, 1);
        assert_int_equal(queue.first->len, len - 4);
        const uint8_t *bytes = fa_packet_head(queue.first, 60);
        for (size_t i = 0; i < len - 4; i++)
            assert_int_equal(bytes[i], (uint8_t)(len + i));
        fa_packet_queue_free(&queue);
    }
    assert_int_equal(emac.netif.received_packets, 1473);
    assert_int_equal(emac.netif.dropped_packets, 0);
}

static void drops_what_is_damaged(void **state)
{
    (void)state;
    assert_int_equal(try_open(1), FA_OK);
    arrive(100, 1, 0x10);
    arrive(63, 1, OK);
    arrive(0, 1, OK);
    arrive(64, 7, OK);
    *at(RX_COUNT) = 4;
    fa_packet_queue queue = receive(10);
    assert_int_equal(queue.count, 1);
    assert_int_equal(fa_packet_head(queue.first, 1)[0], 7);
    assert_int_equal(emac.netif.dropped_packets, 3);
    fa_packet_queue_free(&queue);
}

static void finds_its_place_again(void **state)
{
    (void)state;
    assert_int_equal(try_open(1), FA_OK);
    const unsigned flushed = device.flush_count;
    arrive(1537, 1, OK);
    fa_packet_queue queue = receive(10);
    assert_null(queue.first);
    assert_int_equal(device.flush_count, flushed + 1);
    arrive(64, 1, OK);
    device.rx[0] = 0x12345678;
    queue = receive(10);
    assert_null(queue.first);
    assert_int_equal(device.flush_count, flushed + 2);
    assert_int_equal(*at(CTL), 7);
    arrive(64, 1, OK);
    queue = receive(10);
    assert_int_equal(queue.count, 1);
    assert_int_equal(emac.netif.dropped_packets, 2);
    fa_packet_queue_free(&queue);
}

static void waits_for_pages(void **state)
{
    (void)state;
    fa_packet *held[PAGES];
    assert_int_equal(try_open(1), FA_OK);
    for (unsigned i = 0; i < PAGES; i++)
        held[i] = fa_packet_alloc(&pool);
    arrive(64, 1, OK);
    fa_packet_queue queue = receive(10);
    assert_null(queue.first);
    assert_false(emac.netif.ops->arm(&emac.netif));
    assert_int_equal(*at(INT_CTL), 0); /* nothing that arrives would help */
    for (unsigned i = 0; i < PAGES; i++)
        fa_packet_free(held[i]);
    assert_int_equal(wake_count, 1);
    queue = receive(10);
    assert_int_equal(queue.count, 1);
    fa_packet_queue_free(&queue);
}

static void sends_every_shape(void **state)
{
    (void)state;
    assert_int_equal(try_open(1), FA_OK);
    for (size_t first = 0; first <= 40; first++)
        for (size_t second = 0; second <= 40; second++) {
            fa_packet_queue queue = {0};
            if (first + second == 0)
                continue;
            fa_packet_queue_add(&queue, packet_of(first, second));
            emac.netif.ops->transmit(&emac.netif, &queue);
            assert_int_equal(device.sent_bytes, first + second);
            for (size_t i = 0; i < first + second; i++)
                assert_int_equal(device.sent[i], i);
        }
    assert_int_equal(pool.free_page_count, PAGES);
    fa_packet_queue queue = {0};
    fa_packet_queue_add(&queue, packet_of(1000, 515));
    const unsigned before = device.sent_count;
    emac.netif.ops->transmit(&emac.netif, &queue);
    assert_int_equal(device.sent_count, before);
    assert_int_equal(emac.netif.dropped_packets, 1);
}

static void completes_checksums(void **state)
{
    (void)state;
    assert_int_equal(try_open(1), FA_OK);
    fa_packet_queue queue = {0};
    fa_packet *packet = packet_of(40, 0);
    packet->checksum = FA_PACKET_PARTIAL;
    packet->checksum_start = 20;
    packet->checksum_offset = 6;
    fa_packet_queue_add(&queue, packet);
    emac.netif.ops->transmit(&emac.netif, &queue);
    assert_true(device.sent[26] != 26 || device.sent[27] != 27);
}

static void waits_for_room(void **state)
{
    (void)state;
    assert_int_equal(try_open(1), FA_OK);
    device.sends_late = true;
    assert_int_equal(transmit(3), 1);
    assert_int_equal(emac.netif.sent_packets, 2);
    assert_false(emac.netif.ops->arm(&emac.netif));
    assert_int_equal(*at(INT_CTL), INT_RX | 0xf);
    finish_sending(0);
    sun4i_emac_interrupt(&emac);
    sun4i_emac_interrupt(&emac);
    assert_int_equal(wake_count, 1);
    assert_int_equal(*at(INT_CTL), 0);
    assert_int_equal(transmit(2), 1);
    finish_sending(1);
    assert_true(emac.netif.ops->arm(&emac.netif)); /* there is room already */
    assert_int_equal(*at(INT_CTL), 0);
    assert_int_equal(transmit(1), 0);
    *at(INT_STA) |= 0xc; /* both were given up */
    device.sends_late = false;
    device.tx_len[0] = device.tx_len[1] = 0;
    *at(TX_CTL0) = *at(TX_CTL1) = 0;
    assert_int_equal(transmit(1), 0);
    assert_int_equal(emac.netif.dropped_packets, 2);
}

static void a_controller_that_hangs(void **state)
{
    (void)state;
    assert_int_equal(try_open(1), FA_OK);
    const unsigned resets = device.reset_count;
    device.is_stuck = true;
    assert_int_equal(transmit(3), 1);
    pass_time(FA_NS_PER_S / 2);
    assert_int_equal(device.reset_count, resets);
    pass_time(2 * FA_NS_PER_S);
    assert_int_equal(device.reset_count, resets + 1);
    assert_int_equal(emac.netif.dropped_packets, 2);
    assert_non_null(strstr(host_console, "started anew"));
    device.is_stuck = false;
    assert_int_equal(transmit(2), 0);
}

/* A cable that is pulled under load: what is on its way stays, and nobody is told each second. */
static void a_link_that_is_lost_while_sending(void **state)
{
    (void)state;
    assert_int_equal(try_open(1), FA_OK);
    const unsigned resets = device.reset_count;
    device.is_stuck = true;
    assert_int_equal(transmit(3), 1);
    plug(1, 0);
    for (unsigned i = 0; i < 5; i++)
        pass_time(FA_NS_PER_S);
    assert_false(emac.netif.link_up);
    assert_int_equal(device.reset_count, resets);
    device.is_stuck = false;
    plug(1, 0x01e1);
    pass_time(FA_NS_PER_S);
    assert_true(emac.netif.link_up);
    assert_int_equal(device.reset_count, resets + 1);
    assert_int_equal(emac.netif.dropped_packets, 2); /* they are old */
    assert_int_equal(*at(MAC_SUPP), 0x100);
    assert_int_equal(transmit(2), 0);
}

static void arrives_while_arming(size_t offset)
{
    if (offset != RX_COUNT)
        return;
    device.before_read = NULL;
    arrive(64, 1, OK);
}

static void misses_no_frame(void **state)
{
    (void)state;
    assert_int_equal(try_open(1), FA_OK);
    device.before_read = arrives_while_arming;
    assert_true(emac.netif.ops->arm(&emac.netif));
    sun4i_emac_interrupt(&emac);
    assert_int_equal(wake_count, 0);
    fa_packet_queue queue = receive(10);
    assert_int_equal(queue.count, 1);
    fa_packet_queue_free(&queue);
    assert_false(emac.netif.ops->arm(&emac.netif));
    arrive(64, 1, OK);
    assert_int_equal(*at(INT_CTL) & *at(INT_STA), INT_RX); /* its line is up */
    sun4i_emac_interrupt(&emac);
    assert_int_equal(wake_count, 1);
    assert_int_equal(*at(INT_CTL), 0);
    queue = receive(10);
    assert_int_equal(queue.count, 1);
    fa_packet_queue_free(&queue);
}

static void follows_the_link(void **state)
{
    (void)state;
    assert_int_equal(try_open(1), FA_OK);
    plug(1, 0);
    pass_time(FA_NS_PER_S / 10); /* not at once */
    assert_true(emac.netif.link_up);
    pass_time(FA_NS_PER_S);
    assert_false(emac.netif.link_up);
    static const struct {
        uint16_t partner;
        uint32_t supp, full;
    } modes[] = {{0x0021, 0, 0}, {0x0061, 0, 1}, {0x00a1, 0x100, 0}, {0x01e1, 0x100, 1}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(modes); i++) {
        plug(1, modes[i].partner);
        pass_time(FA_NS_PER_S);
        assert_true(emac.netif.link_up);
        assert_int_equal(*at(MAC_SUPP), modes[i].supp);
        assert_int_equal(*at(MAC_CTL1) & 1, modes[i].full);
    }
    device.phy[1][0] = 0x2000; /* 100, half, by order */
    device.phy[1][1] &= (uint16_t)~0x20;
    pass_time(FA_NS_PER_S);
    assert_true(emac.netif.link_up);
    assert_int_equal(*at(MAC_SUPP), 0x100);
    assert_int_equal(*at(MAC_CTL1) & 1, 0);
    memset(device.phy, 0xff, sizeof device.phy); /* it is gone */
    pass_time(FA_NS_PER_S);
    assert_false(emac.netif.link_up);
}

static void closes(void **state)
{
    (void)state;
    assert_int_equal(try_open(1), FA_OK);
    assert_false(emac.netif.ops->arm(&emac.netif));
    emac.netif.ops->close(&emac.netif);
    assert_int_equal(*at(CTL) | *at(INT_CTL), 0);
    sun4i_emac_interrupt(&emac);
    assert_int_equal(wake_count, 0);
}

/* What U-Boot makes of the same numbers (board/sunxi/board.c). */
static void addresses_are_those_of_u_boot(void **state)
{
    (void)state;
    uint8_t mac[6];
    sunxi_mac_of_serial((uint32_t[]){0x16516642, 0, 0, 0x80a1b2c3}, 0, mac);
    assert_memory_equal(mac, ((uint8_t[]){0x02, 0x42, 0x80, 0xa1, 0xb2, 0xc3}), 6);
    sunxi_mac_of_serial((uint32_t[]){0x16516642, 0, 0, 0x55000000}, 1, mac);
    assert_memory_equal(mac, ((uint8_t[]){0x12, 0x42, 0x55, 0x80, 0x00, 0x00}), 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(starts), TEST(finds_its_phy), TEST(has_no_phy), TEST(a_flush_without_an_end),
        TEST(receives_every_length), TEST(drops_what_is_damaged), TEST(finds_its_place_again),
        TEST(waits_for_pages), TEST(sends_every_shape), TEST(completes_checksums), TEST(waits_for_room),
        TEST(a_controller_that_hangs), TEST(a_link_that_is_lost_while_sending), TEST(misses_no_frame), TEST(follows_the_link), TEST(closes),
        TEST(addresses_are_those_of_u_boot),
    };
    return cmocka_run_group_tests_name("sunxi_emac", tests, NULL, NULL);
}
