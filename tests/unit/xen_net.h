/* SPDX-License-Identifier: ISC */
/* For the tests of Xen's network device: one that is open, and what was there before it was. */
#ifndef FATA_TESTS_UNIT_XEN_NET_H
#define FATA_TESTS_UNIT_XEN_NET_H

#include "../../sdk/drivers/xen/netfront.h"
#include "xen_world.h"

#define PAGES 200u
#define SHARE (PAGES / XEN_NETFRONT_RECEIVE_SHARE)

static fa_packet_pool pool;
static fa_netif *netif;
static unsigned wake_count;
static netback_frame frame;

static void wake(void *arg)
{
    assert_ptr_equal(arg, &pool);
    wake_count++;
}

static fa_err try_open(fa_deadline deadline)
{
    const fa_err err = xen_netfront_open(0, &pool, &netif, deadline);
    if (err == FA_OK) {
        netif->wake = wake;
        netif->wake_arg = &pool;
        wake_count = 0;
    }
    return err;
}

static void open(void)
{
    netback_attach();
    assert_int_equal(try_open(SOON), FA_OK);
}

static unsigned port_count(void)
{
    unsigned count = 0;
    for (uint32_t port = 0; port < XEN_PORTS; port++)
        count += fake.ports[port];
    return count;
}

/* Nothing is left of a device: no grant, no event channel, no page, nothing in the store. */
static void expect_nothing_left(void)
{
    assert_int_equal(pool.free_page_count, PAGES);
    assert_int_equal(fake_given(), 0);
    assert_int_equal(fake_mapped(), 0);
    const xen_grants_count count = xen_grants_counted();
    assert_int_equal(count.reserved, 0);
    assert_int_equal(count.kept, 0);
    assert_int_equal(port_count(), 1); /* the store's */
}

static void close_all(void)
{
    netif->ops->close(netif);
    assert_int_equal(netif->link_up, false);
    netback_let_go();
    fa_sleep(fa_after_s(3)); /* what the back end had is tried again */
    netback_detach();
    world_settle();
    expect_nothing_left();
    assert_int_equal(fake_store_watches(), 0);
    fake_store_set(NETBACK_FRONT, NULL);
    fake_store_set(NETBACK_BACK, NULL);
    assert_int_equal(fake_store_nodes(), 0);
    world_settle();
}

static int setup(void **state)
{
    (void)state;
    back = (netback){0};
    return fa_packet_pool_init(&pool, PAGES) == FA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    if (pool.free_page_count != PAGES)
        return -1; /* the test has failed */
    fa_packet_pool_free(&pool);
    return 0;
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
    netif->ops->transmit(netif, &queue);
    assert_null(queue.first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
