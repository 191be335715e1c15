/* SPDX-License-Identifier: ISC */
/* <fata/net.h> over the host's sockets, as a program of the unix board that talks to itself on
 * 127.0.0.1: connections, half-close, aborts, refusals, wakers, datagrams, ports led elsewhere, and a
 * program that has used up its descriptors. */
#include "board.h"
#include "test.h"
#include <fata/fiber.h>
#include <fata/net.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define SOON fa_after_s(20) /* real time: only what goes wrong takes so long */

static fa_scope scope;
static fa_net *net;
static fa_listener *listener;
static fa_flow *client, *server;

static int setup(void **state)
{
    (void)state;
    fa_scope_open(&scope);
    board_real_time(true);
    client = server = NULL;
    return fa_net_start(&net, SOON) == FA_OK && fa_net_listen(net, 0, &listener) == FA_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    fa_scope_close(&scope);
    fa_listener_close(listener);
    if (client != NULL)
        fa_flow_close(client);
    if (server != NULL)
        fa_flow_close(server);
    fa_net_info info;
    fa_net_info_get(net, &info);
    board_real_time(false);
    return info.connections == 0 ? 0 : -1;
}

static void make_pair(void)
{
    fa_endpoint peer;
    char text[FA_ENDPOINT_TEXT_BYTES];
    assert_int_equal(fa_net_connect(net, "127.0.0.1", fa_listener_port(listener), &client, SOON), FA_OK);
    assert_int_equal(fa_listener_accept(listener, &server, &peer, SOON), FA_OK);
    assert_memory_equal(fa_endpoint_text(peer, text), "127.0.0.1:", 10);
}

static fa_err write_text(fa_flow *flow, const char *text)
{
    return fa_flow_write(flow, &(fa_slice){text, strlen(text)}, 1, SOON);
}

static void expect_read(fa_flow *flow, const char *want)
{
    char text[32];
    size_t len;
    assert_int_equal(fa_flow_read(flow, text, sizeof text - 1, &len, SOON), FA_OK);
    text[len] = '\0';
    assert_string_equal(text, want);
}

static void both_ways(void **state)
{
    (void)state;
    make_pair();
    const fa_slice slices[] = {{"one", 3}, {NULL, 0}, {"two", 3}};
    assert_int_equal(fa_flow_write(client, slices, FA_ARRAY_COUNT(slices), SOON), FA_OK);
    expect_read(server, "onetwo");
    assert_int_equal(write_text(server, "answer"), FA_OK);
    expect_read(client, "answer");
    assert_int_equal(fa_flow_shutdown(client), FA_OK);
    expect_read(server, "");
    expect_read(server, "");
    assert_int_equal(write_text(server, "last"), FA_OK);
    fa_flow_close(server);
    server = NULL;
    expect_read(client, "last");
    expect_read(client, "");
}

static void aborting(void **state)
{
    (void)state;
    make_pair();
    fa_flow_abort(client);
    client = NULL;
    char byte;
    size_t len;
    assert_int_equal(fa_flow_read(server, &byte, 1, &len, SOON), FA_ECLOSED);
    assert_int_equal(write_text(server, "x"), FA_ECLOSED);
}

static void refusing(void **state)
{
    (void)state;
    fa_listener *second;
    assert_int_equal(fa_net_listen(net, fa_listener_port(listener), &second), FA_EEXIST);
    assert_int_equal(fa_net_listen(net, 0, &second), FA_OK);
    const uint16_t port = fa_listener_port(second);
    fa_listener_close(second);
    assert_int_equal(fa_net_connect(net, "127.0.0.1", port, &client, SOON), FA_ECLOSED);
    assert_int_equal(fa_listener_accept(listener, &server, NULL, FA_NOW), FA_ETIMEDOUT);
    assert_int_equal(fa_listener_accept(listener, &server, NULL, fa_after_ms(2)), FA_ETIMEDOUT);
    fa_ip4 address;
    assert_int_equal(fa_net_resolve(net, "10.1.2.3", &address, SOON), FA_OK);
    assert_int_equal(address.byte[3], 3);
}

static fa_err accept_err, read_err;

static void accept_one(void *arg)
{
    (void)arg;
    accept_err = fa_listener_accept(listener, &server, NULL, FA_FOREVER);
}

static void read_one(void *arg)
{
    (void)arg;
    char byte;
    size_t len;
    read_err = fa_flow_read(client, &byte, 1, &len, FA_FOREVER);
}

static void canceling(void **state)
{
    (void)state;
    fa_scope inner;
    make_pair();
    fa_flow_close(server);
    server = NULL;
    expect_read(client, "");
    fa_flow_close(client);
    make_pair();
    fa_scope_open(&inner);
    assert_int_equal(fa_scope_spawn(&inner, "accept", accept_one, NULL), FA_OK);
    assert_int_equal(fa_scope_spawn(&inner, "read", read_one, NULL), FA_OK);
    fa_sleep(fa_after_ms(1));
    fa_scope_close(&inner);
    assert_int_equal(accept_err, FA_ECANCELED);
    assert_int_equal(read_err, FA_ECANCELED);
    assert_int_equal(write_text(server, "x"), FA_OK); /* wakes nobody */
    fa_sleep(fa_after_ms(1));
    expect_read(client, "x");
}

typedef struct count_waker {
    fa_waker waker;
    unsigned count;
} count_waker;

static void count_wake(fa_waker *waker)
{
    ((count_waker *)waker)->count++;
}

/* A parked connection is woken once for what arrives, and once for the end. */
static void parking(void **state)
{
    (void)state;
    count_waker reads = {{count_wake}, 0}, accepts = {{count_wake}, 0};
    fa_listener_arm(listener, &accepts.waker);
    make_pair();
    assert_int_equal(accepts.count, 1);
    char byte;
    size_t len;
    while (fa_flow_try_read(server, &byte, 1, &len) != FA_EAGAIN)
        ;
    fa_flow_arm(server, FA_FLOW_READABLE, &reads.waker);
    fa_sleep(fa_after_ms(5));
    assert_int_equal(reads.count, 0);
    assert_int_equal(write_text(client, "abc"), FA_OK);
    fa_sleep(fa_after_ms(5));
    assert_int_equal(reads.count, 1);
    expect_read(server, "abc");
    fa_flow_arm(server, FA_FLOW_READABLE, &reads.waker);
    fa_sleep(fa_after_ms(5));
    assert_int_equal(reads.count, 1); /* it is known to be empty */
    assert_int_equal(fa_flow_shutdown(client), FA_OK);
    fa_sleep(fa_after_ms(5));
    assert_int_equal(reads.count, 2);
    expect_read(server, "");
}

#define MUCH (4u << 20)

static void send_much(void *arg)
{
    fa_flow *flow = arg;
    static uint8_t bytes[100000];
    for (size_t sent = 0; sent < MUCH; sent += sizeof bytes) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)((sent + i) * 7 >> 3);
        const fa_slice slices[] = {{bytes, 1000}, {bytes + 1000, 50000}, {bytes + 51000, 49000}};
        if (fa_flow_write(flow, slices, FA_ARRAY_COUNT(slices), SOON) != FA_OK)
            return;
    }
    read_err = fa_flow_shutdown(flow);
}

static void much(void **state)
{
    (void)state;
    make_pair();
    assert_int_equal(fa_scope_spawn(&scope, "sender", send_much, client), FA_OK);
    static uint8_t bytes[30000];
    size_t len, received = 0, wrong = 0;
    for (;;) {
        assert_int_equal(fa_flow_read(server, bytes, sizeof bytes, &len, SOON), FA_OK);
        if (len == 0)
            break;
        for (size_t i = 0; i < len; i++)
            wrong += bytes[i] != (uint8_t)((received + i) * 7 >> 3);
        received += len;
    }
    assert_int_equal(wrong, 0);
    assert_in_range(received, MUCH, MUCH + 100000);
}

static void datagrams(void **state)
{
    (void)state;
    fa_udp *one, *other;
    static uint8_t bytes[FA_UDP_BYTES_MAX + 1];
    fa_endpoint from;
    size_t len;
    assert_int_equal(fa_net_udp_open(net, 0, &one), FA_OK);
    assert_int_equal(fa_net_udp_open(net, 0, &other), FA_OK);
    const fa_endpoint to = {{{127, 0, 0, 1}}, fa_udp_port(other)};
    assert_int_equal(fa_udp_receive(other, bytes, 1, &len, &from, fa_after_ms(1)), FA_ETIMEDOUT);
    assert_int_equal(fa_udp_send(one, to, "12345", 5), FA_OK);
    assert_int_equal(fa_udp_send(one, to, NULL, 0), FA_OK);
    assert_int_equal(fa_udp_send(one, to, bytes, FA_UDP_BYTES_MAX), FA_OK);
    assert_int_equal(fa_udp_send(one, to, bytes, FA_UDP_BYTES_MAX + 1), FA_ELIMIT);
    assert_int_equal(fa_udp_receive(other, bytes, 2, &len, &from, SOON), FA_OK);
    assert_int_equal(len, 5); /* and cut */
    assert_memory_equal(bytes, "12", 3);
    assert_int_equal(from.port, fa_udp_port(one));
    assert_int_equal(fa_udp_receive(other, bytes, sizeof bytes, &len, &from, SOON), FA_OK);
    assert_int_equal(len, 0);
    assert_int_equal(fa_udp_receive(other, bytes, sizeof bytes, &len, &from, SOON), FA_OK);
    assert_int_equal(len, FA_UDP_BYTES_MAX);
    fa_udp_close(one);
    fa_udp_close(other);
}

static void ports_led_elsewhere(void **state)
{
    (void)state;
    fa_listener *web;
    char text[32];
    const uint16_t host = fa_listener_port(listener);
    fa_listener_close(listener);
    snprintf(text, sizeof text, "1:2,%u:80,3:4", host);
    setenv("FATA_PORTS", text, 1);
    assert_int_equal(fa_net_listen(net, 80, &web), FA_OK);
    unsetenv("FATA_PORTS");
    assert_int_equal(fa_listener_port(web), 80);
    assert_int_equal(fa_net_connect(net, "127.0.0.1", host, &client, SOON), FA_OK);
    fa_listener_close(web);
    assert_int_equal(fa_net_listen(net, 0, &listener), FA_OK);
}

/* With all descriptors in use, connections wait; they are accepted when others end. */
static void no_descriptor_left(void **state)
{
    (void)state;
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const uint16_t port = fa_listener_port(listener);
    fa_flow *clients[3], *servers[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(fa_net_connect(net, "127.0.0.1", port, &clients[i], SOON), FA_OK);
    const int next = dup(0);
    close(next);
    tight = (struct rlimit){.rlim_cur = (rlim_t)next + 1, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    assert_int_equal(fa_listener_accept(listener, &servers[0], NULL, SOON), FA_OK);
    assert_int_equal(fa_net_connect(net, "127.0.0.1", port, &client, SOON), FA_ELIMIT);
    assert_int_equal(fa_listener_accept(listener, &servers[1], NULL, fa_after_ms(5)), FA_ETIMEDOUT);
    for (size_t i = 0; i < 3; i++) {
        fa_flow_close(servers[i]);
        if (i < 2)
            assert_int_equal(fa_listener_accept(listener, &servers[i + 1], NULL, SOON), FA_OK);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < 3; i++)
        fa_flow_close(clients[i]);
}

static void close_other(fa_waker *waker)
{
    (void)waker;
    fa_flow_close(server);
    server = NULL;
}

/* Two connections have news at once, and the first one's waker closes the other. */
static void closed_among_news(void **state)
{
    (void)state;
    make_pair();
    fa_flow *first_client = client, *first_server = server;
    make_pair();
    fa_waker waker = {close_other};
    char byte;
    size_t len;
    while (fa_flow_try_read(first_server, &byte, 1, &len) != FA_EAGAIN ||
           fa_flow_try_read(server, &byte, 1, &len) != FA_EAGAIN)
        ;
    fa_flow_arm(first_server, FA_FLOW_READABLE, &waker);
    assert_int_equal(write_text(first_client, "x"), FA_OK);
    assert_int_equal(write_text(client, "x"), FA_OK);
    fa_sleep(fa_after_ms(5));
    assert_null(server);
    fa_flow_close(first_server);
    fa_flow_close(first_client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_ways), TEST(aborting),            TEST(refusing),
        TEST(canceling), TEST(parking),             TEST(much),
        TEST(datagrams), TEST(ports_led_elsewhere), TEST(no_descriptor_left),
        TEST(closed_among_news),
    };
    return cmocka_run_group_tests_name("sockets", tests, NULL, NULL);
}
