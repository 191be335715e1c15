/* SPDX-License-Identifier: ISC */
/* For the tests of Xen's block device: one that is open, and what was there before it was. */
#ifndef FATA_TESTS_UNIT_XEN_BLK_H
#define FATA_TESTS_UNIT_XEN_BLK_H

#include "../../sdk/drivers/xen/blkfront.h"
#include "../../sdk/drivers/xen/blkfront_data.h"
#include "block_job.h"
#include "xen_fake_blkback.h"
#include "xen_world.h"
#include <fata/fiber.h>

#define WAIT fa_after_s(20)
#define DISK_BYTES sizeof blk_back.disk

static fa_scope scope;
static size_t ram_free; /* before the test */
static _Alignas(64) uint8_t memory[FA_MIB];

static fa_err try_open(fa_deadline deadline)
{
    fa_blockdev *device;
    const fa_err err = xen_blkfront_open(0, &device, deadline);
    return err == FA_OK ? fa_block_over_take(device, &disk) : err;
}

static void open(void)
{
    blkback_attach();
    assert_int_equal(try_open(SOON), FA_OK);
    assert_true(info().present);
}

static unsigned port_count(void)
{
    unsigned count = 0;
    for (uint32_t port = 0; port < XEN_PORTS; port++)
        count += fake.ports[port];
    return count;
}

/* Nothing is left of a device: no grant, no event channel, no page. */
static void expect_nothing_left(void)
{
    assert_int_equal(fake_given(), 0);
    assert_int_equal(fake_mapped(), 0);
    const xen_grants_count count = xen_grants_counted();
    assert_int_equal(count.reserved, 0);
    assert_int_equal(count.kept, 0);
    assert_int_equal(port_count(), 1); /* the store's */
    assert_true(fa_ram.free_count + 1 >= ram_free); /* (the grant table has grown by a page, once) */
}

static void close_all(void)
{
    fa_block_close(disk);
    blkback_let_go();
    fa_sleep(fa_after_s(3)); /* what the back end had is tried again */
    blkback_detach();
    world_settle();
    expect_nothing_left();
    assert_int_equal(fake_store_watches(), 0);
    blkback_vanish();
    assert_int_equal(fake_store_nodes(), 0);
    world_settle();
}

static int setup(void **state)
{
    (void)state;
    memset(&blk_back, 0, sizeof blk_back);
    blk_back.serves = true;
    ram_free = fa_ram.free_count;
    for (size_t i = 0; i < sizeof memory; i++)
        memory[i] = (uint8_t)(i / 512 * 7 + i % 13);
    fa_scope_open(&scope);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fa_scope_close(&scope);
    return 0;
}

static void start(job *j)
{
    if (j->deadline == 0)
        j->deadline = FA_FOREVER;
    j->done = false;
    assert_int_equal(fa_scope_spawn(&scope, "job", run_job, j), FA_OK);
    fa_sleep(FA_NOW);
}

static void finish(job *j, fa_err want)
{
    world_settle();
    assert_true(j->done);
    assert_int_equal(j->err, want);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
