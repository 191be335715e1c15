/* SPDX-License-Identifier: ISC */
/* A server's inside: its connections, each in one stage, and the fibers that take up those that have
 * something to do. A connection that waits holds its record only, and what has arrived of a request;
 * buffers belong to the fibers.
 *
 *     HEAD       waits for (the rest of) a request's head     IDLE     for the next request
 *     RUNNING    a fiber answers a request                    SENDING  for room to send a file's rest
 *     LINGERING  was refused; what still arrives is thrown away, so that the refusal is not lost
 */
#ifndef FATA_HTTP_SERVER_H
#define FATA_HTTP_SERVER_H

#include "../fiber/stop.h"
#include <fata/fiber.h>
#include <fata/http.h>

/* What a peer must send of a body, and take of a response, while we wait for it. It may be behind that
 * by so much time. Apache's default for bodies is the same rate, IIS and Kestrel want half of it; a
 * telephone far from its mast (GPRS, 1,000 bytes a second and more) keeps it, through a tunnel of half
 * a minute too. When requests wait and no fiber is free for them, the fibers' peers get less time. */
#define FA_HTTP_RATE_BYTES_PER_S 500u
#define FA_HTTP_PATIENCE_NS (30 * FA_NS_PER_S)
#define FA_HTTP_PATIENCE_STARVED_NS (5 * FA_NS_PER_S)
#define FA_HTTP_LOOK_NS FA_NS_PER_S /* how often a waiting fiber looks which of the two holds */
/* Of a file that is sent without a fiber: in each span of that patience at least so much is taken. */
#define FA_HTTP_SENDING_BYTES_MIN                                                                  \
    (FA_HTTP_RATE_BYTES_PER_S * (size_t)(FA_HTTP_PATIENCE_NS / FA_NS_PER_S))
#define FA_HTTP_LINGERING_NS (2 * FA_NS_PER_S)
#define FA_HTTP_LINGERING_BYTES_MAX (64 * FA_KIB)
/* Of parts of heads, and of what has been sent behind a request, of all connections together. */
#define FA_HTTP_KEPT_BYTES_MAX (256 * FA_KIB)

typedef enum fa_http_stage {
    FA_HTTP_IDLE, /* in the order in which they give way to a new connection */
    FA_HTTP_HEAD,
    FA_HTTP_LINGERING,
    FA_HTTP_SENDING,
    FA_HTTP_STAGE_COUNT, /* that have a list, oldest first, and a time-out */
    FA_HTTP_RUNNING = FA_HTTP_STAGE_COUNT,
} fa_http_stage;

typedef struct fa_http_link {
    struct fa_http_link *before, *after;
} fa_http_link;

typedef struct fa_http_server fa_http_server;

typedef struct fa_http_conn {
    fa_waker waker; /* its first member */
    fa_http_link in_stage, in_ready;
    fa_http_server *server;
    fa_flow *flow;
    fa_endpoint peer;
    fa_http_stage stage;
    bool ready;           /* a fiber will take it up */
    bool close;           /* when the rest is sent */
    fa_deadline deadline; /* of its stage */
    char *kept;           /* what has arrived */
    size_t kept_len, line_at;
    fa_slice rest; /* to be sent; static bytes */
    size_t taken_bytes; /* of the rest, since its time-out began */
    size_t lingered_bytes;
} fa_http_conn;

struct fa_http_server {
    fa_http_options options;
    fa_http_source *source;
    fa_http_stats stats;
    fa_http_link stages[FA_HTTP_STAGE_COUNT], ready;
    size_t ready_count, kept_bytes;
    unsigned taken_up_count; /* connections that were ready and that a fiber has taken up; it wraps */
    size_t idle_fibers; /* that will take up what is ready; they may have been woken */
    fa_waitq work; /* where idle fibers wait */
    fa_scope scope;
    fa_waker source_waker;
    fa_stop_watch stop_watch;
    bool stops; /* the machine does */
    fa_waitq news_queue; /* where the serving fiber waits */
    bool news;
    bool ending;
    fa_deadline sleeps_until;
    char tail[48]; /* of a head: the date and the empty line */
    size_t tail_len;
    uint64_t tail_s; /* the second that it is of */
};

/* Puts a connection into a stage, where it is not in it already with that stage's time-out, and arms
 * its flow. */
void fa_http_park(fa_http_conn *conn, fa_http_stage stage);
/* Takes it out of its stage's list. */
void fa_http_take_up(fa_http_conn *conn);
/* The time-out begins anew. */
void fa_http_restage(fa_http_conn *conn, fa_http_stage stage);
/* Keeps bytes for when it is taken up again. Where there is no room, those that have waited the longest
 * with theirs are closed. False: that did not make enough. */
bool fa_http_keep(fa_http_conn *conn, const char *bytes, size_t len);
void fa_http_unkeep(fa_http_conn *conn);
void fa_http_close(fa_http_conn *conn, bool abort);

/* A server that counts its connections and fibers, and a connection in it. */
void fa_http_server_init(fa_http_server *server, fa_http_source *source,
                         const fa_http_options *options);
fa_http_conn *fa_http_conn_open(fa_http_server *server, fa_flow *flow, fa_endpoint peer);
/* The serving fiber is to look around. */
void fa_http_notify(fa_http_server *server);
/* Whether connections have something to do and all fibers are taken. True only for a moment, unless
 * handlers wait: then the serving fiber, which has its turn when they do, starts another. */
bool fa_http_wants_fiber(const fa_http_server *server);
/* Closes what has been in its stage for too long; returns when there is more of it. */
fa_deadline fa_http_expire(fa_http_server *server, uint64_t now_ns);
/* Closes the oldest one of the first stage that has one. */
void fa_http_give_way(fa_http_server *server);
/* All, or but those that have something to do. */
void fa_http_close_stage(fa_http_server *server, fa_http_stage stage, bool all);

/* With no more connections than a listener's network has room for. */
fa_http_options fa_http_options_for(const fa_listener *listener, const fa_http_options *options);

/* One of the server's fibers: takes up connections until the server ends. FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_http_fiber_start(fa_http_server *server);

#endif
