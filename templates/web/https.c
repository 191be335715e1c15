/* SPDX-License-Identifier: ISC */
/* Serves the site by HTTPS, with the certificates and keys that the build took from tls/. Who comes by HTTP
 * is sent to HTTPS, at the same port or at that of HTTPS. */
#include "serve.h"
#include <fata/fata.h>
#include <fata/keys.h>

FA_LOG_MODULE("web");
FA_PARAM_UINT(port, "port", 80, 1, 65535, "a TCP port to serve on, by HTTPS and by HTTP");
FA_PARAM_UINT(https_port, "https-port", 443, 0, 65535, "another one; 0: none");

static fa_err make_server(fa_tls_server **server_out)
{
    static const char *const protocols[] = {"http/1.1", NULL};
    fa_tls_server_options options = {.alpn = protocols};
    fa_tls_keys *keys;
    fa_tls_reason why = {""};
    fa_err err = fa_tls_keys_embedded(&keys, &why);
    if (err == FA_OK) {
        options.identities = fa_tls_keys_identities(keys, &options.identity_count);
        err = fa_tls_server_new(&options, server_out, &why);
    }
    if (err != FA_OK)
        fa_log_error("no HTTPS: %s", why.text);
    return err;
}

fa_err serve(fa_net *net, const fa_http_options *options)
{
    fa_tls_server *server;
    fa_listener *listeners[2];
    size_t count = 1;
    fa_err err = make_server(&server);
    if (err == FA_OK)
        err = fa_net_listen(net, (uint16_t)port, &listeners[0]);
    if (err != FA_OK)
        return err;
    if (https_port != 0 && https_port != port) {
        if (fa_net_listen(net, (uint16_t)https_port, &listeners[1]) == FA_OK)
            count = 2;
        else
            fa_log_warn("port %u is not to be had", (unsigned)https_port);
    }
    fa_log_info("serving HTTPS on port %u", fa_listener_port(listeners[0]));
    return fa_https_serve(listeners, count, server, options, FA_FOREVER);
}
