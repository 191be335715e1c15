/* SPDX-License-Identifier: ISC */
/* The copying of `fata flash` against cards in memory: good ones, and such as fail, end too early, wrap, forget or lie. */
#include "../../sdk/cli/flashcopy.h"
#include "../../sdk/cli/cli.h"
#include "test.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* What sdk/cli/flashcopy.c asks of the tool. */
void cli_fail(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

#define BYTES (8 * FLASH_CHUNK_BYTES)
#define NEVER UINT64_MAX

struct world {
    uint8_t *image, *card;
    uint64_t real_bytes;  /* of the card; what lies behind wraps around */
    uint64_t ends_at;     /* the card has no byte from here on */
    uint64_t bad_write;   /* the chunk with this byte cannot be written */
    uint64_t bad_read;    /* ... read */
    uint64_t lost_byte;   /* this byte of the card keeps what it had */
    uint64_t changes;     /* this byte of the image changes once the card has been synced */
    bool card_follows;    /* and that of the card with it */
    int sync_error;
    unsigned stop_after;  /* chunks */
    unsigned writes, reads, syncs, chunks;
};

static bool holds(uint64_t at, size_t len, uint64_t byte)
{
    return byte >= at && byte - at < len;
}

static int read_image(void *context, uint64_t at, uint8_t *bytes, size_t len)
{
    struct world *world = context;

    memcpy(bytes, world->image + at, len);
    if (world->syncs > 0 && holds(at, len, world->changes)) {
        bytes[world->changes - at] ^= 1;
        if (world->card_follows) {
            world->card[world->changes] = bytes[world->changes - at];
        }
    }
    return 0;
}

static int read_card(void *context, uint64_t at, uint8_t *bytes, size_t len)
{
    struct world *world = context;

    assert_int_equal((uintptr_t)bytes % FLASH_ALIGN_BYTES, 0);
    assert_int_equal(at % 512, 0);
    assert_int_equal(len % 512, 0);
    world->reads++;
    if (holds(at, len, world->bad_read)) {
        return EIO;
    }
    if (at + len > world->ends_at) {
        return FLASH_AT_END;
    }
    for (size_t i = 0; i < len; i += 512) {
        memcpy(bytes + i, world->card + (at + i) % world->real_bytes, 512);
    }
    return 0;
}

static int write_card(void *context, uint64_t at, const uint8_t *bytes, size_t len)
{
    struct world *world = context;

    assert_int_equal(len % 512, 0);
    world->writes++;
    if (holds(at, len, world->bad_write)) {
        return EIO;
    }
    if (at + len > world->ends_at) {
        return FLASH_AT_END;
    }
    for (size_t i = 0; i < len; i += 512) {
        memcpy(world->card + (at + i) % world->real_bytes, bytes + i, 512);
    }
    if (holds(at, len, world->lost_byte)) {
        world->card[world->lost_byte] ^= 0x40;
    }
    return 0;
}

static int sync_card(void *context)
{
    struct world *world = context;

    world->syncs++;
    return world->sync_error;
}

static bool go_on(void *context, const char *doing, uint64_t done_bytes, uint64_t all_bytes)
{
    struct world *world = context;

    assert_non_null(doing);
    assert_true(done_bytes <= all_bytes);
    return world->chunks++ < world->stop_after;
}

/* All of the image but a hole, and its odd end. */
static const struct flash_piece pieces[] = {
    {.start = 0, .len = 3 * FLASH_CHUNK_BYTES + 4096},
    {.start = 3 * FLASH_CHUNK_BYTES + 4096, .len = FLASH_CHUNK_BYTES, .is_zero = true},
    {.start = 5 * FLASH_CHUNK_BYTES, .len = 3 * FLASH_CHUNK_BYTES - 100},
};

static struct flash_copy begin(struct world *world, struct flash_ends *ends)
{
    uint64_t seed = TEST_SEED;

    *world = (struct world){.real_bytes = BYTES, .ends_at = BYTES, .bad_write = NEVER, .bad_read = NEVER, .lost_byte = NEVER,
                            .changes = NEVER, .stop_after = 1000};
    world->image = malloc(BYTES);
    world->card = malloc(BYTES);
    assert_true(world->image != NULL && world->card != NULL);
    for (size_t i = 0; i < BYTES; i += 8) {
        uint64_t number = test_random(&seed);

        memcpy(world->image + i, &number, 8);
    }
    memset(world->card, 0xee, BYTES);
    *ends = (struct flash_ends){world, read_image, read_card, write_card, sync_card, go_on};
    return (struct flash_copy){
        .ends = ends, .pieces = pieces, .count = sizeof pieces / sizeof pieces[0], .card_block_bytes = 512};
}

static void finish(struct world *world)
{
    free(world->image);
    free(world->card);
}

static void expect_same(const struct world *world)
{
    static const uint8_t zeros[100];

    assert_memory_equal(world->card, world->image, pieces[0].len);
    for (size_t i = 0; i < pieces[1].len; i++) {
        assert_int_equal(world->card[pieces[1].start + i], 0);
    }
    assert_int_equal(world->card[4 * FLASH_CHUNK_BYTES + 4096], 0xee); /* between two pieces: not touched */
    assert_memory_equal(world->card + pieces[2].start, world->image + pieces[2].start, pieces[2].len);
    assert_memory_equal(world->card + BYTES - 100, zeros, 100); /* the rest of the last sector */
}

static void test_copy(void **state)
{
    struct world world;
    struct flash_ends ends;
    struct flash_copy copy = begin(&world, &ends);

    (void)state;
    assert_int_equal(flash_check_image(&copy), FLASH_DONE);
    assert_int_equal(world.writes + world.reads, 0);
    assert_int_equal(flash_write(&copy), FLASH_DONE);
    expect_same(&world);
    assert_int_equal(copy.kept_bytes, 0);
    assert_int_equal(copy.written_bytes, flash_bytes(pieces, 3));
    assert_int_equal(world.reads, 2); /* the first chunk, and the hole */
    assert_int_equal(world.syncs, 1);
    assert_int_equal(flash_verify(&copy), FLASH_DONE);
    finish(&world);
}

/* Stopped after each chunk there is; going on writes only what is missing, and a byte that somebody changed. */
static void test_resume(void **state)
{
    (void)state;
    for (unsigned stop = 0; stop < 9; stop++) {
        struct world world;
        struct flash_ends ends;
        struct flash_copy copy = begin(&world, &ends);
        uint64_t was;

        assert_int_equal(flash_check_image(&copy), FLASH_DONE);
        world.chunks = 0;
        world.stop_after = stop;
        assert_int_equal(flash_write(&copy), stop < 8 ? FLASH_STOPPED : FLASH_DONE);
        assert_int_equal(world.syncs, 1);
        was = copy.written_bytes;
        copy.kept_bytes = copy.written_bytes = 0;
        world.stop_after = 1000;
        world.card[17] ^= stop == 5 ? 1 : 0;
        assert_int_equal(flash_write(&copy), FLASH_DONE);
        assert_int_equal(copy.kept_bytes, stop == 5 ? FLASH_CHUNK_BYTES : was); /* 5: the hole is kept as it is */
        assert_int_equal(copy.kept_bytes + copy.written_bytes, flash_bytes(pieces, 3));
        expect_same(&world);
        assert_int_equal(flash_verify(&copy), FLASH_DONE);
        finish(&world);
    }
}

static void test_errors(void **state)
{
    struct world world;
    struct flash_ends ends;
    struct flash_copy copy = begin(&world, &ends);

    (void)state;
    world.bad_write = 5 * FLASH_CHUNK_BYTES + 5;
    assert_int_equal(flash_write(&copy), FLASH_WRITE_ERROR);
    assert_int_equal(copy.error, EIO);
    assert_int_equal(copy.at, 5 * FLASH_CHUNK_BYTES);
    assert_int_equal(world.syncs, 1); /* what came before it is to stay */
    finish(&world);

    copy = begin(&world, &ends);
    world.ends_at = 6 * FLASH_CHUNK_BYTES;
    assert_int_equal(flash_write(&copy), FLASH_WRITE_ERROR);
    assert_int_equal(copy.error, FLASH_AT_END);
    assert_int_equal(copy.at, world.ends_at);
    finish(&world);

    copy = begin(&world, &ends);
    world.sync_error = EIO;
    assert_int_equal(flash_write(&copy), FLASH_SYNC_ERROR);
    assert_int_equal(copy.error, EIO);
    world.stop_after = world.chunks + 2;
    assert_int_equal(flash_write(&copy), FLASH_STOPPED);
    finish(&world);

    copy = begin(&world, &ends);
    assert_int_equal(flash_check_image(&copy), FLASH_DONE);
    world.bad_read = 0; /* before the write that is no error: what cannot be read may be written */
    assert_int_equal(flash_write(&copy), FLASH_DONE);
    assert_int_equal(flash_verify(&copy), FLASH_READ_ERROR);
    assert_int_equal(copy.error, EIO);
    finish(&world);
}

static void test_mismatch(void **state)
{
    struct world world;
    struct flash_ends ends;
    struct flash_copy copy = begin(&world, &ends);

    (void)state;
    assert_int_equal(flash_check_image(&copy), FLASH_DONE);
    world.lost_byte = 6 * FLASH_CHUNK_BYTES + 3 * 512 + 7;
    assert_int_equal(flash_write(&copy), FLASH_DONE);
    assert_int_equal(flash_verify(&copy), FLASH_MISMATCH);
    assert_int_equal(copy.at, 6 * FLASH_CHUNK_BYTES + 3 * 512);
    assert_int_equal(copy.wraps_to, 0);
    finish(&world);

    /* A card of 6 chunks that says it has 8. */
    copy = begin(&world, &ends);
    world.real_bytes = 6 * FLASH_CHUNK_BYTES;
    assert_int_equal(flash_check_image(&copy), FLASH_DONE);
    assert_int_equal(flash_write(&copy), FLASH_DONE);
    assert_int_equal(flash_verify(&copy), FLASH_MISMATCH);
    assert_int_equal(copy.at, 0);
    assert_int_equal(copy.wraps_to, 6 * FLASH_CHUNK_BYTES);
    finish(&world);
}

static void test_image(void **state)
{
    struct flash_piece two[] = {{.start = 0, .len = 2 * FLASH_CHUNK_BYTES, .has_digest = true}, {.start = BYTES / 2, .len = 512, .has_digest = true}};
    struct world world;
    struct flash_ends ends;
    struct flash_copy copy = begin(&world, &ends);
    struct sha256 hash;

    (void)state;
    copy.pieces = two;
    copy.count = 2;
    for (size_t i = 0; i < 2; i++) {
        sha256_start(&hash);
        sha256_add(&hash, world.image + two[i].start, two[i].len);
        sha256_end(&hash, two[i].digest);
    }
    assert_int_equal(flash_check_image(&copy), FLASH_DONE);
    world.changes = 12345;
    world.card_follows = true;
    assert_int_equal(flash_write(&copy), FLASH_DONE);
    assert_int_equal(flash_verify(&copy), FLASH_IMAGE_CHANGED); /* and the card with it: it reads back the same */
    world.card_follows = false;
    memset(world.card, 0, BYTES);
    assert_int_equal(flash_write(&copy), FLASH_DONE);
    world.card[12345] ^= 1; /* what the image was when it was written */
    assert_int_equal(flash_verify(&copy), FLASH_IMAGE_CHANGED); /* and not a card that is broken */
    world.changes = NEVER;
    two[1].digest[31] ^= 1;
    assert_int_equal(flash_check_image(&copy), FLASH_IMAGE_WRONG);
    assert_int_equal(copy.at, two[1].start);
    finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),   cmocka_unit_test(test_resume),   cmocka_unit_test(test_errors),
        cmocka_unit_test(test_mismatch), cmocka_unit_test(test_image),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
