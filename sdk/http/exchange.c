/* SPDX-License-Identifier: ISC */
/* Answers one request: finds its route, calls the handler, tells the client what went wrong, and
 * keeps the accounts. */
#include "exchange.h"
#include <fata/log.h>
#include <fata/param.h>
#include <string.h>
#include <strings.h>

FA_LOG_MODULE("http");
FA_PARAM_FLAG(access_log, "access-log", "log each HTTP request");

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};

const char *fa_http_field_of(const fa_http *http, const char *name)
{
    for (size_t i = 0; i < http->field_count; i++)
        if (strcasecmp(http->fields[i].name, name) == 0)
            return http->fields[i].value;
    return NULL;
}

void fa_http_stats_get(const fa_http *http, fa_http_stats *stats_out)
{
    *stats_out = fa_http_exchange_of(http)->server->stats;
}

static bool path_fits(const fa_http_route *route, const char *path)
{
    const char *at = route->path;
    for (; *at != '\0' && *at == *path; at++)
        path++;
    return *at == '\0' && (*path == '\0' || (at > route->path && at[-1] == '/'));
}

static bool method_fits(const fa_http_route *route, const char *method)
{
    return route->method == NULL || strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

/* The response to a method that a path has not, and to OPTIONS (RFC 9110 sections 9.3.7, 10.2.1). The
 * path "*" has all methods. */
static bool allow(fa_http_exchange *x)
{
    char list[64] = "OPTIONS";
    bool any = strcmp(x->http.path, "*") == 0;
    for (size_t i = 0; i + 1 < FA_ARRAY_COUNT(methods); i++)
        for (size_t j = 0; j < x->server->options.route_count; j++) {
            const fa_http_route *route = &x->server->options.routes[j];
            if (!method_fits(route, methods[i]) ||
                (strcmp(x->http.path, "*") != 0 && !path_fits(route, x->http.path)))
                continue;
            any = true;
            strcat(strcat(list, ", "), methods[i]);
            break;
        }
    if (any)
        (void)fa_http_field_add(&x->http, "Allow", list);
    return any;
}

static void no_route(fa_http_exchange *x)
{
    unsigned status = 501;
    for (size_t i = 0; i < FA_ARRAY_COUNT(methods); i++)
        if (strcmp(x->http.method, methods[i]) == 0)
            status = 404;
    fa_http_response_plain(x, status);
    if (status != 404 || !allow(x))
        return;
    if (strcmp(x->http.method, "OPTIONS") == 0) {
        x->status = 204;
        x->out_len = 0;
        x->written_bytes = 0;
        return;
    }
    const size_t field_len = x->field_len; /* the Allow that was just made */
    fa_http_response_plain(x, 405);
    x->field_len = field_len;
}

static unsigned status_of(fa_err err)
{
    switch (err) {
    case FA_ENOENT:
        return 404;
    case FA_EPERM:
        return 403;
    case FA_EFORMAT:
    case FA_EINVAL:
    case FA_ETRUNCATED:
        return 400;
    case FA_ELIMIT:
        return 413;
    case FA_ETIMEDOUT:
        return 408;
    case FA_ENOTSUP:
        return 501;
    case FA_ENOMEM:
    case FA_EBUSY:
    case FA_ECANCELED:
        return 503;
    default:
        return 500;
    }
}

static void answer(fa_http_exchange *x, fa_deadline deadline)
{
    for (size_t i = 0; i < x->server->options.route_count; i++) {
        const fa_http_route *route = &x->server->options.routes[i];
        if (!path_fits(route, x->http.path) || !method_fits(route, x->http.method))
            continue;
        const fa_err err = route->handler(&x->http, route->arg, deadline);
        if (err != FA_OK)
            fa_log_debug("%s %s: %s", x->http.method, x->http.path, fa_err_text(err));
        if (err == FA_OK && x->failed == FA_OK)
            return;
        if (x->begun)
            x->failed = err == FA_OK ? x->failed : err;
        else
            fa_http_response_plain(x, err == FA_OK ? 500 : status_of(err));
        return;
    }
    no_route(x);
}

static void account(fa_http_exchange *x)
{
    fa_http_stats *stats = &x->server->stats;
    stats->responses[x->begun ? x->status / 100 : 0]++;
    stats->sent_bytes += x->sent_bytes;
    const fa_endpoint *peer = &x->http.peer;
    if (access_log)
        fa_log_info("%u.%u.%u.%u:%u %s %s%s%s %u %llu", peer->address.byte[0],
                    peer->address.byte[1], peer->address.byte[2], peer->address.byte[3],
                    peer->port, x->http.method, x->http.path, *x->http.query ? "?" : "",
                    x->http.query, x->begun ? x->status : 0, (unsigned long long)x->sent_bytes);
}

static void describe(fa_http_exchange *x, unsigned status)
{
    static const fa_http nothing = {.method = "-", .path = "-", .query = ""};
    x->http = nothing;
    x->http.peer = x->conn->peer;
    x->http.arena = &x->arena;
    if (status != FA_HTTP_DONE)
        return;
    x->http.method = x->head.method;
    x->http.path = x->head.path;
    x->http.query = x->head.query;
    x->http.fields = x->head.fields;
    x->http.field_count = x->head.field_count;
}

/* RFC 9110 section 9.3.2: no body comes behind a refusal either. (The method's end is a space that the
 * parser may have replaced.) */
static bool is_for_head(const fa_http_exchange *x)
{
    return x->in_len > 4 && memcmp(x->in, "HEAD", 4) == 0 && (x->in[4] == ' ' || x->in[4] == '\0');
}

void fa_http_exchange_run(fa_http_exchange *x, unsigned status, fa_deadline deadline)
{
    if (status == FA_HTTP_DONE)
        status = fa_http_head_parse(&x->head, x->in, x->head_len);
    describe(x, status);
    x->sent_bytes = x->behind_ns = 0;
    if (status == FA_HTTP_DONE) {
        fa_http_response_init(x);
        fa_http_body_init(x);
        x->no_body = strcmp(x->http.method, "HEAD") == 0;
        if (!x->head.chunked && x->head.body_bytes > x->server->options.body_bytes)
            status = 413;
    } else {
        x->head.minor = 1; /* nothing that was sent counts */
        x->head.chunked = x->head.close = false;
        fa_http_response_init(x);
        x->body_ended = true;
        x->at = x->in_len;
    }
    if (status == FA_HTTP_DONE) {
        answer(x, deadline);
    } else {
        x->close = x->linger = true;
        x->no_body |= is_for_head(x);
        fa_http_response_plain(x, status);
    }
    const fa_err err = fa_http_end(&x->http, deadline);
    account(x);
    if (err != FA_OK) {
        x->failed = err;
        x->close = true;
        x->rest.len = 0;
    } else {
        fa_http_body_drain(x, FA_NOW);
    }
    fa_arena_reset(&x->arena);
}
