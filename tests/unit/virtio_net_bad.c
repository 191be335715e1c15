/* SPDX-License-Identifier: ISC */
/* The network device's driver against devices that break the rules: these are left alone, with a line in
 * the log, and every page comes back in the end. */
#include "virtio_net.h"

static void check_broken(const char *want)
{
    fa_packet_queue queue = {0};
    net.netif.ops->receive(&net.netif, &queue, 64);
    assert_int_equal(queue.count, 0);
    if (strstr(host_console, want) == NULL)
        fail_msg("no '%s' in: %s", want, host_console);
    assert_false(net.netif.link_up);
    assert_false(net.netif.ops->arm(&net.netif));
    /* It is said once, and what is to be sent is dropped. */
    const size_t said = host_console_len;
    fa_packet_queue_add(&queue, fa_packet_alloc(&pool));
    assert_non_null(fa_packet_append(queue.first, 60));
    net.netif.ops->transmit(&net.netif, &queue);
    net.netif.ops->receive(&net.netif, &queue, 64);
    assert_int_equal(queue.count, 0);
    assert_int_equal(host_console_len, said);
    close_all();
}

static void wrong_id(void **state)
{
    (void)state;
    static const uint32_t ids[] = {SHARE, 255, 256, 65536, UINT32_MAX};
    for (size_t i = 0; i < FA_ARRAY_COUNT(ids); i++) {
        host_console_clear();
        open(USUAL, false);
        fake_use(&device, FAKE_RECEIVE, ids[i], 100);
        check_broken("is done with a message that it does not have");
    }
}

static void id_twice(void **state)
{
    (void)state;
    open(USUAL, false);
    write_frame(plain, 12, 60, 0); /* in the page of descriptor 0 */
    fake_use(&device, FAKE_RECEIVE, 0, 100);
    fa_packet_queue queue = receive(64);
    assert_int_equal(queue.count, 1);
    fa_packet_queue_free(&queue);
    check_broken("is done with a message that it does not have, 0");
}

static void within_a_message(void **state)
{
    (void)state;
    open(USUAL, false);
    transmit_one(new_packet(3, 60));
    fake_use(&device, FAKE_TRANSMIT, 1, 0); /* a part of it, not its head */
    check_broken("queue 1: the device is done with a message that it does not have");
}

static void too_many(void **state)
{
    (void)state;
    static const uint16_t steps[] = {SHARE + 1, 256, 32768, 65535};
    for (size_t i = 0; i < FA_ARRAY_COUNT(steps); i++) {
        host_console_clear();
        open(USUAL, false);
        fake_set_used_index(&device, FAKE_RECEIVE, steps[i]);
        check_broken("is done with more messages than it has");
    }
}

static void too_long(void **state)
{
    (void)state;
    for (uint64_t len = 4097; len <= UINT32_MAX; len *= 2) {
        host_console_clear();
        open(USUAL, false);
        fake_use(&device, FAKE_RECEIVE, 0, (uint32_t)len);
        check_broken("has written past a page");
    }
}

static void wrong_page_count(void **state)
{
    (void)state;
    static const struct { unsigned says; const char *want; } wrongs[] = {
        {2, "a packet without its page"}, {18, "a packet without its page"},
        {19, "a packet of pages: 19"},    {0xffff, "a packet of pages: 65535"},
        {0x10000, "a packet of pages: 0"},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrongs); i++) {
        host_console_clear();
        open(USUAL, false);
        write_frame(plain, 12, 60, wrongs[i].says);
        check_broken(wrongs[i].want);
    }
}

static void damaged_descriptors(void **state)
{
    (void)state;
    open(USUAL, false);
    memset((void *)(uintptr_t)device.places[FAKE_RECEIVE].descriptors.address, 0xff, 16 * 256);
    memset((void *)(uintptr_t)device.places[FAKE_TRANSMIT].descriptors.address, 0xff, 16 * 256);
    fake_use(&device, FAKE_RECEIVE, 5, 0);
    (void)receive(64);
    transmit_one(new_packet(3, 60));
    close_all();
}

/* What it may still write to is nobody's any more. */
static void never_stops(void **state)
{
    (void)state;
    open(USUAL, false);
    device.never_resets = true;
    net.netif.ops->close(&net.netif);
    assert_non_null(strstr(host_console, "does not stop"));
    assert_int_equal(pool.free_page_count, PAGES - SHARE);
    assert_int_equal(try_open(), FA_EBUSY);
    device.never_resets = false;
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_id), TEST(id_twice), TEST(within_a_message), TEST(too_many), TEST(too_long),
        TEST(wrong_page_count), TEST(damaged_descriptors), TEST(never_stops),
    };
    return cmocka_run_group_tests_name("virtio_net_bad", tests, NULL, NULL);
}
