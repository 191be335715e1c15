/* SPDX-License-Identifier: ISC */
/* For the tests of what waits for other domains: a Xen with Xenstore and a device's back end, which go on, in a fiber, while the test waits. For one program each. */
#ifndef FATA_TESTS_UNIT_XEN_WORLD_H
#define FATA_TESTS_UNIT_XEN_WORLD_H

#include "../../sdk/core/pages.h"
#include "../../sdk/drivers/xen/events.h"
#include "../../sdk/drivers/xen/grants.h"
#include "../../sdk/drivers/xen/xenstore.h"
#include "../../sdk/fiber/sched.h"
#include "board.h"
#include "test.h"
#include "xen_fake.h"
#include "xen_fake_grants.h"
#include "xen_fake_netback.h"
#include "xen_fake_store.h"

#define STORE_PORT 1u
#define STEP_MS 1u
#define SOON fa_after_s(30)

#define RAM_PAGES 2200u

static void (*world_backend)(void) = netback_run;
static unsigned world_steps; /* that changed something */

static void world_step(void)
{
    world_backend();
    if (fake_store_run()) {
        world_steps++;
        fake_send(STORE_PORT);
    }
    xen_events_poll();
}

static void world_run(void *arg)
{
    (void)arg;
    for (;;) {
        world_step();
        fa_sleep(fa_after_ms(STEP_MS));
    }
}

/* What everybody does if nobody does anything new. */
static void world_settle(void)
{
    fa_sleep(fa_after_ms(200 * STEP_MS));
}

static void world_open_store(void)
{
    fake_make_port(STORE_PORT);
    assert_int_equal(xen_store_open(&fake_store_page, STORE_PORT), FA_OK);
}

static void world_init(void)
{
    static _Alignas(4096) uint8_t ram[RAM_PAGES * 4096];
    static uint8_t notes[RAM_PAGES];
    fa_pages_init(&fa_ram, (uintptr_t)ram, RAM_PAGES, notes);
    fa_pages_add(&fa_ram, (uintptr_t)ram, (uintptr_t)ram + sizeof ram);
    fake_reset();
    fake_grants_reset(8);
    fake_store_reset();
    xen_events_init();
    world_open_store();
    assert_int_equal(fa_sched_spawn(&(fa_fiber_options){.name = "world"}, world_run, NULL), FA_OK);
}

#endif
