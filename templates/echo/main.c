/* SPDX-License-Identifier: ISC */
/* Sends back what it is sent, by TCP and by UDP (RFC 862). */
#include <fata/fata.h>
#include <fata/net.h>
#include <inttypes.h>
#include <stdlib.h>

FA_LOG_MODULE("echo");
FA_PARAM_UINT(port, "port", 7, 1, 65535, "the TCP and UDP port to answer on");

#define IDLE_S 60             /* a connection that says nothing for so long is closed */
#define CONNECTIONS_MAX 1000u /* each has a fiber; the next one is turned away */

static unsigned connection_count;

/* One fiber for each connection. */
static void echo_connection(void *flow)
{
    char bytes[2048];
    size_t len;
    while (fa_flow_read(flow, bytes, sizeof bytes, &len, fa_after_s(IDLE_S)) == FA_OK && len > 0) {
        const fa_slice answer = {bytes, len};
        if (fa_flow_write(flow, &answer, 1, fa_after_s(IDLE_S)) != FA_OK)
            break;
    }
    fa_flow_close(flow);
    connection_count--;
}

/* One for all datagrams. What does not fit is cut. */
static void echo_datagrams(void *udp)
{
    static char bytes[FA_UDP_BYTES_MAX];
    size_t len;
    fa_endpoint from;
    while (fa_udp_receive(udp, bytes, sizeof bytes, &len, &from, FA_FOREVER) == FA_OK)
        if (fa_udp_send(udp, from, bytes, len) != FA_OK)
            fa_log_warn("a datagram of %zu bytes could not be answered", len);
}

static fa_err serve(fa_net *net, fa_scope *scope)
{
    fa_udp *udp;
    fa_listener *listener;
    fa_err err = fa_net_udp_open(net, (uint16_t)port, &udp);
    if (err == FA_OK)
        err = fa_net_listen(net, (uint16_t)port, &listener);
    if (err == FA_OK)
        err = fa_scope_spawn(scope, "datagrams", echo_datagrams, udp);
    if (err == FA_OK)
        fa_log_info("answering on port %" PRIu64, port);
    while (err == FA_OK) {
        fa_flow *flow;
        err = fa_listener_accept(listener, &flow, NULL, FA_FOREVER);
        if (err != FA_OK)
            break;
        if (connection_count < CONNECTIONS_MAX &&
            fa_scope_spawn(scope, "connection", echo_connection, flow) == FA_OK)
            connection_count++;
        else
            fa_flow_abort(flow);
    }
    return err;
}

int main(void)
{
    fa_net *net;
    fa_err err = fa_net_start(&net, fa_after_s(30));
    if (err == FA_OK) {
        fa_scope scope;
        fa_scope_open(&scope);
        err = serve(net, &scope);
        fa_scope_close(&scope);
    }
    fa_log_error("cannot serve: %s", fa_err_text(err));
    return EXIT_FAILURE;
}
