/* SPDX-License-Identifier: ISC */
/* A program with a data partition on the card that it was started from: it writes all of it and reads it back, and finds
 * what is before it as it was. main returns how many parts failed. */
#include <fata/block.h>
#include <fata/fata.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WAIT fa_after_s(20)
#define PIECE ((size_t)64 * 1024)
#define BOOT_SECTOR 2048 /* of the file system, 1 MiB into the card */

static uint8_t bytes[PIECE], before[512], after[512];
static unsigned failed;

static void check(bool ok, const char *what)
{
    printf("%s - %s\n", ok ? "ok" : "not ok", what);
    failed += !ok;
}

static void fill(uint64_t sector)
{
    for (size_t i = 0; i < PIECE; i += 4) {
        const uint32_t word = (uint32_t)((sector * 512 + i) * 0x01010193u);
        memcpy(bytes + i, &word, 4);
    }
}

static bool write_all(fa_block *disk, uint64_t start, uint64_t count)
{
    bool ok = true;
    for (uint64_t at = start; at < start + count; at += PIECE / 512) {
        fill(at);
        ok &= fa_block_write(disk, at, &(fa_block_from){bytes, PIECE}, 1, WAIT) == FA_OK;
    }
    return ok && fa_block_flush(disk, WAIT) == FA_OK;
}

static bool read_all(fa_block *disk, uint64_t start, uint64_t count)
{
    static uint8_t got[PIECE];
    bool ok = true;
    for (uint64_t at = start; at < start + count; at += PIECE / 512) {
        fill(at);
        ok &= fa_block_read(disk, at, &(fa_block_into){got, PIECE}, 1, WAIT) == FA_OK;
        ok &= memcmp(got, bytes, PIECE) == 0;
    }
    return ok;
}

int main(void)
{
    fa_block *disk;
    uint64_t start = 0, count = 0;
    fa_err err = fa_block_open(0, &disk, WAIT);
    if (err == FA_OK)
        err = fa_block_find_partition(disk, FA_BLOCK_DATA, &start, &count, WAIT);
    printf("the data partition: %s, %" PRIu64 " sectors from %" PRIu64 "\n", fa_err_text(err), count, start);
    if (err != FA_OK)
        return 1;
    check(fa_block_read(disk, BOOT_SECTOR, &(fa_block_into){before, 512}, 1, WAIT) == FA_OK &&
              before[510] == 0x55 && before[511] == 0xaa, "the card's file system is where it should be");
    check(write_all(disk, start, count), "all of the partition can be written");
    check(read_all(disk, start, count), "and holds it");
    check(fa_block_read(disk, BOOT_SECTOR, &(fa_block_into){after, 512}, 1, WAIT) == FA_OK &&
              memcmp(before, after, 512) == 0, "the file system is untouched");
    fa_block_close(disk);
    return (int)failed;
}
