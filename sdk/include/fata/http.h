/* SPDX-License-Identifier: ISC */
/* An HTTP/1.1 server (RFC 9110, RFC 9112) over flows. Below it lie <fata/flow.h> and fibers; above
 * it are the handlers of an application, chosen by routes. A request that has arrived gets a fiber;
 * an idle connection, one whose request is still arriving and one that an embedded file is being
 * sent over have none.
 *
 *     static fa_err hello(fa_http *http, void *arg, fa_deadline deadline)
 *     {
 *         fa_http_printf(http, "<p>You asked for %s", http->query);   // sent when hello returns
 *         return FA_OK;
 *     }
 *     static const fa_http_route routes[] = {{"GET", "/hello", hello, NULL},
 *                                            {"GET", "/", fa_http_site, NULL}};
 *     err = fa_http_serve(listener, &(fa_http_options){.routes = routes, .route_count = 2},
 *                         FA_FOREVER);
 */
#ifndef FATA_HTTP_H
#define FATA_HTTP_H

#include <fata/arena.h>
#include <fata/net.h>
#include <fata/tls.h>

/* What a request may have; beyond, it is refused with the status behind it. */
#define FA_HTTP_METHOD_BYTES_MAX 16u          /* 501 */
#define FA_HTTP_TARGET_BYTES_MAX 7900u        /* 414; RFC 9112 section 3 wants lines of 8,000 */
#define FA_HTTP_HEAD_BYTES_MAX (14 * FA_KIB)  /* 431: the request line and all fields */
#define FA_HTTP_FIELDS_MAX 64u                /* 431 */
#define FA_HTTP_CHUNK_LINE_BYTES_MAX 256u     /* 400: a chunk's size with its extensions */
#define FA_HTTP_TRAILER_BYTES_MAX 4096u       /* 400 */
/* What a response and a handler may take. */
#define FA_HTTP_RESPONSE_FIELDS_BYTES_MAX 1024u
#define FA_HTTP_ARENA_BYTES_MAX (64 * FA_KIB) /* of a request: its arena */

/* The options' defaults. */
#define FA_HTTP_CONNECTIONS 1024u
#define FA_HTTP_FIBERS 32u
#define FA_HTTP_BODY_BYTES FA_MIB
#define FA_HTTP_HEAD_NS (10 * FA_NS_PER_S)
#define FA_HTTP_IDLE_NS (60 * FA_NS_PER_S)
#define FA_HTTP_REQUEST_NS (60 * FA_NS_PER_S)

typedef struct fa_http_field {
    const char *name, *value;
} fa_http_field;

/* A request, and the response to it. The texts live until the handler returns. */
typedef struct fa_http {
    const char *method;
    const char *path;  /* without %-escapes, dot segments and doubled slashes; begins with one */
    const char *query; /* what was behind the question mark, as it was sent; "" */
    const fa_http_field *fields;
    size_t field_count;
    fa_endpoint peer;
    fa_arena *arena; /* for what lives as long as the request */
} fa_http;

/* Answers a request: returns FA_OK, or an error before it has sent anything, which the server tells
 * the client as a status: FA_ENOENT 404, FA_EPERM 403, FA_EFORMAT and FA_EINVAL 400, FA_ELIMIT 413,
 * FA_ETIMEDOUT 408, FA_ENOTSUP 501, FA_ENOMEM, FA_EBUSY and FA_ECANCELED 503, others 500. An error
 * later closes the connection, so that the client knows. The deadline is the request's. */
typedef fa_err fa_http_handler(fa_http *http, void *arg, fa_deadline deadline);

/* The first route that fits answers. A path that ends with a slash stands for all below it too. A
 * route for GET answers HEAD: the handler does the same, its body is not sent. */
typedef struct fa_http_route {
    const char *method; /* NULL: any */
    const char *path;
    fa_http_handler *handler;
    void *arg;
} fa_http_route;

/* Zeroes mean the defaults. */
typedef struct fa_http_options {
    const fa_http_route *routes;
    size_t route_count;
    /* When there is one more, the one that was idle the longest is closed. No more than three quarters
     * of what a listener's network has room for. */
    size_t connections;
    size_t fibers;      /* requests that run at a time; more wait, for head_ns: 503 then */
    size_t stack_bytes; /* of such a fiber */
    uint64_t body_bytes; /* of a request */
    uint64_t head_ns;    /* from a request's first byte to the end of its head */
    uint64_t idle_ns;    /* between requests */
    uint64_t request_ns; /* for the handler */
    /* Besides, a peer is not waited for that is 30 s behind 500 bytes a second, in sending a body or in
     * taking a response; 5 s, if requests wait for a fiber. fa_http_read() is then FA_ETIMEDOUT. */
} fa_http_options;

/* Serves the listener's connections until the deadline, or until the machine is to stop (<fata/stop.h>);
 * then idle and new connections are closed, and requests that have arrived are given FA_HTTP_GRACE_NS.
 * FA_OK: one of these; FA_ECANCELED; FA_ENOMEM: not even one fiber; what the listener has failed with.
 * The listener stays the caller's. What is sent by then may be on its way: fa_net_finish(). */
FA_MUST_CHECK fa_err fa_http_serve(fa_listener *listener, const fa_http_options *options,
                                   fa_deadline deadline);
#define FA_HTTP_GRACE_NS (5 * FA_NS_PER_S)

/* The same over TLS, at one or several ports. Who comes there without TLS is sent to the same URL with
 * "https:". */
#define FA_HTTPS_LISTENERS_MAX 4u
FA_MUST_CHECK fa_err fa_https_serve(fa_listener *const *listeners, size_t count, fa_tls_server *server,
                                    const fa_http_options *options, fa_deadline deadline);
/* The handler that sends there, for routes of a port without TLS. Its argument is NULL, for the port that
 * was asked, or points to the uint16_t of another. */
fa_err fa_http_to_https(fa_http *http, void *arg, fa_deadline deadline);

/* The same for flows of any kind: where they come from, as a listener's functions do it. */
typedef struct fa_http_source {
    fa_err (*try_accept)(struct fa_http_source *source, fa_flow **flow_out, fa_endpoint *peer_out);
    void (*arm)(struct fa_http_source *source, fa_waker *waker);
} fa_http_source;
FA_MUST_CHECK fa_err fa_http_serve_flows(fa_http_source *source, const fa_http_options *options,
                                         fa_deadline deadline);

/* The request. */

/* The value of the first field of that name, in any case; NULL: there is none. */
const char *fa_http_field_of(const fa_http *http, const char *name);
/* The next bytes of the body, at least one; FA_OK with *len_out 0: its end. FA_ELIMIT: it is longer
 * than the options allow; FA_EFORMAT, FA_ETRUNCATED; and what the flow fails with. */
FA_MUST_CHECK fa_err fa_http_read(fa_http *http, void *bytes_out, size_t cap, size_t *len_out,
                                  fa_deadline deadline);

/* The response. The head is sent with the first bytes of the body; a short body is kept back until the
 * handler returns, and then sent with its length. A longer one of unknown length is sent in chunks. */

/* 200 if not called. */
void fa_http_status(fa_http *http, unsigned status);
/* "text/html; charset=utf-8" if not called; must live until the handler returns. */
void fa_http_type(fa_http *http, const char *type);
/* One more field, except Content-Length, Content-Type, Connection, Date and Transfer-Encoding, which
 * are the server's. FA_EINVAL: not a field's characters; FA_ELIMIT: they are too many. If the error is
 * ignored, the response is one of 500. */
fa_err fa_http_field_add(fa_http *http, const char *name, const char *value);
/* The length of the body that is to be written, so that it need not be chunked. */
void fa_http_length(fa_http *http, uint64_t len);
/* Adds to the body what is kept back until the handler returns: never waits. FA_ELIMIT: it does not
 * fit into the request's arena. If the error is ignored, the response is one of 500. */
fa_err fa_http_printf(fa_http *http, const char *fmt, ...) FA_PRINTF(2, 3);
/* Adds to the body; sends what is too much to be kept. */
FA_MUST_CHECK fa_err fa_http_write(fa_http *http, const void *bytes, size_t len,
                                   fa_deadline deadline);
/* Sends what has been kept back; more is to come. */
FA_MUST_CHECK fa_err fa_http_flush(fa_http *http, fa_deadline deadline);
/* Sends all of it: the response is complete. What a handler leaves undone, the server does. */
FA_MUST_CHECK fa_err fa_http_end(fa_http *http, fa_deadline deadline);

/* Handlers. */

/* The site that the build embeds: the folder www/ of the project (or SITE in its Makefile), with ETags,
 * gzip, ranges and conditional requests. /a/ is a/index.html; 404.html is what is not there. */
fa_err fa_http_site(fa_http *http, void *arg, fa_deadline deadline);
/* Figures for Prometheus, of this server, the machine and, if `arg` is not NULL, that fa_net. */
fa_err fa_http_metrics(fa_http *http, void *arg, fa_deadline deadline);

/* What the server of a request has done so far. */
typedef struct fa_http_stats {
    uint64_t responses[6]; /* by the first digit of their status; [0] are requests without one */
    uint64_t sent_bytes;   /* heads and bodies */
    uint64_t accepted;     /* connections */
    size_t connections;    /* now */
    size_t fibers;         /* now */
} fa_http_stats;
void fa_http_stats_get(const fa_http *http, fa_http_stats *stats_out);

#endif
