/* SPDX-License-Identifier: ISC */
/* Xen's network device against a back end, a toolstack and a store that break the rules: what they do is
 * told, nothing outside of what is theirs is touched, nothing waits for ever, and a device that comes
 * anew works. */
#include "xen_net.h"
#include <stdio.h>

/* By whichever way it finds out: a turn of the stack. */
static void turn(void)
{
    fa_packet_queue queue = {0};
    netif->ops->receive(netif, &queue, 64);
    fa_packet_queue_free(&queue);
    (void)netif->ops->arm(netif);
}

/* The device is closed; all it had is back, but what the back end holds; a new one works. */
static void expect_closed(void)
{
    turn();
    assert_false(netif->link_up);
    transmit_one(new_packet(1, 60));
    world_settle();
    assert_int_equal(netback_front_state(), 6);
    netback_let_go();
    fa_sleep(fa_after_s(3));
    expect_nothing_left();
    assert_false(netif->link_up);
    fake_store_set(NETBACK_FRONT, NULL);
    fake_store_set(NETBACK_BACK, NULL);
    netback_attach();
    world_settle();
    assert_true(netif->link_up);
    transmit_one(new_packet(1, 60));
    assert_true(netback_take(&frame));
    turn();
    assert_int_equal(pool.free_page_count, PAGES - SHARE);
}

static void wrong_indices(void **state)
{
    (void)state;
    static const uint32_t wrong[] = {257, 1000, UINT32_MAX / 2, UINT32_MAX};
    open();
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++) {
        back.receive->answer_produced += wrong[i];
        expect_closed();
        back.send->answer_produced += wrong[i];
        expect_closed();
        transmit_one(new_packet(2, 60));
        back.send->answer_produced += 3; /* one more than it was asked */
        expect_closed();
    }
    close_all();
}

static void answer_sent(uint16_t id, int16_t status)
{
    const netif_send_answer answer = {id, status};
    uint8_t *place = back.send->places + back.send->answer_produced % 256 * sizeof(netif_send_request);
    memcpy(place, &answer, sizeof answer);
    back.send->answer_produced++;
}

static void wrong_answers_to_sent(void **state)
{
    (void)state;
    static const uint16_t ids[] = {255, 256, UINT16_MAX, 7};
    open();
    for (size_t i = 0; i < FA_ARRAY_COUNT(ids); i++) {
        transmit_one(new_packet(1, 60));
        answer_sent(ids[i], 0);
        expect_closed();
    }
    transmit_one(new_packet(2, 60)); /* the same one twice */
    netif_send_request request;
    memcpy(&request, back.send->places + back.send_taken % 256 * sizeof request, sizeof request);
    answer_sent(request.id, 0);
    answer_sent(request.id, 0);
    expect_closed();
    transmit_one(new_packet(1, 60)); /* none */
    answer_sent(0, NETIF_STATUS_NULL);
    expect_closed();
    close_all();
}

static void wrong_answers_to_receive(void **state)
{
    (void)state;
    static const struct {
        uint16_t id, offset;
        int16_t status;
    } answers[] = {
        {1, 0, 60},          /* another one's */
        {256, 0, 60},        {UINT16_MAX, 0, 60}, {0, 4096, 1},
        {0, 1, 4096},        {0, UINT16_MAX, 60}, {0, 0, 4097},
        {0, 0, INT16_MAX},
    };
    netif_receive_request request;
    open();
    for (size_t i = 0; i < FA_ARRAY_COUNT(answers); i++) {
        assert_true(netback_request(&request));
        netback_answer((netif_receive_answer){(uint16_t)(request.id + answers[i].id),
                                              answers[i].offset, 0, answers[i].status});
        netback_push();
        expect_closed();
    }
    /* Extra information without end. */
    for (unsigned i = 0; i < 6; i++) {
        const netif_extra extra = {.type = 1, .flags = NETIF_EXTRA_FLAG_MORE};
        netif_receive_answer answer;
        assert_true(netback_request(&request));
        memcpy(&answer, &extra, sizeof answer);
        if (i == 0)
            answer = (netif_receive_answer){request.id, 0, NETIF_RECEIVE_EXTRA_INFO, 60};
        netback_answer(answer);
    }
    netback_push();
    expect_closed();
    close_all();
}

/* More and more of one packet: the pages come back all the time. */
static void endless_packet(void **state)
{
    (void)state;
    netif_receive_request request;
    open();
    for (unsigned i = 0; i < 2000; i++) {
        assert_true(netback_request(&request));
        netback_answer((netif_receive_answer){request.id, 0, NETIF_RECEIVE_MORE_DATA, 100});
        netback_push();
        turn();
        assert_true(pool.free_page_count >= PAGES - SHARE - FA_PACKET_SEGMENTS_MAX);
    }
    assert_true(netif->link_up);
    close_all();
}

/* It answers, and keeps what it was given: no page of that is used for anything else. */
static void lets_nothing_go(void **state)
{
    (void)state;
    open();
    back.holds = true;
    for (unsigned i = 0; i < 400; i++) {
        fa_packet *packet = fa_packet_alloc(&pool);
        if (packet == NULL)
            break;
        memset(fa_packet_append(packet, 60), 0x77, 60);
        transmit_one(packet);
        (void)netback_take(&frame);
    }
    turn();
    assert_int_equal(pool.free_page_count, 0);
    assert_int_equal(xen_grants_counted().kept, back.held_count);
    assert_true(netif->link_up);
    netback_let_go();
    fa_sleep(fa_after_s(1));
    assert_int_equal(xen_grants_retry(), 0);
    turn();
    assert_int_equal(pool.free_page_count, PAGES - SHARE);
    close_all();
}

/* Anything at all in the rings, at any time. */
static void anything(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED;
    open();
    for (unsigned round = 0; round < 150; round++) {
        for (unsigned step = 0; step < 30; step++) {
            xen_ring_page *page = test_random_below(&seed, 2) ? back.send : back.receive;
            for (unsigned i = 0; i < 200; i++)
                page->places[test_random_below(&seed, 2 * step + 100)] = (uint8_t)(
                    test_random_below(&seed, 4) ? test_random_below(&seed, 8) : test_random(&seed));
            page->answer_produced += (uint32_t)test_random_below(&seed, 3);
            page->answer_event = page->request_event = (uint32_t)test_random(&seed);
            transmit_one(new_packet(1 + test_random_below(&seed, 3), 60));
            turn();
        }
        world_settle();
        if (!netif->link_up) {
            expect_closed();
        } else {
            back.receive->answer_produced += 1000;
            expect_closed();
        }
    }
    close_all();
}

/* The device and all about it, at once. */
static void take_away(void)
{
    fake_store_set(NETBACK_FRONT, NULL);
    fake_store_set(NETBACK_BACK, NULL);
    back.is_lazy = true;
    if (back.send != NULL) {
        fake_unmap(back.refs[0]);
        fake_unmap(back.refs[1]);
        back.send = NULL;
    }
    world_settle();
    back.is_lazy = false;
    fa_sleep(fa_after_s(3));
    assert_false(netif->link_up);
    expect_nothing_left();
}

/* The directories vanish, or say anything, after any number of the store's steps. */
static void vanishes(void **state)
{
    (void)state;
    static const char *const paths[] = {NETBACK_FRONT, NETBACK_BACK, NETBACK_BACK "/state",
                                        NETBACK_FRONT "/backend", NETBACK_FRONT "/state",
                                        NETBACK_BACK "/feature-sg"};
    open();
    for (size_t p = 0; p < FA_ARRAY_COUNT(paths); p++)
        for (unsigned steps = 0; steps < 40; steps++) {
            take_away();
            netback_attach();
            for (unsigned i = 0; i < steps; i++)
                fa_sleep(fa_after_ms(STEP_MS));
            fake_store_set(paths[p], p % 2 ? NULL : "");
            fake_store_set(paths[p], NULL);
            fa_sleep(fa_after_s(3));
            turn();
            /* What has gone is not made anew by a late write. */
            assert_true(p > 0 || fake_store_get(NETBACK_FRONT "/tx-ring-ref") == NULL);
            assert_true(p > 0 || netback_front_state() == 0);
        }
    take_away();
    netback_attach();
    fa_sleep(fa_after_s(3));
    assert_true(netif->link_up);
    close_all();
}

static void odd_states(void **state)
{
    (void)state;
    static const char *const states[] = {"9", "7", "8", "0", "-1", "4294967300", "", "x", "3", "1", "5"};
    open();
    for (size_t i = 0; i < FA_ARRAY_COUNT(states); i++) {
        back.is_lazy = true;
        netback_set("state", states[i]);
        world_settle();
        turn();
        back.is_lazy = false;
        netback_detach();
        world_settle();
        fa_sleep(fa_after_s(3));
        expect_nothing_left();
        netback_attach();
        world_settle();
        assert_true(netif->link_up);
    }
    static const char *const ids[] = {"-1", "32752", "70000", "", "x"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(ids); i++) {
        netback_detach();
        world_settle();
        netback_attach();
        fake_store_set(NETBACK_FRONT "/backend-id", ids[i]);
        fa_sleep(fa_after_s(3));
        assert_false(netif->link_up);
        expect_nothing_left();
        fake_store_set(NETBACK_FRONT, NULL);
        fake_store_set(NETBACK_BACK, NULL);
        netback_attach();
        fa_sleep(fa_after_s(3));
        assert_true(netif->link_up);
    }
    close_all();
}

static void never_connects(void **state)
{
    (void)state;
    netback_attach();
    back.is_lazy = true;
    assert_int_equal(try_open(fa_after_s(15)), FA_ETIMEDOUT); /* and it was told after 10 */
    world_settle();
    expect_nothing_left();
    back.is_lazy = false;
    fake_store_silent = true;
    assert_int_equal(try_open(fa_after_s(3)), FA_ETIMEDOUT);
    fake_store_silent = false;
    fa_sleep(fa_after_s(30));
    expect_nothing_left();
    open();
    close_all();
}

static void no_resources(void **state)
{
    (void)state;
    for (unsigned left = 0; left < 2; left++) { /* event channels */
        netback_attach();
        for (uint32_t port = STORE_PORT + 1; port < XEN_PORTS - left; port++)
            fake_make_port(port);
        assert_int_equal(try_open(SOON), FA_ENOSPC);
        memset(&fake.ports[STORE_PORT + 1], 0, (XEN_PORTS - STORE_PORT - 1) * sizeof fake.ports[0]);
        world_settle();
        expect_nothing_left();
        fake_store_set(NETBACK_FRONT, NULL);
        fake_store_set(NETBACK_BACK, NULL);
    }
    open();
    close_all();
}

/* The store itself, at last: the device goes, nothing spins. */
static void store_breaks(void **state)
{
    (void)state;
    open();
    fake_store_silent = true;
    fake_store_put(XEN_STORE_READ, 0xffffff, "x", 1);
    fake_send(STORE_PORT);
    const uint64_t before_ns = fa_clock_mono_ns();
    fa_sleep(fa_after_s(30));
    assert_true(fa_clock_mono_ns() - before_ns >= 30 * FA_NS_PER_S);
    transmit_one(new_packet(1, 60)); /* its rings are as good as ever */
    assert_true(netback_take(&frame));
    back.receive->answer_produced += 1000;
    turn();
    fa_sleep(fa_after_s(5));
    assert_false(netif->link_up);
    fake_unmap(back.refs[0]);
    fake_unmap(back.refs[1]);
    netif->ops->close(netif);
    fa_sleep(fa_after_s(5));
    expect_nothing_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_indices),  TEST(wrong_answers_to_sent), TEST(wrong_answers_to_receive),
        TEST(endless_packet), TEST(lets_nothing_go),       TEST(anything),
        TEST(vanishes),       TEST(odd_states),            TEST(never_connects),
        TEST(no_resources),   TEST(store_breaks),
    };
    world_init();
    return cmocka_run_group_tests_name("xen_net_bad", tests, NULL, NULL);
}
