/* SPDX-License-Identifier: ISC */
/* Where samples are kept: the ring (ring.h) on the data partition of a card, or on a whole disk, as far as
 * there is one that may be used. What is wrong with it is a text for people; the program goes on without. */
#ifndef STORE_H
#define STORE_H

#include "ring.h"
#include <fata/block.h>
#include <fata/fiber.h>

#define STORE_WHY_BYTES 160u

typedef struct store_options {
    unsigned disk;
    uint32_t slots; /* of a ring that is to be made, if there is room */
    bool format;    /* makes a ring of what is something else */
} store_options;

typedef struct sample_store {
    store_options options;
    sample_ring ring;
    fa_block *disk; /* NULL: there is none, or it was given up */
    fa_block *left; /* given up while calls used it: the last one closes it */
    bool is_open;   /* the ring is found, and keeps samples; else nothing is kept */
    uint64_t start; /* the place's first sector */
    uint32_t sector_bytes;
    uint64_t records, samples, failures; /* written in this run; writes that failed */
    bool is_new;         /* the ring was made in this run */
    unsigned readers;    /* calls that use the disk */
    fa_waitq no_readers;
    char why[STORE_WHY_BYTES]; /* nothing is kept, or "" */
} sample_store;

/* Opens the disk and finds the ring, or makes one where nothing is. An error is explained in store->why. */
FA_MUST_CHECK fa_err store_open(sample_store *store, fa_deadline deadline);
/* The same with a disk that is open, all of it or one partition: the store's from now on, also on failure. */
FA_MUST_CHECK fa_err store_open_take(sample_store *store, fa_block *disk, fa_deadline deadline);
/* Waits for the calls that use the disk; if they last longer, the last one closes it. */
void store_close(sample_store *store, fa_deadline deadline);

/* Keeps a record of these samples; then it is durable. After an error the store is closed. */
FA_MUST_CHECK fa_err store_append(sample_store *store, sample_kind kind, const sample *samples, uint32_t count,
                                  fa_deadline deadline);

/* The records from `number` on, in order, as many as STORE_READ_RECORDS slots have: *count_out of them;
 * *next_out is where to go on, or past the last one, ring.next. FA_ECLOSED: there is no ring. */
#define STORE_READ_RECORDS 8u
FA_MUST_CHECK fa_err store_read(sample_store *store, uint64_t number, ring_record records_out[STORE_READ_RECORDS],
                                size_t *count_out, uint64_t *next_out, fa_deadline deadline);

#endif
