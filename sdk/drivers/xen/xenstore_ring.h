/* SPDX-License-Identifier: ISC */
/* The client of Xenstore, the tree of names and values by which a domain's owner and its devices
 * talk to it: messages over two byte rings in a page that xenstored shares. Nothing here waits, or
 * knows of fibers (xenstore.h does): calls are begun, the ring is run whenever its event comes, and
 * then some are done. Many may be on their way; an answer is matched by its number. What the other
 * side writes is checked; if it cannot be, the ring is broken: every call ends with FA_EIO, and
 * nothing is read or written any more. Sources: Xen's public header io/xs_wire.h, docs/misc/xenstore.txt
 * and xenstore-ring.txt.
 *
 *     err = xen_store_ring_begin(&ring, XEN_STORE_READ, 0, parts, 1, &call);
 *     if (xen_store_ring_run(&ring)) tell the other side;     (again at each event)
 *     if (call->is_done) ... call->err, call->reply, call->reply_len
 *     xen_store_ring_end(call);                               (done or not)
 */
#ifndef FATA_DRIVERS_XEN_XENSTORE_RING_H
#define FATA_DRIVERS_XEN_XENSTORE_RING_H

#include "abi.h"
#include <fata/err.h>

/* Calls that are on their way, given up ones among them, when another one begins: ends of transactions
 * and of watches come on top, each of something that was begun. */
#define XEN_STORE_CALLS_MAX 64u
#define XEN_STORE_WATCHES_MAX 64u
#define XEN_STORE_TOKEN_BYTES 16u

/* A range of bytes; a call's payload is several, one behind the other. */
typedef struct xen_store_part {
    const void *bytes;
    size_t len;
} xen_store_part;

typedef struct xen_store_call {
    bool is_done;
    fa_err err;     /* FA_OK: there is a reply */
    uint8_t *reply; /* with a NUL behind it */
    size_t reply_len;
    uint32_t opened; /* xen_store_ring.open_count when it ended */
    /* Private. */
    struct xen_store_call *next;
    bool is_given_up;
    size_t sent_bytes, message_bytes;
    uint8_t message[]; /* a xen_store_header, and what follows */
} xen_store_call;

/* Whoever wants to know of changes at or below a path: a record of the caller's, which stays where it
 * is until it is taken out. */
typedef struct xen_store_watch {
    const char *path; /* stays, too */
    bool has_fired;   /* set when something has changed, and once at first */
    void *user;
    /* Private. */
    struct xen_store_watch *next;
    uint32_t number;
} xen_store_watch;

typedef struct xen_store_ring {
    xen_store_page *page; /* NULL: not open */
    uint32_t open_count; /* one more after each resume */
    bool is_broken;
    const char *broken_why;
    xen_store_call *calls, *last_call; /* in the order in which they are sent */
    uint32_t call_count, next_id;
    xen_store_watch *watches;
    uint32_t watch_count, next_watch;
    size_t in_bytes; /* of the message that is being received */
    uint8_t in[sizeof(xen_store_header) + XEN_STORE_PAYLOAD_MAX + 1]; /* a NUL behind it */
} xen_store_ring;

/* At first with a zeroed record; again with the new page after a resume: watches are set again, and
 * calls sent again but for those of transactions, which end with FA_EAGAIN. */
void xen_store_ring_open(xen_store_ring *ring, xen_store_page *page);

/* FA_EINVAL: more than a message holds; FA_ELIMIT: too many calls; FA_ENOMEM; FA_EIO: broken. */
FA_MUST_CHECK fa_err xen_store_ring_begin(xen_store_ring *ring, uint32_t type, uint32_t transaction,
                                          const xen_store_part *parts, size_t part_count,
                                          xen_store_call **call_out);
/* Frees it: if it is not done, once its answer has come. */
void xen_store_ring_end(xen_store_call *call);

/* As above. The call that tells the other side is done when the watch is set. */
FA_MUST_CHECK fa_err xen_store_ring_watch(xen_store_ring *ring, xen_store_watch *watch,
                                          xen_store_call **call_out);
/* Nothing fires any more. The other side is told, if it can be. */
void xen_store_ring_unwatch(xen_store_ring *ring, xen_store_watch *watch);

/* Sends and receives what can be; true: the other side is to be told. */
FA_MUST_CHECK bool xen_store_ring_run(xen_store_ring *ring);

#endif
