/* SPDX-License-Identifier: ISC */
/* An HTTPS server with room for very many connections, and figures of itself. */
#include <fata/fata.h>
#include <fata/http.h>
#include <fata/keys.h>
#include <stdlib.h>

FA_LOG_MODULE("secure");
FA_PARAM_UINT(connections, "connections", 20000, 1, 100000, "how many there may be");

static fa_tls_server *server;

static fa_err figures(fa_http *http, void *arg, fa_deadline deadline)
{
    fa_http_stats stats;
    fa_tls_stats tls;
    size_t free_bytes, total_bytes;
    fa_http_stats_get(http, &stats);
    fa_tls_server_stats(server, &tls);
    fa_system_memory(&free_bytes, &total_bytes);
    fa_http_type(http, "application/json");
    fa_http_printf(http, "{\"connections\": %zu, \"kept_buffers\": %zu, \"under_way\": %zu, ", stats.connections,
                   tls.kept_buffers, tls.under_way);
    fa_http_printf(http, "\"handshakes\": %llu, \"used_bytes\": %zu}\n", (unsigned long long)tls.handshakes,
                   total_bytes - free_bytes);
    (void)arg;
    return fa_http_end(http, deadline);
}

int main(void)
{
    static const fa_http_route routes[] = {{"GET", "/", figures, NULL}};
    const fa_http_options http = {
        .routes = routes, .route_count = 1, .connections = connections,
        .head_ns = 3600 * FA_NS_PER_S, .idle_ns = 3600 * FA_NS_PER_S};
    fa_tls_server_options options = {.asks = FA_TLS_ASKS_NONE};
    fa_tls_keys *keys;
    fa_tls_reason why = {""};
    fa_net *net;
    fa_listener *listener;
    fa_err err = fa_tls_keys_embedded(&keys, &why);
    if (err == FA_OK) {
        options.identities = fa_tls_keys_identities(keys, &options.identity_count);
        err = fa_tls_server_new(&options, &server, &why);
    }
    if (err == FA_OK)
        err = fa_net_start(&net, fa_after_s(30));
    if (err == FA_OK)
        err = fa_net_listen(net, 443, &listener);
    if (err == FA_OK)
        err = fa_https_serve(&listener, 1, server, &http, FA_FOREVER);
    if (err == FA_OK)
        return EXIT_SUCCESS;
    fa_log_error("%s %s", fa_err_text(err), why.text);
    return EXIT_FAILURE;
}
