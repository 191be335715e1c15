/* SPDX-License-Identifier: ISC */
/* Two places for each of two things: see kept.h. A place is a head of its own sectors, with a digest over all, and bytes. */
#include "kept.h"
#include <fata/bytes.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 4096u /* the largest sector */
#define PLACE_BYTES (HEAD_BYTES + FA_ACME_KEPT_BYTES_MAX)
#define THINGS 2u
#define PLACES (2 * THINGS)
#define DIGEST_BYTES 32u

static const char magic[8] = {'F', 'a', 't', 'a', 'A', 'C', 'M', 'E'};
static const char *const things[THINGS] = {"account", "certificate"};

typedef struct head {
    char magic[sizeof magic];
    fa_be32 sequence, len;
    uint8_t digest[DIGEST_BYTES]; /* of the head up to here, and of the bytes */
} head;

struct kept {
    fa_block *disk;
    uint64_t sector;
    uint32_t sector_bytes;
    uint8_t *place; /* PLACE_BYTES, of the one at hand */
};

static void digest_of(const uint8_t *place, size_t len, uint8_t digest_out[DIGEST_BYTES])
{
    mbedtls_sha256_context sha;
    mbedtls_sha256_init(&sha);
    (void)mbedtls_sha256_starts(&sha, 0); /* these fail in hardware only */
    (void)mbedtls_sha256_update(&sha, place, offsetof(head, digest));
    (void)mbedtls_sha256_update(&sha, place + HEAD_BYTES, len);
    (void)mbedtls_sha256_finish(&sha, digest_out);
    mbedtls_sha256_free(&sha);
}

static uint64_t sector_of(const kept *k, size_t place)
{
    return k->sector + place * (PLACE_BYTES / k->sector_bytes);
}

/* Whether there is something whole; the first time it has the sequence 1. */
static fa_err read_place(kept *k, size_t place, uint32_t *sequence_out, size_t *len_out, fa_deadline deadline)
{
    head h;
    uint8_t digest[DIGEST_BYTES];
    const fa_err err = fa_block_read(k->disk, sector_of(k, place), &(fa_block_into){k->place, PLACE_BYTES}, 1, deadline);
    if (err != FA_OK)
        return err;
    memcpy(&h, k->place, sizeof h);
    const size_t len = fa_be32_get(h.len);
    *sequence_out = 0;
    if (memcmp(h.magic, magic, sizeof magic) != 0 || len > FA_ACME_KEPT_BYTES_MAX)
        return FA_OK;
    digest_of(k->place, len, digest);
    if (memcmp(digest, h.digest, sizeof digest) == 0) {
        *sequence_out = fa_be32_get(h.sequence);
        *len_out = len;
    }
    return FA_OK;
}

static void wipe(kept *k)
{
    mbedtls_platform_zeroize(k->place, PLACE_BYTES);
}

/* Of the two places of a thing, the one that was written last; its sequence is 0 if neither has anything. One that cannot be
 * read is none, unless the other has nothing. */
static fa_err find(kept *k, const char *name, size_t *place_out, uint32_t *sequence_out, fa_deadline deadline)
{
    const size_t first = strcmp(name, things[0]) == 0 ? 0 : 2;
    uint32_t sequence[2];
    fa_err err = FA_OK;
    for (size_t i = 0; i < 2; i++) {
        size_t len;
        const fa_err failed = read_place(k, first + i, &sequence[i], &len, deadline);
        if (failed != FA_OK) {
            sequence[i] = 0;
            err = failed;
        }
    }
    const size_t last = sequence[1] > sequence[0];
    *place_out = first + last;
    *sequence_out = sequence[last];
    return sequence[last] > 0 ? FA_OK : err;
}

static fa_err load(void *arg, const char *name, void *bytes_out, size_t cap, size_t *len_out, fa_deadline deadline)
{
    kept *k = arg;
    size_t place;
    uint32_t sequence;
    fa_err err = find(k, name, &place, &sequence, deadline);
    if (err == FA_OK && sequence == 0)
        err = FA_ENOENT;
    if (err == FA_OK)
        err = read_place(k, place, &sequence, len_out, deadline);
    if (err == FA_OK && (sequence == 0 || *len_out > cap))
        err = sequence == 0 ? FA_EIO : FA_ELIMIT;
    if (err == FA_OK)
        memcpy(bytes_out, k->place + HEAD_BYTES, *len_out);
    wipe(k);
    return err;
}

static fa_err store(void *arg, const char *name, const void *bytes, size_t len, fa_deadline deadline)
{
    kept *k = arg;
    size_t place;
    uint32_t sequence;
    fa_err err = len > FA_ACME_KEPT_BYTES_MAX ? FA_ELIMIT : find(k, name, &place, &sequence, deadline);
    wipe(k);
    if (err != FA_OK)
        return err;
    if (sequence > 0)
        place ^= 1; /* the other one */
    head h = {.sequence = fa_be32_of(sequence + 1), .len = fa_be32_of((uint32_t)len)};
    memcpy(h.magic, magic, sizeof magic);
    memcpy(k->place, &h, sizeof h);
    memcpy(k->place + HEAD_BYTES, bytes, len);
    digest_of(k->place, len, h.digest);
    memcpy(k->place, &h, sizeof h);
    err = fa_block_write(k->disk, sector_of(k, place), &(fa_block_from){k->place, PLACE_BYTES}, 1, deadline);
    wipe(k);
    return err == FA_OK ? fa_block_flush(k->disk, deadline) : err;
}

/* Marks all places, so that they are known to be ours although a write is torn. */
static fa_err claim(kept *k, fa_deadline deadline)
{
    fa_err err = FA_OK;
    memset(k->place, 0, PLACE_BYTES);
    memcpy(k->place, magic, sizeof magic);
    for (size_t place = 0; place < PLACES && err == FA_OK; place++)
        err = fa_block_write(k->disk, sector_of(k, place), &(fa_block_from){k->place, PLACE_BYTES}, 1, deadline);
    return err == FA_OK ? fa_block_flush(k->disk, deadline) : err;
}

/* What is not ours must be zeroes. */
static fa_err check_room(kept *k, bool erase, const char **why_out, fa_deadline deadline)
{
    bool ours = false, empty = true;
    for (size_t place = 0; place < PLACES; place++) {
        const fa_block_into into = {k->place, PLACE_BYTES};
        const fa_err err = fa_block_read(k->disk, sector_of(k, place), &into, 1, deadline);
        if (err != FA_OK)
            return err;
        ours |= memcmp(k->place, magic, sizeof magic) == 0;
        empty &= k->place[0] == 0 && memcmp(k->place, k->place + 1, PLACE_BYTES - 1) == 0;
    }
    if (ours && !erase)
        return FA_OK;
    if (empty || erase)
        return claim(k, deadline);
    *why_out = "something else is on it: --erase, if nobody needs that";
    return FA_EBUSY;
}

static fa_err find_room(kept *k, const char **why_out, fa_deadline deadline)
{
    fa_block_info info;
    uint64_t count;
    fa_block_info_get(k->disk, &info);
    k->sector_bytes = info.sector_bytes;
    const fa_err err = fa_block_find_partition(k->disk, FA_BLOCK_DATA, &k->sector, &count, deadline);
    if (err == FA_ENOENT) {
        k->sector = 0;
        count = info.sector_count;
    } else if (err != FA_OK) {
        return err;
    }
    if (count >= PLACES * PLACE_BYTES / info.sector_bytes)
        return FA_OK;
    *why_out = "the disk, or its partition for data, has less than 144 KiB";
    return FA_ENOSPC;
}

fa_err kept_open_take(fa_block *disk_take, bool erase, kept **kept_out, const char **why_out, fa_deadline deadline)
{
    kept *k = calloc(1, sizeof *k);
    uint8_t *place = aligned_alloc(HEAD_BYTES, PLACE_BYTES);
    fa_err err = FA_ENOMEM;
    *why_out = NULL;
    if (k != NULL && place != NULL) {
        *k = (kept){.disk = disk_take, .place = place};
        err = find_room(k, why_out, deadline);
        if (err == FA_OK)
            err = check_room(k, erase, why_out, deadline);
        wipe(k);
    }
    if (err == FA_OK) {
        *kept_out = k;
        return FA_OK;
    }
    fa_block_close(disk_take);
    free(place);
    free(k);
    return err;
}

void kept_close(kept *k)
{
    if (k == NULL)
        return;
    fa_block_close(k->disk);
    free(k->place);
    free(k);
}

fa_acme_storage kept_storage(kept *k)
{
    return (fa_acme_storage){load, store, k};
}
