/* SPDX-License-Identifier: ISC */
/* A domain that is saved and goes on as another: what it had with Xen and with back ends is gone, in the
 * middle of whatever it did, and comes again by itself. And one that goes on as the same, which notices
 * nothing. */
#include "../../sdk/drivers/xen/power.h"
#include "../../sdk/drivers/xen/xenbus.h"
#include "xen_net.h"

#define CYCLES 20u

/* All that was outside of the domain's memory: another Xen, another Xenstore, a back end that has never
 * heard of us, at the same paths; what bsp/xen-x86_64/suspend.c does then. */
static void restore(void)
{
    fake_reset();
    fake_grants_reset(8);
    fake_store_reset();
    back = (netback){0};
    netback_attach();
    xen_events_init();
    assert_int_equal(xen_grants_resume(), FA_OK);
    world_open_store();
    xen_bus_resume();
}

static void is_whole(void)
{
    assert_true(netif->link_up);
    assert_int_equal(netback_front_state(), XEN_BUS_CONNECTED);
    assert_int_equal(fake_given(), SHARE + 2);
    assert_int_equal(port_count(), 3);          /* the store's, two of the device */
    assert_int_equal(fake_store_watches(), 2);  /* its front and its back */
    assert_int_equal(xen_grants_counted().kept, 0);
    assert_true(xen_events_any());
}

static void packets_go(void)
{
    static const uint8_t bytes[100] = {1, 2, 3};
    fa_packet_queue got = {0};
    transmit_one(new_packet(1, 60));
    world_settle();
    assert_true(netback_take(&frame));
    assert_true(netback_put(bytes, sizeof bytes, 0, 4096, 0, 0));
    netback_push();
    netif->ops->receive(netif, &got, 64);
    assert_int_equal(got.count, 1);
    fa_packet_queue_free(&got);
    netback_push();
}

static void while_idle(void **state)
{
    (void)state;
    open();
    const size_t free_pages = pool.free_page_count;
    for (unsigned i = 0; i < CYCLES; i++) {
        restore();
        assert_false(netif->link_up); /* at once: nobody sends to a back end that is not there */
        transmit_one(new_packet(1, 60));
        world_settle();
        is_whole();
        packets_go();
        world_settle();
        assert_int_equal(pool.free_page_count, free_pages);
    }
    close_all();
}

/* With packets on their way both ways, which are lost, their pages not. */
static void under_load(void **state)
{
    (void)state;
    open();
    const size_t free_pages = pool.free_page_count;
    for (unsigned i = 0; i < CYCLES; i++) {
        static const uint8_t bytes[3000] = {1};
        for (unsigned j = 0; j < 30; j++)
            transmit_one(new_packet(2, 700));
        back.holds = true;
        while (i % 2 == 0 && netback_take(&frame)) {
        }
        assert_true(netback_put(bytes, sizeof bytes, 0, 1000, 0, 0));
        netback_push_some(2); /* two parts of three */
        fa_packet_queue got = {0};
        netif->ops->receive(netif, &got, 64);
        restore();
        netif->ops->receive(netif, &got, 64);
        assert_int_equal(got.count, 0);
        world_settle();
        is_whole();
        assert_int_equal(pool.free_page_count, free_pages);
    }
    packets_go();
    close_all();
}

/* After so many steps of its connecting. */
static void while_connecting(void **state)
{
    (void)state;
    open();
    for (unsigned steps = 0; steps < 60; steps++) {
        restore();
        for (unsigned i = 0; i < steps; i++)
            fa_sleep(fa_after_ms(STEP_MS));
        restore();
        fa_sleep(fa_after_s(3));
        is_whole();
        packets_go();
    }
    close_all();
}

/* The device is not there any more, or is another's. */
static void without_its_device(void **state)
{
    (void)state;
    open();
    restore();
    fake_store_set(NETBACK_FRONT, NULL);
    fake_store_set(NETBACK_BACK, NULL);
    world_settle();
    assert_false(netif->link_up);
    assert_int_equal(fake_given(), 0);
    netback_attach();
    fa_sleep(fa_after_s(3));
    is_whole();
    restore();
    netif->ops->close(netif);
    fa_sleep(fa_after_s(3));
    fake_store_set(NETBACK_FRONT, NULL);
    fake_store_set(NETBACK_BACK, NULL);
    world_settle();
    expect_nothing_left();
    assert_int_equal(fake_store_watches(), 0);
}

static bool is_another;

static void which(void **state)
{
    (void)state;
    fake.suspend_result = 0;
    assert_int_equal(xen_suspend(&is_another), FA_OK);
    assert_int_equal(fake.shutdown, XEN_SHUTDOWN_SUSPEND);
    assert_true(is_another);
    fake.suspend_result = 1;
    assert_int_equal(xen_suspend(&is_another), FA_OK);
    assert_false(is_another);
    fake.suspend_result = -XEN_EPERM;
    assert_int_equal(xen_suspend(&is_another), FA_EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(while_idle), TEST(under_load), TEST(while_connecting), TEST(without_its_device),
        cmocka_unit_test(which),
    };
    world_init();
    return cmocka_run_group_tests_name("xen_resume", tests, NULL, NULL);
}
