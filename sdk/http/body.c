/* SPDX-License-Identifier: ISC */
/* A request's body: from the fiber's buffer, as far as it came with the head, then from the flow. */
#include "exchange.h"
#include <string.h>

void fa_http_body_init(fa_http_exchange *x)
{
    x->at = x->head_len;
    x->body_left = x->head.chunked ? x->server->options.body_bytes : x->head.body_bytes;
    x->body_ended = !x->head.chunked && x->head.body_bytes == 0;
    x->continue_owed = x->head.expect_continue && !x->body_ended && x->at == x->in_len;
    fa_http_chunks_init(&x->chunks);
}

/* RFC 9110 section 10.1.1. */
static fa_err send_continue(fa_http_exchange *x, fa_deadline deadline)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const bool owed = x->continue_owed && !x->begun;
    x->continue_owed = false;
    if (!owed)
        return FA_OK;
    x->sent_bytes += sizeof text - 1;
    return fa_http_send(x, &(fa_slice){text, sizeof text - 1}, 1, deadline);
}

/* What has arrived: `cap` bytes at most. */
static fa_err receive(fa_http_exchange *x, void *bytes_out, size_t cap, size_t *len_out,
                      fa_deadline deadline)
{
    const fa_err err = fa_http_receive(x, bytes_out, cap, len_out, deadline);
    return err == FA_OK && *len_out == 0 ? FA_ETRUNCATED : err;
}

static size_t least(size_t a, uint64_t b)
{
    return a < b ? a : (size_t)b;
}

static fa_err read_sized(fa_http_exchange *x, void *bytes_out, size_t cap, size_t *len_out,
                         fa_deadline deadline)
{
    size_t len = least(cap, x->body_left);
    if (x->at < x->in_len) {
        len = least(len, x->in_len - x->at);
        memcpy(bytes_out, x->in + x->at, len);
        x->at += len;
    } else {
        const fa_err err = receive(x, bytes_out, len, &len, deadline);
        if (err != FA_OK)
            return err;
    }
    x->body_left -= len;
    x->body_ended = x->body_left == 0;
    *len_out = len;
    return FA_OK;
}

static fa_err read_chunked(fa_http_exchange *x, void *bytes_out, size_t cap, size_t *len_out,
                           fa_deadline deadline)
{
    for (;;) {
        size_t used, len;
        const unsigned status =
            fa_http_chunks_next(&x->chunks, x->in + x->at, x->in_len - x->at, &used, &len);
        x->at += used;
        if (status == FA_HTTP_DONE || len > 0) {
            x->body_ended = status == FA_HTTP_DONE;
            len = least(len, cap);
            if (len > x->body_left)
                return FA_ELIMIT;
            x->body_left -= len;
            memcpy(bytes_out, x->in + x->at, len);
            x->at += len;
            if (len > 0)
                fa_http_chunks_took(&x->chunks, len);
            *len_out = len;
            return FA_OK;
        }
        if (status != FA_HTTP_MORE)
            return FA_EFORMAT;
        x->at = x->head_len; /* all is used: the room behind the head is free */
        x->in_len = x->head_len;
        const fa_err err =
            receive(x, x->in + x->at, sizeof x->in - x->at, &len, deadline);
        if (err != FA_OK)
            return err;
        x->in_len += len;
    }
}

fa_err fa_http_read(fa_http *http, void *bytes_out, size_t cap, size_t *len_out,
                    fa_deadline deadline)
{
    fa_http_exchange *x = fa_http_exchange_of(http);
    *len_out = 0;
    if (x->body_ended)
        return FA_OK;
    fa_err err = send_continue(x, deadline);
    if (err == FA_OK)
        err = x->head.chunked ? read_chunked(x, bytes_out, cap, len_out, deadline)
                              : read_sized(x, bytes_out, cap, len_out, deadline);
    /* Where the next request begins is not known any more. */
    if (err != FA_OK)
        x->close = x->linger = true;
    return err;
}

bool fa_http_body_ends_connection(const fa_http_exchange *x)
{
    return !x->body_ended && (x->continue_owed || x->body_left > FA_HTTP_DRAIN_BYTES_MAX) &&
           (x->continue_owed || !x->head.chunked);
}

void fa_http_body_drain(fa_http_exchange *x, fa_deadline deadline)
{
    size_t drained = 0;
    while (!x->body_ended && !x->close) {
        char bytes[256];
        size_t len;
        if (fa_http_read(&x->http, bytes, sizeof bytes, &len, deadline) != FA_OK)
            return;
        drained += len;
        if (drained > FA_HTTP_DRAIN_BYTES_MAX)
            x->close = x->linger = true;
    }
    if (!x->body_ended)
        x->linger = true;
}
