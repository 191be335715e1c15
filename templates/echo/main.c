/* SPDX-License-Identifier: ISC */
/* Sends back what it is sent, by TCP and by UDP (RFC 862). */
#include <fata/fata.h>
#include <fata/net.h>
#include <inttypes.h>
#include <stdlib.h>

FA_LOG_MODULE("echo");
FA_PARAM_UINT(port, "port", 7, 1, 65535, "the TCP and UDP port to answer on");

#define IDLE_S 60             /* a connection that says nothing for so long is closed */
#define FINISH_S 3            /* for what is on its way, when the machine is to stop */
#define CONNECTIONS_MAX 1000u /* each has a fiber; the next one is turned away */

typedef struct server {
    fa_scope scope; /* of all fibers */
    fa_udp *udp;
    fa_listener *listener;
} server;

static unsigned connection_count;

/* One fiber for each connection. When the machine is to stop, it is canceled: it closes the connection
 * if all has been answered that was read. */
static void echo_connection(void *flow)
{
    char bytes[2048];
    size_t len;
    fa_err err = FA_OK;
    while (err == FA_OK &&
           fa_flow_read(flow, bytes, sizeof bytes, &len, fa_after_s(IDLE_S)) == FA_OK && len > 0)
        err = fa_flow_write(flow, &(fa_slice){bytes, len}, 1, fa_after_s(IDLE_S));
    if (err == FA_OK)
        fa_flow_close(flow);
    else
        fa_flow_abort(flow);
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

static void accept_connections(void *arg)
{
    server *s = arg;
    fa_flow *flow;
    fa_err err;
    while ((err = fa_listener_accept(s->listener, &flow, NULL, FA_FOREVER)) == FA_OK)
        if (connection_count < CONNECTIONS_MAX &&
            fa_scope_spawn(&s->scope, "connection", echo_connection, flow) == FA_OK)
            connection_count++;
        else
            fa_flow_abort(flow);
    fa_listener_close(s->listener);
}

/* Until the machine is to stop. */
static fa_err serve(fa_net *net, server *s)
{
    fa_err err = fa_net_udp_open(net, (uint16_t)port, &s->udp);
    if (err == FA_OK)
        err = fa_net_listen(net, (uint16_t)port, &s->listener);
    if (err == FA_OK)
        err = fa_scope_spawn(&s->scope, "datagrams", echo_datagrams, s->udp);
    if (err == FA_OK)
        err = fa_scope_spawn(&s->scope, "listener", accept_connections, s);
    if (err == FA_OK) {
        fa_log_info("answering on port %" PRIu64, port);
        err = fa_stop_wait(NULL, FA_FOREVER);
    }
    return err;
}

int main(void)
{
    fa_net *net;
    fa_err err = fa_net_start(&net, fa_after_s(30));
    if (err == FA_OK) {
        server s = {0};
        fa_scope_open(&s.scope);
        err = serve(net, &s);
        fa_scope_close(&s.scope);
    }
    if (err == FA_OK) {
        if (fa_net_finish(net, fa_after_s(FINISH_S)) != FA_OK)
            fa_log_warn("not all of what was sent has arrived");
        return EXIT_SUCCESS;
    }
    fa_log_error("cannot serve: %s", fa_err_text(err));
    return EXIT_FAILURE;
}
