/* SPDX-License-Identifier: ISC */
/* Between the two halves of the block device's driver: blkfront.c connects it, blkfront_data.c moves
 * its data. */
#ifndef FATA_DRIVERS_XEN_BLKFRONT_DATA_H
#define FATA_DRIVERS_XEN_BLKFRONT_DATA_H

#include "blkfront.h"
#include "blkif_abi.h"
#include "events.h"
#include "ring.h"
#include "xenbus.h"

#define BLKFRONT_RING_ORDER_MAX 2u
#define BLKFRONT_RING_PAGES_MAX (1u << BLKFRONT_RING_ORDER_MAX)
#define BLKFRONT_SLOTS_MAX XEN_RING_PLACES_IN(BLKFRONT_RING_PAGES_MAX, sizeof(blkif_request))
/* Requests of the block layer at a time, each cut into as many of the ring's as it takes. */
#define BLKFRONT_JOBS_MAX 64u
#define BLKFRONT_TRANSFER_BYTES_MAX ((uint32_t)(256 * FA_KIB))
/* Of a request on the ring, if the back end takes so many, in pages; its list takes one more. */
#define BLKFRONT_SEGMENTS_MAX ((unsigned)(BLKFRONT_TRANSFER_BYTES_MAX / XEN_PAGE_BYTES))
/* Pages for data and lists, made when they are needed: four of the largest requests at a time. */
#define BLKFRONT_PAGES_MAX (4 * (BLKFRONT_SEGMENTS_MAX + 1))
/* Of the machine's pages, one in so many at most: a small one has fewer requests under way. */
#define BLKFRONT_PAGES_SHARE 8u
#define BLKFRONT_DISCARD_BYTES_MAX ((uint32_t)(1024 * FA_MIB)) /* of a request */
#define BLKFRONT_NONE UINT16_MAX

struct xen_blkfront;

/* A page that the back end may use. */
typedef struct blkfront_page {
    struct xen_blkfront *blk;
    uint8_t *bytes;
    uint32_t ref;
    uint16_t next; /* of the same request, or free */
} blkfront_page;

/* A way through the parts of a request. */
typedef struct blkfront_place {
    uint32_t part, offset;
} blkfront_place;

typedef struct blkfront_job {
    fa_block_request *request; /* NULL: free */
    uint32_t posted_bytes;
    blkfront_place at; /* what is to be posted next */
    uint16_t out;      /* requests on the ring */
    bool is_posted;    /* all of it, or what there will be after an error */
    fa_err err;
    struct blkfront_job *next; /* to be posted, or free */
} blkfront_job;

/* A request on the ring; the number of its slot is its name. */
typedef struct blkfront_slot {
    blkfront_job *job;            /* NULL: free */
    uint16_t first_list, first_data; /* pages */
    uint16_t next_free;
    uint32_t len; /* of the data; they belong where `at` says */
    blkfront_place at;
} blkfront_slot;

typedef struct xen_blkfront {
    fa_blockdev device;
    xen_bus_device bus;
    uint16_t handle;
    xen_event event;
    xen_ring ring;
    unsigned ring_page_count; /* 0: there is no ring */
    blkfront_page ring_pages[BLKFRONT_RING_PAGES_MAX];
    unsigned segments_max; /* of a request */
    uint64_t granule_units, granule_at; /* of discarding: a power of 2, and where one begins */
    bool is_live;      /* both sides are connected */
    bool has_identity; /* was connected before: its sectors stay as large */
    bool is_armed;
    bool has_news;
    bool awaits_pages; /* to connect again */
    unsigned pages_max;
    unsigned page_count, kept_count; /* pages that there are; that an earlier back end still has */
    uint16_t first_free_page, first_free_slot;
    unsigned out_count;         /* slots in use */
    blkfront_job *first, *last; /* to be posted: of the first one, a part may be */
    blkfront_job *free_jobs;
    blkfront_page pages[BLKFRONT_PAGES_MAX];
    blkfront_slot slots[BLKFRONT_SLOTS_MAX];
    blkfront_job jobs[BLKFRONT_JOBS_MAX];
} xen_blkfront;

/* Zeroes excepted. */
void xen_blkfront_init(xen_blkfront *blk);
/* A new ring of so many pages, that the back end may use. */
FA_MUST_CHECK fa_err xen_blkfront_ring_open(xen_blkfront *blk, unsigned page_count);
/* The back end gets nothing any more, and what it had not answered is to be posted again. Also if there
 * is no ring. */
void xen_blkfront_ring_close(xen_blkfront *blk);
/* Posts what there is to be posted, as far as there is room. */
void xen_blkfront_pump(xen_blkfront *blk);
void xen_blkfront_wake(xen_blkfront *blk);

/* fa_blockdev_ops */
fa_err xen_blkfront_submit(fa_blockdev *device, fa_block_request *request);
void xen_blkfront_poll(fa_blockdev *device);
bool xen_blkfront_arm(fa_blockdev *device);
void xen_blkfront_stop(fa_blockdev *device);
bool xen_blkfront_recall(fa_blockdev *device, fa_block_request *request);

#endif
