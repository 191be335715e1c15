/* SPDX-License-Identifier: ISC */
/* For the tests of the network device's driver: a device, a pool, and frames between them. For one
 * program each. Linked with the debug build's DMA, which says so when the driver or the device touches
 * what is not its own. */
#ifndef FATA_TESTS_UNIT_VIRTIO_NET_H
#define FATA_TESTS_UNIT_VIRTIO_NET_H

#include "../../sdk/drivers/virtio/virtio_net.h"
#include "host.h"
#include "test.h"
#include "virtio_fake.h"
#include <fata/random.h>

#define PAGES 200u
#define SHARE (PAGES / VIRTIO_NET_RECEIVE_SHARE)
#define F_CSUM 1u
#define F_GUEST_CSUM 2u
#define F_MAC 0x20u
#define F_GUEST_TSO4 0x80u
#define F_HOST_TSO4 0x800u
#define F_MRG 0x8000u
#define F_STATUS 0x10000u
#define F_UNKNOWN (UINT64_C(0xff) << 48 | UINT64_C(1) << 22 | UINT64_C(1) << 34)
#define F_ALL (F_CSUM | F_GUEST_CSUM | F_MAC | F_GUEST_TSO4 | F_HOST_TSO4 | F_MRG | F_STATUS)
#define USUAL (VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | F_ALL | F_UNKNOWN)

static fake device;
static fa_packet_pool pool;
static virtio_net net;
static unsigned wake_count;
static bool no_entropy;
static uint16_t head; /* of the message that the device took last, and its parts */
static fake_part parts[FAKE_PARTS_MAX];

fa_err fa_random_bytes(void *bytes_out, size_t len)
{
    memset(bytes_out, 0xff, len);
    return no_entropy ? FA_ENOENTROPY : FA_OK;
}

static void wake(void *arg)
{
    assert_ptr_equal(arg, &pool);
    wake_count++;
}

static fa_err try_open(void)
{
    const fa_err err = virtio_net_open(&net, &device.device, &pool);
    net.netif.wake = wake;
    net.netif.wake_arg = &pool;
    return err;
}

static void open(uint64_t offered, bool is_legacy)
{
    fake_init(&device, offered, is_legacy);
    assert_int_equal(try_open(), FA_OK);
}

static void close_all(void)
{
    net.netif.ops->close(&net.netif);
    assert_int_equal(pool.free_page_count, PAGES);
}

static int setup(void **state)
{
    (void)state;
    host_console_clear();
    wake_count = 0;
    no_entropy = false;
    net = (virtio_net){0};
    return fa_packet_pool_init(&pool, PAGES) == FA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    fa_packet_pool_free(&pool);
    return *state == NULL ? 0 : -1;
}

/* The device writes a frame of `len` bytes of value `value` behind its header, into as many pages as
 * that takes, and says that these are `says` (0: the truth). */
static void write_frame(const uint8_t *header, size_t header_bytes, size_t len, unsigned says)
{
    const unsigned count = (unsigned)((header_bytes + len + 4095) / 4096);
    size_t left = header_bytes + len;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(fake_take(&device, FAKE_RECEIVE, &head, parts), 1);
        assert_true(parts[0].writes && parts[0].len == 4096);
        const size_t here = left < 4096 ? left : 4096;
        memset(parts[0].bytes, (int)(0x40 + i), here);
        if (i == 0) {
            memcpy(parts[0].bytes, header, header_bytes);
            if (header_bytes == 12) {
                parts[0].bytes[10] = (uint8_t)(says == 0 ? count : says);
                parts[0].bytes[11] = (uint8_t)((says == 0 ? count : says) >> 8);
            }
        }
        fake_use(&device, FAKE_RECEIVE, head, (uint32_t)here);
        left -= here;
    }
}

static const uint8_t plain[12];

static fa_packet_queue receive(unsigned max)
{
    fa_packet_queue queue = {0};
    net.netif.ops->receive(&net.netif, &queue, max);
    return queue;
}

static fa_packet *new_packet(size_t segments, size_t len)
{
    fa_packet *packet = fa_packet_alloc_empty(&pool);
    assert_non_null(packet);
    for (size_t i = 0; i < segments; i++) {
        fa_packet_page *page = fa_packet_page_alloc(&pool);
        assert_non_null(page);
        memset(page->bytes, (int)(0x60 + i), 4096);
        assert_int_equal(fa_packet_append_page(packet, page, 100 + i, len), FA_OK);
        fa_packet_page_release(page);
    }
    return packet;
}

static void transmit_one(fa_packet *packet)
{
    fa_packet_queue queue = {0};
    fa_packet_queue_add(&queue, packet);
    net.netif.ops->transmit(&net.netif, &queue);
    assert_null(queue.first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
