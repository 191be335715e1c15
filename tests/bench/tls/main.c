/* SPDX-License-Identifier: ISC */
/* Serves its site over TLS and nothing besides, for what measures it: the certificate and its key are the
 * embedded files server.pem and server.key. */
#include <fata/fata.h>
#include <fata/file.h>
#include <fata/http.h>
#include <fata/tls.h>
#include <stdlib.h>

FA_LOG_MODULE("tls-bench");
FA_PARAM_UINT(port, "port", 443, 1, 65535, "the TCP port to serve on");

#define HANDSHAKES_PER_S 1000000u /* that they are bounded is not what is measured */

typedef struct tls_source {
    fa_http_source source; /* first */
    fa_tls_listener *listener;
} tls_source;

static fa_err try_accept(fa_http_source *source, fa_flow **flow_out, fa_endpoint *peer_out)
{
    return fa_tls_listener_try_accept(((tls_source *)source)->listener, flow_out, peer_out);
}

static void arm(fa_http_source *source, fa_waker *waker)
{
    fa_tls_listener_arm(((tls_source *)source)->listener, waker);
}

static fa_err serve(fa_listener *listener, fa_tls_reason *why)
{
    const fa_file *chain = fa_file_find("/server.pem"), *key = fa_file_find("/server.key");
    fa_tls_identity *identity;
    fa_tls_server *server;
    tls_source source = {.source = {try_accept, arm}};
    if (chain == NULL || key == NULL)
        return FA_ENOENT;
    fa_err err = fa_tls_identity_new(chain->bytes, chain->len, key->bytes, key->len, &identity, why);
    if (err != FA_OK)
        return err;
    const fa_tls_server_options options = {.identities = &identity, .identity_count = 1, .handshakes_per_s = HANDSHAKES_PER_S};
    err = fa_tls_server_new(&options, &server, why);
    if (err == FA_OK)
        err = fa_tls_listen(server, listener, &source.listener);
    if (err != FA_OK)
        return err;
    const fa_http_route routes[] = {{"GET", "/", fa_http_site, NULL}};
    fa_log_info("serving on port %u", fa_listener_port(listener));
    err = fa_http_serve_flows(&source.source, &(fa_http_options){.routes = routes, .route_count = FA_ARRAY_COUNT(routes)}, FA_FOREVER);
    fa_tls_listener_close(source.listener);
    return err;
}

int main(void)
{
    fa_net *net;
    fa_listener *listener;
    fa_tls_reason why = {""};
    fa_err err = fa_net_start(&net, fa_after_s(30));
    if (err == FA_OK)
        err = fa_net_listen(net, (uint16_t)port, &listener);
    if (err == FA_OK)
        err = serve(listener, &why);
    if (err == FA_OK)
        return EXIT_SUCCESS;
    fa_log_error("cannot serve: %s %s", fa_err_text(err), why.text);
    return EXIT_FAILURE;
}
