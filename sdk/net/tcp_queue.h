/* SPDX-License-Identifier: ISC */
/* The bytes of one direction of a connection, in ranges of pages: those to be sent, until they are
 * acknowledged, and those received, until they are read. A queue holds its pages; packets in flight
 * hold them too, so that sending again copies nothing. An empty queue holds no memory.
 *
 *     n = fa_tcp_queue_write(&queue, pool, bytes, len);         // copied
 *     n = fa_tcp_queue_refer(&queue, offset, len, packet);      // referred to by a packet
 *     fa_tcp_queue_drop(&queue, n);                             // acknowledged
 */
#ifndef FATA_NET_TCP_QUEUE_H
#define FATA_NET_TCP_QUEUE_H

#include "../packet/packet.h"

#define FA_TCP_QUEUE_INLINE 2u /* ranges that need no memory of their own */

typedef struct fa_tcp_queue {
    fa_packet_segment *ring; /* NULL: own_ring */
    uint32_t len;            /* of all bytes */
    uint16_t cap, first, count; /* of ranges; cap is a power of two */
    uint16_t hint_index;        /* where fa_tcp_queue_refer() was last: the range and its offset */
    uint32_t hint_offset;
    fa_packet_segment own_ring[FA_TCP_QUEUE_INLINE];
} fa_tcp_queue;

/* A zeroed queue is empty. */
void fa_tcp_queue_free(fa_tcp_queue *queue);
/* Copies bytes to the end, into the last page where nobody else has what is behind its range, and
 * into new ones, `pages_max` at most. How many: fewer when there is no page. */
size_t fa_tcp_queue_write(fa_tcp_queue *queue, fa_packet_pool *pool, const void *bytes, size_t len,
                          uint32_t pages_max);
/* Whether so many bytes fit behind the last range, whose page is this queue's alone. */
bool fa_tcp_queue_fits(const fa_tcp_queue *queue, size_t len);
/* Adds a range, keeping its page. False: no memory, or FA_TCP_QUEUE_SEGMENTS_MAX. */
bool fa_tcp_queue_add(fa_tcp_queue *queue, fa_packet_segment range);
/* Copies from the front and takes off what was copied. */
size_t fa_tcp_queue_read(fa_tcp_queue *queue, void *bytes_out, size_t cap);
void fa_tcp_queue_drop(fa_tcp_queue *queue, size_t len);
/* Copies without taking off; all of it must be there. */
void fa_tcp_queue_copy(fa_tcp_queue *queue, size_t offset, void *bytes_out, size_t len);
/* Adds references to bytes from `offset` on to a packet. How many: as many as it has segments for. */
size_t fa_tcp_queue_refer(fa_tcp_queue *queue, size_t offset, size_t len, fa_packet *packet);

#endif
