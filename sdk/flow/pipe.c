/* SPDX-License-Identifier: ISC */
/* Pipes: two ends and two rings of bytes in one piece of memory, which is freed when both ends are
 * closed. An end that has been closed leaves what it wrote; what is then written to it is refused. */
#include "pipe.h"
#include "waiter.h"
#include <fata/panic.h>
#include <stdlib.h>
#include <string.h>

typedef struct ring {
    size_t first, len; /* index of the oldest byte; how many there are */
    bool ended;        /* no more is written */
    bool broken;       /* the writer has aborted */
    bool unread;       /* the reader is gone */
    fa_waker *reader, *writer;
    uint8_t *bytes;
} ring;

struct pipe;

typedef struct end {
    fa_flow flow;
    struct pipe *pipe;
    ring *in, *out;
    bool closed;
} end;

typedef struct pipe {
    end ends[2];
    ring rings[2];
    size_t cap; /* of each ring */
    uint8_t bytes[];
} pipe;

static end *end_of(fa_flow *flow)
{
    return (end *)flow; /* its first member */
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t put(ring *r, size_t cap, const uint8_t *bytes, size_t len)
{
    len = least(len, cap - r->len);
    const size_t at = (r->first + r->len) % cap, straight = least(len, cap - at);
    if (len > 0) {
        memcpy(r->bytes + at, bytes, straight);
        memcpy(r->bytes, bytes + straight, len - straight);
    }
    r->len += len;
    return len;
}

static size_t take(ring *r, size_t cap, uint8_t *bytes_out, size_t len)
{
    len = least(len, r->len);
    const size_t straight = least(len, cap - r->first);
    memcpy(bytes_out, r->bytes + r->first, straight);
    memcpy(bytes_out + straight, r->bytes, len - straight);
    r->first = (r->first + len) % cap;
    r->len -= len;
    return len;
}

static fa_err try_read(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out)
{
    end *e = end_of(flow);
    if (e->in->broken)
        return FA_ECLOSED;
    if (e->in->len == 0 && !e->in->ended)
        return FA_EAGAIN;
    *len_out = take(e->in, e->pipe->cap, bytes_out, cap);
    if (*len_out > 0)
        fa_waker_fire(&e->in->writer);
    return FA_OK;
}

static fa_err try_write(fa_flow *flow, const fa_slice *slices, size_t count, size_t *len_out)
{
    end *e = end_of(flow);
    if (e->out->ended || e->out->unread || e->in->broken)
        return FA_ECLOSED;
    size_t len = 0, wanted = 0;
    for (size_t i = 0; i < count; i++) {
        wanted += slices[i].len;
        len += put(e->out, e->pipe->cap, slices[i].bytes, slices[i].len);
    }
    if (len == 0 && wanted > 0)
        return FA_EAGAIN;
    *len_out = len;
    if (len > 0)
        fa_waker_fire(&e->out->reader);
    return FA_OK;
}

static bool readable(const end *e)
{
    return e->in->len > 0 || e->in->ended || e->in->broken;
}

static bool writable(const end *e)
{
    return e->out->len < e->pipe->cap || e->out->ended || e->out->unread || e->in->broken;
}

static void arm(fa_flow *flow, unsigned events, fa_waker *waker)
{
    end *e = end_of(flow);
    if (events & FA_FLOW_READABLE)
        e->in->reader = waker;
    if (events & FA_FLOW_WRITABLE)
        e->out->writer = waker;
    if (events & FA_FLOW_READABLE && readable(e))
        fa_waker_fire(&e->in->reader);
    if (events & FA_FLOW_WRITABLE && writable(e))
        fa_waker_fire(&e->out->writer);
}

static fa_err shut(fa_flow *flow)
{
    end *e = end_of(flow);
    e->out->ended = true;
    fa_waker_fire(&e->out->reader);
    fa_waker_fire(&e->out->writer); /* our own: it can write no more */
    return FA_OK;
}

static void close_end(fa_flow *flow, bool abort)
{
    end *e = end_of(flow);
    fa_assert(!e->closed);
    e->closed = true;
    e->in->reader = e->out->writer = NULL;
    e->in->unread = true;
    e->out->ended = true;
    e->out->broken = abort;
    fa_waker_fire(&e->out->reader);
    fa_waker_fire(&e->in->writer);
    if (e->pipe->ends[0].closed && e->pipe->ends[1].closed)
        free(e->pipe);
}

fa_err fa_pipe_open(size_t cap, fa_flow **a_out, fa_flow **b_out)
{
    static const fa_flow_ops ops = {try_read, try_write, arm, shut, close_end};
    fa_assert(cap > 0 && cap <= SIZE_MAX / 4);
    pipe *p = malloc(sizeof *p + 2 * cap);
    if (p == NULL)
        return FA_ENOMEM;
    *p = (pipe){.cap = cap};
    for (size_t i = 0; i < 2; i++) {
        p->rings[i].bytes = p->bytes + i * cap;
        p->ends[i] = (end){{&ops}, p, &p->rings[i], &p->rings[1 - i], false};
    }
    *a_out = &p->ends[0].flow;
    *b_out = &p->ends[1].flow;
    return FA_OK;
}
