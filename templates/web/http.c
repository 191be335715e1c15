/* SPDX-License-Identifier: ISC */
/* Serves the site by HTTP. */
#include "serve.h"
#include <fata/fata.h>

FA_LOG_MODULE("web");
FA_PARAM_UINT(port, "port", 80, 1, 65535, "the TCP port to serve on");

fa_err serve(fa_net *net, const fa_http_options *options)
{
    fa_listener *listener;
    const fa_err err = fa_net_listen(net, (uint16_t)port, &listener);
    if (err != FA_OK)
        return err;
    fa_log_info("serving on port %u", fa_listener_port(listener));
    return fa_http_serve(listener, options, FA_FOREVER);
}
