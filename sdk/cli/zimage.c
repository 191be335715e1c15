/* SPDX-License-Identifier: ISC */
/* The reader of zImage headers: see zimage.h. */
#include "zimage.h"

/* Where the header's words are, and its end. The word of the byte order is newer than the rest: old images have code
 * there. */
enum { AT_MAGIC = 0x24, AT_START = 0x28, AT_END = 0x2c, AT_ORDER = 0x30, HEADER_BYTES = 0x34 };

#define ORDER_WORD UINT32_C(0x04030201)
#define ORDER_WORD_SWAPPED UINT32_C(0x01020304)

/* The little-endian word at `offset`, which must lie in the file. */
static uint32_t get32(const uint8_t *bytes, size_t offset)
{
    return bytes[offset] | (uint32_t)bytes[offset + 1] << 8 | (uint32_t)bytes[offset + 2] << 16 |
           (uint32_t)bytes[offset + 3] << 24;
}

bool zimage_matches(const uint8_t *bytes, size_t len)
{
    return len >= AT_MAGIC + 4 && get32(bytes, AT_MAGIC) == ZIMAGE_MAGIC;
}

bool zimage_parse(struct zimage *zimage, const uint8_t *bytes, size_t len, const char **why_out)
{
    const char *why = NULL;
    uint32_t order;

    if (!zimage_matches(bytes, len)) {
        why = "it is not a zImage";
    } else if (len < HEADER_BYTES) {
        why = "it is cut off: it ends within the zImage header";
    } else {
        order = get32(bytes, AT_ORDER);
        *zimage = (struct zimage){
            .bytes = bytes,
            .len = len,
            .start = get32(bytes, AT_START),
            .end = get32(bytes, AT_END),
            .order = order == ORDER_WORD           ? ZIMAGE_LITTLE_ENDIAN
                     : order == ORDER_WORD_SWAPPED ? ZIMAGE_BIG_ENDIAN
                                                   : ZIMAGE_ORDER_UNKNOWN,
        };
        if (zimage->end <= zimage->start || zimage->end - zimage->start < HEADER_BYTES) {
            why = "its zImage header is damaged: its end does not lie behind its start and the header";
        } else if (zimage->end - zimage->start > len) {
            why = "it is cut off: its zImage header counts more bytes than the file has";
        }
    }
    *why_out = why;
    return why == NULL;
}
