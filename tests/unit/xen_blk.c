/* SPDX-License-Identifier: ISC */
/* Xen's block device against a back end that keeps the rules, comes and goes. */
#include "xen_blk.h"
#include <stdlib.h>

static fa_err write_at(uint64_t sector, const void *bytes, size_t len)
{
    return fa_block_write(disk, sector, &(fa_block_from){bytes, len}, 1, WAIT);
}

static fa_err read_at(uint64_t sector, void *bytes, size_t len)
{
    return fa_block_read(disk, sector, &(fa_block_into){bytes, len}, 1, WAIT);
}

static void opens(void **state)
{
    (void)state;
    fa_blockdev *other;
    assert_int_equal(try_open(SOON), FA_ENOENT);
    open();
    assert_string_equal(info().device, "blkfront");
    assert_int_equal(info().sector_bytes, 512);
    assert_int_equal(info().sector_count, BLKBACK_UNITS);
    assert_true(info().can_discard && info().needs_flush && !info().read_only);
    assert_int_equal(blk_back.ring_pages, 4);
    assert_true(blk_back.is_persistent);
    assert_int_equal(fake_given(), 4);
    assert_int_equal(blkback_front_state(), 4);
    assert_int_equal(xen_blkfront_open(0, &other, SOON), FA_EBUSY);
    assert_int_equal(xen_blkfront_open(1, &other, SOON), FA_ENOENT);
    assert_int_equal(xen_blkfront_open(XEN_BLKFRONT_MAX, &other, SOON), FA_ELIMIT);
    /* The same disk is number 1 when there is one before it, and open all the same. */
    fake_store_set("/local/domain/5/device/vbd/768/state", "1");
    assert_int_equal(xen_blkfront_open(1, &other, SOON), FA_EBUSY);
    assert_int_equal(write_at(0, memory, 512), FA_OK);
    fake_store_set("/local/domain/5/device/vbd/768", NULL);
    for (unsigned i = 0; i < 3; i++) {
        fa_block_close(disk);
        assert_int_equal(try_open(SOON), FA_OK);
        assert_int_equal(write_at(i, memory, 512), FA_OK);
    }
    close_all();
}

/* All kinds of back ends, and of requests: more and less than a page, than a request, than the ring. */
static void moves_data(void **state)
{
    (void)state;
    static const char *const orders[] = {NULL, "0", "1", "9"};
    static const char *const segments[] = {NULL, "8", "12", "40", "256"};
    static const size_t lens[] = {512, 1024, 4096, 4608, 11 * 4096, 11 * 4096 + 512, 13 * 4096 - 512,
                                  64 * 4096, 65 * 4096 + 1536, FA_MIB - 4096};
    static uint8_t got[FA_MIB];
    for (unsigned kind = 0; kind < 40; kind++) {
        blkback_attach();
        blkback_set("max-ring-page-order", orders[kind % 4]);
        blkback_set("feature-max-indirect-segments", segments[kind / 4 % 5]);
        blkback_set("feature-persistent", kind / 20 == 0 ? "1" : NULL);
        assert_int_equal(try_open(SOON), FA_OK);
        const unsigned most = kind / 4 % 5 < 2 ? 11 : kind / 4 % 5 == 2 ? 12 : kind / 4 % 5 == 3 ? 40 : 64;
        for (size_t i = 0; i < FA_ARRAY_COUNT(lens); i++) {
            const size_t len = lens[i], offset = i * 3;
            blk_back.units_max = 0;
            memset(blk_back.disk, 0xaa, DISK_BYTES);
            assert_int_equal(write_at(i + 1, memory + offset, len), FA_OK);
            assert_memory_equal(blk_back.disk + (i + 1) * 512, memory + offset, len);
            assert_true(blk_back.disk[(i + 1) * 512 - 1] == 0xaa && blk_back.disk[(i + 1) * 512 + len] == 0xaa);
            memset(got, 0x55, sizeof got);
            assert_int_equal(read_at(i + 1, got + offset, len), FA_OK);
            assert_memory_equal(got + offset, memory + offset, len);
            assert_true(got[offset + len] == 0x55 && (offset == 0 || got[offset - 1] == 0x55));
            const size_t pages = (len + 4095) / 4096 < most ? (len + 4095) / 4096 : most;
            assert_int_equal((blk_back.units_max + 7) / 8, pages);
        }
        assert_int_equal(blk_back.ring_pages, kind % 4 == 3 ? 4 : kind % 4 == 2 ? 2 : 1);
        assert_int_equal(blk_back.indirect > 0, most > 11);
        assert_int_equal(info().copied_sectors, 0);
        blk_back.indirect = 0;
        close_all();
    }
}

/* Pieces of all lengths, and a sector that is not the smallest. */
static void gathers(void **state)
{
    (void)state;
    blkback_attach();
    blkback_set("sector-size", "4096");
    blkback_set("physical-sector-size", "8192");
    assert_int_equal(try_open(SOON), FA_OK);
    assert_int_equal(info().sector_bytes, 4096);
    assert_int_equal(info().physical_bytes, 8192);
    assert_int_equal(info().sector_count, BLKBACK_UNITS / 8);
    fa_block_from pieces[60];
    size_t at = 1, total = 0;
    static uint8_t want[FA_MIB], got[FA_MIB];
    for (size_t i = 0; i < 60; i++) {
        const size_t len = i % 4 * 4096;
        pieces[i] = (fa_block_from){memory + at, len};
        memcpy(want + total, memory + at, len);
        at += len + 100;
        total += len;
    }
    assert_int_equal(fa_block_write(disk, 3, pieces, 60, WAIT), FA_OK);
    assert_memory_equal(blk_back.disk + 3 * 4096, want, total);
    assert_int_equal(read_at(3, got, total), FA_OK);
    assert_memory_equal(got, want, total);
    assert_int_equal(read_at(BLKBACK_UNITS / 8, got, 4096), FA_ERANGE);
    close_all();
}

/* A large call has many requests on the ring; the pages have a bound that all fibers share. */
static void is_deep_and_bounded(void **state)
{
    (void)state;
    open();
    blk_back.serves = false;
    job jobs[8];
    for (size_t i = 0; i < 8; i++) {
        jobs[i] = (job){FA_BLOCK_WRITE, i * 256, memory + i * 131072, 131072, 0, FA_OK, false};
        start(&jobs[i]);
    }
    (void)blkback_take(200);
    assert_int_equal(blk_back.held_count, 8); /* 33 pages each */
    job big = {FA_BLOCK_WRITE, 4096, memory, FA_MIB, 0, FA_OK, false};
    start(&big);
    const size_t used = ram_free - fa_ram.free_count;
    assert_in_range(used, BLKFRONT_PAGES_MAX, BLKFRONT_PAGES_MAX + 6);
    blk_back.serves = true;
    for (size_t i = 0; i < 8; i++)
        finish(&jobs[i], FA_OK);
    finish(&big, FA_OK);
    assert_memory_equal(blk_back.disk, memory, FA_MIB);
    assert_memory_equal(blk_back.disk + 4096 * 512, memory, FA_MIB);
    blk_back.serves = false;
    big.kind = FA_BLOCK_READ;
    start(&big);
    assert_true(blkback_take(200) >= 3); /* one call alone */
    blk_back.serves = true;
    finish(&big, FA_OK);
    close_all();
}

/* More fibers than the ring has places, or than there are jobs. */
static void more_callers_than_room(void **state)
{
    (void)state;
    blkback_attach();
    blkback_set("max-ring-page-order", NULL);
    assert_int_equal(try_open(SOON), FA_OK);
    blk_back.serves = false;
    static job jobs[100];
    for (size_t i = 0; i < 100; i++) {
        jobs[i] = (job){FA_BLOCK_WRITE, i, memory + i * 512, 512, 0, FA_OK, false};
        start(&jobs[i]);
    }
    assert_int_equal(blkback_take(200), 32);
    const unsigned notified = fake.notified[blk_back.port];
    for (unsigned i = 32; i-- > 0;) /* backwards */
        blkback_answer(i);
    fa_sleep(fa_after_ms(5));
    assert_int_equal(blkback_take(200), 32);
    assert_true(fake.notified[blk_back.port] - notified < 3);
    blk_back.serves = true;
    for (size_t i = 0; i < 100; i++)
        finish(&jobs[i], FA_OK);
    assert_memory_equal(blk_back.disk, memory, 100 * 512);
    close_all();
}

static void flushes_and_discards(void **state)
{
    (void)state;
    blkback_attach();
    blkback_set("discard-granularity", "8192");
    blkback_set("discard-alignment", "1024");
    assert_int_equal(try_open(SOON), FA_OK);
    assert_int_equal(fa_block_flush(disk, WAIT), FA_OK);
    assert_int_equal(blk_back.flushes, 1);
    memset(blk_back.disk, 1, DISK_BYTES);
    assert_int_equal(fa_block_discard(disk, 5, 40, WAIT), FA_OK); /* 18 to 33: one granule */
    for (size_t i = 0; i < 60; i++)
        assert_int_equal(blk_back.disk[i * 512], i < 18 || i >= 34);
    assert_int_equal(fa_block_discard(disk, 19, 30, WAIT), FA_OK); /* none */
    assert_int_equal(fa_block_discard(disk, 0, 1, WAIT), FA_OK);
    assert_int_equal(blk_back.discards, 1);
    assert_int_equal(fa_block_discard(disk, 0, BLKBACK_UNITS, WAIT), FA_OK);
    assert_int_equal(blk_back.disk[2 * 512 - 1], 1);
    assert_int_equal(blk_back.disk[2 * 512], 0);
    close_all();
    blkback_attach();
    blkback_set("feature-discard", NULL);
    blkback_set("feature-flush-cache", "0");
    assert_int_equal(try_open(SOON), FA_OK);
    assert_true(!info().can_discard && !info().needs_flush);
    assert_int_equal(fa_block_discard(disk, 0, 1, WAIT), FA_ENOTSUP);
    assert_int_equal(fa_block_flush(disk, WAIT), FA_OK);
    assert_int_equal(blk_back.flushes, 1);
    close_all();
}

static void read_only(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        blkback_attach();
        blkback_set(i ? "mode" : "info", i ? "r" : "4");
        assert_int_equal(try_open(SOON), FA_OK);
        assert_true(info().read_only);
        assert_int_equal(write_at(0, memory, 512), FA_EPERM);
        assert_int_equal(read_at(0, memory, 512), FA_OK);
        close_all();
    }
}

static void errors(void **state)
{
    (void)state;
    open();
    blk_back.status = BLKIF_ERROR;
    assert_int_equal(write_at(0, memory, FA_MIB), FA_EIO);
    assert_int_equal(read_at(0, memory, 4096), FA_EIO);
    assert_int_equal(fa_block_flush(disk, WAIT), FA_EIO);
    assert_int_equal(fa_block_discard(disk, 0, 8, WAIT), FA_EIO);
    blk_back.status = BLKIF_NOT_SUPPORTED;
    assert_int_equal(fa_block_flush(disk, WAIT), FA_EIO);
    assert_int_equal(fa_block_discard(disk, 0, 8, WAIT), FA_ENOTSUP);
    blk_back.status = BLKIF_OKAY;
    assert_int_equal(write_at(0, memory, FA_MIB), FA_OK);
    assert_memory_equal(blk_back.disk, memory, FA_MIB);
    assert_true(info().error_count > 0);
    close_all();
}

static void resized(void **state)
{
    (void)state;
    blkback_attach();
    blkback_set_number("sectors", 1000);
    assert_int_equal(try_open(SOON), FA_OK);
    assert_int_equal(read_at(1000, memory, 512), FA_ERANGE);
    const uint32_t seen = info().changes;
    blkback_set_number("sectors", 2000);
    blkback_set_state(4); /* as Linux does */
    assert_int_equal(fa_block_wait_change(disk, seen, WAIT), FA_OK);
    assert_int_equal(info().sector_count, 2000);
    assert_int_equal(read_at(1999, memory, 512), FA_OK);
    blkback_set_number("sectors", 100);
    world_settle();
    assert_int_equal(info().sector_count, 100);
    assert_int_equal(read_at(100, memory, 512), FA_ERANGE);
    assert_int_equal(info().changes, seen + 2);
    close_all();
}

/* With little memory there are fewer pages; with none, the call fails, and nothing is stuck. */
static void no_memory(void **state)
{
    (void)state;
    open();
    void *taken[RAM_PAGES];
    size_t count = 0;
    while ((taken[count] = fa_pages_alloc(&fa_ram, 1)) != NULL)
        count++;
    assert_int_equal(write_at(0, memory, 512), FA_ENOMEM);
    assert_int_equal(fa_block_flush(disk, WAIT), FA_OK);
    fa_pages_free(&fa_ram, taken[--count], 1);
    assert_int_equal(write_at(0, memory, FA_MIB), FA_OK);
    assert_memory_equal(blk_back.disk, memory, FA_MIB);
    fa_pages_free(&fa_ram, taken[--count], 1);
    fa_pages_free(&fa_ram, taken[--count], 1);
    memset(blk_back.disk, 0, DISK_BYTES);
    assert_int_equal(write_at(0, memory, FA_MIB), FA_OK);
    assert_memory_equal(blk_back.disk, memory, FA_MIB);
    while (count > 0)
        fa_pages_free(&fa_ram, taken[--count], 1);
    close_all();
}

/* What was not answered waits for the device's return, as long as the call has time. */
static void requests_wait_for_its_return(void **state)
{
    (void)state;
    open();
    blk_back.serves = false;
    job write = {FA_BLOCK_WRITE, 0, memory, FA_MIB / 2, 0, FA_OK, false};
    job flush = {.kind = FA_BLOCK_FLUSH};
    job brief = {FA_BLOCK_WRITE, 4000, memory, 4096, fa_after_s(5), FA_OK, false};
    start(&write);
    start(&flush);
    start(&brief);
    assert_int_equal(blkback_take(2), 2);
    blkback_detach();
    world_settle();
    assert_false(info().present);
    assert_int_equal(blkback_front_state(), 0);
    expect_nothing_left();
    job late = {FA_BLOCK_READ, 8, memory + FA_MIB / 2, 512, 0, FA_OK, false};
    job too_late = {FA_BLOCK_READ, 8, memory + FA_MIB / 2, 512, fa_after_s(1), FA_OK, false};
    start(&late);
    start(&too_late);
    fa_sleep(fa_after_s(6));
    finish(&brief, FA_ECLOSED);
    finish(&too_late, FA_ECLOSED);
    assert_false(write.done || flush.done || late.done);
    memset(blk_back.disk, 0, DISK_BYTES);
    blk_back.serves = true;
    blkback_attach();
    finish(&write, FA_OK);
    finish(&flush, FA_OK);
    finish(&late, FA_OK);
    assert_memory_equal(blk_back.disk, memory, FA_MIB / 2);
    assert_int_equal(blk_back.disk[4000 * 512], 0);
    assert_true(info().present);
    close_all();
}

/* A back end that has gone, and holds what it was asked: no other is spoken to until it has let go, or an
 * old write could come after a new one. */
static void old_writes_come_first(void **state)
{
    (void)state;
    for (unsigned persistent = 0; persistent < 2; persistent++) {
        blkback_attach();
        blkback_set("feature-persistent", persistent ? "1" : "0");
        assert_int_equal(try_open(SOON), FA_OK);
        blk_back.serves = false;
        job write = {FA_BLOCK_WRITE, 0, memory, 65536, 0, FA_OK, false};
        start(&write);
        assert_true(blkback_take(9) > 0);
        blk_back.holds = true;
        blkback_detach();
        world_settle();
        assert_int_equal(blkback_front_state(), 0);
        blkback_attach();
        blk_back.serves = true;
        fa_sleep(fa_after_s(60));
        assert_false(info().present || write.done);
        assert_int_equal(blkback_front_state(), 1);
        blkback_let_go(); /* does it, too */
        fa_sleep(fa_after_s(2));
        assert_true(info().present);
        finish(&write, FA_OK);
        assert_int_equal(write_at(0, memory + 512, 65536), FA_OK);
        assert_memory_equal(blk_back.disk, memory + 512, 65536);
        close_all();
    }
}

/* It comes again as another: what does not fit fails. */
static void comes_with_less(void **state)
{
    (void)state;
    open();
    blk_back.serves = false;
    job high = {FA_BLOCK_WRITE, 5000, memory, 4096, 0, FA_OK, false};
    job low = {FA_BLOCK_READ, 0, memory, FA_MIB / 4, 0, FA_OK, false};
    job flush = {.kind = FA_BLOCK_FLUSH};
    job discard = {.kind = FA_BLOCK_DISCARD, .len = 8};
    start(&high);
    start(&low);
    start(&flush);
    start(&discard);
    blkback_detach();
    world_settle();
    blkback_attach();
    blk_back.serves = true;
    blkback_set_number("sectors", 4000);
    blkback_set("feature-max-indirect-segments", NULL);
    blkback_set("max-ring-page-order", NULL);
    blkback_set("feature-flush-cache", NULL);
    blkback_set("feature-discard", NULL);
    finish(&high, FA_ERANGE);
    finish(&low, FA_OK);
    finish(&flush, FA_EIO);
    finish(&discard, FA_ENOTSUP);
    assert_true(!info().can_discard && !info().needs_flush && info().sector_count == 4000);
    blkback_detach();
    world_settle();
    blkback_attach();
    blkback_set("sector-size", "4096"); /* another one altogether */
    world_settle();
    assert_false(info().present);
    assert_int_equal(blkback_front_state(), 6);
    blkback_vanish();
    blkback_attach();
    world_settle();
    assert_true(info().present);
    assert_int_equal(read_at(0, memory, 4096), FA_OK);
    close_all();
}

/* Detached and attached under work, again and again: no write that was acknowledged is lost, nothing is
 * left. */
#define WORKERS 6u
#define WORKER_SECTORS 512u
static uint8_t model[WORKERS][WORKER_SECTORS * 512];
static bool work_ends;
static unsigned work_done, work_wrong;

static void work(void *arg)
{
    const size_t number = (size_t)((uint8_t (*)[WORKER_SECTORS * 512])arg - model);
    uint64_t seed = TEST_SEED + number;
    static uint8_t buffers[WORKERS][WORKER_SECTORS * 512];
    uint8_t *bytes = buffers[number];
    while (!work_ends && work_wrong == 0) {
        const size_t first = test_random_below(&seed, WORKER_SECTORS);
        const size_t most = test_random_below(&seed, 8) == 0 ? WORKER_SECTORS : 24;
        size_t count = 1 + test_random_below(&seed, most);
        count = count < WORKER_SECTORS - first ? count : WORKER_SECTORS - first;
        const uint64_t sector = number * WORKER_SECTORS + first;
        const unsigned what = (unsigned)test_random_below(&seed, 10);
        fa_err err = FA_OK;
        if (what < 6) {
            memset(bytes, (int)test_random(&seed), count * 512);
            memcpy(bytes, &seed, sizeof seed);
            err = fa_block_write(disk, sector, &(fa_block_from){bytes, count * 512}, 1, FA_FOREVER);
            memcpy(model[number] + first * 512, bytes, count * 512);
        } else if (what < 9) {
            err = fa_block_read(disk, sector, &(fa_block_into){bytes, count * 512}, 1, FA_FOREVER);
            work_wrong += memcmp(bytes, model[number] + first * 512, count * 512) != 0;
        } else {
            err = fa_block_flush(disk, FA_FOREVER);
        }
        work_wrong += err != FA_OK;
        work_done++;
    }
}

static void comes_and_goes(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED;
    memset(model, 0, sizeof model);
    work_ends = false;
    work_done = work_wrong = 0;
    open();
    const unsigned watches = fake_store_watches();
    for (size_t i = 0; i < WORKERS; i++)
        assert_int_equal(fa_scope_spawn(&scope, "worker", work, model[i]), FA_OK);
    for (unsigned cycle = 0; cycle < 1000; cycle++) {
        fa_sleep(fa_after_ms(5 + test_random_below(&seed, 30)));
        blk_back.serves = false;
        fa_sleep(fa_after_ms(2));
        for (unsigned i = 0; i < 3; i++) { /* some are done, some taken, some not even that */
            (void)blkback_take((unsigned)test_random_below(&seed, 4));
            if (blk_back.held_count > 0 && test_random_below(&seed, 2))
                blkback_answer((unsigned)test_random_below(&seed, blk_back.held_count));
        }
        blk_back.holds = cycle % 3 == 1;
        if (cycle % 7 == 3)
            blkback_vanish();
        else
            blkback_detach();
        world_settle();
        assert_false(info().present);
        assert_int_equal(blkback_front_state(), 0);
        if (blk_back.holds) {
            blkback_attach();
            fa_sleep(fa_after_ms(1500));
            assert_false(info().present);
            blkback_let_go();
            fa_sleep(fa_after_s(2));
        } else {
            expect_nothing_left();
            assert_int_equal(fake_store_nodes(), 0);
            blkback_attach();
            world_settle();
        }
        assert_true(info().present);
        assert_int_equal(fake_store_watches(), watches);
        assert_int_equal(work_wrong, 0);
        blk_back.serves = true;
    }
    work_ends = true;
    world_settle();
    assert_int_equal(fa_scope_wait(&scope, WAIT), FA_OK);
    assert_int_equal(work_wrong, 0);
    assert_true(work_done > 5000);
    assert_memory_equal(blk_back.disk, model, sizeof model);
    close_all();
}

/* Gone and come again before anybody has looked; and a back end that begins anew without a word. */
static void comes_again_at_once(void **state)
{
    (void)state;
    open();
    for (unsigned i = 0; i < 10; i++) {
        blk_back.serves = false;
        job write = {FA_BLOCK_WRITE, i, memory + i * 512, 65536, 0, FA_OK, false};
        start(&write);
        (void)blkback_take(1);
        if (i % 2 == 0) {
            blkback_vanish();
            blkback_attach();
        } else {
            blkback_vanish();
            fake_store_set(BLKBACK_FRONT "/backend-id", "3");
            fake_store_set(BLKBACK_FRONT "/backend", BLKBACK_BACK);
            blkback_attach();
        }
        blk_back.serves = true;
        fa_sleep(fa_after_s(2));
        finish(&write, FA_OK);
        assert_memory_equal(blk_back.disk + i * 512, memory + i * 512, 65536);
    }
    close_all();
}

/* The domain is saved under work and goes on as another: the disk is the same, all else is not. */
static void restore(void)
{
    fake_reset();
    fake_grants_reset(8);
    fake_store_reset();
    memset(&blk_back, 0, offsetof(blkback, disk));
    blkback_attach();
    xen_events_init();
    assert_int_equal(xen_grants_resume(), FA_OK);
    world_open_store();
    xen_bus_resume();
}

static void saved_and_restored(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED;
    memset(model, 0, sizeof model);
    work_ends = false;
    work_done = work_wrong = 0;
    open();
    memset(blk_back.disk, 0, DISK_BYTES);
    const unsigned watches = fake_store_watches();
    for (size_t i = 0; i < WORKERS; i++)
        assert_int_equal(fa_scope_spawn(&scope, "worker", work, model[i]), FA_OK);
    for (unsigned cycle = 0; cycle < 200; cycle++) {
        fa_sleep(fa_after_ms(5 + test_random_below(&seed, 30)));
        blk_back.serves = false;
        fa_sleep(fa_after_ms(2));
        (void)blkback_take((unsigned)test_random_below(&seed, 8));
        if (blk_back.held_count > 0)
            blkback_answer((unsigned)test_random_below(&seed, blk_back.held_count));
        restore();
        assert_false(info().present);
        fa_sleep(fa_after_ms(test_random_below(&seed, 20))); /* once more, on the way */
        if (cycle % 2 == 0)
            restore();
        blk_back.serves = true;
        world_settle();
        assert_true(info().present);
        assert_int_equal(fake_store_watches(), watches);
        assert_int_equal(port_count(), 2);
        assert_int_equal(work_wrong, 0);
    }
    work_ends = true;
    world_settle();
    assert_int_equal(fa_scope_wait(&scope, WAIT), FA_OK);
    assert_int_equal(work_wrong, 0);
    assert_true(work_done > 1000);
    assert_memory_equal(blk_back.disk, model, sizeof model);
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opens), TEST(moves_data), TEST(gathers), TEST(is_deep_and_bounded),
        TEST(more_callers_than_room), TEST(flushes_and_discards), TEST(read_only), TEST(errors),
        TEST(resized), TEST(no_memory), TEST(requests_wait_for_its_return),
        TEST(old_writes_come_first), TEST(comes_with_less), TEST(comes_and_goes),
        TEST(comes_again_at_once), TEST(saved_and_restored),
    };
    world_backend = blkback_run;
    world_init();
    return cmocka_run_group_tests_name("xen_blk", tests, NULL, NULL);
}
