/* SPDX-License-Identifier: ISC */
/* A request and its response while a fiber runs them: the fiber's buffers, the body as far as it was
 * read, the response as far as it was sent. Each of the server's fibers has one. */
#ifndef FATA_HTTP_EXCHANGE_H
#define FATA_HTTP_EXCHANGE_H

#include "chunks.h"
#include "head.h"
#include "server.h"

#define FA_HTTP_IN_BYTES (16 * FA_KIB)  /* a head, and room for parts of a body */
#define FA_HTTP_OUT_BYTES ((size_t)2048) /* of a response's body that are kept back */
/* How much of a body that nobody wants is read so that the connection can go on. */
#define FA_HTTP_DRAIN_BYTES_MAX (64 * FA_KIB)
_Static_assert(FA_HTTP_IN_BYTES >= FA_HTTP_HEAD_BYTES_MAX + 1024, "no room for a body's parts");

typedef struct fa_http_exchange {
    fa_http http; /* its first member: what handlers have */
    fa_http_server *server;
    fa_http_conn *conn;
    fa_http_head head;
    fa_arena arena;
    /* The peer's pace, and the server's (pace.c). */
    uint64_t behind_ns, looked_ns;
    unsigned taken_up_count; /* then */
    bool starves;

    /* The request: in[0..head_len) is the head, in[at..in_len) has not been used yet. */
    size_t head_len, at, in_len;
    fa_http_chunks chunks;
    uint64_t body_left; /* that may come: of its length, or of what the options allow */
    bool body_ended;
    bool continue_owed; /* the client waits for a word of ours */

    /* The response. */
    unsigned status;
    const char *type;
    uint64_t length, written_bytes; /* of the body */
    bool length_known, begun, chunked, ended, no_body, close, linger;
    fa_err failed;
    uint64_t sent_bytes;
    fa_slice rest; /* static bytes that the connection sends when the handler has returned */
    size_t field_len, out_len, out_cap;
    char *out;
    char fields[FA_HTTP_RESPONSE_FIELDS_BYTES_MAX];
    char out_bytes[FA_HTTP_OUT_BYTES];
    char in[FA_HTTP_IN_BYTES];
} fa_http_exchange;

/* Answers the request whose whole head is there, or refuses it with `status` if that is not
 * FA_HTTP_DONE. What follows it in `in` is then at `at`. */
void fa_http_exchange_run(fa_http_exchange *exchange, unsigned status, fa_deadline deadline);

static inline fa_http_exchange *fa_http_exchange_of(const fa_http *http)
{
    return (fa_http_exchange *)http;
}

/* The connection, with patience for so long: fa_flow_read(), and fa_flow_write(), which changes the
 * slices. FA_ETIMEDOUT: the deadline, or the peer is too far behind. */
FA_MUST_CHECK fa_err fa_http_receive(fa_http_exchange *exchange, void *bytes_out, size_t cap,
                                     size_t *len_out, fa_deadline deadline);
FA_MUST_CHECK fa_err fa_http_send(fa_http_exchange *exchange, fa_slice *slices, size_t count,
                                  fa_deadline deadline);

/* A request's body. */
void fa_http_body_init(fa_http_exchange *exchange);
/* Reads what the handler has left, if it is little and has arrived; else the connection is to end. It
 * does not wait: a body that never comes would keep a fiber. */
void fa_http_body_drain(fa_http_exchange *exchange, fa_deadline deadline);
/* Whether it is known before that the connection must end because of the body. */
bool fa_http_body_ends_connection(const fa_http_exchange *exchange);

/* A response. */
void fa_http_response_init(fa_http_exchange *exchange);
/* Makes it one that says its status only; nothing was sent yet. */
void fa_http_response_plain(fa_http_exchange *exchange, unsigned status);
/* A response in static bytes: its head without the date and the empty line, and the body, of which
 * the connection may send a part later. */
FA_MUST_CHECK fa_err fa_http_respond_static(fa_http *http, unsigned status, const fa_slice *head,
                                            size_t head_count, fa_slice body, fa_deadline deadline);
const char *fa_http_reason(unsigned status);

#endif
