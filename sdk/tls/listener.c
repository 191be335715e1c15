/* SPDX-License-Identifier: ISC */
/* A listener's connections and their handshakes. One fiber takes connections from the network; as long as
 * they have said nothing they wait here, with a small record each. Those that have get one of the
 * listener's other fibers, which come and go with the handshakes. */
#include "handshake.h"
#include "plain.h"
#include "../fiber/sched.h"
#include "../flow/waiter.h"
#include <fata/log.h>
#include <stdlib.h>

FA_LOG_MODULE("tls");

#define WAITING_MAX 1024u   /* that have not said anything yet; the oldest gives way */
#define DONE_MAX 64u        /* that nobody has accepted yet */
#define ACCEPTS_AT_ONCE 16u /* before others have a turn */
#define TOLD_IN_A_SECOND 10u /* failures, in the log */
#define FIBER_IDLE_NS (5 * FA_NS_PER_S)
#define FIBER_STACK_BYTES (20 * FA_KIB)
#define FIBERS_SPARE 8u /* more than handshakes: who waits for a place is the one who makes others give way */

typedef struct guest {
    fa_tls_link in_list; /* its first member */
    fa_waker waker;
    struct fa_tls_listener *listener;
    fa_flow *flow;
    fa_endpoint peer;
    fa_deadline deadline; /* while it waits for a first byte */
} guest;

typedef struct exit_door {
    fa_tls_link guests;
    size_t count;
    fa_waker *waker; /* of who accepts them */
} exit_door;

struct fa_tls_listener {
    fa_tls_server *server;
    fa_listener *below;
    fa_waker on_connection;
    fa_tls_link waiting, ready; /* guests, the oldest in front */
    size_t waiting_count, ready_count;
    exit_door done, plain;
    bool admits_plain;
    /* Failures that were told in the second that began then, and those that were not. */
    uint64_t telling_since_ns;
    unsigned told_count, untold_count;
    fa_waitq news_queue, work;
    bool news, closed;
    size_t fibers, idle_fibers;
    fa_err err; /* that the listener below has failed with */
    unsigned refs; /* the owner's, and one for each fiber */
};

static void list_init(fa_tls_link *list)
{
    list->before = list->after = list;
}

static void list_add(fa_tls_link *list, fa_tls_link *link)
{
    *link = (fa_tls_link){list->before, list};
    list->before->after = link;
    list->before = link;
}

static void list_remove(fa_tls_link *link)
{
    link->before->after = link->after;
    link->after->before = link->before;
}

static guest *first_of(fa_tls_link *list)
{
    return list->after == list ? NULL : (guest *)list->after;
}

static void notify(fa_tls_listener *l)
{
    l->news = true;
    fa_waitq_wake_all(&l->news_queue);
}

static void release(fa_tls_listener *l)
{
    if (--l->refs > 0)
        return;
    fa_tls_server_free(l->server);
    free(l);
}

/* It has said something, or has gone: a fiber will see. */
static void on_readable(fa_waker *waker)
{
    guest *g = (guest *)(void *)((char *)waker - offsetof(guest, waker));
    fa_tls_listener *l = g->listener;
    list_remove(&g->in_list);
    list_add(&l->ready, &g->in_list);
    l->waiting_count--;
    l->server->waiting--;
    l->ready_count++;
    fa_waitq_wake_one(&l->work);
    notify(l);
}

static void turn_away(guest *g)
{
    fa_tls_listener *l = g->listener;
    fa_flow_arm(g->flow, FA_FLOW_READABLE, NULL);
    list_remove(&g->in_list);
    l->waiting_count--;
    l->server->waiting--;
    l->server->gave_way++;
    fa_flow_abort(g->flow);
    free(g);
}

static void take_in(fa_tls_listener *l, fa_flow *flow, fa_endpoint peer)
{
    guest *g = malloc(sizeof *g);
    if (g == NULL) {
        fa_flow_abort(flow);
        return;
    }
    *g = (guest){.waker = {on_readable}, .listener = l, .flow = flow, .peer = peer};
    g->deadline = fa_after_ns(l->server->handshake_ns);
    list_add(&l->waiting, &g->in_list);
    l->waiting_count++;
    l->server->waiting++;
    fa_flow_arm(flow, FA_FLOW_READABLE, &g->waker);
    if (l->waiting_count > WAITING_MAX)
        turn_away(first_of(&l->waiting));
}

static void accept_some(fa_tls_listener *l)
{
    for (unsigned i = 0; i < ACCEPTS_AT_ONCE; i++) {
        fa_flow *flow;
        fa_endpoint peer;
        const fa_err err = fa_listener_try_accept(l->below, &flow, &peer);
        if (err == FA_EAGAIN) {
            fa_listener_arm(l->below, &l->on_connection);
            return;
        }
        if (err != FA_OK) {
            l->err = err;
            return;
        }
        take_in(l, flow, peer);
    }
    l->news = true;
}

/* The fibers that do handshakes. */

static void hand_over(fa_tls_listener *l, exit_door *door, guest *g)
{
    if (l->closed) {
        fa_flow_abort(g->flow);
        free(g);
        return;
    }
    list_add(&door->guests, &g->in_list);
    door->count++;
    fa_waker_fire(&door->waker);
}

/* It was not readable after all: some kinds of flows find that out when they are read. */
static void wait_again(fa_tls_listener *l, guest *g)
{
    g->in_list = (fa_tls_link){&l->waiting, l->waiting.after}; /* its deadline is an early one */
    l->waiting.after->before = &g->in_list;
    l->waiting.after = &g->in_list;
    l->waiting_count++;
    l->server->waiting++;
    fa_flow_arm(g->flow, FA_FLOW_READABLE, &g->waker);
}

/* FA_EAGAIN: it waits again. After another error its flow is gone. */
static fa_err receive(fa_tls_listener *l, guest *g, exit_door **door_out, fa_tls_reason *why)
{
    fa_tls_head head;
    *door_out = &l->done;
    const fa_err err = fa_tls_head_read(g->flow, &head);
    if (err == FA_EAGAIN && !l->closed) {
        wait_again(l, g);
        return err;
    }
    if (err != FA_OK) {
        fa_tls_say(why, "it came and went");
        fa_flow_abort(g->flow);
        return FA_ECLOSED;
    }
    if (!fa_tls_head_is_tls(&head) && l->admits_plain) {
        *door_out = &l->plain;
        return fa_tls_plain_new(g->flow, &head, &g->flow);
    }
    return fa_tls_accept_head(l->server, g->flow, &head, &g->flow, why,
                              fa_after_ns(l->server->handshake_ns));
}

static guest *next_ready(fa_tls_listener *l)
{
    fa_deadline until = FA_FOREVER;
    while (!l->closed) {
        const bool room = l->done.count < DONE_MAX && l->plain.count < DONE_MAX;
        guest *g = room ? first_of(&l->ready) : NULL;
        if (g != NULL) {
            list_remove(&g->in_list);
            l->ready_count--;
            return g;
        }
        if (until == FA_FOREVER)
            until = fa_after_ns(FIBER_IDLE_NS);
        if (fa_waitq_wait(&l->work, until) != FA_OK)
            return NULL;
    }
    return NULL;
}

/* A console may take milliseconds for a line, and who connects and goes is somebody's flood. */
static void tell(fa_tls_listener *l, fa_endpoint peer, const char *why)
{
    char text[FA_ENDPOINT_TEXT_BYTES];
    const uint64_t now_ns = fa_clock_mono_ns();
    if (now_ns - l->telling_since_ns >= FA_NS_PER_S) {
        if (l->untold_count > 0)
            fa_log_info("%u more handshakes failed", l->untold_count);
        l->telling_since_ns = now_ns;
        l->told_count = l->untold_count = 0;
    }
    if (l->told_count < TOLD_IN_A_SECOND) {
        l->told_count++;
        fa_log_info("%s: %s", fa_endpoint_text(peer, text), why);
    } else {
        l->untold_count++;
    }
}

static void run(void *arg)
{
    fa_tls_listener *l = arg;
    guest *g;
    while ((g = next_ready(l)) != NULL) {
        fa_tls_reason why = {"out of memory"};
        exit_door *door;
        l->idle_fibers--;
        const fa_err err = receive(l, g, &door, &why);
        if (err == FA_OK) {
            hand_over(l, door, g);
        } else if (err != FA_EAGAIN) {
            tell(l, g->peer, why.text);
            free(g);
        }
        l->idle_fibers++;
    }
    l->idle_fibers--;
    l->fibers--;
    release(l);
}

static void more_fibers(fa_tls_listener *l)
{
    while (l->ready_count > l->idle_fibers && l->fibers < fa_tls_handshakes_max() + FIBERS_SPARE) {
        l->refs++;
        l->fibers++;
        l->idle_fibers++;
        const fa_fiber_options options = {"tls handshake", FIBER_STACK_BYTES};
        if (fa_sched_spawn(&options, run, l) == FA_OK)
            continue;
        l->refs--;
        l->fibers--;
        l->idle_fibers--;
        return; /* when one of the others is free */
    }
}

/* The fiber that takes connections. */

static fa_deadline expire(fa_tls_listener *l)
{
    const uint64_t now_ns = fa_clock_mono_ns();
    guest *g;
    while ((g = first_of(&l->waiting)) != NULL && g->deadline <= now_ns)
        turn_away(g);
    return g == NULL ? FA_FOREVER : g->deadline;
}

static void run_door(void *arg)
{
    fa_tls_listener *l = arg;
    while (!l->closed && l->err == FA_OK) {
        l->news = false;
        accept_some(l);
        more_fibers(l);
        const fa_deadline next = expire(l);
        const fa_err err = l->news ? fa_sleep(FA_NOW) : fa_waitq_wait(&l->news_queue, next);
        if (err == FA_ECANCELED)
            break;
    }
    if (l->err != FA_OK) {
        fa_waker_fire(&l->done.waker);
        fa_waker_fire(&l->plain.waker);
    }
    release(l);
}

static void on_connection(fa_waker *waker)
{
    notify((fa_tls_listener *)(void *)((char *)waker - offsetof(fa_tls_listener, on_connection)));
}

/* The calls. */

fa_err fa_tls_listen(fa_tls_server *server, fa_listener *listener, fa_tls_listener **listener_out)
{
    fa_tls_listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return FA_ENOMEM;
    l->server = server;
    l->below = listener;
    l->on_connection = (fa_waker){on_connection};
    l->refs = 2;
    list_init(&l->waiting);
    list_init(&l->ready);
    list_init(&l->done.guests);
    list_init(&l->plain.guests);
    const fa_err err = fa_sched_spawn(&(fa_fiber_options){.name = "tls listener"}, run_door, l);
    if (err != FA_OK) {
        free(l);
        return err;
    }
    server->config.refs++;
    *listener_out = l;
    return FA_OK;
}

static fa_err try_accept(fa_tls_listener *l, exit_door *door, fa_flow **flow_out, fa_endpoint *peer_out)
{
    guest *g = first_of(&door->guests);
    if (g == NULL)
        return l->err == FA_OK ? FA_EAGAIN : l->err;
    list_remove(&g->in_list);
    if (door->count-- == DONE_MAX)
        fa_waitq_wake_all(&l->work);
    *flow_out = g->flow;
    if (peer_out != NULL)
        *peer_out = g->peer;
    free(g);
    return FA_OK;
}

static void arm(const fa_tls_listener *l, exit_door *door, fa_waker *waker)
{
    door->waker = waker;
    if (door->count > 0 || l->err != FA_OK)
        fa_waker_fire(&door->waker);
}

fa_err fa_tls_listener_try_accept(fa_tls_listener *l, fa_flow **flow_out, fa_endpoint *peer_out)
{
    return try_accept(l, &l->done, flow_out, peer_out);
}

fa_err fa_tls_listener_try_accept_plain(fa_tls_listener *l, fa_flow **flow_out, fa_endpoint *peer_out)
{
    l->admits_plain = true;
    return try_accept(l, &l->plain, flow_out, peer_out);
}

void fa_tls_listener_arm(fa_tls_listener *l, fa_waker *waker)
{
    arm(l, &l->done, waker);
}

void fa_tls_listener_arm_plain(fa_tls_listener *l, fa_waker *waker)
{
    arm(l, &l->plain, waker);
}

fa_err fa_tls_listener_accept(fa_tls_listener *l, fa_flow **flow_out, fa_endpoint *peer_out,
                              fa_deadline deadline)
{
    fa_err err = fa_turn_take(deadline);
    while (err == FA_OK) {
        err = fa_tls_listener_try_accept(l, flow_out, peer_out);
        if (err != FA_EAGAIN)
            return err;
        fa_waiter waiter;
        fa_waiter_init(&waiter);
        fa_tls_listener_arm(l, &waiter.waker);
        err = fa_waiter_wait(&waiter, deadline);
        if (err != FA_OK)
            fa_tls_listener_arm(l, NULL);
    }
    return err;
}

static void drop_all(fa_tls_link *list)
{
    guest *g;
    while ((g = first_of(list)) != NULL) {
        fa_flow_arm(g->flow, FA_FLOW_READABLE, NULL);
        list_remove(&g->in_list);
        fa_flow_abort(g->flow);
        free(g);
    }
}

void fa_tls_listener_close(fa_tls_listener *l)
{
    l->closed = true;
    l->done.waker = l->plain.waker = NULL;
    fa_listener_arm(l->below, NULL);
    l->server->waiting -= l->waiting_count;
    drop_all(&l->waiting);
    drop_all(&l->ready);
    drop_all(&l->done.guests);
    drop_all(&l->plain.guests);
    l->ready_count = l->waiting_count = l->done.count = l->plain.count = 0;
    fa_waitq_wake_all(&l->work);
    notify(l);
    release(l);
}
