/* SPDX-License-Identifier: ISC */
/* Packets: what network devices receive and send, in pages of a bounded pool. A packet is a record
 * (apart from its data) with up to FA_PACKET_SEGMENTS_MAX segments, each a range of a page. It has
 * one owner: who is given it frees it or passes it on. A page may be in several packets (bytes that
 * are sent and kept for another time) and counts them; what lies in it then is not changed. Nothing
 * but packet data is ever in such a page, so that a device, or another domain, may be given the
 * whole page.
 *
 *     fa_packet *packet = fa_packet_alloc(pool);           // NULL: the pool is empty
 *     memcpy(fa_packet_append(packet, len), data, len);
 *     header = fa_packet_prepend(packet, sizeof *header);
 */
#ifndef FATA_PACKET_PACKET_H
#define FATA_PACKET_PACKET_H

#include <fata/err.h>

#define FA_PACKET_PAGE_BYTES ((size_t)4096)
#define FA_PACKET_POOL_PAGES_MAX (UINT32_C(1) << 18) /* 1 GiB */
/* A header in a page of its own, and 64 KiB that begin anywhere in a page. */
#define FA_PACKET_SEGMENTS_MAX 18u
#define FA_PACKET_BYTES_MAX ((size_t)65536 + 256)
/* Kept free at the front of a new packet, for headers: Ethernet, IPv4 and TCP with options. */
#define FA_PACKET_HEADROOM 128u

typedef struct fa_packet_pool fa_packet_pool;

typedef struct fa_packet_page {
    uint8_t *bytes; /* FA_PACKET_PAGE_BYTES of them, page-aligned */
    fa_packet_pool *pool;
    struct fa_packet_page *next_free;
    uint32_t users; /* segments, and others that hold it */
} fa_packet_page;

typedef struct fa_packet_segment {
    fa_packet_page *page;
    uint16_t offset, len;
} fa_packet_segment;

/* What is known, and asked for, about checksums (as virtio and Xen's netif have it). */
typedef enum fa_packet_checksum {
    FA_PACKET_UNCHECKED, /* received: to be checked. To be sent: complete */
    FA_PACKET_VERIFIED,  /* received: TCP's or UDP's was right, or never left this machine */
    /* The sum over the pseudo header is in the field at checksum_start + checksum_offset; the rest,
     * from checksum_start on, is to be added: by the device, or fa_packet_finish_checksum(). */
    FA_PACKET_PARTIAL,
} fa_packet_checksum;

typedef struct fa_packet {
    struct fa_packet *next; /* in a queue */
    fa_packet_pool *pool;
    uint32_t len; /* of all segments */
    uint8_t segment_count;
    uint8_t checksum; /* fa_packet_checksum */
    /* checksum_start and header_bytes count from the packet's front: fa_packet_prepend() and
     * fa_packet_pull() move them along. */
    uint16_t checksum_start, checksum_offset;
    /* To be cut into TCP segments of so many bytes of payload, the first header_bytes (Ethernet, IP,
     * TCP) before each: by the device (TSO). 0: as it is. Always FA_PACKET_PARTIAL then. */
    uint16_t segment_payload_bytes;
    uint16_t header_bytes;
    fa_packet_segment segments[FA_PACKET_SEGMENTS_MAX];
} fa_packet;

/* A batch, in order. A zeroed one is empty. */
typedef struct fa_packet_queue {
    fa_packet *first, *last;
    uint32_t count;
} fa_packet_queue;

struct fa_packet_pool {
    fa_packet_page *pages; /* all of them */
    fa_packet *packets;
    fa_packet_page *free_pages;
    fa_packet *free_packets;
    uint32_t page_count, free_page_count;
    void *memory;
    void (*freed)(void *arg); /* fa_packet_pool_await() */
    void *freed_arg;
};

/* `page_count` pages, and as many packets. FA_ENOMEM, FA_EINVAL. All must be free when the pool is. */
FA_MUST_CHECK fa_err fa_packet_pool_init(fa_packet_pool *pool, uint32_t page_count);
void fa_packet_pool_free(fa_packet_pool *pool);

/* A page, with one user; NULL: none is free. */
fa_packet_page *fa_packet_page_alloc(fa_packet_pool *pool);
static inline void fa_packet_page_keep(fa_packet_page *page)
{
    page->users++;
}
void fa_packet_page_release(fa_packet_page *page);
/* Has `freed` called, once, when the next page is free again; NULL: not any more. For the pool's one
 * device, when there was no page to receive into. It is called from within fa_packet_page_release():
 * it does no more than wake somebody. */
void fa_packet_pool_await(fa_packet_pool *pool, void (*freed)(void *arg), void *arg);

/* A packet with one page and FA_PACKET_HEADROOM; or without any page. NULL: the pool is empty. */
fa_packet *fa_packet_alloc(fa_packet_pool *pool);
fa_packet *fa_packet_alloc_empty(fa_packet_pool *pool);
/* Whether what a stranger makes grow (datagrams nobody reads, fragments) must not take more pages: the
 * last quarter of the pool is for what makes progress. */
static inline bool fa_packet_pool_is_low(const fa_packet_pool *pool)
{
    return pool->free_page_count < pool->page_count / 4;
}
/* NULL is allowed. */
void fa_packet_free(fa_packet *packet);

/* Room of at most FA_PACKET_HEADROOM bytes in front, for a header: in the first segment's page where
 * that is this packet's alone and has it, else in a page of its own. NULL: no page, or segment, is
 * left. */
uint8_t *fa_packet_prepend(fa_packet *packet, size_t len);
/* Room behind the last segment, in its page, which must be this packet's alone. NULL: there is not so
 * much. */
uint8_t *fa_packet_append(fa_packet *packet, size_t len);
/* Copies bytes to the end, into as many more pages as it takes. FA_ENOMEM, FA_ELIMIT: some of them
 * may be there. */
FA_MUST_CHECK fa_err fa_packet_append_bytes(fa_packet *packet, const void *bytes, size_t len);
/* Adds a range of a page, keeping it. FA_ELIMIT: FA_PACKET_SEGMENTS_MAX. */
FA_MUST_CHECK fa_err fa_packet_append_page(fa_packet *packet, fa_packet_page *page, size_t offset,
                                           size_t len);
/* Takes bytes off the front, or cuts the end so that `len` are left; segments that become empty are
 * given up. As the front moves, here and in fa_packet_prepend(), checksum_start and header_bytes move
 * along; where a partial checksum's field goes away, the packet is verified. */
void fa_packet_pull(fa_packet *packet, size_t len);
void fa_packet_truncate(fa_packet *packet, size_t len);
/* The first `len` bytes in one piece, moved together where they are not; NULL: the packet is shorter,
 * or there is no page. For headers: `len` is at most FA_PACKET_HEADROOM. */
uint8_t *fa_packet_head(fa_packet *packet, size_t len);
/* Copies out of the packet; false: it is shorter. */
bool fa_packet_copy(const fa_packet *packet, size_t offset, void *bytes_out, size_t len);

/* The ones'-complement sum (RFC 1071) of a range, or of plain bytes, added to `sum`, not yet folded;
 * and the checksum that is its end. Ranges of a packet may begin and end anywhere. */
uint32_t fa_checksum_add(uint32_t sum, const void *bytes, size_t len);
uint32_t fa_packet_checksum_add(uint32_t sum, const fa_packet *packet, size_t offset, size_t len);
uint16_t fa_checksum_fold(uint32_t sum);
/* Completes a FA_PACKET_PARTIAL packet (without segment_payload_bytes) for a device that cannot. */
void fa_packet_finish_checksum(fa_packet *packet);

void fa_packet_queue_add(fa_packet_queue *queue, fa_packet *packet);
fa_packet *fa_packet_queue_take(fa_packet_queue *queue); /* NULL: empty */
void fa_packet_queue_move(fa_packet_queue *to, fa_packet_queue *from); /* all, to the end */
void fa_packet_queue_free(fa_packet_queue *queue);

#endif
