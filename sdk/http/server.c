/* SPDX-License-Identifier: ISC */
/* The server: a fiber that accepts connections and closes those that are late, and a few that take up
 * connections with something to do, which may be requests, or room for what is still to be sent. */
#include "exchange.h"
#include <fata/log.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("http");

/* How long a fiber with nothing to do is kept, and how much is done without a wait. */
#define FIBER_IDLE_NS (10 * FA_NS_PER_S)
#define WITHOUT_WAIT_MAX 16u

/* What has arrived, and is no request yet or not one's turn, goes with the connection. */
static void park(fa_http_exchange *x, fa_http_stage stage)
{
    if (!fa_http_keep(x->conn, x->in, x->in_len)) {
        fa_http_close(x->conn, true);
        return;
    }
    fa_http_park(x->conn, stage);
}

static void end(fa_http_exchange *x)
{
    fa_http_conn *conn = x->conn;
    if (x->failed != FA_OK)
        fa_http_close(conn, true);
    else if (x->linger && fa_flow_shutdown(conn->flow) == FA_OK)
        fa_http_park(conn, FA_HTTP_LINGERING);
    else
        fa_http_close(conn, false);
}

/* The request's head is there, or `status` refuses it. False: the connection is not ours any more. */
static bool run_request(fa_http_exchange *x, unsigned status)
{
    fa_http_conn *conn = x->conn;
    fa_http_exchange_run(x, status, fa_after_ns(x->server->options.request_ns));
    conn->line_at = 0;
    if (x->close && x->rest.len == 0) {
        end(x);
        return false;
    }
    x->in_len -= x->at;
    memmove(x->in, x->in + x->at, x->in_len);
    if (x->rest.len == 0)
        return true;
    conn->rest = x->rest;
    conn->close = x->close;
    park(x, FA_HTTP_SENDING);
    return false;
}

/* RFC 9112 section 2.2: an empty line before a request is no offence. */
static void skip_empty_lines(fa_http_exchange *x)
{
    size_t at = 0;
    while (x->in_len - at >= 2 && memcmp(x->in + at, "\r\n", 2) == 0)
        at += 2;
    if (at == 0)
        return;
    x->in_len -= at;
    memmove(x->in, x->in + at, x->in_len);
}

static unsigned find_head(fa_http_exchange *x)
{
    if (x->conn->line_at == 0)
        skip_empty_lines(x);
    if (x->in_len == 0 || (x->in_len == 1 && x->in[0] == '\r'))
        return FA_HTTP_MORE;
    return fa_http_head_find(x->in, x->in_len, &x->conn->line_at, &x->head_len);
}

static void note_room(fa_waker *waker)
{
    *waker = (fa_waker){NULL};
}

/* Whether the flow takes a response's head. A client that asks and asks, and reads nothing, would have
 * a fiber wait with each of its connections. */
static bool has_room(fa_flow *flow)
{
    fa_waker waker = {note_room};
    fa_flow_arm(flow, FA_FLOW_WRITABLE, &waker);
    if (waker.wake == NULL)
        return true;
    fa_flow_arm(flow, FA_FLOW_WRITABLE, NULL);
    return false;
}

/* Reads once, and answers all requests that are there. */
static void converse(fa_http_exchange *x, fa_http_stage waits_in)
{
    fa_http_conn *conn = x->conn;
    bool has_read = false;
    unsigned requests = 0;
    x->in_len = conn->kept_len;
    if (x->in_len > 0)
        memcpy(x->in, conn->kept, x->in_len);
    fa_http_unkeep(conn);
    for (;;) {
        const unsigned status = find_head(x);
        if (status == FA_HTTP_MORE && has_read) {
            if (x->in_len > 0)
                waits_in = FA_HTTP_HEAD;
            park(x, waits_in);
            return;
        }
        if (status == FA_HTTP_MORE) {
            size_t len;
            has_read = true;
            const fa_err err =
                fa_flow_try_read(conn->flow, x->in + x->in_len, sizeof x->in - x->in_len, &len);
            if (err == FA_EAGAIN)
                continue;
            if (err != FA_OK || len == 0) {
                fa_http_close(conn, false);
                return;
            }
            x->in_len += len;
            continue;
        }
        if (waits_in == FA_HTTP_IDLE && !has_room(conn->flow)) {
            park(x, FA_HTTP_SENDING);
            return;
        }
        if (conn->stage != FA_HTTP_RUNNING)
            fa_http_take_up(conn);
        if (!run_request(x, status))
            return;
        waits_in = FA_HTTP_IDLE;
        if (++requests % WITHOUT_WAIT_MAX == 0)
            (void)fa_sleep(FA_NOW);
    }
}

static void linger(fa_http_exchange *x)
{
    fa_http_conn *conn = x->conn;
    size_t len = 0;
    const fa_err err = fa_flow_try_read(conn->flow, x->in, sizeof x->in, &len);
    conn->lingered_bytes += len;
    if (err == FA_EAGAIN ||
        (err == FA_OK && len > 0 && conn->lingered_bytes < FA_HTTP_LINGERING_BYTES_MAX))
        fa_flow_arm(conn->flow, FA_FLOW_READABLE, &conn->waker);
    else
        fa_http_close(conn, false);
}

/* Sends what there is room for. True: it was all, and the connection goes on. */
static bool send_rest(fa_http_conn *conn)
{
    size_t len = 0;
    const fa_err err = fa_flow_try_write(conn->flow, &conn->rest, 1, &len);
    conn->rest = (fa_slice){(const char *)conn->rest.bytes + len, conn->rest.len - len};
    conn->taken_bytes += len;
    if (err == FA_EAGAIN || (err == FA_OK && conn->rest.len > 0)) {
        /* A byte now and then does not put the time-out off. */
        if (conn->taken_bytes >= FA_HTTP_SENDING_BYTES_MIN)
            fa_http_restage(conn, FA_HTTP_SENDING);
        fa_http_park(conn, FA_HTTP_SENDING);
        return false;
    }
    if (err == FA_OK && !conn->close)
        return true;
    fa_http_close(conn, err != FA_OK);
    return false;
}

static void serve(fa_http_exchange *x, fa_http_conn *conn)
{
    x->conn = conn;
    if (conn->stage == FA_HTTP_LINGERING) {
        linger(x);
    } else if (conn->stage == FA_HTTP_SENDING) {
        if (send_rest(conn))
            converse(x, FA_HTTP_IDLE);
    } else {
        converse(x, conn->stage);
    }
}

/* The next connection with something to do; NULL: the fiber is to end. */
static fa_http_conn *next_ready(fa_http_server *server)
{
    while (server->ready.after == &server->ready || fa_canceled()) {
        const bool last = server->stats.fibers == 1;
        const fa_err err =
            fa_waitq_wait(&server->work, last ? FA_FOREVER : fa_after_ns(FIBER_IDLE_NS));
        const bool spare = err == FA_ETIMEDOUT && server->stats.fibers > 1;
        if (err == FA_ECANCELED || (spare && server->ready.after == &server->ready))
            return NULL;
    }
    fa_http_link *link = server->ready.after;
    link->before->after = link->after;
    link->after->before = link->before;
    *link = (fa_http_link){link, link};
    server->ready_count--;
    server->taken_up_count++;
    fa_http_conn *conn = (fa_http_conn *)(void *)((char *)link - offsetof(fa_http_conn, in_ready));
    conn->ready = false;
    return conn;
}

static void run(void *arg)
{
    fa_http_exchange *x = arg;
    fa_http_server *server = x->server;
    fa_http_conn *conn;
    for (unsigned count = 1; (conn = next_ready(server)) != NULL; count++) {
        server->idle_fibers--;
        if (fa_http_wants_fiber(server))
            fa_http_notify(server);
        serve(x, conn);
        server->idle_fibers++;
        if (count % WITHOUT_WAIT_MAX == 0)
            (void)fa_sleep(FA_NOW);
    }
    server->idle_fibers--;
    server->stats.fibers--;
    fa_arena_free(&x->arena);
    free(x);
}

fa_err fa_http_fiber_start(fa_http_server *server)
{
    fa_http_exchange *x = malloc(sizeof *x);
    if (x == NULL)
        return FA_ENOMEM;
    x->server = server;
    x->looked_ns = 0;
    x->taken_up_count = 0;
    fa_arena_init(&x->arena, FA_HTTP_ARENA_BYTES_MAX);
    const fa_fiber_options options = {"http", server->options.stack_bytes};
    const fa_err err = fa_scope_spawn_with(&server->scope, &options, run, x);
    if (err != FA_OK) {
        free(x);
        return err;
    }
    server->stats.fibers++;
    server->idle_fibers++;
    return FA_OK;
}

static void source_wake(fa_waker *waker)
{
    fa_http_notify(
        (fa_http_server *)(void *)((char *)waker - offsetof(fa_http_server, source_waker)));
}

static void stop(fa_stop_watch *watch)
{
    fa_http_server *server =
        (fa_http_server *)(void *)((char *)watch - offsetof(fa_http_server, stop_watch));
    server->stops = true;
    fa_http_notify(server);
}

/* All connections that are there, or a good many. */
static fa_err accept_some(fa_http_server *server)
{
    for (unsigned i = 0; i < WITHOUT_WAIT_MAX; i++) {
        fa_flow *flow;
        fa_endpoint peer = {0};
        const fa_err err = server->source->try_accept(server->source, &flow, &peer);
        if (err == FA_EAGAIN) {
            server->source->arm(server->source, &server->source_waker);
            return FA_OK;
        }
        if (err != FA_OK)
            return err;
        if (fa_http_conn_open(server, flow, peer) == NULL)
            fa_flow_abort(flow);
        if (server->stats.connections > server->options.connections)
            fa_http_give_way(server);
    }
    fa_http_notify(server);
    return fa_sleep(FA_NOW);
}

/* Until there is news, or the deadline. */
static fa_err wait_for_news(fa_http_server *server, fa_deadline deadline)
{
    fa_err err = FA_OK;
    server->sleeps_until = deadline;
    while (!server->news && err == FA_OK)
        err = fa_waitq_wait(&server->news_queue, deadline);
    server->news = false;
    server->sleeps_until = FA_NOW;
    return err == FA_ETIMEDOUT ? FA_OK : err;
}

/* Who comes now is told so at once, rather than left to wait for nothing. */
static void refuse_new(fa_http_server *server)
{
    for (unsigned i = 0; i < WITHOUT_WAIT_MAX; i++) {
        fa_flow *flow;
        fa_endpoint peer;
        const fa_err err = server->source->try_accept(server->source, &flow, &peer);
        if (err == FA_EAGAIN)
            server->source->arm(server->source, &server->source_waker);
        if (err != FA_OK)
            return;
        fa_flow_abort(flow);
    }
    fa_http_notify(server);
}

/* Requests that have arrived are answered still. */
static void end_gracefully(fa_http_server *server)
{
    const fa_deadline grace = fa_after_ns(FA_HTTP_GRACE_NS);
    fa_err err = FA_OK;
    server->ending = true;
    while (err == FA_OK && fa_clock_mono_ns() < grace) {
        fa_http_close_stage(server, FA_HTTP_IDLE, false);
        fa_http_close_stage(server, FA_HTTP_HEAD, false);
        if (server->stats.connections == 0)
            break;
        refuse_new(server);
        if (fa_http_wants_fiber(server) && fa_http_fiber_start(server) != FA_OK)
            fa_log_warn("no memory for one more fiber: requests wait");
        err = wait_for_news(server, grace);
    }
}

fa_err fa_http_serve_flows(fa_http_source *source, const fa_http_options *options,
                           fa_deadline deadline)
{
    fa_http_server server;
    fa_http_server_init(&server, source, options);
    server.source_waker = (fa_waker){source_wake};
    server.stop_watch.told = stop;
    fa_stop_watch_add(&server.stop_watch);
    fa_scope_open(&server.scope);
    fa_err err = fa_http_fiber_start(&server);
    while (err == FA_OK) {
        err = accept_some(&server);
        const uint64_t now_ns = fa_clock_mono_ns();
        fa_deadline next = fa_http_expire(&server, now_ns);
        if (err != FA_OK || now_ns >= deadline || server.stops)
            break;
        if (fa_http_wants_fiber(&server) && fa_http_fiber_start(&server) != FA_OK)
            fa_log_warn("no memory for one more fiber: requests wait");
        next = next < deadline ? next : deadline;
        err = wait_for_news(&server, next);
    }
    if (err != FA_ECANCELED && server.stats.fibers > 0)
        end_gracefully(&server);
    source->arm(source, NULL);
    fa_stop_watch_remove(&server.stop_watch);
    fa_scope_close(&server.scope);
    for (unsigned stage = 0; stage < FA_HTTP_STAGE_COUNT; stage++)
        fa_http_close_stage(&server, stage, true);
    return err;
}
