/* SPDX-License-Identifier: ISC */
/* Channels: a ring of items in the caller's buffer, with a queue of waiting fibers on each side. */
#include <fata/chan.h>
#include <fata/panic.h>
#include <string.h>

void fa_chan_init(fa_chan *chan, void *room, size_t item_bytes, size_t cap)
{
    fa_assert(cap > 0);
    *chan = (fa_chan){.room = room, .item_bytes = item_bytes, .cap = cap};
}

static uint8_t *item_at(const fa_chan *chan, size_t place)
{
    const size_t index = chan->first + place;
    return chan->room + (index < chan->cap ? index : index - chan->cap) * chan->item_bytes;
}

fa_err fa_chan_send(fa_chan *chan, const void *item, fa_deadline deadline)
{
    while (!chan->closed && chan->count == chan->cap) {
        const fa_err err = fa_waitq_wait(&chan->senders, deadline);
        if (err != FA_OK)
            return err;
    }
    if (chan->closed)
        return FA_ECLOSED;
    memcpy(item_at(chan, chan->count++), item, chan->item_bytes);
    fa_waitq_wake_one(&chan->receivers);
    return FA_OK;
}

fa_err fa_chan_recv(fa_chan *chan, void *item_out, fa_deadline deadline)
{
    while (chan->count == 0) {
        if (chan->closed)
            return FA_ECLOSED;
        const fa_err err = fa_waitq_wait(&chan->receivers, deadline);
        if (err != FA_OK)
            return err;
    }
    memcpy(item_out, item_at(chan, 0), chan->item_bytes);
    chan->first = chan->first + 1 == chan->cap ? 0 : chan->first + 1;
    chan->count--;
    fa_waitq_wake_one(&chan->senders);
    return FA_OK;
}

void fa_chan_close(fa_chan *chan)
{
    chan->closed = true;
    fa_waitq_wake_all(&chan->senders);
    fa_waitq_wake_all(&chan->receivers);
}
