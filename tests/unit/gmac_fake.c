/* SPDX-License-Identifier: ISC */
/* See gmac_fake.h. The controller first, then what the tests do with it. */
#include "fake_device.h"
#include "../../bsp/plat.h"
#include "gmac_fake.h"
#include "gmac_dma.h"
#include "host.h"
#include "test.h"
#include <fata/fiber.h>

#define DMA_BASE 0x40000000u

gmac_fake device;

uint32_t *at(size_t offset)
{
    assert_true(offset % 4 == 0 && offset < SUNXI_GMAC_REGISTERS_BYTES);
    return &device.registers[offset / 4];
}

static uint32_t *receive_descriptor(void)
{
    assert_true(device.receive_at < SUNXI_GMAC_RING);
    return (uint32_t *)(void *)gmac_dma_at(*at(RECEIVE_RING) + device.receive_at * 16, 16);
}

static uint32_t *send_descriptor(void)
{
    assert_true(device.send_at < SUNXI_GMAC_RING);
    return (uint32_t *)(void *)gmac_dma_at(*at(SEND_RING) + device.send_at * 16, 16);
}

void run_sending(void)
{
    uint32_t *d;
    while ((*at(CONTROL) & 0x2000) && (*at(CONFIG) & 8) && ((d = send_descriptor())[0] & OWN)) {
        const size_t len = d[1] & 0x7ff;
        if (d[1] & 1u << 29)
            device.sent_len = 0;
        device.checksum_count += (d[1] >> 27 & 3) == 3 && (d[1] & 1u << 29);
        assert_true((d[1] >> 11 & 0x7ff) == 0 && device.sent_len + len <= sizeof device.sent);
        memcpy(device.sent + device.sent_len, gmac_dma_at(d[2], len), len);
        device.sent_len += len;
        d[0] = 0;
        if (d[1] & 1u << 30) {
            d[0] = device.sends_badly ? ERROR | 0x100 : 0;
            device.sent_count++;
            if (device.frame_was_sent != NULL)
                device.frame_was_sent();
        }
        if ((d[1] & 1u << 30) && (d[1] & 1u << 31))
            *at(STATUS) |= 1;
        device.send_at = d[1] & END_OF_RING ? 0 : device.send_at + 1;
    }
}

bool arrive(size_t len, uint8_t value, uint32_t status)
{
    assert_true((*at(CONTROL) & 2) && (*at(CONFIG) & 4));
    for (size_t done = 0; done < len;) {
        uint32_t *d = receive_descriptor();
        if (!(d[0] & OWN)) {
            *at(STATUS) |= NO_PAGE;
            *at(MISSED) += 1;
            return false;
        }
        const size_t room = d[1] & 0x7ff, step = len - done < room ? len - done : room;
        uint8_t *bytes = gmac_dma_at(d[2], room);
        for (size_t i = 0; i < step; i++)
            bytes[i] = (uint8_t)(value + done + i);
        d[0] = done == 0 ? FIRST : 0;
        done += step;
        if (done == len)
            d[0] |= LAST | (uint32_t)len << 16 | status;
        device.receive_at = d[1] & END_OF_RING ? 0 : device.receive_at + 1;
    }
    *at(STATUS) |= RECEIVED;
    return true;
}

static void reset(void)
{
    const uint32_t features = *at(FEATURES);
    memset(device.registers, 0, sizeof device.registers);
    *at(FEATURES) = features;
    device.receive_at = device.send_at = 0;
    device.reset_count++;
}

uint32_t fake_device_read(uintptr_t which, size_t offset)
{
    assert_int_equal(which, GMAC_FAKE_DEVICE);
    host_mono_ns += 1000;
    if (device.is_absent)
        return 0;
    const bool has_clock = (*at(CONFIG) & 0x8000) == (device.is_rgmii ? 0 : 0x8000);
    if (offset == BUS_MODE && (*at(BUS_MODE) & 1) && has_clock && !device.reset_hangs &&
        host_mono_ns >= device.reset_ends_ns)
        reset();
    const uint32_t value = *at(offset);
    if (offset == MISSED)
        *at(MISSED) = 0;
    return value;
}

static void access_phy(uint32_t value)
{
    uint16_t *word = &device.phy[value >> 11 & 31][value >> 6 & 31];
    assert_true((value & 0x3c) == 0x10 && (value >> 6 & 31) < 16);
    if (value & 2)
        *word = (uint16_t)*at(MDIO_DATA);
    else
        *at(MDIO_DATA) = *word;
    *at(MDIO_ADDRESS) = device.mdio_hangs ? value : value & ~1u;
}

void fake_device_write(uintptr_t which, size_t offset, uint32_t value)
{
    assert_int_equal(which, GMAC_FAKE_DEVICE);
    host_mono_ns += 1000;
    if (offset == STATUS) {
        *at(STATUS) &= ~(value & 0x1e7ff);
        return;
    }
    *at(offset) = value;
    if (offset == BUS_MODE && (value & 1))
        *at(CONFIG) = 0;
    if (offset == MDIO_ADDRESS)
        access_phy(value);
    device.demand_count += offset == RECEIVE_DEMAND;
    if ((offset == CONTROL || offset == SEND_DEMAND) && !device.sends_late)
        run_sending();
}

bool has_interrupt(void)
{
    return (*at(STATUS) & *at(INT_ENABLE) & 0x7fff) != 0 && (*at(INT_ENABLE) & 0x18000) == 0x18000;
}

void plug(unsigned address, uint16_t partner)
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

void plug_gigabit(unsigned address, uint16_t offered, uint16_t partner)
{
    plug(address, 0x01e1);
    device.phy[address][1] |= 0x100;
    device.phy[address][9] = offered;
    device.phy[address][10] = partner;
}

/* The driver's surroundings. */

static _Alignas(4096) uint8_t memory[GMAC_DMA_BYTES];
fa_packet_pool pool;
sunxi_gmac gmac;
unsigned wake_count;
fa_err sleep_result;
const uint8_t station[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

fa_err fa_sleep(fa_deadline deadline)
{
    host_mono_ns = deadline > host_mono_ns ? deadline : host_mono_ns;
    return sleep_result;
}

fa_deadline fa_after_ns(uint64_t ns)
{
    return host_mono_ns + ns;
}

fa_deadline fa_after_ms(uint64_t ms)
{
    return host_mono_ns + ms * FA_NS_PER_MS;
}

static void wake(void *arg)
{
    assert_ptr_equal(arg, &pool);
    wake_count++;
}

fa_err try_open_until(bool takes_1000, fa_deadline deadline)
{
    sunxi_gmac_config config = {.registers = (fa_cpu_device)GMAC_FAKE_DEVICE, .phy_address = 1, .takes_1000 = takes_1000};
    memcpy(config.mac, station, sizeof station);
    device.is_rgmii = takes_1000;
    const fa_err err = sunxi_gmac_open(&gmac, &config, &pool, deadline);
    gmac.netif.wake = wake;
    gmac.netif.wake_arg = &pool;
    return err;
}

fa_err try_open(void)
{
    return try_open_until(false, FA_FOREVER);
}

int setup_pages(uint32_t pages)
{
    host_console_clear();
    memset(&device, 0, sizeof device);
    memset(device.phy, 0xff, sizeof device.phy);
    plug(1, 0x01e1);
    gmac = (sunxi_gmac){0};
    gmac_dma_init(memory, DMA_BASE);
    wake_count = 0;
    sleep_result = FA_OK;
    host_mono_ns = FA_NS_PER_S;
    return fa_packet_pool_init(&pool, pages) == FA_OK ? 0 : -1;
}

int teardown(void **state)
{
    (void)state;
    device.reset_hangs = false;
    if (gmac.registers != NULL)
        gmac.netif.ops->close(&gmac.netif);
    fa_packet_pool_free(&pool); /* all of them came back */
    return gmac_dma_count == 0 ? 0 : -1;
}

fa_packet_queue receive(unsigned max)
{
    fa_packet_queue queue = {0};
    gmac.netif.ops->receive(&gmac.netif, &queue, max);
    return queue;
}

unsigned receive_and_free(unsigned max)
{
    fa_packet_queue queue = receive(max);
    const unsigned count = queue.count;
    fa_packet_queue_free(&queue);
    return count;
}

void pass_time(uint64_t ns)
{
    host_mono_ns += ns;
    assert_int_equal(receive_and_free(0), 0);
}

fa_packet *packet_of(size_t first, size_t second)
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

unsigned transmit(unsigned count)
{
    fa_packet_queue queue = {0};
    for (unsigned i = 0; i < count; i++)
        fa_packet_queue_add(&queue, packet_of(30, 30));
    gmac.netif.ops->transmit(&gmac.netif, &queue);
    const unsigned left = queue.count;
    fa_packet_queue_free(&queue);
    return left;
}
