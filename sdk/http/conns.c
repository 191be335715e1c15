/* SPDX-License-Identifier: ISC */
/* Connections in their stages. Each stage has one time-out, so its list is in the order of the
 * deadlines, and what is due stands in front. */
#include "server.h"
#include <fata/panic.h>
#include <stdlib.h>
#include <string.h>

static void link_init(fa_http_link *list)
{
    list->before = list->after = list;
}

static void link_add(fa_http_link *list, fa_http_link *link)
{
    *link = (fa_http_link){list->before, list};
    list->before->after = link;
    list->before = link;
}

static void link_remove(fa_http_link *link)
{
    link->before->after = link->after;
    link->after->before = link->before;
    link_init(link);
}

static fa_http_conn *conn_of(fa_http_link *in_stage)
{
    return (fa_http_conn *)(void *)((char *)in_stage - offsetof(fa_http_conn, in_stage));
}

/* The oldest one; NULL: the stage has none. */
static fa_http_conn *first_of(const fa_http_server *server, fa_http_stage stage)
{
    fa_http_link *const link = server->stages[stage].after;
    return link == &server->stages[stage] ? NULL : conn_of(link);
}

static uint64_t stage_ns(const fa_http_server *server, fa_http_stage stage)
{
    switch (stage) {
    case FA_HTTP_IDLE:
        return server->options.idle_ns;
    case FA_HTTP_HEAD:
        return server->options.head_ns;
    case FA_HTTP_LINGERING:
        return FA_HTTP_LINGERING_NS;
    case FA_HTTP_SENDING:
    case FA_HTTP_RUNNING:
        break;
    }
    return FA_HTTP_PATIENCE_NS;
}

void fa_http_notify(fa_http_server *server)
{
    server->news = true;
    fa_waitq_wake_all(&server->news_queue);
}

bool fa_http_wants_fiber(const fa_http_server *server)
{
    return server->ready_count > 0 && server->idle_fibers == 0 &&
           server->stats.fibers < server->options.fibers;
}

/* A connection has something to do. */
static void wake(fa_waker *waker)
{
    fa_http_conn *conn = (fa_http_conn *)waker;
    fa_http_server *server = conn->server;
    if (conn->ready)
        return;
    conn->ready = true;
    link_add(&server->ready, &conn->in_ready);
    server->ready_count++;
    fa_waitq_wake_one(&server->work);
    if (fa_http_wants_fiber(server))
        fa_http_notify(server);
}

void fa_http_restage(fa_http_conn *conn, fa_http_stage stage)
{
    fa_http_server *server = conn->server;
    link_remove(&conn->in_stage);
    link_add(&server->stages[stage], &conn->in_stage);
    conn->stage = stage;
    conn->taken_bytes = 0;
    conn->deadline = fa_after_ns(stage_ns(server, stage));
    if (conn->deadline < server->sleeps_until)
        fa_http_notify(server);
}

void fa_http_park(fa_http_conn *conn, fa_http_stage stage)
{
    /* Whoever sends a head in small pieces, or empty lines before it, has one time-out for it all. */
    if (conn->stage != stage)
        fa_http_restage(conn, stage);
    if (conn->server->ending)
        fa_http_notify(conn->server);
    fa_flow_arm(conn->flow, stage == FA_HTTP_SENDING ? FA_FLOW_WRITABLE : FA_FLOW_READABLE,
                &conn->waker);
}

void fa_http_take_up(fa_http_conn *conn)
{
    link_remove(&conn->in_stage);
    conn->stage = FA_HTTP_RUNNING;
}

void fa_http_unkeep(fa_http_conn *conn)
{
    conn->server->kept_bytes -= conn->kept_len;
    free(conn->kept);
    conn->kept = NULL;
    conn->kept_len = 0;
}

/* The connection of a stage that has waited the longest with bytes that are kept; since when. */
static fa_http_conn *first_that_keeps(const fa_http_server *server, fa_http_stage stage,
                                      uint64_t *since_ns_out)
{
    const fa_http_link *const list = &server->stages[stage];
    for (fa_http_link *link = list->after; link != list; link = link->after) {
        fa_http_conn *conn = conn_of(link);
        *since_ns_out = conn->deadline - stage_ns(server, stage);
        if (conn->kept_len > 0)
            return conn;
    }
    return NULL;
}

/* Else a few that send half a head each would keep all others out, for as long as they like. */
static bool unkeep_oldest(fa_http_server *server)
{
    uint64_t head_ns = 0, sending_ns = 0;
    fa_http_conn *head = first_that_keeps(server, FA_HTTP_HEAD, &head_ns);
    fa_http_conn *sending = first_that_keeps(server, FA_HTTP_SENDING, &sending_ns);
    fa_http_conn *oldest = sending == NULL || (head != NULL && head_ns <= sending_ns) ? head : sending;
    if (oldest != NULL)
        fa_http_close(oldest, true);
    return oldest != NULL;
}

bool fa_http_keep(fa_http_conn *conn, const char *bytes, size_t len)
{
    fa_http_server *server = conn->server;
    if (len == 0)
        return true;
    fa_assert(conn->kept == NULL); /* so it is not itself the oldest */
    while (len > FA_HTTP_KEPT_BYTES_MAX - server->kept_bytes || (conn->kept = malloc(len)) == NULL)
        if (!unkeep_oldest(server))
            return false;
    memcpy(conn->kept, bytes, len);
    conn->kept_len = len;
    server->kept_bytes += len;
    return true;
}

void fa_http_close(fa_http_conn *conn, bool abort)
{
    fa_http_server *server = conn->server;
    if (conn->stage != FA_HTTP_RUNNING)
        fa_flow_arm(conn->flow, FA_FLOW_READABLE | FA_FLOW_WRITABLE, NULL);
    if (conn->ready) {
        link_remove(&conn->in_ready);
        server->ready_count--;
    }
    link_remove(&conn->in_stage);
    fa_http_unkeep(conn);
    if (abort)
        fa_flow_abort(conn->flow);
    else
        fa_flow_close(conn->flow);
    free(conn);
    server->stats.connections--;
    if (server->ending)
        fa_http_notify(server);
}

static size_t or_default(size_t value, size_t otherwise)
{
    return value == 0 ? otherwise : value;
}

void fa_http_server_init(fa_http_server *server, fa_http_source *source,
                         const fa_http_options *options)
{
    *server = (fa_http_server){.source = source, .options = *options, .tail_s = UINT64_MAX};
    fa_http_options *o = &server->options;
    o->connections = or_default(o->connections, FA_HTTP_CONNECTIONS);
    o->fibers = or_default(o->fibers, FA_HTTP_FIBERS);
    o->body_bytes = o->body_bytes == 0 ? FA_HTTP_BODY_BYTES : o->body_bytes;
    o->head_ns = o->head_ns == 0 ? FA_HTTP_HEAD_NS : o->head_ns;
    o->idle_ns = o->idle_ns == 0 ? FA_HTTP_IDLE_NS : o->idle_ns;
    o->request_ns = o->request_ns == 0 ? FA_HTTP_REQUEST_NS : o->request_ns;
    for (size_t i = 0; i < FA_HTTP_STAGE_COUNT; i++)
        link_init(&server->stages[i]);
    link_init(&server->ready);
}

fa_http_conn *fa_http_conn_open(fa_http_server *server, fa_flow *flow, fa_endpoint peer)
{
    fa_http_conn *conn = malloc(sizeof *conn);
    if (conn == NULL)
        return NULL;
    *conn = (fa_http_conn){.waker = {wake}, .server = server, .flow = flow, .peer = peer};
    link_init(&conn->in_stage);
    link_init(&conn->in_ready);
    server->stats.accepted++;
    server->stats.connections++;
    fa_http_park(conn, FA_HTTP_HEAD);
    return conn;
}

/* A file's reader has taken enough, or all: a flow may tell of room only when there is a good part of it. */
static bool has_taken_enough(fa_http_conn *conn)
{
    size_t len = 0;
    const fa_err err = fa_flow_try_write(conn->flow, &conn->rest, 1, &len);
    conn->rest = (fa_slice){(const char *)conn->rest.bytes + len, conn->rest.len - len};
    conn->taken_bytes += len;
    return (err == FA_OK || err == FA_EAGAIN) &&
           (conn->rest.len == 0 || conn->taken_bytes >= FA_HTTP_SENDING_BYTES_MIN);
}

#define REFUSAL(status) "HTTP/1.1 " status "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

/* RFC 9110 section 15.5.9: the client was late; section 15.6.4: all fibers were taken for all that time.
 * Whoever has sent nothing wants no answer. */
static void time_out(fa_http_conn *conn)
{
    static const char late[] = REFUSAL("408 Request Timeout");
    static const char busy[] = REFUSAL("503 Service Unavailable");
    const bool sends = conn->stage == FA_HTTP_SENDING, heard = conn->stage <= FA_HTTP_HEAD;
    if (sends && conn->rest.len > 0 && has_taken_enough(conn)) {
        fa_flow_arm(conn->flow, FA_FLOW_WRITABLE, NULL);
        fa_http_restage(conn, FA_HTTP_SENDING);
        wake(&conn->waker); /* what else there is to do, a fiber does */
        return;
    }
    const char *text = heard && conn->ready ? busy : heard && conn->kept_len > 0 ? late : NULL;
    if (text != NULL) {
        size_t len = 0;
        const fa_err err = fa_flow_try_write(conn->flow, &(fa_slice){text, strlen(text)}, 1, &len);
        conn->server->stats.responses[err != FA_OK ? 0 : text == busy ? 5 : 4]++;
        conn->server->stats.sent_bytes += len;
    }
    /* What nobody has read would make a close a reset, which could overtake the answer. */
    if (text == busy && fa_flow_shutdown(conn->flow) == FA_OK)
        fa_http_restage(conn, FA_HTTP_LINGERING);
    else
        fa_http_close(conn, sends);
}

fa_deadline fa_http_expire(fa_http_server *server, uint64_t now_ns)
{
    fa_deadline next = FA_FOREVER;
    for (unsigned stage = 0; stage < FA_HTTP_STAGE_COUNT; stage++) {
        fa_http_conn *conn;
        while ((conn = first_of(server, stage)) != NULL && conn->deadline <= now_ns)
            time_out(conn);
        if (conn != NULL && conn->deadline < next)
            next = conn->deadline;
    }
    return next;
}

void fa_http_close_stage(fa_http_server *server, fa_http_stage stage, bool all)
{
    const fa_http_link *const list = &server->stages[stage];
    for (fa_http_link *link = list->after, *after; link != list; link = after) {
        after = link->after;
        if (all || !conn_of(link)->ready)
            fa_http_close(conn_of(link), stage == FA_HTTP_SENDING);
    }
}

void fa_http_give_way(fa_http_server *server)
{
    for (unsigned stage = 0; stage < FA_HTTP_STAGE_COUNT; stage++) {
        fa_http_conn *conn = first_of(server, stage);
        if (conn == NULL)
            continue;
        fa_http_close(conn, true); /* a client that never ends its half would keep the room */
        return;
    }
}
