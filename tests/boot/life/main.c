/* SPDX-License-Identifier: ISC */
/* A server for the tests of a machine's life: it echoes bytes on port 7, and on port 80 it answers
 * slowly, or tells what time it is, what memory it has and some random bytes. It ends as a program should
 * when the machine is to stop. */
#include <fata/fata.h>
#include <fata/http.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOW_PARTS 10
#define PATIENCE_NS (600 * FA_NS_PER_S)

FA_PARAM_FLAG(crash, "crash", "crash when the machine is to stop");

static fa_scope scope;

/* Its answer takes two seconds. */
static fa_err slow(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    fa_err err = FA_OK;
    for (unsigned i = 1; i <= SLOW_PARTS && err == FA_OK; i++) {
        fa_http_printf(http, "part %u\n", i);
        err = fa_http_flush(http, deadline);
        if (err == FA_OK)
            err = fa_sleep(fa_after_ms(200));
    }
    fa_http_printf(http, "all of it\n");
    return err;
}

static fa_err figures(fa_http *http, void *arg, fa_deadline deadline)
{
    size_t free_bytes, total_bytes;
    uint64_t random;
    (void)arg;
    fa_err err = fa_random_bytes(&random, sizeof random);
    if (err != FA_OK)
        return err;
    fa_system_memory(&free_bytes, &total_bytes);
    fa_http_printf(http, "figures mono_ms %" PRIu64 " wall_s %" PRIu64 " free %zu random %" PRIx64 "\n",
                   fa_clock_mono_ns() / FA_NS_PER_MS, fa_clock_wall_ns() / FA_NS_PER_S, free_bytes,
                   random);
    return fa_http_end(http, deadline);
}

static void echo(void *flow)
{
    char bytes[2048];
    size_t len;
    while (fa_flow_read(flow, bytes, sizeof bytes, &len, FA_FOREVER) == FA_OK && len > 0)
        if (fa_flow_write(flow, &(fa_slice){bytes, len}, 1, FA_FOREVER) != FA_OK)
            break;
    fa_flow_close(flow);
}

static void accept_echoes(void *listener)
{
    fa_flow *flow;
    while (fa_listener_accept(listener, &flow, NULL, FA_FOREVER) == FA_OK)
        if (fa_scope_spawn(&scope, "echo", echo, flow) != FA_OK)
            fa_flow_abort(flow);
}

int main(void)
{
    static const fa_http_route routes[] = {{"GET", "/slow", slow, NULL},
                                           {"GET", "/figures", figures, NULL}};
    const fa_http_options options = {.routes = routes,
                                     .route_count = FA_ARRAY_COUNT(routes),
                                     .head_ns = PATIENCE_NS, /* a peer waits long before it tries again */
                                     .idle_ns = PATIENCE_NS};
    fa_net *net;
    fa_listener *web, *echoes;
    fa_err err = fa_net_start(&net, fa_after_s(30));
    if (err == FA_OK)
        err = fa_net_listen(net, 80, &web);
    if (err == FA_OK)
        err = fa_net_listen(net, 7, &echoes);
    if (err == FA_OK) {
        fa_scope_open(&scope);
        err = fa_scope_spawn(&scope, "echoes", accept_echoes, echoes);
        if (err == FA_OK)
            err = fa_http_serve(web, &options, FA_FOREVER);
        if (crash)
            abort();
        fa_scope_close(&scope);
    }
    if (err == FA_OK)
        err = fa_net_finish(net, fa_after_s(5));
    printf("%s\n", fa_err_text(err));
    return err == FA_OK ? 0 : EXIT_FAILURE;
}
