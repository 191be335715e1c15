/* SPDX-License-Identifier: ISC */
/* Fuzzes the reader of block maps (sdk/cli/bmap.c): nothing is read outside of the bytes, and of what is accepted the ranges
 * ascend within the image and add up. Its own checksum would keep the fuzzer out, so a good one is written in. */
#include "bmap.h"
#include "require.h"
#include <stdlib.h>
#include <string.h>

#define MARK "<BmapFileChecksum>"

/* Makes the checksum of the map right, where there is room for one. */
static void fill_in(char *map, size_t len)
{
    char *mark = len > 0 ? memmem(map, len, MARK, sizeof MARK - 1) : NULL;
    char *place = mark != NULL ? mark + sizeof MARK - 1 : NULL;
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];

    if (place == NULL || (size_t)(map + len - place) < 2 * SHA256_BYTES) {
        return;
    }
    memset(place, '0', 2 * SHA256_BYTES);
    sha256_start(&hash);
    sha256_add(&hash, map, len);
    sha256_end(&hash, digest);
    sha256_text(digest, text);
    memcpy(place, text, 2 * SHA256_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *map = malloc(len > 0 ? len : 1);
    const char *why = NULL;
    uint64_t mapped = 0;
    struct bmap parsed;

    require(map != NULL);
    if (len > 0) {
        memcpy(map, bytes, len);
    }
    fill_in(map, len);
    if (!bmap_parse(&parsed, map, len, &why)) {
        require(why != NULL && why[0] != '\0' && parsed.ranges == NULL);
        free(map);
        return 0;
    }
    require(parsed.range_count > 0 && parsed.block_bytes >= 512 && parsed.block_bytes <= BMAP_BLOCK_BYTES_MAX);
    for (size_t i = 0; i < parsed.range_count; i++) {
        const struct bmap_range *range = &parsed.ranges[i];

        require(range->first_block <= range->last_block && range->last_block < parsed.block_count);
        require(range->first_block * parsed.block_bytes < parsed.image_bytes);
        require(i == 0 || range->first_block > range[-1].last_block);
        mapped += range->last_block - range->first_block + 1;
    }
    require(mapped == parsed.mapped_count);
    free(parsed.ranges);
    free(map);
    return 0;
}
