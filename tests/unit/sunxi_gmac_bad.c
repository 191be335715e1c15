/* SPDX-License-Identifier: ISC */
/* The GMAC's driver against a controller and a PHY that damage frames, lose them, are refused memory,
 * stop sending, do not reset themselves or are not there, as no emulator does. */
#include "gmac_dma.h"
#include "gmac_fake.h"
#include "host.h"
#include "test.h"

#define PAGES GMAC_FAKE_PAGES

static int setup(void **state)
{
    (void)state;
    return setup_pages(PAGES);
}

static void is_another_one(void **state)
{
    (void)state;
    device.is_absent = true;
    assert_int_equal(try_open(), FA_ENOENT);
    device.is_absent = false;
    *at(FEATURES) = 1u << 24;
    assert_int_equal(try_open(), FA_ENOTSUP);
    assert_int_equal(device.reset_count, 0);
    *at(FEATURES) = 0;
    gmac_dma_room = 0;
    assert_int_equal(try_open(), FA_ENOMEM);
    assert_null(gmac.registers);
}

static void has_no_phy(void **state)
{
    (void)state;
    device.mdio_hangs = true;
    assert_int_equal(try_open(), FA_EIO);
    assert_non_null(strstr(host_console, "no PHY answers"));
    assert_true(host_mono_ns < 2 * FA_NS_PER_S);
    device.mdio_hangs = false;
    memset(device.phy, 0xff, sizeof device.phy);
    assert_int_equal(try_open(), FA_EIO);
    assert_null(gmac.registers);
    plug(1, 0x01e1);
    assert_int_equal(try_open(), FA_OK);
}

static void a_phy_that_is_slow(void **state)
{
    (void)state;
    plug(1, 0);
    device.reset_ends_ns = host_mono_ns + 300 * FA_NS_PER_MS; /* its clock comes late */
    assert_int_equal(try_open(), FA_OK);
    assert_int_equal(device.reset_count, 1);
    assert_false(gmac.netif.link_up);
    plug(1, 0x01e1); /* and so does its link */
    pass_time(FA_NS_PER_S);
    assert_true(gmac.netif.link_up);
}

static void a_reset_without_an_end(void **state)
{
    (void)state;
    device.reset_hangs = true;
    assert_int_equal(try_open(), FA_EIO);
    assert_non_null(strstr(host_console, "does not reset itself"));
    assert_true(host_mono_ns < 3 * FA_NS_PER_S);
    assert_int_equal(try_open_until(false, host_mono_ns + 100 * FA_NS_PER_MS), FA_ETIMEDOUT);
    sleep_result = FA_ECANCELED;
    assert_int_equal(try_open(), FA_ECANCELED);
    assert_null(gmac.registers);
    assert_int_equal(gmac_dma_count, 0);
}

static void drops_what_is_damaged(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    arrive(100, 1, ERROR | 2);
    arrive(18, 1, 0);
    arrive(64, 1, UINT32_C(2000) << 16); /* it says, of one descriptor */
    arrive(1537, 1, 0);
    arrive(4000, 1, 0);
    arrive(4000, 1, ERROR | 0x4000);
    arrive(64, 7, 0);
    fa_packet_queue queue = receive(20);
    assert_int_equal(queue.count, 1);
    assert_int_equal(fa_packet_head(queue.first, 1)[0], 7);
    assert_int_equal(gmac.netif.dropped_packets, 6);
    fa_packet_queue_free(&queue);
}

static void counts_what_it_misses(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    *at(MISSED) = 3 | 5 << 17;
    pass_time(FA_NS_PER_S);
    assert_int_equal(gmac.netif.dropped_packets, 8);
    pass_time(FA_NS_PER_S);
    assert_int_equal(gmac.netif.dropped_packets, 8);
}

static void has_no_memory_to_map(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    gmac_dma_room = gmac_dma_count + 1; /* for the first of two segments */
    assert_int_equal(transmit(1), 0);
    assert_int_equal(gmac.netif.dropped_packets, 1);
    assert_int_equal(device.sent_count, 0);
    arrive(64, 1, 0);
    arrive(64, 2, 0);
    gmac_dma_room = 0;
    assert_int_equal(receive_and_free(10), 2);
    gmac_dma_room = UINT32_MAX;
    assert_int_equal(receive_and_free(10), 0);
    assert_int_equal(gmac.rings.receive_count, PAGES / 4);
}

static void is_refused_memory(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    device.sends_late = true;
    assert_int_equal(transmit(3), 0);
    arrive(64, 1, 0);
    assert_false(receive_and_free(1) != 1 || gmac.netif.ops->arm(&gmac.netif));
    *at(STATUS) |= BUS_ERROR | 3u << 23;
    assert_true(has_interrupt());
    sunxi_gmac_interrupt(&gmac);
    assert_int_equal(receive_and_free(10), 0);
    assert_non_null(strstr(host_console, "the bus has refused it memory (kind 3)"));
    assert_int_equal(device.reset_count, 2);
    assert_int_equal(gmac.netif.dropped_packets, 3);
    device.sends_late = false;
    assert_int_equal(transmit(3), 0);
    assert_int_equal(device.sent_count, 3);
    assert_true(arrive(64, 1, 0));
    assert_int_equal(receive_and_free(10), 1);
}

static void takes_its_time_to_go_on(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    device.sends_late = true;
    assert_int_equal(transmit(3), 0);
    const unsigned mapped = gmac_dma_count;
    *at(STATUS) |= BUS_ERROR;
    device.reset_hangs = true;
    assert_int_equal(receive_and_free(10), 0);
    assert_int_equal(gmac_dma_count, mapped); /* it may still use them */
    assert_int_equal(transmit(2), 0);
    assert_int_equal(gmac.netif.dropped_packets, 2);
    assert_false(gmac.netif.ops->arm(&gmac.netif));
    pass_time(FA_NS_PER_S);
    assert_false(gmac.netif.link_up);
    device.reset_hangs = false;
    pass_time(FA_NS_PER_S);
    assert_true(gmac.netif.link_up);
    assert_int_equal(gmac.netif.dropped_packets, 5);
    device.sends_late = false;
    assert_int_equal(transmit(3), 0);
    assert_int_equal(device.sent_count, 3);
    assert_int_equal(*at(CONFIG), 0xe80c);
}

static void a_controller_that_hangs(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    device.sends_late = true;
    for (unsigned i = 0; i < 5; i++) { /* slow is not hung */
        assert_int_equal(transmit(1), 0);
        pass_time(FA_NS_PER_S);
        run_sending();
    }
    assert_int_equal(device.reset_count, 1);
    assert_int_equal(transmit(2), 0);
    plug(1, 0); /* nor is who has no link */
    for (unsigned i = 0; i < 3; i++)
        pass_time(FA_NS_PER_S);
    assert_int_equal(device.reset_count, 1);
    plug(1, 0x01e1);
    pass_time(FA_NS_PER_S);
    pass_time(FA_NS_PER_S);
    assert_int_equal(device.reset_count, 2);
    assert_non_null(strstr(host_console, "a frame is not sent for a second"));
    assert_int_equal(gmac.netif.dropped_packets, 2);
    device.sends_late = false;
    assert_int_equal(transmit(2), 0);
    pass_time(FA_NS_PER_S);
    assert_int_equal(device.reset_count, 2);
}

static void does_not_close(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    device.reset_hangs = true;
    gmac.netif.ops->close(&gmac.netif);
    assert_non_null(strstr(host_console, "gmac does not stop: its memory is lost"));
    assert_int_equal(gmac_dma_count, PAGES / 4 + 1);
    assert_null(gmac.registers);
    sunxi_gmac_rings_empty(&gmac.rings); /* as nobody else may */
    sunxi_gmac_rings_close(&gmac.rings);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(is_another_one), TEST(has_no_phy), TEST(a_phy_that_is_slow), TEST(a_reset_without_an_end),
        TEST(drops_what_is_damaged), TEST(counts_what_it_misses), TEST(has_no_memory_to_map), TEST(is_refused_memory),
        TEST(takes_its_time_to_go_on), TEST(a_controller_that_hangs), TEST(does_not_close),
    };
    return cmocka_run_group_tests_name("sunxi_gmac_bad", tests, NULL, NULL);
}
