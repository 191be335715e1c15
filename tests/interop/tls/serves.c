/* SPDX-License-Identifier: ISC */
/* The server. It answers lines: "info" by what the connection is; "more N" by N bytes; "end" by the end of its half, and goes on
 * reading; "GET ..." as HTTP does; all else is sent back. How a connection ended is logged. */
#include "tls.h"
#include <fata/net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("peer");

#define CONNECTIONS_MAX 100u
#define IDENTITIES 5u

typedef struct kind {
    uint16_t port;
    const char *identities[IDENTITIES]; /* up to a NULL */
    fa_tls_server_options options;
} kind;

static const char *const protocols[] = {"first/1", "http/1.1", NULL};
/* The names are tests/interop/tls_certs.py's. */
static kind kinds[] = {
    {4430, {"p256", "p384", "rsa", "both-ec", "both-rsa"}, {.alpn = protocols}},
    {4431, {"p256"}, {.only_13 = true}},
    {4432, {"p256"}, {.asks = FA_TLS_ASKS_REQUIRED}},
    {4433, {"p256"}, {.asks = FA_TLS_ASKS_OPTIONAL}},
    {4434, {"rsa"}, {.no_tickets = true}},
    {4435, {"p256"}, {.handshake_ns = 2 * FA_NS_PER_S, .handshakes_per_s = 20}},
};

typedef struct door {
    fa_scope *scope;
    fa_tls_server *server;
    fa_tls_listener *listener;
    uint16_t port;
} door;

typedef struct visit {
    fa_flow *flow;
    fa_endpoint peer;
    door *door;
} visit;

static unsigned connection_count;

static fa_err say(fa_flow *flow, const char *text, size_t len)
{
    return fa_flow_write(flow, &(fa_slice){text, len}, 1, fa_after_s(WAIT_S));
}

static fa_err say_info(const visit *v, bool http)
{
    char text[2 * LINE_BYTES], line[LINE_BYTES];
    fa_tls_stats stats;
    describe(v->flow, line);
    fa_tls_server_stats(v->door->server, &stats);
    const int len = snprintf(text, sizeof text, "%s%s handshakes=%u failed=%u waiting=%u under_way=%u gave_way=%u kept=%u\n",
                             http ? "HTTP/1.0 200 OK\r\n\r\n" : "", line, (unsigned)stats.handshakes, (unsigned)stats.failed,
                             (unsigned)stats.waiting, (unsigned)stats.under_way, (unsigned)stats.gave_way,
                             (unsigned)stats.kept_buffers);
    return say(v->flow, text, (size_t)len);
}

static fa_err say_more(fa_flow *flow, size_t len)
{
    static char bytes[50000];
    memset(bytes, 'm', sizeof bytes);
    fa_err err = FA_OK;
    for (size_t part; err == FA_OK && len > 0; len -= part) {
        part = len < sizeof bytes ? len : sizeof bytes;
        err = say(flow, bytes, part);
    }
    return err;
}

/* FA_ECLOSED: it was the last line. */
static fa_err answer(const visit *v, const char *line, size_t len)
{
    if (strncmp(line, "GET ", 4) == 0)
        return say_info(v, true) == FA_OK ? FA_ECLOSED : FA_EIO;
    if (strncmp(line, "info", 4) == 0)
        return say_info(v, false);
    if (strncmp(line, "more ", 5) == 0)
        return say_more(v->flow, strtoul(line + 5, NULL, 10));
    if (strncmp(line, "end", 3) == 0)
        return fa_flow_shutdown(v->flow);
    return say(v->flow, line, len);
}

static fa_err converse(const visit *v, size_t *total)
{
    char line[2048];
    size_t len, have = 0;
    fa_err err = FA_OK;
    while (err == FA_OK) {
        line[have] = '\0';
        char *end = strchr(line, '\n');
        if (end != NULL || have == sizeof line - 1) {
            const size_t used = end == NULL ? have : (size_t)(end - line) + 1;
            err = answer(v, line, used);
            have -= used;
            memmove(line, line + used, have);
            continue;
        }
        err = fa_flow_read(v->flow, line + have, sizeof line - 1 - have, &len, fa_after_s(2 * WAIT_S));
        if (err == FA_OK && len == 0)
            return FA_OK;
        have += err == FA_OK ? len : 0;
        *total += err == FA_OK ? len : 0;
    }
    return err == FA_ECLOSED && fa_tls_reason_of(v->flow)[0] == '\0' ? FA_OK : err;
}

static void receive(void *arg)
{
    visit *v = arg;
    char text[FA_ENDPOINT_TEXT_BYTES], line[LINE_BYTES];
    size_t total = 0;
    describe(v->flow, line);
    const fa_err err = converse(v, &total);
    fa_log_info("%u %s ended after %u bytes: %s %s; %s", v->door->port, fa_endpoint_text(v->peer, text), (unsigned)total,
                fa_err_text(err), fa_tls_reason_of(v->flow), line);
    fa_flow_close(v->flow);
    free(v);
    connection_count--;
}

static void stand(void *arg)
{
    door *d = arg;
    fa_flow *flow;
    fa_endpoint peer;
    while (fa_tls_listener_accept(d->listener, &flow, &peer, FA_FOREVER) == FA_OK) {
        visit *v = malloc(sizeof *v);
        if (v != NULL)
            *v = (visit){flow, peer, d};
        if (v != NULL && connection_count < CONNECTIONS_MAX && fa_scope_spawn(d->scope, "visit", receive, v) == FA_OK) {
            connection_count++;
            continue;
        }
        fa_flow_abort(flow);
        free(v);
    }
    fa_tls_listener_close(d->listener);
}

static fa_err open_door(fa_net *net, kind *k, door *d)
{
    fa_tls_identity *identities[IDENTITIES];
    size_t count = 0;
    fa_tls_reason why = {""};
    fa_listener *listener;
    for (; count < IDENTITIES && k->identities[count] != NULL; count++)
        identities[count] = identity_of(k->identities[count]);
    k->options.identities = identities;
    k->options.identity_count = count;
    k->options.trust = k->options.asks == FA_TLS_ASKS_NONE ? NULL : trust();
    fa_err err = fa_tls_server_new(&k->options, &d->server, &why);
    if (err != FA_OK)
        fa_log_error("port %u: %s", k->port, why.text);
    for (size_t i = 0; i < count; i++)
        fa_tls_identity_free(identities[i]);
    if (err == FA_OK)
        err = fa_net_listen(net, k->port, &listener);
    if (err == FA_OK)
        err = fa_tls_listen(d->server, listener, &d->listener);
    d->port = k->port;
    return err == FA_OK ? fa_scope_spawn(d->scope, "door", stand, d) : err;
}

fa_err serve(fa_net *net)
{
    static door doors[FA_ARRAY_COUNT(kinds)];
    fa_scope scope;
    fa_err err = FA_OK;
    fa_scope_open(&scope);
    for (size_t i = 0; i < FA_ARRAY_COUNT(kinds) && err == FA_OK; i++) {
        doors[i].scope = &scope;
        err = open_door(net, &kinds[i], &doors[i]);
    }
    if (err == FA_OK) {
        fa_log_info("serving");
        err = fa_stop_wait(NULL, FA_FOREVER);
    }
    fa_scope_close(&scope);
    return err;
}
