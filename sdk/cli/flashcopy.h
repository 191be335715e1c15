/* SPDX-License-Identifier: ISC */
/*
 * The copying of `fata flash`: the pieces of an image to a card, and back for comparison. The card is reached through
 * functions, so that tests have one that fails, ends too early or wraps.
 *
 * It needs no record of an interrupted copy: the card's own bytes are it. What the card already holds, from its start on,
 * is read and compared and not written again; from the first difference on all is written.
 */
#ifndef FATA_CLI_FLASHCOPY_H
#define FATA_CLI_FLASHCOPY_H

#include "sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLASH_CHUNK_BYTES ((size_t)1 << 20)
#define FLASH_ALIGN_BYTES 4096u /* what unbuffered reads and writes of any disk are in line with */

/* A run of an image's bytes; none overlaps, they ascend, `start` is a multiple of 512. */
struct flash_piece {
    uint64_t start;
    uint64_t len;
    bool is_zero;    /* a hole of the image's file: not read; zeros are written where the card has others */
    bool has_digest; /* the block map's checksum of it */
    uint8_t digest[SHA256_BYTES];
};

#define FLASH_AT_END (-1) /* the card ends here: no error of the kernel's */

/* Each function moves all `len` bytes and returns 0, or an errno, or FLASH_AT_END. What it reads of the card comes from
 * the card, not from a cache. Lengths are multiples of the card's blocks, `bytes` is aligned to FLASH_ALIGN_BYTES. */
struct flash_ends {
    void *context;
    int (*read_image)(void *context, uint64_t at, uint8_t *bytes, size_t len);
    int (*read_card)(void *context, uint64_t at, uint8_t *bytes, size_t len);
    int (*write_card)(void *context, uint64_t at, const uint8_t *bytes, size_t len);
    int (*sync_card)(void *context);
    /* Between two chunks; false: stop. */
    bool (*go_on)(void *context, const char *doing, uint64_t done_bytes, uint64_t all_bytes);
};

enum flash_result {
    FLASH_DONE,
    FLASH_STOPPED,     /* go_on() said so */
    FLASH_IMAGE_ERROR, /* the image cannot be read */
    FLASH_IMAGE_WRONG, /* it is not what its block map says */
    FLASH_IMAGE_CHANGED,
    FLASH_READ_ERROR,
    FLASH_WRITE_ERROR,
    FLASH_SYNC_ERROR, /* what was written could not be written out: of which sectors, nobody says */
    FLASH_MISMATCH, /* the card gives back other bytes than were written */
};

struct flash_copy {
    const struct flash_ends *ends;
    const struct flash_piece *pieces;
    size_t count;
    size_t card_block_bytes;
    /* What came of it. */
    enum flash_result result;
    int error;             /* of FLASH_..._ERROR */
    uint64_t at;           /* where: a byte of the image and of the card */
    uint64_t wraps_to;     /* of FLASH_MISMATCH: the byte whose contents stand there instead; 0: none is known */
    uint64_t kept_bytes;   /* the card held them already */
    uint64_t written_bytes;
    uint8_t digest[SHA256_BYTES]; /* of all pieces, one behind the other */
    bool has_digest;
    uint8_t *chunk, *other;
};

/* Reads the image once and checks it against the block map; fills in `digest`. Nothing is written. */
enum flash_result flash_check_image(struct flash_copy *copy);

/* Writes what differs, and has the card write it out. */
enum flash_result flash_write(struct flash_copy *copy);

/* Reads all pieces back, behind flash_check_image(). */
enum flash_result flash_verify(struct flash_copy *copy);

uint64_t flash_bytes(const struct flash_piece *pieces, size_t count);

#endif
