/* SPDX-License-Identifier: ISC */
/* The ends of connections, one fiber for all. */
#include "closing.h"
#include "../fiber/sched.h"
#include "records.h"
#include <fata/log.h>
#include <stdlib.h>

FA_LOG_MODULE("tls");

#define REFUSED_NS (500 * FA_NS_PER_MS) /* a peer that was refused has so long to end its half, */
#define REFUSED_BYTES (64 * FA_KIB)     /* and may send so much until then */
#define READS_AT_ONCE 16u

/* What is left of a connection that was refused. */
typedef struct lingering {
    fa_tls_link in_list; /* its first member */
    fa_waker waker;
    fa_flow *flow;
    fa_deadline until;
    size_t total; /* bytes that came */
    bool ready;
} lingering;

static fa_tls_link closing = {&closing, &closing};
static fa_tls_link refused = {&refused, &refused}; /* the longest in front */
static size_t refused_count;
static fa_waitq queue;
static bool running, news;
static fa_deadline sleeps_until;

static fa_tls_conn *conn_of(fa_tls_link *link)
{
    return (fa_tls_conn *)(void *)((char *)link - offsetof(fa_tls_conn, in_closing));
}

static void notify(void)
{
    news = true;
    fa_waitq_wake_all(&queue);
}

static void on_room(fa_waker *waker)
{
    ((fa_tls_conn *)(void *)((char *)waker - offsetof(fa_tls_conn, on_writable)))->closing_ready = true;
    notify();
}

void fa_tls_closing_remove(fa_tls_conn *conn)
{
    conn->in_closing.before->after = conn->in_closing.after;
    conn->in_closing.after->before = conn->in_closing.before;
    conn->in_closing = (fa_tls_link){NULL, NULL};
}

static void finish(fa_tls_conn *conn, bool abort)
{
    fa_tls_closing_remove(conn);
    if (conn->closes)
        fa_tls_conn_free(conn, abort);
    else if (!abort && fa_flow_shutdown(conn->below) != FA_OK)
        fa_log_debug("the flow below has no halves"); /* the close_notify was the end */
}

/* When it is due; FA_FOREVER: it is done. */
static fa_deadline go_on(fa_tls_conn *conn, uint64_t now_ns)
{
    if (conn->closing_ready) {
        conn->closing_ready = false;
        const fa_err err = fa_tls_conn_say_end(conn);
        if (err != FA_EAGAIN) {
            finish(conn, err != FA_OK);
            return FA_FOREVER;
        }
        fa_flow_arm(conn->below, FA_FLOW_WRITABLE, &conn->on_writable);
    }
    if (conn->closing_by <= now_ns) {
        finish(conn, true);
        return FA_FOREVER;
    }
    return conn->closing_by;
}

/* Who was refused. */

static void on_bytes(fa_waker *waker)
{
    ((lingering *)(void *)((char *)waker - offsetof(lingering, waker)))->ready = true;
    notify();
}

static void leave(lingering *g)
{
    g->in_list.before->after = g->in_list.after;
    g->in_list.after->before = g->in_list.before;
    refused_count--;
    fa_flow_arm(g->flow, FA_FLOW_READABLE, NULL);
    fa_flow_close(g->flow);
    free(g);
}

/* Until the peer has ended its half, has sent too much, or it is time. */
static bool is_over(lingering *g, uint64_t now_ns)
{
    char bytes[256];
    size_t len = 1;
    fa_err err = FA_OK;
    if (g->ready) {
        g->ready = false;
        for (unsigned i = 0; i < READS_AT_ONCE && err == FA_OK && len > 0; i++) {
            err = fa_flow_try_read(g->flow, bytes, sizeof bytes, &len);
            g->total += err == FA_OK ? len : 0;
        }
        if ((err != FA_OK && err != FA_EAGAIN) || len == 0 || g->total >= REFUSED_BYTES)
            return true;
        fa_flow_arm(g->flow, FA_FLOW_READABLE, &g->waker);
    }
    return g->until <= now_ns;
}

static fa_deadline look_after_refused(uint64_t now_ns)
{
    for (fa_tls_link *link = refused.after, *after; link != &refused; link = after) {
        after = link->after;
        if (is_over((lingering *)link, now_ns))
            leave((lingering *)link);
    }
    return refused.after == &refused ? FA_FOREVER : ((lingering *)refused.after)->until;
}

static void run(void *arg)
{
    (void)arg;
    for (;;) {
        const uint64_t now_ns = fa_clock_mono_ns();
        news = false;
        fa_deadline next = fa_tls_records_expire(now_ns);
        for (fa_tls_link *link = closing.after, *after; link != &closing; link = after) {
            after = link->after;
            const fa_deadline due = go_on(conn_of(link), now_ns);
            next = due < next ? due : next;
        }
        const fa_deadline due = look_after_refused(now_ns);
        next = due < next ? due : next;
        sleeps_until = next;
        if (!news && fa_waitq_wait(&queue, next) == FA_ECANCELED)
            return; /* nobody cancels it */
        sleeps_until = FA_NOW;
    }
}

static fa_err start(void)
{
    if (running)
        return FA_OK;
    const fa_err err = fa_sched_spawn(&(fa_fiber_options){.name = "tls"}, run, NULL);
    running = err == FA_OK;
    return err;
}

fa_err fa_tls_closing_add(fa_tls_conn *conn, bool closes)
{
    conn->closes |= closes;
    if (conn->in_closing.after != NULL)
        return FA_OK;
    const fa_err err = start();
    if (err != FA_OK)
        return err;
    conn->in_closing = (fa_tls_link){closing.before, &closing};
    closing.before->after = &conn->in_closing;
    closing.before = &conn->in_closing;
    conn->closing_by = fa_after_ns(FA_TLS_CLOSING_NS);
    conn->on_writable = (fa_waker){on_room};
    fa_flow_arm(conn->below, FA_FLOW_WRITABLE, &conn->on_writable);
    if (conn->closing_by < sleeps_until)
        notify();
    return FA_OK;
}

void fa_tls_closing_watch(void)
{
    if (fa_tls_records_kept() == 0 || (running && sleeps_until != FA_FOREVER))
        return;
    if (start() != FA_OK)
        fa_log_warn("no memory for a fiber that ends slow connections");
    else if (sleeps_until == FA_FOREVER)
        notify();
}

static void linger(fa_flow *flow_take)
{
    lingering *g = start() == FA_OK ? malloc(sizeof *g) : NULL;
    if (g == NULL) {
        fa_flow_close(flow_take);
        return;
    }
    *g = (lingering){.in_list = {refused.before, &refused}, .waker = {on_bytes}, .flow = flow_take};
    g->until = fa_after_ns(REFUSED_NS);
    refused.before->after = &g->in_list;
    refused.before = &g->in_list;
    if (++refused_count > FA_TLS_LINGERING_MAX)
        leave((lingering *)refused.after);
    fa_flow_arm(flow_take, FA_FLOW_READABLE, &g->waker);
    if (g->until < sleeps_until)
        notify();
}

void fa_tls_conn_end_failed(fa_tls_conn *conn, fa_err failed)
{
    const bool refuses = failed == FA_EPERM || failed == FA_ENOTSUP || failed == FA_EFORMAT || failed == FA_ENOCLOCK;
    fa_flow *below = conn->below;
    fa_tls_records_drop(conn);
    if (!refuses || fa_flow_shutdown(below) != FA_OK) {
        fa_tls_conn_free(conn, failed == FA_EBUSY || failed == FA_ECANCELED || failed == FA_ETIMEDOUT);
        return;
    }
    fa_flow_arm(below, FA_FLOW_READABLE | FA_FLOW_WRITABLE, NULL);
    conn->below = NULL;
    fa_tls_conn_free(conn, false);
    linger(below);
}
