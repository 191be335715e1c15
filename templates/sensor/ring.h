/* SPDX-License-Identifier: ISC */
/* A ring of sectors that keeps samples. It never waits and knows of no disk: it makes sectors of records
 * and records of sectors, and says where they belong; store.c does the rest.
 *
 * Two sectors of the ring's head, the second a copy of the first, come first; then the slots. Record
 * number N, counted from 1, lies in the slot N modulo the number of slots, one sector each, with the
 * number and a checksum. A write that lost its power leaves one slot that is no record: the ones before
 * it are as they were. What is found last is the highest number.
 */
#ifndef RING_H
#define RING_H

#include <fata/base.h>

#define RING_SECTOR_BYTES 512u /* of what is used of a sector; larger ones end in zeroes */
#define RING_HEADS 2u
#define RING_SLOTS_MIN 16u
#define RING_SLOTS_MAX 65536u
#define RING_SAMPLES_MAX 30u /* of a record */

typedef struct sample {
    uint64_t wall_ms;  /* since 1970 UTC; 0: the machine did not know */
    uint32_t uptime_s; /* of the machine that took it */
    int32_t milli;     /* thousandths of a degree, or of a pin's level */
} sample;

typedef enum sample_kind { SAMPLE_CHIP, SAMPLE_SIMULATED, SAMPLE_PIN, SAMPLE_KINDS } sample_kind;

typedef struct ring_record {
    uint64_t number;
    uint32_t boot; /* counts the program's runs on this ring */
    sample_kind kind;
    uint32_t count; /* 1 to RING_SAMPLES_MAX */
    sample samples[RING_SAMPLES_MAX];
} ring_record;

typedef struct sample_ring {
    uint32_t id; /* random: what an earlier ring left is not taken for this one's */
    uint32_t slots;
    uint32_t boot;   /* of the records that are made from now on */
    uint64_t next;   /* their next number */
    uint32_t missing; /* records that should have been there when all slots were looked at, and were not */
    uint32_t valid;   /* those that were */
} sample_ring;

/* What the sectors of a ring's head hold. */
typedef enum ring_head {
    RING_HERE,
    RING_UNMADE,  /* nothing, or a head whose making was cut off */
    RING_FOREIGN, /* something else */
} ring_head;

/* A new ring. */
void ring_begin(sample_ring *ring, uint32_t id, uint32_t slots);
void ring_head_make(const sample_ring *ring, uint8_t sector_out[RING_SECTOR_BYTES]);
/* What both heads, one after another, say on a place of `room` sectors. RING_HERE: the ring is set up for
 * ring_look(), all slots in any order, and ring_looked(). */
ring_head ring_head_read(sample_ring *ring, const uint8_t heads[RING_HEADS * RING_SECTOR_BYTES], uint64_t room);
/* Whether nothing was ever written here: all bytes are 0x00, or all 0xff. */
bool ring_is_blank(const uint8_t *bytes, size_t len);

void ring_look(sample_ring *ring, uint32_t slot, const uint8_t sector[RING_SECTOR_BYTES]);
void ring_looked(sample_ring *ring);

uint32_t ring_slot(const sample_ring *ring, uint64_t number);
/* The lowest number that may still be there. */
uint64_t ring_oldest(const sample_ring *ring);
void ring_record_make(const sample_ring *ring, const ring_record *record, uint8_t sector_out[RING_SECTOR_BYTES]);
/* False: no record of this ring that belongs into that slot. */
bool ring_record_read(const sample_ring *ring, uint32_t slot, const uint8_t sector[RING_SECTOR_BYTES],
                      ring_record *record_out);

#endif
