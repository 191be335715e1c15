/* SPDX-License-Identifier: ISC */
/* A program with a disk of 8 MiB. `--mode=write` writes a pattern over its first half in every way there
 * is, reads it back, discards a part of the second half; `--mode=read` finds the pattern in a later
 * boot; `ro` has a disk that is only to be read, `none` has none, `many` writes
 * its number to each of MANY disks, `grows` has one that gets larger while it runs, and `leaves` one that is taken
 * away and comes back, until a line is typed; then it writes the pattern. main returns how many parts failed. */
#include <fata/block.h>
#include <fata/fata.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_PARAM_STRING(mode, "mode", "write", "write, read, ro, none, many, grows or leaves");

FA_PARAM_UINT(number, "number", 0, 0, 9, "of the disk");

#define WAIT fa_after_s(100)
#define BYTES (4 * FA_MIB) /* of the pattern */
#define PIECE ((size_t)64 * 1024)
#define FIBERS 12u
#define MANY 7u
#define LEAVES_FIBERS 6u
#define LEAVES_PAUSE_MS 30
#define KEPT_AT (6 * FA_MIB) /* nothing is written here, and it is not discarded */
#define DISCARD_AT (7 * FA_MIB)

static fa_block *disk;
static fa_block_info info;
static uint8_t *memory; /* BYTES and a little, at a multiple of 4,096 */
static unsigned failed;

static void check(bool ok, const char *what)
{
    printf("%s - %s\n", ok ? "ok" : "not ok", what);
    failed += !ok;
}

static bool open_disk(void)
{
    const fa_err err = fa_block_open((unsigned)number, &disk, WAIT);
    if (err != FA_OK) {
        check(false, fa_err_text(err));
        return false;
    }
    fa_block_info_get(disk, &info);
    printf("%s: %" PRIu64 " sectors of %" PRIu32 " bytes%s\n", info.device, info.sector_count,
           info.sector_bytes, info.read_only ? ", read-only" : "");
    return true;
}

/* What each 512 bytes of the pattern hold: their number, again and again, and what place it is. */
static void fill(uint8_t *bytes, size_t at, size_t len)
{
    for (size_t i = 0; i < len; i += 4) {
        const uint32_t word = (uint32_t)((at + i) / 512 * 0x01010193u + (at + i) % 512);
        memcpy(bytes + i, &word, 4);
    }
}

static bool is_pattern(const uint8_t *bytes, size_t at, size_t len)
{
    static uint8_t want[4096];
    for (size_t i = 0; i < len; i += sizeof want) {
        const size_t here = len - i < sizeof want ? len - i : sizeof want;
        fill(want, at + i, here);
        if (memcmp(bytes + i, want, here) != 0)
            return false;
    }
    return true;
}

static fa_err write_at(size_t at, const uint8_t *bytes, size_t len)
{
    return fa_block_write(disk, at / info.sector_bytes, &(fa_block_from){bytes, len}, 1, WAIT);
}

static fa_err read_at(size_t at, uint8_t *bytes, size_t len)
{
    memset(bytes, 0x5a, len);
    return fa_block_read(disk, at / info.sector_bytes, &(fa_block_into){bytes, len}, 1, WAIT);
}

/* Each fiber writes and reads its own pieces of the second MiB, those of odd numbers in two parts. */
static void work(void *arg)
{
    const size_t number = *(const size_t *)arg;
    uint8_t *bytes = memory + number * PIECE;
    for (size_t at = FA_MIB + number * 8192; at < 2 * FA_MIB; at += FIBERS * 8192) {
        fill(bytes, at, 8192);
        const fa_block_from parts[] = {{bytes, 4096}, {bytes + 4096, 4096}};
        const fa_err err = number % 2 == 0 ? write_at(at, bytes, 8192)
                                           : fa_block_write(disk, at / info.sector_bytes, parts, 2, WAIT);
        if (err != FA_OK || read_at(at, bytes + 8192, 8192) != FA_OK || !is_pattern(bytes + 8192, at, 8192))
            failed++;
    }
}

static void many_fibers(void)
{
    static size_t numbers[FIBERS];
    fa_scope scope;
    const unsigned failed_before = failed;
    fa_scope_open(&scope);
    for (size_t i = 0; i < FIBERS; i++) {
        numbers[i] = i;
        failed += fa_scope_spawn(&scope, "worker", work, &numbers[i]) != FA_OK;
    }
    failed += fa_scope_wait(&scope, WAIT) != FA_OK;
    fa_scope_close(&scope);
    check(failed == failed_before, "many fibers write and read at a time");
}

static void write_pattern(void)
{
    fill(memory, 0, FA_MIB);
    check(write_at(0, memory, FA_MIB) == FA_OK, "one write of 1 MiB");
    many_fibers();
    fill(memory + 1, 2 * FA_MIB, FA_MIB / 4);
    check(write_at(2 * FA_MIB, memory + 1, FA_MIB / 4) == FA_OK, "a write from an odd address");
    static fa_block_from pieces[100];
    size_t at = 2 * FA_MIB + FA_MIB / 4, in_memory = 0, count = 0;
    for (; at + info.sector_bytes * (count % 9) <= 3 * FA_MIB && count < 100; count++) {
        const size_t len = info.sector_bytes * (count % 9);
        pieces[count] = (fa_block_from){memory + in_memory, len};
        fill(memory + in_memory, at, len);
        at += len;
        in_memory += len + 8; /* 8: none is aligned to a page */
    }
    check(fa_block_write(disk, (2 * FA_MIB + FA_MIB / 4) / info.sector_bytes, pieces, count, WAIT) == FA_OK,
          "a write of 100 pieces");
    fill(memory, at, 3 * FA_MIB - at);
    check(write_at(at, memory, 3 * FA_MIB - at) == FA_OK, "and what follows them");
    uint8_t on_stack[4096];
    for (at = 3 * FA_MIB; at < 4 * FA_MIB; at += sizeof on_stack) {
        fill(on_stack, at, sizeof on_stack);
        if (write_at(at, on_stack, sizeof on_stack) != FA_OK)
            failed++;
    }
    check(fa_block_flush(disk, WAIT) == FA_OK, "a flush");
}

static void read_pattern(void)
{
    check(read_at(0, memory, BYTES) == FA_OK && is_pattern(memory, 0, BYTES), "the pattern, in one read");
    check(read_at(FA_MIB, memory + 24, FA_MIB) == FA_OK && is_pattern(memory + 24, FA_MIB, FA_MIB),
          "a part of it, to an odd address");
    uint8_t on_stack[4096];
    check(read_at(3 * FA_MIB, on_stack, 4096) == FA_OK && is_pattern(on_stack, 3 * FA_MIB, 4096),
          "a part of it, to the stack");
    const fa_block_into pieces[] = {
        {memory + 8192, 4096}, {memory + 64, 0}, {memory + 1, 4096}, {on_stack, 4096}};
    check(fa_block_read(disk, FA_MIB / info.sector_bytes, pieces, 4, WAIT) == FA_OK &&
              is_pattern(memory + 8192, FA_MIB, 4096) && is_pattern(memory + 1, FA_MIB + 4096, 4096) &&
              is_pattern(on_stack, FA_MIB + 8192, 4096),
          "a part of it, to several places");
}

static void refusals(void)
{
    check(write_at(0, memory, 100) == FA_EINVAL, "no half sectors");
    check(read_at((size_t)info.sector_count * info.sector_bytes, memory, 4096) == FA_ERANGE, "nothing behind the end");
    check(fa_block_read(disk, info.sector_count - 1, &(fa_block_into){memory, 8192}, 1, WAIT) == FA_ERANGE,
          "nothing across the end");
    check(fa_block_read(disk, UINT64_MAX, &(fa_block_into){memory, 8192}, 1, WAIT) == FA_ERANGE, "no great numbers");
    check(fa_block_flush(disk, FA_NOW) == FA_ETIMEDOUT, "nothing without time");
    fa_block *other;
    check(fa_block_open((unsigned)number, &other, WAIT) == FA_EBUSY, "it opens once");
    check(fa_block_open((unsigned)number + 1, &other, WAIT) == FA_ENOENT, "there is no other disk");
}

static void run_write(void)
{
    write_pattern();
    read_pattern();
    refusals();
    if (info.can_discard)
        check(fa_block_discard(disk, DISCARD_AT / info.sector_bytes, FA_MIB / info.sector_bytes, WAIT) == FA_OK,
              "a discard");
    else
        check(fa_block_discard(disk, 0, 1, WAIT) == FA_ENOTSUP, "no discard");
    check(read_at(KEPT_AT, memory, 4096) == FA_OK && memory[0] == 0xee && memory[4095] == 0xee, "its neighbour stays");
    fa_block_close(disk);
    check(open_disk(), "it opens again");
    check(read_at(2 * FA_MIB, memory, PIECE) == FA_OK && is_pattern(memory, 2 * FA_MIB, PIECE), "and has the pattern");
}

static void run_ro(void)
{
    check(info.read_only, "the disk is only to be read");
    check(read_at(KEPT_AT, memory, 4096) == FA_OK && memory[0] == 0xee, "it can be read");
    check(write_at(0, memory, 4096) == FA_EPERM, "it cannot be written");
    check(fa_block_discard(disk, 0, 8, WAIT) == FA_EPERM, "nor can it be discarded");
    check(fa_block_flush(disk, WAIT) == FA_OK, "there is nothing to flush");
}

static void run_grows(void)
{
    const uint64_t before = info.sector_count;
    printf("the disk may grow\n");
    check(fa_block_wait_change(disk, info.changes, WAIT) == FA_OK, "a change is told");
    fa_block_info_get(disk, &info);
    check(info.sector_count == before * 2, "it is of twice the size");
    check(fa_block_read(disk, info.sector_count - 1, &(fa_block_into){memory, info.sector_bytes}, 1, WAIT) == FA_OK,
          "the new last sector can be read");
}

static void run_many(void)
{
    fa_block *disks[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        if (fa_block_open(i, &disks[i], WAIT) != FA_OK) {
            check(false, "each disk opens");
            return;
        }
    }
    for (unsigned i = 0; i < MANY; i++) {
        memset(memory, (int)i, 4096);
        failed += fa_block_write(disks[i], 0, &(fa_block_from){memory, 4096}, 1, WAIT) != FA_OK;
        failed += fa_block_flush(disks[i], WAIT) != FA_OK;
    }
    check(failed == 0, "7 disks are open at a time");
    for (unsigned i = 0; i < MANY; i++)
        fa_block_close(disks[i]);
}

/* Each fiber writes to its own MiB, again and again, and finds what it wrote. */
static bool ends;
static uint64_t rounds;

static void load(void *arg)
{
    const size_t number = *(const size_t *)arg;
    uint8_t *bytes = memory + number * 2 * PIECE;
    for (size_t round = 0; !ends; round++, rounds++) {
        const size_t len = (1 + round % (PIECE / 4096)) * 4096;
        const size_t at = number * FA_MIB + round * 5 % 200 * 4096;
        fill(bytes, at + round * 512, len);
        if (write_at(at, bytes, len) != FA_OK || (round % 4 == 0 && fa_block_flush(disk, WAIT) != FA_OK) ||
            read_at(at, bytes + PIECE, len) != FA_OK || memcmp(bytes, bytes + PIECE, len) != 0)
            failed++;
        fa_sleep(fa_after_ms(LEAVES_PAUSE_MS)); /* or the CPU that it shares is busy with nothing else */
    }
}

static void run_leaves(void)
{
    static size_t numbers[LEAVES_FIBERS];
    fa_scope scope;
    fa_scope_open(&scope);
    for (size_t i = 0; i < LEAVES_FIBERS; i++) {
        numbers[i] = i;
        failed += fa_scope_spawn(&scope, "worker", load, &numbers[i]) != FA_OK;
    }
    printf("the disk may leave\n");
    (void)getchar();
    ends = true;
    failed += fa_scope_wait(&scope, WAIT) != FA_OK;
    fa_scope_close(&scope);
    fa_block_info_get(disk, &info);
    printf("%" PRIu64 " rounds, %" PRIu32 " changes\n", rounds, info.changes);
    check(failed == 0, "whatever was written was found");
    fill(memory, 0, BYTES);
    check(write_at(0, memory, BYTES) == FA_OK && fa_block_flush(disk, WAIT) == FA_OK, "the pattern");
    read_pattern();
}

int main(void)
{
    memory = aligned_alloc(4096, BYTES + 8192);
    if (memory == NULL)
        fa_panic("no memory");
    if (strcmp(mode, "none") == 0) {
        check(fa_block_open(0, &disk, WAIT) == FA_ENOENT, "there is no disk");
        return (int)failed;
    }
    if (strcmp(mode, "many") == 0) {
        run_many();
        return (int)failed;
    }
    if (!open_disk())
        return (int)failed;
    if (strcmp(mode, "write") == 0)
        run_write();
    else if (strcmp(mode, "read") == 0)
        read_pattern();
    else if (strcmp(mode, "ro") == 0)
        run_ro();
    else if (strcmp(mode, "leaves") == 0)
        run_leaves();
    else
        run_grows();
    fa_block_close(disk);
    return (int)failed;
}
