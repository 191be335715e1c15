/* SPDX-License-Identifier: ISC */
/*
 * Block maps, as bmap-tools 2.0 writes them beside images: XML that says which blocks of an image hold something, with a
 * SHA-256 of each range and one of the map itself. A stranger's bytes: what does not add up is refused. No I/O happens here.
 *
 *     struct bmap map;
 *     if (!bmap_parse(&map, bytes, len, &why)) ...
 *     map.ranges[0].first_block ... map.ranges[0].last_block   // in ascending order, none overlaps
 */
#ifndef FATA_CLI_BMAP_H
#define FATA_CLI_BMAP_H

#include "sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BMAP_BYTES_MAX (16u << 20)
#define BMAP_BLOCK_BYTES_MAX (1u << 20)

struct bmap_range {
    uint64_t first_block;
    uint64_t last_block; /* inclusive */
    uint8_t digest[SHA256_BYTES];
};

struct bmap {
    uint64_t image_bytes;
    uint64_t block_bytes; /* a power of two from 512 to BMAP_BLOCK_BYTES_MAX; the image's last block may be shorter */
    uint64_t block_count;
    uint64_t mapped_count;
    struct bmap_range *ranges;
    size_t range_count;
};

/* False: *why_out says what is wrong with it. */
bool bmap_parse(struct bmap *map_out, const char *bytes, size_t len, const char **why_out);

#endif
