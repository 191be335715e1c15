/* SPDX-License-Identifier: ISC */
/* Arenas: a list of blocks from malloc, the newest in front, of which the front one is filled from
 * its start. What does not fit gets a block of its own size. */
#include <fata/arena.h>
#include <stdlib.h>
#include <string.h>

struct fa_arena_block {
    struct fa_arena_block *older;
    size_t used_bytes; /* of `bytes` */
    size_t cap_bytes;
    _Alignas(max_align_t) uint8_t bytes[];
};

void fa_arena_init(fa_arena *arena, size_t limit_bytes)
{
    *arena = (fa_arena){.limit_bytes = limit_bytes};
}

static struct fa_arena_block *add_block(fa_arena *arena, size_t len)
{
    const size_t header_bytes = sizeof(struct fa_arena_block);
    const size_t left_bytes = arena->limit_bytes - arena->held_bytes;
    if (left_bytes < header_bytes || len > left_bytes - header_bytes)
        return NULL;
    size_t block_bytes = header_bytes + len;
    if (block_bytes < FA_ARENA_BLOCK_BYTES)
        block_bytes = FA_ARENA_BLOCK_BYTES < left_bytes ? FA_ARENA_BLOCK_BYTES : left_bytes;
    struct fa_arena_block *block = malloc(block_bytes);
    if (block == NULL)
        return NULL;
    *block = (struct fa_arena_block){arena->blocks, 0, block_bytes - header_bytes};
    arena->blocks = block;
    arena->held_bytes += block_bytes;
    return block;
}

void *fa_arena_alloc(fa_arena *arena, size_t len)
{
    const size_t align = _Alignof(max_align_t);
    if (len > SIZE_MAX - align)
        return NULL;
    len = (len + align - 1) / align * align;
    struct fa_arena_block *block = arena->blocks;
    if (block == NULL || len > block->cap_bytes - block->used_bytes)
        block = add_block(arena, len);
    if (block == NULL)
        return NULL;
    void *found = block->bytes + block->used_bytes;
    block->used_bytes += len;
    return found;
}

char *fa_arena_strndup(fa_arena *arena, const char *text, size_t len)
{
    char *copy = len < SIZE_MAX ? fa_arena_alloc(arena, len + 1) : NULL;
    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

static void free_blocks(struct fa_arena_block *block)
{
    while (block != NULL) {
        struct fa_arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void fa_arena_reset(fa_arena *arena)
{
    struct fa_arena_block *kept = arena->blocks;
    if (kept == NULL)
        return;
    free_blocks(kept->older);
    kept->older = NULL;
    kept->used_bytes = 0;
    arena->held_bytes = sizeof *kept + kept->cap_bytes;
}

void fa_arena_free(fa_arena *arena)
{
    free_blocks(arena->blocks);
    fa_arena_init(arena, arena->limit_bytes);
}
