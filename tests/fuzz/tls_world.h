/* SPDX-License-Identifier: ISC */
/* The world of the TLS fuzzer: two ends of a wire, as flows that never wait, and somebody on it who changes records. */
#ifndef FATA_TESTS_FUZZ_TLS_WORLD_H
#define FATA_TESTS_FUZZ_TLS_WORLD_H

#include <fata/flow.h>

#define WORLD_BYTES_MAX ((size_t)256 * 1024) /* one way; more is the end of the connection */

/* What is done to a record; as a byte of the input, modulo CHANGE_COUNT. */
enum { CHANGE_XOR, CHANGE_DROP, CHANGE_REPEAT, CHANGE_CUT, CHANGE_SPLIT, CHANGE_TYPE, CHANGE_LENGTH, CHANGE_INSERT, CHANGE_HOLD,
       CHANGE_END, CHANGE_FILL, CHANGE_COUNT };
#define CHANGE_BYTES 5u /* record (its top bit: the server's), what, where (2), by what */

typedef struct world_end {
    fa_flow flow;
    uint8_t in[WORLD_BYTES_MAX], record[WORLD_BYTES_MAX], held[WORLD_BYTES_MAX];
    size_t in_len, in_seen, in_at; /* arrived; of these, may be read; were read */
    size_t record_len, held_len;   /* what is written, up to whole records; one that is kept back */
    bool in_ended;
    unsigned count; /* records written */
} world_end;

extern struct world {
    world_end ends[2]; /* the server's, the client's */
    const uint8_t *changes;
    size_t changes_len;
    bool dribbles;
} world;

void world_begin(const uint8_t *changes, size_t len, bool dribbles);
/* Bytes that arrive at an end before all others, in the next conversation. */
void world_throw(const uint8_t *bytes, size_t len, unsigned end);
/* Time passes on the wire; false: nothing is on its way. */
bool world_move(void);
/* How much was written and read: it grows as long as something happens. */
size_t world_progress(void);

#endif
