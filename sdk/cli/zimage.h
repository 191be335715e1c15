/* SPDX-License-Identifier: ISC */
/*
 * Reads the header of a zImage, the format that ARM loaders start: 32-bit words at fixed places of the file's first
 * bytes (Linux: Documentation/arch/arm/booting.rst and arch/arm/boot/compressed/head.S). The bytes are untrusted and
 * stay the caller's; no input or output happens here, so that it can be fuzzed.
 *
 *     struct zimage zimage;
 *     const char *why;
 *     if (zimage_matches(bytes, len) && !zimage_parse(&zimage, bytes, len, &why)) printf("%s\n", why);
 */
#ifndef FATA_CLI_ZIMAGE_H
#define FATA_CLI_ZIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZIMAGE_MAGIC UINT32_C(0x016f2818)

enum zimage_order { ZIMAGE_ORDER_UNKNOWN, ZIMAGE_LITTLE_ENDIAN, ZIMAGE_BIG_ENDIAN };

struct zimage {
    const uint8_t *bytes;
    size_t len;     /* of the file, in bytes */
    uint32_t start; /* the address that it must be loaded at; 0: it is position independent */
    uint32_t end;   /* start + the bytes that its header counts, which are at most `len` */
    enum zimage_order order;
};

/* True for bytes that have a zImage's magic number. */
bool zimage_matches(const uint8_t *bytes, size_t len);

/* False: *why_out says what is wrong. */
bool zimage_parse(struct zimage *zimage, const uint8_t *bytes, size_t len, const char **why_out);

#endif
