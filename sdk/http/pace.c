/* SPDX-License-Identifier: ISC */
/* How long a fiber waits for a peer: requests whose bodies come in drops, and responses that nobody
 * takes, must not hold all fibers. A peer falls behind by the time that is waited for it, and catches
 * up by what its bytes may take at the least rate. */
#include "exchange.h"
#include "../flow/waiter.h"

/* Less when no fiber is free, and in the second before the last look fewer connections were taken up than
 * wait for that. */
static uint64_t patience_ns(fa_http_exchange *x, uint64_t now_ns)
{
    const fa_http_server *server = x->server;
    if (now_ns - x->looked_ns >= FA_HTTP_LOOK_NS) {
        x->starves = server->ready_count > server->taken_up_count - x->taken_up_count;
        x->taken_up_count = server->taken_up_count;
        x->looked_ns = now_ns;
    }
    return x->starves && server->idle_fibers == 0 && server->ready_count > 0
               ? FA_HTTP_PATIENCE_STARVED_NS
               : FA_HTTP_PATIENCE_NS;
}

/* Until the flow tells, or for a while: it may tell of room only when there is a good part of it, which takes
 * a slow peer longer than we have patience. FA_OK: try again. */
static fa_err wait_for(fa_http_exchange *x, unsigned event, fa_deadline deadline)
{
    fa_flow *flow = x->conn->flow;
    const uint64_t since_ns = fa_clock_mono_ns();
    const fa_deadline look = since_ns + FA_HTTP_LOOK_NS;
    fa_waiter waiter;
    fa_waiter_init(&waiter);
    fa_flow_arm(flow, event, &waiter.waker);
    fa_err err = fa_waiter_wait(&waiter, deadline < look ? deadline : look);
    if (err != FA_OK)
        fa_flow_arm(flow, event, NULL);
    const uint64_t now_ns = fa_clock_mono_ns();
    x->behind_ns += now_ns - since_ns;
    if (err == FA_ETIMEDOUT && now_ns < deadline)
        err = FA_OK;
    return err == FA_OK && x->behind_ns >= patience_ns(x, now_ns) ? FA_ETIMEDOUT : err;
}

static void catch_up(fa_http_exchange *x, size_t len)
{
    const uint64_t earned_ns = len * (FA_NS_PER_S / FA_HTTP_RATE_BYTES_PER_S);
    x->behind_ns -= earned_ns < x->behind_ns ? earned_ns : x->behind_ns;
}

fa_err fa_http_receive(fa_http_exchange *x, void *bytes_out, size_t cap, size_t *len_out,
                       fa_deadline deadline)
{
    fa_err err = fa_turn_take(deadline);
    while (err == FA_OK) {
        err = fa_flow_try_read(x->conn->flow, bytes_out, cap, len_out);
        if (err == FA_OK)
            catch_up(x, *len_out);
        if (err != FA_EAGAIN)
            return err;
        err = wait_for(x, FA_FLOW_READABLE, deadline);
    }
    return err;
}

fa_err fa_http_send(fa_http_exchange *x, fa_slice *slices, size_t count, fa_deadline deadline)
{
    fa_err err = FA_OK;
    while (count > 0 && err == FA_OK) {
        if (slices->len == 0) {
            slices++;
            count--;
            continue;
        }
        size_t len = 0;
        err = fa_turn_take(deadline);
        if (err == FA_OK)
            err = fa_flow_try_write(x->conn->flow, slices, count, &len);
        if (err == FA_EAGAIN) {
            err = wait_for(x, FA_FLOW_WRITABLE, deadline);
            continue;
        }
        catch_up(x, len);
        for (; count > 0 && len >= slices->len; slices++, count--)
            len -= slices->len;
        if (count > 0)
            *slices = (fa_slice){(const char *)slices->bytes + len, slices->len - len};
    }
    return err;
}
