/* SPDX-License-Identifier: ISC */
/* Flows whose first bytes were read to see what they are. */
#include "plain.h"
#include <mbedtls/ssl.h>
#include <stdlib.h>
#include <string.h>

typedef struct plain {
    fa_flow flow; /* its first member */
    fa_flow *below;
    fa_tls_head head;
    uint8_t used;
} plain;

static fa_err try_read(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out)
{
    plain *p = (plain *)flow;
    size_t len = (size_t)(p->head.len - p->used);
    if (len == 0)
        return fa_flow_try_read(p->below, bytes_out, cap, len_out);
    len = len < cap ? len : cap;
    memcpy(bytes_out, p->head.bytes + p->used, len);
    p->used = (uint8_t)(p->used + len);
    *len_out = len;
    return FA_OK;
}

static fa_err try_write(fa_flow *flow, const fa_slice *slices, size_t count, size_t *len_out)
{
    return fa_flow_try_write(((plain *)flow)->below, slices, count, len_out);
}

static void arm(fa_flow *flow, unsigned events, fa_waker *waker)
{
    plain *p = (plain *)flow;
    if (waker != NULL && events == FA_FLOW_READABLE && p->used < p->head.len)
        waker->wake(waker);
    else
        fa_flow_arm(p->below, events, waker);
}

static fa_err shut(fa_flow *flow)
{
    return fa_flow_shutdown(((plain *)flow)->below);
}

static void close_flow(fa_flow *flow, bool abort)
{
    plain *p = (plain *)flow;
    if (abort)
        fa_flow_abort(p->below);
    else
        fa_flow_close(p->below);
    free(p);
}

fa_err fa_tls_head_read(fa_flow *flow, fa_tls_head *head_out)
{
    size_t len = 0;
    *head_out = (fa_tls_head){.len = 0};
    const fa_err err = fa_flow_try_read(flow, head_out->bytes, sizeof head_out->bytes, &len);
    head_out->len = (uint8_t)len;
    return err == FA_OK && len == 0 ? FA_ETRUNCATED : err;
}

bool fa_tls_head_is_tls(const fa_tls_head *head)
{
    return head->bytes[0] == MBEDTLS_SSL_MSG_HANDSHAKE;
}

fa_err fa_tls_plain_new(fa_flow *flow_take, const fa_tls_head *head, fa_flow **flow_out)
{
    static const fa_flow_ops ops = {try_read, try_write, arm, shut, close_flow};
    plain *p = malloc(sizeof *p);
    if (p == NULL) {
        fa_flow_abort(flow_take);
        return FA_ENOMEM;
    }
    *p = (plain){.flow = {&ops}, .below = flow_take, .head = *head};
    *flow_out = &p->flow;
    return FA_OK;
}
