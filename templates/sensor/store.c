/* SPDX-License-Identifier: ISC */
/* The ring on a disk: see store.h. */
#include "store.h"
#include <fata/log.h>
#include <fata/panic.h>
#include <fata/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("store");

#define SECTOR_BYTES_MAX ((size_t)4096)
#define LOOK_BYTES (16 * FA_KIB) /* that are read at a time */
#define BLANK_BYTES FA_MIB /* so much is empty where nothing is: file systems begin before */
#define UNREAD_BYTE 0xee
#define WRITE_TRIES 3u /* a sector that cannot be written is left out, so often */

/* What the store cannot do, for people. */
static fa_err explain(sample_store *store, fa_err err, const char *why)
{
    snprintf(store->why, sizeof store->why, "%s (%s)", why, fa_err_text(err));
    return err;
}

/* (The store may be given up meanwhile: then `disk` is not its own any more.) */
static fa_err read_sectors(const sample_store *store, fa_block *disk, uint64_t sector, void *bytes, size_t count,
                           fa_deadline deadline)
{
    const fa_block_into piece = {bytes, count * store->sector_bytes};
    return fa_block_read(disk, store->start + sector, &piece, 1, deadline);
}

/* Several, of which some may be damaged so that they cannot be read, as some disks leave the one whose writing was cut off:
 * these come as what nobody takes for a head, a record or nothing. If all are like that, the disk has failed. */
static fa_err read_sound_sectors(const sample_store *store, fa_block *disk, uint64_t sector, uint8_t *bytes, uint32_t count,
                                 fa_deadline deadline)
{
    uint32_t unread = 0;
    fa_err err = read_sectors(store, disk, sector, bytes, count, deadline);
    if (err != FA_EIO)
        return err;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *at = bytes + (size_t)i * store->sector_bytes;
        err = read_sectors(store, disk, sector + i, at, 1, deadline);
        if (err != FA_OK && err != FA_EIO)
            return err;
        if (err == FA_EIO) {
            memset(at, UNREAD_BYTE, store->sector_bytes);
            unread++;
        }
    }
    return count > 1 && unread == count ? FA_EIO : FA_OK;
}

/* One sector, and it is durable. */
static fa_err write_sector(sample_store *store, uint64_t sector, const uint8_t content[RING_SECTOR_BYTES],
                           fa_deadline deadline)
{
    uint8_t *bytes = calloc(1, store->sector_bytes);
    if (bytes == NULL)
        return FA_ENOMEM;
    memcpy(bytes, content, RING_SECTOR_BYTES);
    fa_err err = fa_block_write(store->disk, store->start + sector,
                                &(fa_block_from){bytes, store->sector_bytes}, 1, deadline);
    if (err == FA_OK)
        err = fa_block_flush(store->disk, deadline);
    free(bytes);
    return err;
}

/* The data partition; of a disk without any partitions, all of it. */
static fa_err find_place(sample_store *store, uint64_t *room_out, fa_deadline deadline)
{
    static const uint8_t signature[2] = {0x55, 0xaa};
    fa_block_info info;
    fa_block_info_get(store->disk, &info);
    store->sector_bytes = info.sector_bytes;
    if (info.read_only)
        return explain(store, FA_EPERM, "the disk is read-only");
    fa_err err = fa_block_find_partition(store->disk, FA_BLOCK_DATA, &store->start, room_out, deadline);
    if (err == FA_OK)
        return FA_OK;
    if (err != FA_ENOENT)
        return explain(store, err, "the disk's table of partitions cannot be used");
    uint8_t *first = malloc(SECTOR_BYTES_MAX);
    if (first == NULL)
        return explain(store, FA_ENOMEM, "no memory to look at the disk");
    store->start = 0;
    *room_out = info.sector_count;
    err = read_sectors(store, store->disk, 0, first, 1, deadline);
    if (err != FA_OK)
        explain(store, err, "the disk cannot be read");
    else if (memcmp(first + 510, signature, sizeof signature) == 0)
        err = explain(store, FA_ENOENT, "the disk is in use, and has no partition for data: build the card with CARD_DATA=64");
    free(first);
    return err;
}

/* Whether nothing is at the place, from its sector `from` on. */
static fa_err look_for_content(sample_store *store, uint64_t from, uint64_t room, uint8_t *bytes, bool *blank_out,
                               fa_deadline deadline)
{
    const uint64_t step = LOOK_BYTES / store->sector_bytes;
    const uint64_t end = room < BLANK_BYTES / store->sector_bytes ? room : BLANK_BYTES / store->sector_bytes;
    *blank_out = true;
    for (uint64_t at = from; at < end && *blank_out; at += step) {
        const size_t count = (size_t)(end - at < step ? end - at : step);
        const fa_err err = read_sectors(store, store->disk, at, bytes, count, deadline);
        if (err != FA_OK)
            return err;
        *blank_out = ring_is_blank(bytes, count * store->sector_bytes);
    }
    return FA_OK;
}

static fa_err make_ring(sample_store *store, uint64_t room, fa_deadline deadline)
{
    uint8_t sector[RING_SECTOR_BYTES];
    uint32_t id = 0;
    if (room < RING_HEADS + RING_SLOTS_MIN)
        return explain(store, FA_ENOSPC, "the place for data is too small: 9 KiB at least, 72 KiB with sectors of 4 KiB");
    fa_err err = fa_random_bytes(&id, sizeof id);
    if (err != FA_OK)
        return explain(store, err, "no random number to name a new ring by");
    const uint64_t slots = room - RING_HEADS;
    ring_begin(&store->ring, id, slots < store->options.slots ? (uint32_t)slots : store->options.slots);
    ring_head_make(&store->ring, sector);
    /* One after another: ring_head_read() knows. The copy of an earlier ring goes first. */
    static const uint8_t nothing[RING_SECTOR_BYTES];
    err = write_sector(store, 1, nothing, deadline);
    for (uint64_t i = 0; i < RING_HEADS && err == FA_OK; i++)
        err = write_sector(store, i, sector, deadline);
    if (err != FA_OK)
        return explain(store, err, "no ring can be made on the disk");
    store->is_new = true;
    fa_log_info("made a new ring of %lu records", (unsigned long)store->ring.slots);
    return FA_OK;
}

/* Looks at all slots: where the ring goes on. */
static fa_err look_at_slots(sample_store *store, uint8_t *bytes, fa_deadline deadline)
{
    const uint32_t step = (uint32_t)(LOOK_BYTES / store->sector_bytes);
    for (uint32_t slot = 0; slot < store->ring.slots; slot += step) {
        const uint32_t left = store->ring.slots - slot, count = left < step ? left : step;
        const fa_err err = read_sound_sectors(store, store->disk, RING_HEADS + slot, bytes, count, deadline);
        if (err != FA_OK)
            return explain(store, err, "the ring cannot be read");
        for (uint32_t i = 0; i < count; i++)
            ring_look(&store->ring, slot + i, bytes + (size_t)i * store->sector_bytes);
    }
    ring_looked(&store->ring);
    if (store->ring.missing > 0)
        fa_log_warn("%lu records are damaged or were never written, as when the power fails; %lu are whole",
                    (unsigned long)store->ring.missing, (unsigned long)store->ring.valid);
    return FA_OK;
}

static fa_err find_ring(sample_store *store, uint64_t room, uint8_t *bytes, fa_deadline deadline)
{
    uint8_t heads[RING_HEADS * RING_SECTOR_BYTES];
    if (room < RING_HEADS)
        return explain(store, FA_ENOSPC, "the place for data is too small");
    fa_err err = read_sound_sectors(store, store->disk, 0, bytes, RING_HEADS, deadline);
    if (err != FA_OK)
        return explain(store, err, "the place for data cannot be read");
    bool blank = true; /* what larger sectors hold behind a head, too: content may begin there */
    for (size_t i = 0; i < RING_HEADS; i++) {
        const uint8_t *sector = bytes + i * store->sector_bytes;
        memcpy(heads + i * RING_SECTOR_BYTES, sector, RING_SECTOR_BYTES);
        blank = blank && ring_is_blank(sector + RING_SECTOR_BYTES, store->sector_bytes - RING_SECTOR_BYTES);
    }
    const ring_head found = ring_head_read(&store->ring, heads, room);
    if (found == RING_HERE)
        return look_at_slots(store, bytes, deadline);
    blank = blank && found == RING_UNMADE;
    if (blank) {
        err = look_for_content(store, RING_HEADS, room, bytes, &blank, deadline);
        if (err != FA_OK)
            return explain(store, err, "the place for data cannot be read");
    }
    if (!blank && !store->options.format)
        return explain(store, FA_EEXIST, "something else is on the disk, and is left alone; --format overwrites it");
    return make_ring(store, room, deadline);
}

fa_err store_open_take(sample_store *store, fa_block *disk, fa_deadline deadline)
{
    uint64_t room = 0;
    uint8_t *bytes = malloc(LOOK_BYTES);
    store->disk = disk;
    fa_err err = bytes == NULL ? explain(store, FA_ENOMEM, "no memory to look at the disk")
                               : find_place(store, &room, deadline);
    if (err == FA_OK)
        err = find_ring(store, room, bytes, deadline);
    free(bytes);
    if (err != FA_OK)
        store_close(store, deadline);
    else
        store->why[0] = '\0';
    store->is_open = err == FA_OK;
    return err;
}

fa_err store_open(sample_store *store, fa_deadline deadline)
{
    fa_block *disk;
    const fa_err err = fa_block_open(store->options.disk, &disk, deadline);
    if (err == FA_ENOENT) {
        snprintf(store->why, sizeof store->why, "there is no disk %u", store->options.disk);
        return err;
    }
    if (err != FA_OK)
        return explain(store, err, "the disk cannot be opened");
    return store_open_take(store, disk, deadline);
}

void store_close(sample_store *store, fa_deadline deadline)
{
    fa_block *disk = store->disk;
    fa_err err = FA_OK;
    store->disk = NULL; /* nobody begins to use it */
    store->is_open = false;
    while (store->readers > 0 && err == FA_OK)
        err = fa_waitq_wait(&store->no_readers, deadline);
    if (disk == NULL)
        return;
    if (err == FA_OK) {
        fa_block_close(disk);
        return;
    }
    fa_assert(store->left == NULL); /* it is not closed, and so no other is open */
    store->left = disk;
}

/* A call has used a disk, whether or not that is still the store's. */
static void end_reading(sample_store *store)
{
    if (--store->readers > 0)
        return;
    if (store->left != NULL)
        fa_block_close(store->left);
    store->left = NULL;
    fa_waitq_wake_all(&store->no_readers);
}

fa_err store_append(sample_store *store, sample_kind kind, const sample *samples, uint32_t count, fa_deadline deadline)
{
    uint8_t sector[RING_SECTOR_BYTES];
    fa_err err = FA_ECLOSED;
    if (store->disk == NULL)
        return err;
    for (unsigned tries = 0; tries < WRITE_TRIES; tries++) {
        ring_record record = {.number = store->ring.next, .boot = store->ring.boot, .kind = kind, .count = count};
        memcpy(record.samples, samples, count * sizeof *samples);
        ring_record_make(&store->ring, &record, sector);
        const uint32_t slot = ring_slot(&store->ring, record.number);
        store->ring.next++; /* also if it fails: another sector may do */
        err = write_sector(store, RING_HEADS + slot, sector, deadline);
        if (err == FA_OK) {
            store->records++;
            store->samples += count;
            return FA_OK;
        }
        store->failures++;
        if (err != FA_EIO)
            break;
    }
    explain(store, err, "the disk takes no samples");
    store_close(store, deadline);
    return err;
}

fa_err store_read(sample_store *store, uint64_t number, ring_record records_out[STORE_READ_RECORDS], size_t *count_out,
                  uint64_t *next_out, fa_deadline deadline)
{
    const uint64_t oldest = ring_oldest(&store->ring);
    *count_out = 0;
    if (!store->is_open)
        return FA_ECLOSED;
    number = number < oldest ? oldest : number;
    *next_out = number;
    if (number >= store->ring.next)
        return FA_OK;
    const uint32_t slot = ring_slot(&store->ring, number);
    uint64_t count = store->ring.next - number;
    count = count < STORE_READ_RECORDS ? count : STORE_READ_RECORDS;
    count = count < store->ring.slots - slot ? count : store->ring.slots - slot;
    uint8_t *bytes = malloc((size_t)count * store->sector_bytes);
    if (bytes == NULL)
        return FA_ENOMEM;
    store->readers++;
    const fa_err err = read_sound_sectors(store, store->disk, RING_HEADS + slot, bytes, (uint32_t)count, deadline);
    end_reading(store);
    /* What was written over in the meantime has another number; what is damaged is left out. */
    for (uint32_t i = 0; i < count && err == FA_OK; i++) {
        const uint8_t *sector = bytes + (size_t)i * store->sector_bytes;
        ring_record *record = &records_out[*count_out];
        if (ring_record_read(&store->ring, slot + i, sector, record) && record->number == number + i)
            (*count_out)++;
    }
    free(bytes);
    *next_out = number + count;
    return err;
}
