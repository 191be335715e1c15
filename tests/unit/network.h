/* SPDX-License-Identifier: ISC */
/* Tests of <fata/net.h> that every kind of network must pass: connections, half-close, aborts,
 * refusals, wakers, datagrams. The program that includes this says which networks. */
#ifndef FATA_TESTS_UNIT_NETWORK_H
#define FATA_TESTS_UNIT_NETWORK_H

#include "board.h"
#include "test.h"
#include <fata/fiber.h>
#include <fata/net.h>
#include <stdlib.h>

#define SOON fa_after_s(60) /* only what goes wrong takes so long */

static fa_scope scope;
static fa_net *client_net, *server_net;
static const char *server_name; /* its address */
static fa_listener *listener;
static fa_flow *client, *server;

/* Sets all three, the first time. */
static fa_err open_networks(void);

static uint32_t connection_count(void)
{
    fa_net_info at_client, at_server;
    fa_net_info_get(client_net, &at_client);
    fa_net_info_get(server_net, &at_server);
    return at_client.connections + at_server.connections;
}

static int setup(void **state)
{
    (void)state;
    fa_scope_open(&scope);
    client = server = NULL;
    const fa_err err = open_networks();
    return err == FA_OK && fa_net_listen(server_net, 0, &listener) == FA_OK ? 0 : -1;
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
    /* The own stack's TCP has its last words. */
    for (unsigned i = 0; i < 1000 && connection_count() > 0; i++)
        fa_sleep(fa_after_ms(10));
    return connection_count() == 0 ? 0 : -1;
}

static fa_err connect_client(void)
{
    return fa_net_connect(client_net, server_name, fa_listener_port(listener), &client, SOON);
}

static void make_pair(void)
{
    fa_endpoint peer;
    char text[FA_ENDPOINT_TEXT_BYTES];
    assert_int_equal(connect_client(), FA_OK);
    assert_int_equal(fa_listener_accept(listener, &server, &peer, SOON), FA_OK);
    fa_net_info info;
    fa_net_info_get(client_net, &info);
    assert_memory_equal(&peer.address, &info.address, sizeof peer.address);
    assert_non_null(strchr(fa_endpoint_text(peer, text), ':'));
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
    assert_int_equal(fa_net_listen(server_net, fa_listener_port(listener), &second), FA_EEXIST);
    assert_int_equal(fa_net_listen(server_net, 0, &second), FA_OK);
    const uint16_t port = fa_listener_port(second);
    fa_listener_close(second);
    assert_int_equal(fa_net_connect(client_net, server_name, port, &client, SOON), FA_ECLOSED);
    assert_int_equal(fa_listener_accept(listener, &server, NULL, FA_NOW), FA_ETIMEDOUT);
    assert_int_equal(fa_listener_accept(listener, &server, NULL, fa_after_ms(2)), FA_ETIMEDOUT);
    fa_ip4 address;
    assert_int_equal(fa_net_resolve(client_net, "10.1.2.3", &address, SOON), FA_OK);
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
    assert_int_equal(fa_net_udp_open(client_net, 0, &one), FA_OK);
    assert_int_equal(fa_net_udp_open(server_net, 0, &other), FA_OK);
    fa_endpoint to = {.port = fa_udp_port(other)};
    assert_int_equal(fa_ip4_parse(server_name, &to.address), FA_OK);
    assert_int_equal(fa_udp_receive(other, bytes, 1, &len, &from, fa_after_ms(1)), FA_ETIMEDOUT);
    assert_int_equal(fa_udp_send(one, to, "12345", 5), FA_OK);
    assert_int_equal(fa_udp_receive(other, bytes, 2, &len, &from, SOON), FA_OK);
    assert_int_equal(len, 5); /* and cut */
    assert_memory_equal(bytes, "12", 3);
    assert_int_equal(from.port, fa_udp_port(one));
    assert_int_equal(fa_udp_send(one, to, NULL, 0), FA_OK);
    assert_int_equal(fa_udp_send(one, to, bytes, FA_UDP_BYTES_MAX), FA_OK);
    assert_int_equal(fa_udp_send(one, to, bytes, FA_UDP_BYTES_MAX + 1), FA_ELIMIT);
    assert_int_equal(fa_udp_receive(other, bytes, sizeof bytes, &len, &from, SOON), FA_OK);
    assert_int_equal(len, 0);
    assert_int_equal(fa_udp_receive(other, bytes, sizeof bytes, &len, &from, SOON), FA_OK);
    assert_int_equal(len, FA_UDP_BYTES_MAX);
    fa_udp_close(one);
    fa_udp_close(other);
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
#define NETWORK_TESTS                                                                              \
    TEST(both_ways), TEST(aborting), TEST(refusing), TEST(canceling), TEST(parking), TEST(much),   \
        TEST(datagrams), TEST(closed_among_news)

#endif
