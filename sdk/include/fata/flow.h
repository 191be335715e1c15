/* SPDX-License-Identifier: ISC */
/* Flows: ordered two-way byte streams. A TCP connection, a TLS session, a vchan, a host's socket and
 * a pipe in memory are flows, and who uses one does not know which. Below a flow is its engine;
 * above it are protocols and applications.
 *
 * Each call has a form that waits, with a deadline, and a `try_` form that does not. Who would wait
 * without a fiber parks: fa_flow_arm() has a waker called once when there is something to do, so an
 * idle connection needs no stack. One fiber at a time reads, and one at a time writes.
 *
 *     char line[80];
 *     size_t len;
 *     err = fa_flow_read(flow, line, sizeof line, &len, fa_after_s(5));   // len 0: the peer's end
 *     err = fa_flow_write(flow, &(fa_slice){line, len}, 1, fa_after_s(5));
 *     fa_flow_close(flow);
 */
#ifndef FATA_FLOW_H
#define FATA_FLOW_H

#include <fata/clock.h>
#include <fata/err.h>

typedef struct fa_slice {
    const void *bytes;
    size_t len;
} fa_slice;

/* Called at most once for each time that it was armed, from any fiber, and must not suspend: it
 * makes something ready. What it lies in belongs to who armed it. */
typedef struct fa_waker {
    void (*wake)(struct fa_waker *waker);
} fa_waker;

/* What a waker waits for; an error and the end of the flow are both. */
#define FA_FLOW_READABLE 1u
#define FA_FLOW_WRITABLE 2u

typedef struct fa_flow fa_flow;

/* What a kind of flow provides. The try_ functions return FA_EAGAIN when they would have to wait. */
typedef struct fa_flow_ops {
    fa_err (*try_read)(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out);
    fa_err (*try_write)(fa_flow *flow, const fa_slice *slices, size_t count, size_t *len_out);
    /* Calls the waker, at once if it is so already, when one of `events` holds. There is one waker
     * for reading and one for writing; NULL takes the waker of these events off. */
    void (*arm)(fa_flow *flow, unsigned events, fa_waker *waker);
    fa_err (*shutdown)(fa_flow *flow); /* NULL: this kind cannot be closed by halves */
    void (*close)(fa_flow *flow, bool abort);
} fa_flow_ops;

struct fa_flow {
    const fa_flow_ops *ops;
};

/* At least one byte, as many as are there, at most `cap`. FA_OK with *len_out 0: the peer has ended
 * its half. FA_ECLOSED: the connection was reset or has failed; FA_ETIMEDOUT, FA_ECANCELED. */
FA_MUST_CHECK fa_err fa_flow_read(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out,
                                  fa_deadline deadline);
/* All bytes of all slices, or an error, after which some may have been sent. They are the flow's
 * when it returns: sent or not, the memory may be used again. */
FA_MUST_CHECK fa_err fa_flow_write(fa_flow *flow, const fa_slice *slices, size_t count,
                                   fa_deadline deadline);
/* The same without waiting; FA_EAGAIN: nothing could be done now. A write may take fewer bytes. */
FA_MUST_CHECK fa_err fa_flow_try_read(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out);
FA_MUST_CHECK fa_err fa_flow_try_write(fa_flow *flow, const fa_slice *slices, size_t count,
                                       size_t *len_out);
void fa_flow_arm(fa_flow *flow, unsigned events, fa_waker *waker);
/* Ends this side's half; what was written still arrives. FA_ENOTSUP: not of this kind. */
FA_MUST_CHECK fa_err fa_flow_shutdown(fa_flow *flow);
/* Gives the flow up. What was written is still sent, by the engine; nobody waits. Abort instead
 * throws it away and tells the peer so. The flow is gone after both. */
void fa_flow_close(fa_flow *flow);
void fa_flow_abort(fa_flow *flow);

#endif
