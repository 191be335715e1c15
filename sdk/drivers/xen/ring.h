/* SPDX-License-Identifier: ISC */
/* The front's half of a ring of requests and their answers, which stand in the same places of a
 * shared page, or several (Xen's public header io/ring.h). All numbers count for ever; a place is the rest. The
 * other side may write anything into the page at any time: what it says is read once, and taken for
 * true only if it can be.
 *
 *     request = xen_ring_place(&ring, ring.produced++);    (while xen_ring_room(&ring) > 0)
 *     if (xen_ring_push(&ring)) xen_event_notify(...);
 *     for (uint32_t left = xen_ring_answers(&ring); left > 0; left--)
 *         xen_ring_read(&ring, ring.consumed++, &answer, sizeof answer);
 */
#ifndef FATA_DRIVERS_XEN_RING_H
#define FATA_DRIVERS_XEN_RING_H

#include "abi.h"
#include <string.h>

typedef struct xen_ring_page {
    uint32_t request_produced, request_event;
    uint32_t answer_produced, answer_event;
    uint8_t pad[48];
    uint8_t places[XEN_PAGE_BYTES - 64];
} xen_ring_page;
_Static_assert(sizeof(xen_ring_page) == XEN_PAGE_BYTES, "a page");
/* How many places a ring of so many pages has: what fits, rounded down to a power of 2. */
#define XEN_RING_PLACES_IN(pages, place_bytes)                                                     \
    (1u << (31 - __builtin_clz((unsigned)(((pages) * XEN_PAGE_BYTES - 64) / (place_bytes)))))
#define XEN_RING_PLACES(place_bytes) XEN_RING_PLACES_IN(1u, place_bytes)

typedef struct xen_ring {
    xen_ring_page *page; /* the first of them, which lie in one piece */
    uint32_t place_count, place_bytes;
    uint32_t produced; /* requests written */
    uint32_t pushed;   /* that the other side was told of */
    uint32_t consumed; /* answers read, and what takes a place without one */
    bool is_broken;    /* the other side has claimed what cannot be */
} xen_ring;

static inline void xen_ring_open(xen_ring *ring, void *pages, unsigned page_count,
                                 uint32_t place_bytes)
{
    *ring = (xen_ring){.page = pages,
                       .place_count = XEN_RING_PLACES_IN(page_count, place_bytes),
                       .place_bytes = place_bytes};
    ring->page->request_produced = ring->page->answer_produced = 0;
    ring->page->request_event = ring->page->answer_event = 1;
}
static inline void *xen_ring_place(const xen_ring *ring, uint32_t number)
{
    return (uint8_t *)ring->page + offsetof(xen_ring_page, places) +
           (number & (ring->place_count - 1)) * ring->place_bytes; /* (no CPU divides fast) */
}
/* A copy of an answer that nobody changes any more. */
static inline void xen_ring_read(const xen_ring *ring, uint32_t number, void *answer_out, size_t len)
{
    memcpy(answer_out, xen_ring_place(ring, number), len);
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* read once, here */
}
/* For so many more requests. */
static inline uint32_t xen_ring_room(const xen_ring *ring)
{
    return ring->place_count - (ring->produced - ring->consumed);
}
/* Shows the other side what was written; true: it wants to be told. */
static inline bool xen_ring_push(xen_ring *ring)
{
    const uint32_t before = ring->pushed;
    __atomic_store_n(&ring->page->request_produced, ring->produced, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* it sees the requests, or we see what it asks for */
    ring->pushed = ring->produced;
    const uint32_t event = __atomic_load_n(&ring->page->request_event, __ATOMIC_RELAXED);
    return ring->produced - event < ring->produced - before;
}
/* How many answers wait. More than there are requests without one breaks the ring. */
static inline uint32_t xen_ring_answers(xen_ring *ring)
{
    const uint32_t count =
        __atomic_load_n(&ring->page->answer_produced, __ATOMIC_ACQUIRE) - ring->consumed;
    if (count > ring->pushed - ring->consumed)
        ring->is_broken = true;
    return ring->is_broken ? 0 : count;
}
/* Asks to be told of the answer that is `count`th from here; true: it is there already. */
static inline bool xen_ring_arm(xen_ring *ring, uint32_t count)
{
    __atomic_store_n(&ring->page->answer_event, ring->consumed + count, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return xen_ring_answers(ring) >= count;
}

#endif
