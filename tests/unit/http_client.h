/* SPDX-License-Identifier: ISC */
/* What the tests of the HTTP server share: connections that are pipes, handlers, clients that say and
 * hear texts, in virtual time, and what they expect. */
#ifndef FATA_TESTS_UNIT_HTTP_CLIENT_H
#define FATA_TESTS_UNIT_HTTP_CLIENT_H

#include "../../sdk/flow/pipe.h"
#include "../../sdk/http/exchange.h"
#include "../../sdk/net/backend.h"
#include "fibers.h"
#include <fata/http.h>
#include <stdio.h>
#include <stdlib.h>

#define CLIENTS_MAX 64u

/* Connections that the server has yet to accept. */
static struct test_source {
    fa_http_source source; /* its first member */
    fa_flow *flows[CLIENTS_MAX];
    size_t first, count;
    fa_waker *waker;
    fa_err err;
} source;

static fa_err try_accept(fa_http_source *from, fa_flow **flow_out, fa_endpoint *peer_out)
{
    (void)from;
    *peer_out = (fa_endpoint){{{192, 0, 2, 1}}, 1234};
    if (source.first == source.count)
        return source.err == FA_OK ? FA_EAGAIN : source.err;
    *flow_out = source.flows[source.first++];
    return FA_OK;
}

static inline void call_source(void)
{
    fa_waker *waker = source.waker;
    source.waker = NULL;
    if (waker != NULL)
        waker->wake(waker);
}

static void arm_source(fa_http_source *from, fa_waker *waker)
{
    (void)from;
    source.waker = waker;
    if (waker != NULL && source.first < source.count)
        call_source();
}

/* Handlers. */

static fa_err small(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    (void)deadline;
    fa_http_type(http, "text/plain");
    fa_http_printf(http, "%s %s?%s", http->method, http->path, http->query);
    return FA_OK;
}

static fa_err echo(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    char bytes[100];
    size_t len;
    fa_err err;
    while ((err = fa_http_read(http, bytes, sizeof bytes, &len, deadline)) == FA_OK && len > 0)
        if ((err = fa_http_write(http, bytes, len, deadline)) != FA_OK)
            break;
    return err;
}

static fa_err count(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    char bytes[100];
    size_t len, whole_len = 0;
    fa_err err;
    while ((err = fa_http_read(http, bytes, sizeof bytes, &len, deadline)) == FA_OK && len > 0)
        whole_len += len;
    fa_http_printf(http, "%zu", whole_len);
    return err;
}

/* So many pieces of 1,000 bytes as the query says, of a length that is told or not. */
static fa_err pieces(fa_http *http, void *arg, fa_deadline deadline)
{
    const size_t count = strtoul(http->query, NULL, 10);
    char piece[1000];
    memset(piece, 'p', sizeof piece);
    if (arg != NULL)
        fa_http_length(http, *(const uint64_t *)arg);
    fa_err err = FA_OK;
    for (size_t i = 0; i < count && err == FA_OK; i++)
        err = fa_http_write(http, piece, sizeof piece, deadline);
    return err;
}
static const uint64_t five_thousand = 5000;

static fa_err much_print(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    (void)deadline;
    for (size_t i = strtoul(http->query, NULL, 10); i > 0; i--)
        fa_http_printf(http, "%0100zu", i);
    return FA_OK;
}

static fa_err inject(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    (void)deadline;
    fa_http_field_add(http, "Good", "value");
    fa_http_field_add(http, "Bad", "x\r\nSet-Cookie: y");
    fa_http_printf(http, "not to be seen");
    return FA_OK;
}

static fa_err fail_with(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    (void)deadline;
    fa_http_printf(http, "not to be seen");
    return (fa_err)strtoul(http->query, NULL, 10);
}

static fa_err late_failure(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    fa_http_printf(http, "part");
    const fa_err err = fa_http_flush(http, deadline);
    return err == FA_OK ? FA_EIO : err;
}

static unsigned slow_running, slow_most;

static fa_err slow(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    (void)deadline;
    slow_running++;
    slow_most = slow_running > slow_most ? slow_running : slow_most;
    const fa_err err = fa_sleep(fa_after_s(1));
    slow_running--;
    fa_http_printf(http, "slept");
    return err;
}

/* Its head is sent before the end, which it does not know of. */
static fa_err slow_stream(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    fa_http_printf(http, "first");
    fa_err err = fa_http_flush(http, deadline);
    if (err == FA_OK)
        err = fa_sleep(fa_after_s(1));
    fa_http_printf(http, "last");
    return err;
}

static fa_err ignore(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    (void)deadline;
    fa_http_status(http, 201);
    return FA_OK;
}

/* As the site's files: sent without a fiber. */
#define BIG_BYTES 100000
static fa_err big(fa_http *http, void *arg, fa_deadline deadline)
{
    static const char bytes[BIG_BYTES];
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n";
    (void)arg;
    return fa_http_respond_static(http, 200, &(fa_slice){text, sizeof text - 1}, 1,
                                  (fa_slice){bytes, sizeof bytes}, deadline);
}

/* A network that has only figures. */
static void no_info(fa_net *net, fa_net_info *info_out)
{
    (void)net;
    *info_out = (fa_net_info){.device = "none", .memory_limit_bytes = 1};
}
static const fa_net_ops no_net_ops = {.info = no_info};
static fa_net no_net = {&no_net_ops};

static fa_http_stats stats;

static fa_err keep_stats(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    fa_http_stats_get(http, &stats);
    return fa_http_end(http, deadline);
}

static const fa_http_route routes[] = {
    {"GET", "/small", small, NULL},   {"POST", "/echo", echo, NULL},
    {"GET", "/pieces", pieces, NULL}, {"GET", "/sized", pieces, (void *)(uintptr_t)&five_thousand},
    {"GET", "/print", much_print, NULL}, {"GET", "/inject", inject, NULL},
    {NULL, "/fail", fail_with, NULL}, {"GET", "/late", late_failure, NULL},
    {"GET", "/slow", slow, NULL},     {"GET", "/slow-stream", slow_stream, NULL},
    {"POST", "/ignore", ignore, NULL}, {"POST", "/count", count, NULL},
    {"GET", "/stats", keep_stats, NULL}, {"GET", "/metrics", fa_http_metrics, NULL},
    {"GET", "/metrics-net", fa_http_metrics, &no_net},
    {"GET", "/big", big, NULL},          {"GET", "/", fa_http_site, NULL},
};

/* The server, and clients of it. */

static fa_http_options options;
static fa_deadline server_deadline;
static fa_err server_err;
static bool server_ended;

static inline void run_server(void *arg)
{
    (void)arg;
    server_err = fa_http_serve_flows(&source.source, &options, server_deadline);
    server_ended = true;
}

static fa_flow *clients[CLIENTS_MAX];
static size_t client_count;

static inline int set_up_server(void **state)
{
    setup(state);
    source = (struct test_source){.source = {try_accept, arm_source}};
    options = (fa_http_options){.routes = routes, .route_count = FA_ARRAY_COUNT(routes)};
    server_deadline = FA_FOREVER;
    server_ended = false;
    client_count = 0;
    slow_most = 0;
    return 0;
}

static inline void start(void)
{
    spawn(run_server, NULL);
    yield();
}

static inline int tear_down_server(void **state)
{
    fa_scope_cancel(&scope);
    for (size_t i = 0; i < client_count; i++)
        if (clients[i] != NULL)
            fa_flow_close(clients[i]);
    const int clean = teardown(state);
    return server_ended ? clean : -1;
}

static inline fa_flow **connect_cap(size_t cap)
{
    assert_true(client_count < CLIENTS_MAX);
    fa_flow **client = &clients[client_count++];
    assert_int_equal(fa_pipe_open(cap, client, &source.flows[source.count]), FA_OK);
    source.count++;
    call_source();
    return client;
}

static inline fa_flow *connect_one(void)
{
    return *connect_cap(65536);
}

static inline void say_bytes(fa_flow *client, const char *bytes, size_t len)
{
    assert_int_equal(fa_flow_write(client, &(fa_slice){bytes, len}, 1, fa_after_s(1)), FA_OK);
}

static inline void say(fa_flow *client, const char *text)
{
    say_bytes(client, text, strlen(text));
}

static char heard[200000];
static size_t heard_len;
static fa_err heard_err; /* FA_OK: the end; FA_ETIMEDOUT: the connection goes on; FA_ECLOSED: aborted */

static inline const char *hear_for(fa_flow *client, uint64_t ms)
{
    const fa_deadline deadline = fa_after_ms(ms);
    size_t len;
    heard_len = 0;
    while ((heard_err = fa_flow_read(client, heard + heard_len, sizeof heard - 1 - heard_len, &len,
                                     deadline)) == FA_OK && len > 0)
        heard_len += len;
    heard[heard_len] = '\0';
    return heard;
}

static inline const char *ask(fa_flow *client, const char *text)
{
    say(client, text);
    return hear_for(client, 10);
}

static inline const char *get(fa_flow *client, const char *path, const char *fields)
{
    char text[1024];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", path, fields);
    return ask(client, text);
}

static inline void expect(const char *what)
{
    if (strstr(heard, what) == NULL)
        fail_msg("no '%s' in:\n%.1000s", what, heard);
}

static inline void expect_not(const char *what)
{
    if (strstr(heard, what) != NULL)
        fail_msg("'%s' in:\n%.1000s", what, heard);
}

static inline void expect_status(unsigned status)
{
    char line[20];
    snprintf(line, sizeof line, "HTTP/1.1 %u ", status);
    if (strncmp(heard, line, strlen(line)) != 0)
        fail_msg("not %u:\n%.1000s", status, heard);
}

static inline const char *body(void)
{
    const char *end = strstr(heard, "\r\n\r\n");
    if (end == NULL)
        fail_msg("no end of the head in:\n%.1000s", heard);
    return end + 4;
}

static inline size_t count_of(const char *what)
{
    size_t count = 0;
    for (const char *at = heard; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static inline void goes_on(void)
{
    assert_int_equal(heard_err, FA_ETIMEDOUT);
    expect_not("Connection: close");
}

static inline void has_ended(void)
{
    assert_int_equal(heard_err, FA_OK);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_server, tear_down_server)

#endif
