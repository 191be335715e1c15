/* SPDX-License-Identifier: ISC */
/* The calls on flows: those of every kind handed on, and the waiting ones made of them. */
#include "waiter.h"
#include <fata/panic.h>

#define SLICES_AT_ONCE 8u /* of the rest of a write that was taken in part */

fa_err fa_flow_try_read(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out)
{
    fa_assert(cap > 0); /* no bytes would mean the end */
    return flow->ops->try_read(flow, bytes_out, cap, len_out);
}

fa_err fa_flow_try_write(fa_flow *flow, const fa_slice *slices, size_t count, size_t *len_out)
{
    return flow->ops->try_write(flow, slices, count, len_out);
}

void fa_flow_arm(fa_flow *flow, unsigned events, fa_waker *waker)
{
    flow->ops->arm(flow, events, waker);
}

fa_err fa_flow_shutdown(fa_flow *flow)
{
    return flow->ops->shutdown == NULL ? FA_ENOTSUP : flow->ops->shutdown(flow);
}

void fa_flow_close(fa_flow *flow)
{
    flow->ops->close(flow, false);
}

void fa_flow_abort(fa_flow *flow)
{
    flow->ops->close(flow, true);
}

static fa_err wait_for(fa_flow *flow, unsigned event, fa_deadline deadline)
{
    fa_waiter waiter;
    fa_waiter_init(&waiter);
    flow->ops->arm(flow, event, &waiter.waker);
    const fa_err err = fa_waiter_wait(&waiter, deadline);
    if (err != FA_OK)
        flow->ops->arm(flow, event, NULL);
    return err;
}

fa_err fa_flow_read(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out,
                    fa_deadline deadline)
{
    fa_err err = fa_turn_take(deadline);
    while (err == FA_OK) {
        err = fa_flow_try_read(flow, bytes_out, cap, len_out);
        if (err != FA_EAGAIN)
            return err;
        err = wait_for(flow, FA_FLOW_READABLE, deadline);
    }
    return err;
}

static size_t total_len(const fa_slice *slices, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += slices[i].len;
    return len;
}

/* What follows the first `skip` bytes, as far as it fits; how many slices that are. */
static size_t rest_of(const fa_slice *slices, size_t count, size_t skip,
                      fa_slice rest_out[SLICES_AT_ONCE])
{
    size_t rest_count = 0;
    for (size_t i = 0; i < count && rest_count < SLICES_AT_ONCE; i++)
        if (skip >= slices[i].len) {
            skip -= slices[i].len;
        } else {
            rest_out[rest_count++] =
                (fa_slice){(const uint8_t *)slices[i].bytes + skip, slices[i].len - skip};
            skip = 0;
        }
    return rest_count;
}

fa_err fa_flow_write(fa_flow *flow, const fa_slice *slices, size_t count, fa_deadline deadline)
{
    const size_t whole_len = total_len(slices, count);
    size_t done = 0;
    fa_err err = FA_OK;
    while (done < whole_len) {
        err = fa_turn_take(deadline);
        fa_slice rest[SLICES_AT_ONCE];
        size_t len = 0;
        if (err == FA_OK && done == 0)
            err = flow->ops->try_write(flow, slices, count, &len);
        else if (err == FA_OK)
            err = flow->ops->try_write(flow, rest, rest_of(slices, count, done, rest), &len);
        if (err == FA_OK)
            done += len;
        else if (err == FA_EAGAIN)
            err = wait_for(flow, FA_FLOW_WRITABLE, deadline);
        if (err != FA_OK)
            return err;
    }
    return err;
}
