/* SPDX-License-Identifier: ISC */
/* The back end of a block device, over a disk in memory: it holds a front to the rules, and does
 * what a test says. */
#ifndef FATA_TESTS_UNIT_XEN_FAKE_BLKBACK_H
#define FATA_TESTS_UNIT_XEN_FAKE_BLKBACK_H

#include "../../sdk/drivers/xen/blkif_abi.h"
#include "../../sdk/drivers/xen/ring.h"

#define BLKBACK_FRONT "/local/domain/5/device/vbd/51712"
#define BLKBACK_BACK "/local/domain/3/backend/vbd/5/51712"
#define BLKBACK_UNITS 8192u /* of 512 bytes */
#define BLKBACK_RING_PAGES_MAX 16u
#define BLKBACK_SEGMENTS_MAX 256u
#define BLKBACK_HELD_MAX 512u
#define BLKBACK_REFS_MAX 4096u

/* One that was taken from the ring, with its pages mapped. */
typedef struct blkback_request {
    uint64_t id, unit, unit_count;
    unsigned operation;
    bool is_indirect;
    uint32_t list_ref;
    unsigned segment_count;
    blkif_segment segments[BLKBACK_SEGMENTS_MAX];
    uint8_t *pages[BLKBACK_SEGMENTS_MAX];
} blkback_request;

typedef struct blkback {
    /* What it does. */
    bool is_lazy;    /* nothing by itself */
    bool serves;     /* answers by itself, at each step */
    bool holds;      /* when it goes: keeps all that it has mapped */
    bool is_leaving; /* the toolstack wants the device gone */
    int16_t status;  /* of the answers, where it is not 0 */
    /* Its state. */
    xen_ring_page *ring; /* NULL: not connected */
    unsigned ring_pages, segments_max;
    uint32_t refs[BLKBACK_RING_PAGES_MAX];
    uint32_t port, taken;
    bool is_persistent;
    bool mapped[BLKBACK_REFS_MAX]; /* for good: persistent grants */
    uint8_t *pages[BLKBACK_REFS_MAX];
    blkback_request held[BLKBACK_HELD_MAX]; /* taken, not answered: the first of them was so first */
    unsigned held_count;
    unsigned reads, writes, flushes, discards, indirect, units_max;
    uint8_t disk[BLKBACK_UNITS * BLKIF_UNIT_BYTES];
} blkback;

extern blkback blk_back;

/* A new device with all features, which waits for the front; BLKBACK_BACK may be changed by
 * blkback_set() before anybody looks. */
void blkback_attach(void);
/* What the toolstack does to take it away: the device goes when both sides have agreed. */
void blkback_detach(void);
/* All of it, at once, and the back end too; without `holds` it has nothing mapped any more. */
void blkback_vanish(void);
void blkback_set(const char *name, const char *value);
void blkback_set_number(const char *name, uint64_t number);
void blkback_set_state(unsigned state);
unsigned blkback_front_state(void); /* 0: no such device */
/* Its states, and its requests, if it `serves`. */
void blkback_run(void);
/* What it still holds, of a connection that is no more: does what it was asked, late, and lets go. */
void blkback_let_go(void);

/* Takes up to so many requests from the ring, without an answer; how many. */
unsigned blkback_take(unsigned max);
/* Does and answers one that was taken. */
void blkback_answer(unsigned index);
/* Takes and answers all that there are; how many. */
unsigned blkback_serve(void);
/* An answer as it stands. */
void blkback_put(uint64_t id, int16_t status);
void blkback_notify(void);

#endif
