/* SPDX-License-Identifier: ISC */
/* Disks: the card, a disk at the SATA port, whatever a machine has. They are read; what is written is the
 * end of the partition for data (CARD_DATA), and its content is put back. */
#include "devices.h"
#include "report.h"
#include <fata/block.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISKS_MAX 4u
#define DISKS_SHOWN 2u /* also where they are missing: a board's slot and its SATA port */
#define PIECE_BYTES (64 * FA_KIB)
#define READ_BYTES (4 * FA_MIB)
#define TEST_BYTES ((size_t)4096)
#define RESTORE_S 30 /* for what was written over, whatever time is left for the tests */

typedef struct disk_job {
    fa_block *disk;
    fa_block_info info;
    uint8_t *bytes; /* PIECE_BYTES */
    fa_deadline deadline;
} disk_job;

static fa_err read_at(const disk_job *job, uint64_t sector, void *bytes, size_t len)
{
    return fa_block_read(job->disk, sector, &(fa_block_into){bytes, len}, 1, job->deadline);
}

static fa_err write_at(const disk_job *job, uint64_t sector, const void *bytes, size_t len)
{
    const fa_err err = fa_block_write(job->disk, sector, &(fa_block_from){bytes, len}, 1, job->deadline);
    return err == FA_OK ? fa_block_flush(job->disk, job->deadline) : err;
}

/* The first READ_BYTES, timed. */
static fa_err read_begin(const disk_job *job, unsigned long *kib_out, unsigned long *kib_a_s_out)
{
    const uint64_t step = PIECE_BYTES / job->info.sector_bytes, start_ns = fa_clock_mono_ns();
    const uint64_t all = READ_BYTES / job->info.sector_bytes;
    const uint64_t end = job->info.sector_count < all ? job->info.sector_count : all;
    fa_err err = FA_OK;
    for (uint64_t at = 0; at < end && err == FA_OK; at += step)
        err = read_at(job, at, job->bytes, (size_t)(end - at < step ? end - at : step) * job->info.sector_bytes);
    const uint64_t took_ns = fa_clock_mono_ns() - start_ns + 1;
    *kib_out = (unsigned long)(end * job->info.sector_bytes / FA_KIB);
    *kib_a_s_out = (unsigned long)(*kib_out * FA_NS_PER_S / took_ns);
    return err;
}

/* Writes the last sectors of the data partition, reads them back, and puts back what they held. `wrong_out`
 * says what was wrong, if anything was. */
static fa_err write_end(const disk_job *job, const char **wrong_out)
{
    disk_job restoring = *job;
    uint64_t start, count;
    const uint64_t sectors = TEST_BYTES / job->info.sector_bytes;
    uint8_t *held = job->bytes, *written = held + TEST_BYTES, *back = written + TEST_BYTES;
    fa_err err = fa_block_find_partition(job->disk, FA_BLOCK_DATA, &start, &count, job->deadline);
    if (err == FA_OK && count < sectors)
        err = FA_ENOENT;
    if (err != FA_OK)
        return err;
    const uint64_t at = start + count - sectors;
    *wrong_out = "the data partition's end cannot be read";
    err = read_at(job, at, held, TEST_BYTES);
    if (err != FA_OK)
        return err;
    for (size_t i = 0; i < TEST_BYTES; i++)
        written[i] = (uint8_t)(held[i] ^ (0xa5 + i * 7 + i / 512));
    *wrong_out = "it cannot be written";
    err = write_at(job, at, written, TEST_BYTES);
    if (err == FA_OK) {
        *wrong_out = "what was written cannot be read";
        err = read_at(job, at, back, TEST_BYTES);
    }
    if (err == FA_OK && memcmp(written, back, TEST_BYTES) != 0) {
        *wrong_out = "other bytes are read than were written";
        err = FA_EIO;
    }
    /* Whatever has happened. */
    restoring.deadline = fa_after_s(RESTORE_S);
    fa_err restored = write_at(&restoring, at, held, TEST_BYTES);
    if (restored == FA_OK)
        restored = read_at(&restoring, at, back, TEST_BYTES);
    if (restored == FA_OK && memcmp(held, back, TEST_BYTES) != 0)
        restored = FA_EIO;
    if (restored != FA_OK)
        *wrong_out = "the end of the data partition is not as it was";
    return err != FA_OK ? err : restored;
}

static void test_disk(const char *name, disk_job *job)
{
    const char *wrong = "it cannot be read", *wrote = "nothing written, as there is no partition for data";
    unsigned long kib = 0, kib_a_s = 0;
    fa_err err = read_begin(job, &kib, &kib_a_s);
    if (err == FA_OK && job->info.read_only)
        wrote = "read-only";
    else if (err == FA_OK) {
        err = write_end(job, &wrong);
        if (err == FA_OK)
            wrote = "4 KiB written, read back, restored";
        else if (err == FA_ENOENT || err == FA_EFORMAT)
            err = FA_OK;
    }
    fa_block_info_get(job->disk, &job->info); /* where an error was */
    if (err != FA_OK)
        report_device(name, RESULT_FAILED, "another card or disk, another cable or power supply: does it fail again?",
                      "%s, %llu MiB: %s (%s, sector %llu)", job->info.device,
                      (unsigned long long)(job->info.sector_count * job->info.sector_bytes / FA_MIB), wrong, fa_err_text(err),
                      (unsigned long long)job->info.error_sector);
    else
        report_device(name, RESULT_OK, NULL, "%s, %llu MiB; read %lu KiB at %lu KiB/s; %s", job->info.device,
                      (unsigned long long)(job->info.sector_count * job->info.sector_bytes / FA_MIB), kib, kib_a_s, wrote);
}

void test_disks(fa_deadline deadline)
{
    for (unsigned number = 0; number < DISKS_MAX; number++) {
        char name[16];
        disk_job job = {.deadline = deadline, .bytes = malloc(PIECE_BYTES)};
        snprintf(name, sizeof name, "disk %u", number);
        const fa_err err = job.bytes == NULL ? FA_ENOMEM : fa_block_open(number, &job.disk, deadline);
        if (err == FA_OK) {
            fa_block_info_get(job.disk, &job.info);
            test_disk(name, &job);
            fa_block_close(job.disk);
        } else if (err != FA_ENOENT) {
            report_device(name, RESULT_FAILED, "another card or disk: does it fail again?", "it cannot be opened: %s", fa_err_text(err));
        } else if (number < DISKS_SHOWN) {
            report_device(name, RESULT_ABSENT, NULL, "there is none");
        }
        free(job.bytes);
    }
}
