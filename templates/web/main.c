/* SPDX-License-Identifier: ISC */
/* Serves the site in www/, and live figures of the machine that it runs on. */
#include "serve.h"
#include <fata/fata.h>
#include <stdlib.h>

FA_LOG_MODULE("web");

#define FINISH_S 3 /* for what is on its way, when the machine is to stop */

typedef unsigned long long figure;

/* What the page shows; `arg` is the network. */
static fa_err status_json(fa_http *http, void *arg, fa_deadline deadline)
{
    fa_http_stats stats;
    fa_net_info info;
    size_t free_bytes, total_bytes;
    fa_http_stats_get(http, &stats);
    fa_net_info_get(arg, &info);
    fa_system_memory(&free_bytes, &total_bytes);
    fa_http_type(http, "application/json");
    fa_http_field_add(http, "Cache-Control", "no-store");
    fa_http_printf(http, "{\"uptime_ms\": %llu, ", (figure)(fa_clock_mono_ns() / FA_NS_PER_MS));
    fa_http_printf(http, "\"requests\": %llu, ", (figure)stats.responses[2] + stats.responses[3]);
    fa_http_printf(http, "\"sent_bytes\": %llu, ", (figure)stats.sent_bytes);
    fa_http_printf(http, "\"connections\": %zu, ", stats.connections);
    if (total_bytes > 0) /* else it is a process of a host, whose memory that is */
        fa_http_printf(http, "\"memory_bytes\": %zu, \"memory_free_bytes\": %zu, ", total_bytes,
                       free_bytes);
    fa_http_printf(http, "\"device\": \"%s\"}\n", info.device);
    return fa_http_end(http, deadline);
}

int main(void)
{
    fa_net *net;
    fa_err err = fa_net_start(&net, fa_after_s(30));
    if (err == FA_OK) {
        const fa_http_route routes[] = {
            {"GET", "/status.json", status_json, net},
            {"GET", "/metrics", fa_http_metrics, net},
            {"GET", "/", fa_http_site, NULL}, /* and all below it */
        };
        const fa_http_options options = {.routes = routes, .route_count = FA_ARRAY_COUNT(routes)};
        err = serve(net, &options);
    }
    if (err == FA_OK) {
        if (fa_net_finish(net, fa_after_s(FINISH_S)) != FA_OK)
            fa_log_warn("not all of what was sent has arrived");
        return EXIT_SUCCESS;
    }
    fa_log_error("cannot serve: %s", fa_err_text(err));
    return EXIT_FAILURE;
}
