/* SPDX-License-Identifier: ISC */
/* <fata/net.h> over the host's sockets, as a program of the unix board that talks to itself on
 * 127.0.0.1; ports led elsewhere, and a program that has used up its descriptors. */
#include "network.h"
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static fa_err open_networks(void)
{
    board_real_time(true);
    const fa_err err = fa_net_start(&server_net, SOON);
    client_net = server_net;
    server_name = "127.0.0.1";
    return err;
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
    assert_int_equal(fa_net_listen(server_net, 80, &web), FA_OK);
    unsetenv("FATA_PORTS");
    assert_int_equal(fa_listener_port(web), 80);
    assert_int_equal(fa_net_connect(client_net, server_name, host, &client, SOON), FA_OK);
    fa_listener_close(web);
    assert_int_equal(fa_net_listen(server_net, 0, &listener), FA_OK);
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
        assert_int_equal(fa_net_connect(client_net, server_name, port, &clients[i], SOON), FA_OK);
    const int next = dup(0);
    close(next);
    tight = (struct rlimit){.rlim_cur = (rlim_t)next + 1, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    assert_int_equal(fa_listener_accept(listener, &servers[0], NULL, SOON), FA_OK);
    assert_int_equal(fa_net_connect(client_net, server_name, port, &client, SOON), FA_ELIMIT);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        NETWORK_TESTS,
        TEST(ports_led_elsewhere),
        TEST(no_descriptor_left),
    };
    return cmocka_run_group_tests_name("sockets", tests, NULL, NULL);
}
