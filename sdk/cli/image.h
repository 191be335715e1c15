/* SPDX-License-Identifier: ISC */
/*
 * An image in any of the formats that this tool reads, told apart by their first bytes. A further format is a reader of
 * its own, a line in image.c, its printing in inspect.c and what loaders want of it in verdict.c. The bytes are
 * untrusted and stay the caller's; image_parse() does no input or output.
 */
#ifndef FATA_CLI_IMAGE_H
#define FATA_CLI_IMAGE_H

#include "card.h"
#include "elf.h"
#include "zimage.h"

#define IMAGE_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define IMAGE_FORMATS "ELF, zImage, SD card"

enum image_format { IMAGE_UNKNOWN, IMAGE_ELF, IMAGE_ZIMAGE, IMAGE_CARD };

struct image {
    enum image_format format;
    union {
        struct elf elf;
        struct zimage zimage;
        struct card card;
    };
};

/* False: *why_out says what is wrong. `format` is set in any case: the format that the bytes begin like. */
bool image_parse(struct image *image, const uint8_t *bytes, size_t len, const char **why_out);

/* Whether it has Xen's network driver, as far as one can tell: other images than ours may not have that folder's name. */
bool image_has_vif(const uint8_t *bytes, size_t len);

#endif
