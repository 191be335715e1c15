/* SPDX-License-Identifier: ISC */
/* Channels: bounded first-in first-out queues of values of one size between fibers. A full channel
 * holds its senders back. The buffer belongs to the caller; nothing is allocated.
 *
 *     static int room[8];
 *     fa_chan chan;
 *     fa_chan_init(&chan, room, sizeof room[0], FA_ARRAY_COUNT(room));
 *     err = fa_chan_send(&chan, &value, FA_FOREVER);
 *     err = fa_chan_recv(&chan, &value, fa_after_ms(100));   // FA_ECLOSED after the last one
 */
#ifndef FATA_CHAN_H
#define FATA_CHAN_H

#include <fata/fiber.h>

typedef struct fa_chan { /* private */
    uint8_t *room;
    size_t item_bytes;
    size_t cap;   /* items */
    size_t first; /* index of the oldest item */
    size_t count;
    bool closed;
    fa_waitq senders;
    fa_waitq receivers;
} fa_chan;

/* `room` holds `cap` (at least 1) items of `item_bytes` each, and outlives the channel. */
void fa_chan_init(fa_chan *chan, void *room, size_t item_bytes, size_t cap);
/* Copies an item in. FA_ETIMEDOUT: full until the deadline; FA_ECLOSED; FA_ECANCELED. */
FA_MUST_CHECK fa_err fa_chan_send(fa_chan *chan, const void *item, fa_deadline deadline);
/* Copies the oldest item out. FA_ETIMEDOUT: empty until the deadline; FA_ECLOSED: closed and empty;
 * FA_ECANCELED. */
FA_MUST_CHECK fa_err fa_chan_recv(fa_chan *chan, void *item_out, fa_deadline deadline);
/* No more is sent; what is in the channel can still be received. Closing twice is allowed. */
void fa_chan_close(fa_chan *chan);

#endif
