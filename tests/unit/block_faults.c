/* SPDX-License-Identifier: ISC */
/* The disk that treats its data badly: what a crash may leave and what it may not, and that each of the
 * faults comes as often as it was asked for, in the same way for the same seed. */
#include "../../sdk/block/faults.h"
#include "../../sdk/block/ramdisk.h"
#include "test.h"

#define SECTORS 512u
#define WRITES 200u
#define WRITE_SECTORS_MAX 8u

static uint8_t bytes[SECTORS * 512];
static fa_ramdisk below;
static fa_block_faults faults;
static uint64_t now_ns;
static unsigned done_count;

static uint64_t now_of(void *user)
{
    return *(uint64_t *)user;
}

static void done(fa_block_request *request)
{
    (void)request;
    done_count++;
}

static void open(const fa_block_faults_options *options)
{
    memset(bytes, 0, sizeof bytes);
    now_ns = FA_NS_PER_S;
    done_count = 0;
    fa_ramdisk_init(&below, bytes, 512, SECTORS);
    assert_int_equal(fa_block_faults_init(&faults, &below.device, options, now_of, &now_ns), FA_OK);
}

static void close_all(void)
{
    faults.device.ops->close(&faults.device);
}

static fa_err submit(fa_block_request *request)
{
    request->done = done;
    return faults.device.ops->submit(&faults.device, request);
}

/* One that is answered at once. */
static fa_err ask(fa_block_kind kind, uint64_t sector, uint32_t count, uint8_t *at)
{
    fa_block_request request = {.kind = kind, .sector = sector, .count = count, .part_count = at != NULL,
                                .parts = {{at, count * 512}}};
    const unsigned before = done_count;
    const fa_err err = submit(&request);
    if (err == FA_OK)
        assert_int_equal(done_count, before + 1);
    return err == FA_OK ? request.err : err;
}

/* Each sector's content is the number of the write that it is of. */
static uint32_t number_at(const uint8_t *sector)
{
    uint32_t number, again;
    memcpy(&number, sector, 4);
    for (size_t i = 4; i < 512; i += 4) {
        memcpy(&again, sector + i, 4);
        assert_int_equal(again, number); /* sectors are whole */
    }
    return number;
}

static void fill(uint8_t *at, size_t len, uint32_t number)
{
    for (size_t i = 0; i < len; i += 4)
        memcpy(at + i, &number, 4);
}

typedef struct outcome {
    unsigned lost, kept, torn, out_of_order, before_flush;
    uint64_t hash;
} outcome;

/* Writes, with a flush after three quarters of them, and a crash; then looks at what is left. */
static outcome crash(const fa_block_faults_options *options)
{
    static uint32_t flushed[SECTORS], written[SECTORS];
    static uint64_t first[WRITES + 1], counts[WRITES + 1];
    uint64_t random = TEST_SEED;
    outcome o = {.hash = 1};
    memset(flushed, 0, sizeof flushed);
    memset(written, 0, sizeof written);
    open(options);
    for (uint32_t number = 1; number <= WRITES; number++) {
        uint8_t data[WRITE_SECTORS_MAX * 512], back[WRITE_SECTORS_MAX * 512];
        counts[number] = 1 + test_random_below(&random, WRITE_SECTORS_MAX);
        first[number] = test_random_below(&random, SECTORS - WRITE_SECTORS_MAX);
        const uint32_t count = (uint32_t)counts[number];
        fill(data, count * 512, number);
        assert_int_equal(ask(FA_BLOCK_WRITE, first[number], count, data), FA_OK);
        assert_int_equal(ask(FA_BLOCK_READ, first[number], count, back), FA_OK);
        assert_memory_equal(back, data, count * 512);
        for (uint64_t i = 0; i < count; i++)
            written[first[number] + i] = number;
        if (number == WRITES * 3 / 4) {
            assert_int_equal(ask(FA_BLOCK_FLUSH, 0, 0, NULL), FA_OK);
            memcpy(flushed, written, sizeof flushed);
        }
    }
    fa_block_faults_crash(&faults);
    assert_int_equal(ask(FA_BLOCK_READ, 0, 1, bytes), FA_EIO);
    close_all();
    for (size_t i = 0; i < SECTORS; i++) {
        const uint32_t number = number_at(bytes + i * 512);
        o.before_flush += number < flushed[i];
        o.hash = o.hash * 31 + number;
    }
    for (uint32_t number = WRITES * 3 / 4 + 1; number <= WRITES; number++) {
        unsigned there = 0, visible = 0;
        for (uint64_t i = first[number]; i < first[number] + counts[number]; i++) {
            visible += written[i] == number;
            there += written[i] == number && number_at(bytes + i * 512) == number;
        }
        o.lost += visible > 0 && there == 0;
        o.kept += visible > 0 && there == visible;
        o.torn += there > 0 && there < visible;
    }
    /* An earlier write is lost where a later one is not. */
    for (uint32_t number = WRITES * 3 / 4 + 1, lost = 0; number <= WRITES; number++) {
        const uint64_t at = first[number];
        lost += written[at] == number && number_at(bytes + at * 512) != number;
        o.out_of_order += lost > 0 && written[at] == number && number_at(bytes + at * 512) == number;
    }
    return o;
}

static void crashes(void **state)
{
    (void)state;
    outcome o = crash(&(fa_block_faults_options){.seed = 1});
    assert_true(o.lost == 0 && o.torn == 0 && o.before_flush == 0 && o.kept > 20);
    o = crash(&(fa_block_faults_options){.seed = 1, .lost_permille = 1000});
    assert_true(o.lost > 20 && o.kept == 0 && o.before_flush == 0);
    o = crash(&(fa_block_faults_options){.seed = 1, .lost_permille = 500});
    assert_true(o.lost > 10 && o.kept > 10 && o.out_of_order > 5 && o.torn == 0 && o.before_flush == 0);
    o = crash(&(fa_block_faults_options){.seed = 1, .torn_permille = 1000});
    assert_true(o.torn > 10 && o.before_flush == 0);
    assert_true(faults.torn > 0 && faults.lost == 0);
    o = crash(&(fa_block_faults_options){.seed = 1, .lost_permille = 1000, .early_permille = 1000});
    assert_true(o.lost > 0 && o.kept + o.torn > 5 && o.before_flush == 0); /* some had gone down before */
    o = crash(&(fa_block_faults_options){.seed = 1, .lost_permille = 1000, .no_flush_permille = 1000});
    assert_true(o.before_flush > 0 && faults.not_flushed == 1);
    const fa_block_faults_options all = {.seed = 5, .lost_permille = 300, .torn_permille = 300,
                                         .early_permille = 200};
    fa_block_faults_options other = all;
    other.seed = 6;
    o = crash(&all);
    assert_true(crash(&all).hash == o.hash);
    assert_true(crash(&other).hash != o.hash);
}

static void a_full_cache_makes_room(void **state)
{
    (void)state;
    static uint8_t large[2 * FA_BLOCK_FAULTS_SECTORS_MAX * 512], back[sizeof large];
    const uint32_t count = 2 * FA_BLOCK_FAULTS_SECTORS_MAX;
    const fa_block_faults_options options = {.seed = 2, .lost_permille = 1000};
    static uint8_t disk[sizeof large];
    fa_ramdisk_init(&below, disk, 512, count);
    assert_int_equal(fa_block_faults_init(&faults, &below.device, &options, now_of, &now_ns), FA_OK);
    for (uint32_t i = 0; i < count; i++)
        fill(large + i * 512, 512, i + 1);
    for (uint32_t i = 0; i < count; i += 256)
        assert_int_equal(ask(FA_BLOCK_WRITE, i, 256, large + i * 512), FA_OK);
    assert_int_equal(ask(FA_BLOCK_READ, 0, count, back), FA_OK);
    assert_memory_equal(back, large, sizeof large);
    assert_int_equal(ask(FA_BLOCK_DISCARD, 0, 8, NULL), FA_OK);
    assert_int_equal(ask(FA_BLOCK_READ, 0, 8, back), FA_OK);
    assert_int_equal(number_at(back), 0);
    fa_block_faults_crash(&faults);
    unsigned there = 0;
    for (uint32_t i = 0; i < count; i++)
        there += number_at(disk + i * 512) == i + 1;
    assert_in_range(there, FA_BLOCK_FAULTS_SECTORS_MAX - 8, FA_BLOCK_FAULTS_SECTORS_MAX);
    close_all();
}

static void errors_and_damage(void **state)
{
    (void)state;
    uint8_t data[1024], back[1024];
    open(&(fa_block_faults_options){.seed = 3, .error_permille = 300});
    memset(data, 0x77, sizeof data);
    unsigned failed = 0;
    for (unsigned i = 0; i < 500; i++)
        failed += ask(FA_BLOCK_WRITE, 2, 2, data) == FA_EIO;
    assert_in_range(failed, 100, 200);
    assert_int_equal(faults.failed, failed);
    close_all();
    open(&(fa_block_faults_options){.seed = 3, .damage_permille = 500});
    assert_int_equal(ask(FA_BLOCK_WRITE, 2, 2, data), FA_OK);
    unsigned damaged = 0;
    for (unsigned i = 0; i < 500; i++) {
        unsigned bits = 0;
        assert_int_equal(ask(FA_BLOCK_READ, 2, 2, back), FA_OK);
        for (size_t at = 0; at < sizeof back; at++)
            bits += (unsigned)__builtin_popcount(back[at] ^ data[at]);
        assert_true(bits <= 1);
        damaged += bits;
    }
    assert_in_range(damaged, 200, 300);
    close_all();
}

static void rot(void **state)
{
    (void)state;
    static uint8_t data[200 * 512];
    open(&(fa_block_faults_options){.seed = 3, .rot_permille = 250});
    memset(data, 0x77, sizeof data);
    assert_int_equal(ask(FA_BLOCK_WRITE, 0, 200, data), FA_OK);
    assert_int_equal(ask(FA_BLOCK_FLUSH, 0, 0, NULL), FA_OK);
    unsigned rotten = 0;
    for (size_t i = 0; i < 200; i++)
        rotten += memcmp(bytes + i * 512, data, 512) != 0;
    assert_in_range(rotten, 25, 75);
    assert_int_equal(faults.rotten, rotten);
    close_all();
}

static void late_answers(void **state)
{
    (void)state;
    static fa_block_request requests[FA_BLOCK_FAULTS_HELD_MAX + 1];
    open(&(fa_block_faults_options){.seed = 4, .delay_ns = 100, .jitter_ns = 900});
    for (unsigned i = 0; i <= FA_BLOCK_FAULTS_HELD_MAX; i++) {
        requests[i] = (fa_block_request){.kind = FA_BLOCK_FLUSH};
        assert_int_equal(submit(&requests[i]), i < FA_BLOCK_FAULTS_HELD_MAX ? FA_OK : FA_EAGAIN);
    }
    assert_int_equal(done_count, 0);
    unsigned last_done = 0, steps = 0;
    while (done_count < FA_BLOCK_FAULTS_HELD_MAX) {
        const fa_deadline by = faults.device.poll_by;
        assert_in_range(by, FA_NS_PER_S + 100, FA_NS_PER_S + 1000);
        now_ns = by - 1;
        assert_false(faults.device.ops->arm(&faults.device));
        now_ns = by;
        assert_true(faults.device.ops->arm(&faults.device));
        faults.device.ops->poll(&faults.device);
        assert_true(done_count > last_done);
        last_done = done_count;
        steps++;
    }
    assert_true(steps > 8 && faults.device.poll_by == FA_FOREVER);
    close_all();
    open(&(fa_block_faults_options){.seed = 4, .hang_permille = 1000});
    assert_int_equal(submit(&requests[0]), FA_OK);
    assert_true(faults.device.poll_by == FA_FOREVER && done_count == 0);
    faults.device.ops->stop(&faults.device);
    assert_true(done_count == 1 && requests[0].err == FA_EIO);
    assert_int_equal(submit(&requests[0]), FA_EIO);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crashes),
        cmocka_unit_test(a_full_cache_makes_room),
        cmocka_unit_test(errors_and_damage),
        cmocka_unit_test(rot),
        cmocka_unit_test(late_answers),
    };
    return cmocka_run_group_tests_name("block_faults", tests, NULL, NULL);
}
