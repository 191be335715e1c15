/* SPDX-License-Identifier: ISC */
/* Serving a listener of the network: its connections, as a source of flows. */
#include "server.h"

typedef struct listener_source {
    fa_http_source source; /* its first member */
    fa_listener *listener;
} listener_source;

static fa_err try_accept(fa_http_source *source, fa_flow **flow_out, fa_endpoint *peer_out)
{
    return fa_listener_try_accept(((listener_source *)source)->listener, flow_out, peer_out);
}

static void arm(fa_http_source *source, fa_waker *waker)
{
    fa_listener_arm(((listener_source *)source)->listener, waker);
}

/* The oldest give way as long as the network still takes new ones, and what is left is for those that
 * end. */
fa_http_options fa_http_options_for(const fa_listener *listener, const fa_http_options *options)
{
    fa_http_options bounded = *options;
    const size_t room = fa_listener_connections_max(listener) / 4 * 3;
    if (bounded.connections == 0)
        bounded.connections = FA_HTTP_CONNECTIONS;
    if (room > 0 && bounded.connections > room)
        bounded.connections = room;
    return bounded;
}

fa_err fa_http_serve(fa_listener *listener, const fa_http_options *options, fa_deadline deadline)
{
    listener_source from = {{try_accept, arm}, listener};
    const fa_http_options bounded = fa_http_options_for(listener, options);
    return fa_http_serve_flows(&from.source, &bounded, deadline);
}
