/* SPDX-License-Identifier: ISC */
/* Serving over TLS: listeners' connections after their handshakes; and who comes to the same ports without
 * TLS is told to come with it. What an image needs of TLS comes in by this file. */
#include "server.h"
#include <fata/log.h>
#include <stdio.h>
#include <string.h>

FA_LOG_MODULE("http");

#define PLAIN_CONNECTIONS 64u /* at a time, that are told to come by TLS */
#define PLAIN_FIBERS 2u
#define HOST_BYTES_MAX 256u

typedef struct doors {
    fa_http_source source, plain_source; /* `source` is its first member */
    fa_tls_listener *listeners[FA_HTTPS_LISTENERS_MAX];
    size_t count;
    fa_http_options plain_options;
    fa_deadline deadline;
} doors;

static doors *doors_of_plain(fa_http_source *source)
{
    return (doors *)(void *)((char *)source - offsetof(doors, plain_source));
}

static fa_err try_accept(fa_http_source *source, fa_flow **flow_out, fa_endpoint *peer_out)
{
    const doors *d = (doors *)source;
    fa_err err = FA_EAGAIN;
    for (size_t i = 0; i < d->count && err == FA_EAGAIN; i++)
        err = fa_tls_listener_try_accept(d->listeners[i], flow_out, peer_out);
    return err;
}

/* The waker may be called by one of them while it is armed at another: it is called once, or not at all. */
static void arm(fa_http_source *source, fa_waker *waker)
{
    const doors *d = (doors *)source;
    for (size_t i = 0; i < d->count; i++)
        fa_tls_listener_arm(d->listeners[i], waker);
}

static fa_err try_accept_plain(fa_http_source *source, fa_flow **flow_out, fa_endpoint *peer_out)
{
    const doors *d = doors_of_plain(source);
    fa_err err = FA_EAGAIN;
    for (size_t i = 0; i < d->count && err == FA_EAGAIN; i++)
        err = fa_tls_listener_try_accept_plain(d->listeners[i], flow_out, peer_out);
    return err;
}

static void arm_plain(fa_http_source *source, fa_waker *waker)
{
    const doors *d = doors_of_plain(source);
    for (size_t i = 0; i < d->count; i++)
        fa_tls_listener_arm_plain(d->listeners[i], waker);
}

/* A host and a port, as it may stand in a URL. */
static bool is_host(const char *host)
{
    const size_t len = strlen(host);
    return len > 0 && len < HOST_BYTES_MAX &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") == len;
}

/* How much of "host:80" stays: its own port speaks TLS too, so only the one that "http:" stands for is left out. */
static size_t host_len_of(const char *host, bool same_port)
{
    const size_t len = strlen(host);
    const char *colon = strrchr(host, ':');
    if (colon == NULL || strchr(colon, ']') != NULL)
        return len;
    return !same_port || strcmp(colon, ":80") == 0 ? (size_t)(colon - host) : len;
}

fa_err fa_http_to_https(fa_http *http, void *arg, fa_deadline deadline)
{
    const uint16_t *port = arg;
    const char *host = fa_http_field_of(http, "Host");
    char location[FA_HTTP_RESPONSE_FIELDS_BYTES_MAX], *at = location;
    if (host == NULL || !is_host(host))
        return FA_EFORMAT;
    if (HOST_BYTES_MAX + 3 * strlen(http->path) + strlen(http->query) + 24 > sizeof location)
        return FA_ELIMIT;
    at += sprintf(at, "https://%.*s", (int)host_len_of(host, port == NULL), host);
    if (port != NULL && *port != 443)
        at += sprintf(at, ":%u", *port);
    for (const char *p = http->path; *p != '\0'; p++) {
        const unsigned char c = (unsigned char)*p;
        const bool plain = strchr("/-._~!$&'()*+,;=:@", c) != NULL || (c >= '0' && c <= '9') ||
                           (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        at += plain ? sprintf(at, "%c", c) : sprintf(at, "%%%02X", c);
    }
    if (http->query[0] != '\0')
        sprintf(at, "?%s", http->query);
    const bool same_method = strcmp(http->method, "GET") == 0 || strcmp(http->method, "HEAD") == 0;
    fa_http_status(http, same_method ? 301 : 308);
    const fa_err err = fa_http_field_add(http, "Location", location);
    return err == FA_OK ? fa_http_end(http, deadline) : err;
}

static const fa_http_route plain_routes[] = {{NULL, "/", fa_http_to_https, NULL}};

static void serve_plain(void *arg)
{
    doors *d = arg;
    const fa_err err = fa_http_serve_flows(&d->plain_source, &d->plain_options, d->deadline);
    if (err != FA_OK && err != FA_ECANCELED)
        fa_log_warn("nobody is told to come by TLS: %s", fa_err_text(err));
}

static fa_err serve(doors *d, const fa_http_options *options, fa_deadline deadline)
{
    fa_scope scope;
    fa_scope_open(&scope);
    fa_err err = fa_scope_spawn(&scope, "to https", serve_plain, d);
    if (err == FA_OK)
        err = fa_http_serve_flows(&d->source, options, deadline);
    fa_scope_close(&scope);
    return err;
}

fa_err fa_https_serve(fa_listener *const *listeners, size_t count, fa_tls_server *server,
                      const fa_http_options *options, fa_deadline deadline)
{
    doors d = {.source = {try_accept, arm}, .plain_source = {try_accept_plain, arm_plain}};
    d.plain_options = (fa_http_options){.routes = plain_routes,
                                        .route_count = FA_ARRAY_COUNT(plain_routes),
                                        .connections = PLAIN_CONNECTIONS,
                                        .fibers = PLAIN_FIBERS};
    d.deadline = deadline;
    fa_err err = count == 0 || count > FA_HTTPS_LISTENERS_MAX ? FA_EINVAL : FA_OK;
    for (; d.count < count && err == FA_OK; d.count += err == FA_OK)
        err = fa_tls_listen(server, listeners[d.count], &d.listeners[d.count]);
    if (err == FA_OK) {
        const fa_http_options bounded = fa_http_options_for(listeners[0], options);
        err = serve(&d, &bounded, deadline);
    }
    while (d.count > 0)
        fa_tls_listener_close(d.listeners[--d.count]);
    return err;
}
