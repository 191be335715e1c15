/* SPDX-License-Identifier: ISC */
/* Copying to a card in chunks, and comparing: see flashcopy.h. */
#include "flashcopy.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>

uint64_t flash_bytes(const struct flash_piece *pieces, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += pieces[i].len;
    }
    return sum;
}

static enum flash_result end(struct flash_copy *copy, enum flash_result result, uint64_t at, int error)
{
    copy->result = result;
    copy->at = at;
    copy->error = error;
    return result;
}

static void take_memory(struct flash_copy *copy)
{
    if (copy->chunk == NULL && (posix_memalign((void **)&copy->chunk, FLASH_ALIGN_BYTES, FLASH_CHUNK_BYTES) != 0 ||
                                posix_memalign((void **)&copy->other, FLASH_ALIGN_BYTES, FLASH_CHUNK_BYTES) != 0)) {
        cli_fail("not enough memory");
    }
    memset(copy->other, 0, FLASH_CHUNK_BYTES);
}

static void give_memory_back(struct flash_copy *copy)
{
    free(copy->chunk);
    free(copy->other);
    copy->chunk = copy->other = NULL;
}

/* Where a walk over the pieces stands. */
struct walk {
    size_t piece;
    uint64_t inside; /* bytes of the piece that are behind it */
    uint64_t done;
    uint64_t all;
};

/* The next chunk: where it starts, its length in the image and on the card, whose last block it fills with zeros. False: there is
 * none, or the copy has been stopped or cannot read its image. */
static bool next_chunk(struct flash_copy *copy, struct walk *walk, const char *doing, uint64_t *at_out, size_t *len_out,
                       size_t *card_len_out)
{
    const struct flash_piece *piece = &copy->pieces[walk->piece];
    size_t block = copy->card_block_bytes;
    uint64_t left;
    int error;

    if (walk->piece == copy->count || copy->result != FLASH_DONE) {
        return false;
    }
    if (!copy->ends->go_on(copy->ends->context, doing, walk->done, walk->all)) {
        (void)end(copy, FLASH_STOPPED, piece->start + walk->inside, 0);
        return false;
    }
    left = piece->len - walk->inside;
    *at_out = piece->start + walk->inside;
    *len_out = left < FLASH_CHUNK_BYTES ? (size_t)left : FLASH_CHUNK_BYTES;
    *card_len_out = (*len_out + block - 1) / block * block;
    memset(copy->chunk, 0, *card_len_out);
    error = piece->is_zero ? 0 : copy->ends->read_image(copy->ends->context, *at_out, copy->chunk, *len_out);
    if (error != 0) {
        (void)end(copy, FLASH_IMAGE_ERROR, *at_out, error);
        return false;
    }
    walk->inside += *len_out;
    walk->done += *len_out;
    return true;
}

/* Behind a chunk: goes to the next piece when this one is over, and then returns it. */
static const struct flash_piece *piece_over(struct flash_copy *copy, struct walk *walk)
{
    const struct flash_piece *piece = &copy->pieces[walk->piece];

    if (walk->inside < piece->len) {
        return NULL;
    }
    walk->inside = 0;
    walk->piece++;
    return piece;
}

enum flash_result flash_check_image(struct flash_copy *copy)
{
    struct walk walk = {.all = flash_bytes(copy->pieces, copy->count)};
    struct sha256 all, one;
    uint64_t at;
    size_t len, card_len;

    take_memory(copy);
    copy->result = FLASH_DONE;
    sha256_start(&all);
    sha256_start(&one);
    while (next_chunk(copy, &walk, "checking the image", &at, &len, &card_len)) {
        bool has_digest = copy->pieces[walk.piece].has_digest;
        const struct flash_piece *over;
        uint8_t digest[SHA256_BYTES];

        sha256_add(&all, copy->chunk, len);
        if (has_digest) {
            sha256_add(&one, copy->chunk, len);
        }
        over = piece_over(copy, &walk);
        if (over != NULL && has_digest) {
            sha256_end(&one, digest);
            sha256_start(&one);
            if (memcmp(digest, over->digest, sizeof digest) != 0) {
                (void)end(copy, FLASH_IMAGE_WRONG, over->start, 0);
            }
        }
    }
    if (copy->result == FLASH_DONE) {
        sha256_end(&all, copy->digest);
        copy->has_digest = true;
    }
    give_memory_back(copy);
    return copy->result;
}

enum flash_result flash_write(struct flash_copy *copy)
{
    struct walk walk = {.all = flash_bytes(copy->pieces, copy->count)};
    bool is_same_so_far = true;
    uint64_t at;
    size_t len, card_len;
    int error;

    take_memory(copy);
    copy->result = FLASH_DONE;
    while (next_chunk(copy, &walk, is_same_so_far ? "comparing" : "writing", &at, &len, &card_len)) {
        bool is_there = false;

        if (is_same_so_far || copy->pieces[walk.piece].is_zero) {
            /* A sector that cannot be read may well be one that can be written. */
            is_there = copy->ends->read_card(copy->ends->context, at, copy->other, card_len) == 0 &&
                       memcmp(copy->chunk, copy->other, card_len) == 0;
        }
        if (is_there) {
            copy->kept_bytes += len;
        } else {
            is_same_so_far = false;
            error = copy->ends->write_card(copy->ends->context, at, copy->chunk, card_len);
            if (error != 0) {
                (void)end(copy, FLASH_WRITE_ERROR, at, error);
                break;
            }
            copy->written_bytes += len;
        }
        (void)piece_over(copy, &walk);
    }
    /* Also of what was written before it was stopped. */
    error = copy->ends->sync_card(copy->ends->context);
    if (error != 0 && copy->result == FLASH_DONE) {
        (void)end(copy, FLASH_SYNC_ERROR, 0, error);
    }
    give_memory_back(copy);
    return copy->result;
}

/* Whether a sector is of one byte alone: such tell nothing about where they come from. */
static bool is_plain(const uint8_t *sector, size_t len)
{
    return memcmp(sector, sector + 1, len - 1) == 0;
}

/* Looks behind `at` for the sector of the image that stands in its place: a card that is smaller than it says has written the
 * one over the other. 0: there is none. */
static uint64_t find_wrapped(struct flash_copy *copy, const uint8_t *sector, uint64_t at)
{
    struct walk walk = {.all = flash_bytes(copy->pieces, copy->count)};
    enum { SECTOR = 512 };
    uint64_t start;
    size_t len, card_len;

    if (is_plain(sector, SECTOR)) {
        return 0;
    }
    copy->result = FLASH_DONE;
    while (next_chunk(copy, &walk, "comparing", &start, &len, &card_len)) {
        for (size_t i = 0; i + SECTOR <= card_len; i += SECTOR) {
            if (start + i > at && memcmp(copy->chunk + i, sector, SECTOR) == 0) {
                return start + i;
            }
        }
        (void)piece_over(copy, &walk);
    }
    return 0;
}

/* Whether the image still is what was checked; also if that cannot be told. */
static bool is_image_same(struct flash_copy *copy)
{
    struct walk walk = {.all = flash_bytes(copy->pieces, copy->count)};
    uint8_t digest[SHA256_BYTES];
    struct sha256 all;
    uint64_t at;
    size_t len, card_len;

    copy->result = FLASH_DONE;
    sha256_start(&all);
    while (next_chunk(copy, &walk, "comparing", &at, &len, &card_len)) {
        sha256_add(&all, copy->chunk, len);
        (void)piece_over(copy, &walk);
    }
    sha256_end(&all, digest);
    return copy->result != FLASH_DONE || !copy->has_digest || memcmp(digest, copy->digest, sizeof digest) == 0;
}

/* `copy->other` holds other bytes of the card than the chunk at `at`. The card is not to blame if the image has changed. */
static void tell_mismatch(struct flash_copy *copy, uint64_t at, size_t card_len)
{
    uint8_t sector[512];
    size_t i = 0;

    while (i < card_len - 1 && copy->chunk[i] == copy->other[i]) {
        i++;
    }
    i -= i % sizeof sector;
    memcpy(sector, copy->other + i, sizeof sector);
    if (!is_image_same(copy)) {
        (void)end(copy, FLASH_IMAGE_CHANGED, at + i, 0);
        return;
    }
    copy->wraps_to = find_wrapped(copy, sector, at + i);
    (void)end(copy, FLASH_MISMATCH, at + i, 0);
}

enum flash_result flash_verify(struct flash_copy *copy)
{
    struct walk walk = {.all = flash_bytes(copy->pieces, copy->count)};
    struct sha256 all;
    uint8_t digest[SHA256_BYTES];
    uint64_t at;
    size_t len, card_len;

    take_memory(copy);
    copy->result = FLASH_DONE;
    sha256_start(&all);
    while (next_chunk(copy, &walk, "reading back", &at, &len, &card_len)) {
        int error = copy->ends->read_card(copy->ends->context, at, copy->other, card_len);

        if (error != 0) {
            (void)end(copy, FLASH_READ_ERROR, at, error);
        } else if (memcmp(copy->chunk, copy->other, card_len) != 0) {
            tell_mismatch(copy, at, card_len);
            break;
        }
        sha256_add(&all, copy->chunk, len);
        (void)piece_over(copy, &walk);
    }
    if (copy->result == FLASH_DONE) {
        sha256_end(&all, digest);
        if (memcmp(digest, copy->digest, sizeof digest) != 0) {
            (void)end(copy, FLASH_IMAGE_CHANGED, 0, 0);
        }
    }
    give_memory_back(copy);
    return copy->result;
}
