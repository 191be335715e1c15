/* SPDX-License-Identifier: ISC */
/* Xen's block device against a back end, a toolstack and a store that break the rules: what they do is
 * told, nothing outside of what is theirs is touched, nothing waits for ever, and a device that comes
 * anew works. */
#include "xen_blk.h"
#include <stdio.h>

/* It has broken the rules: every call fails, all it had is back, but what the back end holds; closed and
 * opened again it works. */
static void expect_broken(void)
{
    world_settle();
    assert_int_equal(fa_block_flush(disk, FA_FOREVER), FA_EIO);
    assert_int_equal(blkback_front_state(), 6);
    blkback_let_go();
    fa_sleep(fa_after_s(3));
    expect_nothing_left();
    blkback_vanish();
    blkback_attach();
    world_settle();
    assert_int_equal(fa_block_flush(disk, FA_FOREVER), FA_EIO); /* also with a new one */
    fa_block_close(disk);
    blkback_vanish();
    blkback_attach();
    assert_int_equal(try_open(SOON), FA_OK);
    blk_back.serves = true;
    job write = {FA_BLOCK_WRITE, 3, memory, 4096, 0, FA_OK, false};
    start(&write);
    finish(&write, FA_OK);
    blk_back.serves = false;
}

/* A write of so many pages, taken by the back end. */
static job taken[2];
static void begin(size_t pages)
{
    taken[0] = (job){FA_BLOCK_WRITE, 0, memory, pages * 4096, 0, FA_OK, false};
    taken[1] = (job){FA_BLOCK_READ, 1000, memory + FA_MIB / 2, pages * 4096, 0, FA_OK, false};
    blk_back.serves = false;
    start(&taken[0]);
    start(&taken[1]);
    assert_int_equal(blkback_take(9), 2);
}

static void expect_failed(void)
{
    finish(&taken[0], FA_EIO);
    finish(&taken[1], FA_EIO);
    expect_broken();
}

static void wrong_indices(void **state)
{
    (void)state;
    static const uint32_t wrong[] = {3, 129, 1000, UINT32_MAX / 2, UINT32_MAX - 1};
    open();
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++) {
        begin(1);
        blk_back.ring->answer_produced += wrong[i];
        fake_send(blk_back.port);
        expect_failed();
    }
    close_all();
}

static void wrong_answers(void **state)
{
    (void)state;
    static const struct {
        uint64_t id;
        int16_t status;
    } wrong[] = {{128, 0}, {UINT64_MAX, 0}, {UINT64_C(1) << 32, 0}, {77, 0}, {0, 1},
                 {0, -3}, {0, INT16_MIN}, {0, INT16_MAX}};
    open();
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++) {
        begin(1 + i * 8);
        const uint64_t id = wrong[i].id == 0 ? blk_back.held[0].id : wrong[i].id;
        blkback_put(id, wrong[i].status);
        blkback_notify();
        expect_failed();
    }
    begin(1); /* the same one twice */
    const uint64_t id = blk_back.held[0].id;
    blkback_put(id, BLKIF_OKAY);
    blkback_put(id, BLKIF_OKAY);
    blkback_notify();
    finish(&taken[0], FA_OK);
    finish(&taken[1], FA_EIO);
    expect_broken();
    close_all();
}

/* It never answers: the block layer gives up; and it answers after that. */
static void never_answers(void **state)
{
    (void)state;
    open();
    begin(20);
    fa_sleep(fa_after_ns(FA_BLOCK_HUNG_NS + 2 * FA_NS_PER_S));
    expect_failed();
    begin(20);
    fa_block_info before = info();
    blk_back.holds = true;
    fa_sleep(fa_after_ns(FA_BLOCK_HUNG_NS + 2 * FA_NS_PER_S));
    finish(&taken[1], FA_EIO);
    memset(memory + FA_MIB / 2, 0x33, 20 * 4096);
    blkback_let_go(); /* writes what is to be read, late: into pages that are nobody's */
    for (size_t i = 0; i < 20 * 4096; i++)
        assert_int_equal(memory[FA_MIB / 2 + i], 0x33);
    assert_int_equal(before.error_count + 2, info().error_count);
    expect_broken();
    close_all();
}

/* It changes what it has answered, while and after that is copied: what was read stays as it was. */
static void changes_its_mind(void **state)
{
    (void)state;
    open();
    begin(4);
    uint8_t *page = blk_back.held[1].pages[0];
    memset(blk_back.disk, 0x11, DISK_BYTES);
    blkback_answer(1);
    finish(&taken[1], FA_OK);
    memset(page, 0x22, 4096); /* the page is still mapped: a persistent grant */
    assert_int_equal(memory[FA_MIB / 2], 0x11);
    blkback_answer(0);
    finish(&taken[0], FA_OK);
    close_all();
}

/* Each connection that it does not let go of costs pages, and there is no next one before it has. */
static void lets_nothing_go(void **state)
{
    (void)state;
    open();
    begin(60);
    for (unsigned i = 0; i < 20; i++) {
        blk_back.holds = true;
        blkback_vanish();
        blkback_attach();
        fa_sleep(fa_after_s(3));
        assert_false(info().present);
        assert_true(ram_free - fa_ram.free_count < BLKFRONT_PAGES_MAX + 10);
    }
    fa_scope_close(&scope); /* the calls that wait are canceled */
    fa_scope_open(&scope);
    assert_true(taken[0].err == FA_ECANCELED && taken[1].err == FA_ECANCELED);
    close_all();
}

/* Anything at all in the ring, at any time. */
static void anything(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED;
    unsigned broken = 0;
    open();
    for (unsigned round = 0; round < 100; round++) {
        begin(1 + test_random_below(&seed, 30));
        for (unsigned step = 0; step < 20 && fake.ports[blk_back.port]; step++) {
            uint8_t *bytes = (uint8_t *)blk_back.ring + 64;
            for (unsigned i = 0; i < 300; i++)
                bytes[test_random_below(&seed, 20 * step + 300)] = (uint8_t)(
                    test_random_below(&seed, 4) ? test_random_below(&seed, 4) : test_random(&seed));
            blk_back.ring->answer_produced += (uint32_t)test_random_below(&seed, 2);
            blk_back.ring->answer_event = blk_back.ring->request_event = (uint32_t)test_random(&seed);
            fake_send(blk_back.port);
            fa_sleep(fa_after_ms(3));
        }
        world_settle();
        if (fake.ports[blk_back.port]) {
            blk_back.ring->answer_produced += 1000;
            fake_send(blk_back.port);
            world_settle();
        }
        assert_true(taken[0].done && taken[1].done);
        broken += taken[0].err == FA_EIO;
        expect_broken();
    }
    assert_true(broken > 60);
    close_all();
}

/* The directories vanish, or say anything, after any number of the store's steps. */
static void vanishes(void **state)
{
    (void)state;
    static const char *const paths[] = {BLKBACK_FRONT, BLKBACK_BACK, BLKBACK_BACK "/state",
                                        BLKBACK_FRONT "/backend", BLKBACK_FRONT "/state",
                                        BLKBACK_BACK "/sectors"};
    open();
    for (size_t p = 0; p < FA_ARRAY_COUNT(paths); p++)
        for (unsigned steps = 0; steps < 60; steps++) {
            blk_back.is_lazy = false;
            blkback_vanish();
            world_settle();
            fa_sleep(fa_after_s(3));
            expect_nothing_left();
            blkback_attach();
            for (unsigned i = 0; i < steps; i++)
                fa_sleep(fa_after_ms(STEP_MS));
            fake_store_set(paths[p], p % 2 ? NULL : "");
            fake_store_set(paths[p], NULL);
            fa_sleep(fa_after_s(3));
            /* What has gone is not made anew by a late write. */
            assert_true(p > 0 || fake_store_get(BLKBACK_FRONT "/ring-ref") == NULL);
            assert_true(p > 0 || blkback_front_state() == 0);
        }
    blkback_vanish();
    world_settle();
    blkback_attach();
    fa_sleep(fa_after_s(3));
    assert_true(info().present);
    close_all();
}

static void odd_values(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
    } odd[] = {
        {"sector-size", "0"},      {"sector-size", "513"},    {"sector-size", "8192"},
        {"sector-size", "-1"},     {"sector-size", "x"},      {"sectors", "36028797018963968"},
        {"sectors", "-5"},         {"sectors", ""},           {"info", "x"},
        {"feature-flush-cache", "yes"}, {"max-ring-page-order", "-1"},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(odd); i++) {
        blkback_attach();
        blkback_set(odd[i].name, odd[i].value);
        const fa_err err = try_open(SOON);
        assert_true(err == FA_ENOTSUP || err == FA_EFORMAT);
        world_settle();
        expect_nothing_left();
        blkback_vanish();
    }
    static const char *const granules[] = {"0", "1", "100", "8191", "18446744073709551615", "4611686018427387904"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(granules); i++) { /* no reason to refuse the disk */
        blkback_attach();
        blk_back.serves = true;
        blkback_set("discard-granularity", granules[i]);
        blkback_set("discard-alignment", granules[i]);
        blkback_set("mode", i % 2 ? "" : "something else");
        blkback_set("feature-max-indirect-segments", i % 2 ? "18446744073709551615" : "64");
        assert_int_equal(try_open(SOON), FA_OK);
        assert_int_equal(fa_block_discard(disk, 0, 100, WAIT), FA_OK);
        assert_false(info().read_only);
        close_all();
    }
}

static void odd_states(void **state)
{
    (void)state;
    static const char *const states[] = {"9", "7", "8", "0", "-1", "4294967300", "", "x", "1", "5"};
    open();
    for (size_t i = 0; i < FA_ARRAY_COUNT(states); i++) {
        blk_back.is_lazy = true;
        blkback_set("state", states[i]);
        world_settle();
        blk_back.is_lazy = false;
        blkback_detach();
        world_settle();
        fa_sleep(fa_after_s(3));
        expect_nothing_left();
        blkback_attach();
        world_settle();
        assert_true(info().present);
    }
    close_all();
}

static void never_connects(void **state)
{
    (void)state;
    blkback_attach();
    blk_back.is_lazy = true;
    assert_int_equal(try_open(fa_after_s(15)), FA_ETIMEDOUT); /* and it was told after 10 */
    world_settle();
    expect_nothing_left();
    blk_back.is_lazy = false;
    fake_store_silent = true;
    assert_int_equal(try_open(fa_after_s(3)), FA_ETIMEDOUT);
    fake_store_silent = false;
    fa_sleep(fa_after_s(30));
    expect_nothing_left();
    open();
    close_all();
}

static void no_resources(void **state)
{
    (void)state;
    blkback_attach();
    for (uint32_t port = STORE_PORT + 1; port < XEN_PORTS; port++)
        fake_make_port(port);
    assert_int_equal(try_open(SOON), FA_ENOSPC);
    memset(&fake.ports[STORE_PORT + 1], 0, (XEN_PORTS - STORE_PORT - 1) * sizeof fake.ports[0]);
    world_settle();
    expect_nothing_left();
    blkback_vanish();
    world_settle();
    static void *pages[RAM_PAGES];
    size_t count = 0;
    while ((pages[count] = fa_pages_alloc(&fa_ram, 1)) != NULL)
        count++;
    for (unsigned i = 0; i < 2; i++) { /* none, then two that do not lie side by side */
        ram_free = fa_ram.free_count;
        blkback_attach();
        assert_int_equal(try_open(SOON), FA_ENOMEM);
        world_settle();
        expect_nothing_left();
        blkback_vanish();
        world_settle();
        fa_pages_free(&fa_ram, pages[i * 2], 1);
    }
    for (size_t i = 0; i < count; i++)
        if (i != 0 && i != 2)
            fa_pages_free(&fa_ram, pages[i], 1);
    ram_free = fa_ram.free_count;
    open();
    close_all();
}

/* A small machine has fewer pages to give. */
static void small_machine(void **state)
{
    (void)state;
    const size_t total = fa_ram.total_count;
    fa_ram.total_count = 10 * BLKFRONT_PAGES_SHARE;
    open();
    blk_back.serves = true;
    job write = {FA_BLOCK_WRITE, 0, memory, FA_MIB, 0, FA_OK, false};
    start(&write);
    finish(&write, FA_OK);
    assert_memory_equal(blk_back.disk, memory, FA_MIB);
    assert_true(ram_free - fa_ram.free_count <= 10 + 4 + 1);
    fa_ram.total_count = total;
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_indices),  TEST(wrong_answers), TEST(never_answers), TEST(changes_its_mind),
        TEST(lets_nothing_go), TEST(anything),     TEST(vanishes),      TEST(odd_values),
        TEST(odd_states),     TEST(never_connects), TEST(no_resources),
        TEST(small_machine),
    };
    world_backend = blkback_run;
    world_init();
    return cmocka_run_group_tests_name("xen_blk_bad", tests, NULL, NULL);
}
