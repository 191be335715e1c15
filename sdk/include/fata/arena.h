/* SPDX-License-Identifier: ISC */
/* Arenas: memory that is given back all at once, as for one request. An allocation costs an
 * addition; more blocks are taken from malloc as needed, up to the arena's limit, so that a
 * stranger's request cannot use up the machine. Not for sharing between owners.
 *
 *     fa_arena arena;
 *     fa_arena_init(&arena, 64 * FA_KIB);
 *     char *copy = fa_arena_strndup(&arena, name, name_len);   // NULL at the limit
 *     fa_arena_reset(&arena);                                  // for the next request
 *     fa_arena_free(&arena);
 */
#ifndef FATA_ARENA_H
#define FATA_ARENA_H

#include <fata/base.h>

#define FA_ARENA_BLOCK_BYTES ((size_t)4096) /* the least that is taken from malloc at a time */

typedef struct fa_arena {
    struct fa_arena_block *blocks; /* newest first */
    size_t limit_bytes;            /* of all blocks together */
    size_t held_bytes;
} fa_arena;

/* An empty arena that holds at most `limit_bytes` of blocks, their headers included. */
void fa_arena_init(fa_arena *arena, size_t limit_bytes);
/* `len` bytes, not cleared, aligned for any type; NULL when the limit or the memory is reached. */
void *fa_arena_alloc(fa_arena *arena, size_t len);
/* A NUL-terminated copy; NULL as above. */
char *fa_arena_strndup(fa_arena *arena, const char *text, size_t len);
/* Forgets all allocations; keeps one block for the next use. */
void fa_arena_reset(fa_arena *arena);
/* Gives everything back. The arena may be used again. */
void fa_arena_free(fa_arena *arena);

#endif
