/* SPDX-License-Identifier: ISC */
/* Grants against a back end that keeps what it was given for as long as it likes. */
#include "../../sdk/core/pages.h"
#include "../../sdk/cpu/dma.h"
#include "../../sdk/drivers/xen/grants.h"
#include "host.h"
#include "test.h"
#include "xen_fake.h"
#include "xen_fake_grants.h"

#define FRAMES 3u
#define ALL (FRAMES * XEN_GRANTS_PER_FRAME - XEN_GRANTS_RESERVED)

static _Alignas(4096) uint8_t ram[64 * 4096];
static _Alignas(4096) uint8_t page[4096];
static uint32_t refs[ALL];
static unsigned ended_count;

static void ended(void *arg)
{
    assert_ptr_equal(arg, page);
    ended_count++;
}

static plat_dma_addr page_addr(void)
{
    fa_cpu_phys phys;
    assert_int_equal(fa_cpu_dma_address(page, sizeof page, &phys), FA_OK);
    return (plat_dma_addr){phys.address};
}

/* The table's frames stay from test to test, as in a domain that is resumed. */
static int set_up(void **state)
{
    (void)state;
    static uint8_t notes[64];
    static bool is_set_up;
    fake_reset();
    fake_grants_reset(FRAMES);
    ended_count = 0;
    if (!is_set_up) {
        fa_pages_init(&fa_ram, (uintptr_t)ram, 64, notes);
        fa_pages_add(&fa_ram, (uintptr_t)ram, (uintptr_t)ram + sizeof ram);
    }
    is_set_up = true;
    assert_int_equal(xen_grants_resume(), FA_OK);
    assert_int_equal(xen_grants_counted().kept, 0);
    return xen_grants_counted().reserved == 0 ? 0 : -1;
}

static uint32_t reserve(void)
{
    uint32_t ref;
    assert_int_equal(xen_grant_reserve(&ref), FA_OK);
    assert_true(ref >= XEN_GRANTS_RESERVED);
    return ref;
}

static void no_memory(void **state)
{
    (void)state;
    void *pages[65];
    size_t count = 0;
    while ((pages[count] = fa_pages_alloc(&fa_ram, 1)) != NULL)
        count++;
    uint32_t ref;
    assert_int_equal(xen_grant_reserve(&ref), FA_ENOMEM);
    while (count > 0)
        fa_pages_free(&fa_ram, pages[--count], 1);
    fake.refusal = -XEN_EPERM;
    assert_int_equal(xen_grant_reserve(&ref), FA_EPERM);
    assert_int_equal(fa_ram.free_count, 64);
}

static void gives_and_ends(void **state)
{
    (void)state;
    const uint32_t ref = reserve();
    assert_null(fake_map(ref, false));
    for (unsigned round = 0; round < 3; round++) {
        xen_grant_give(ref, FAKE_BACKEND, page_addr(), round == 1);
        assert_int_equal(fake_given(), 1);
        assert_ptr_equal(fake_map(ref, false), page);
        assert_ptr_equal(fake_map(ref, true), round == 1 ? page : NULL);
        assert_false(xen_grant_end(ref));
        fake_unmap(ref);
        assert_int_equal(xen_grant_end(ref), round != 1);
        if (round == 1) {
            fake_unmap(ref);
            assert_true(xen_grant_end(ref));
        }
        assert_true(xen_grant_end(ref));
        assert_null(fake_map(ref, false));
    }
    xen_grant_give(ref, FAKE_BACKEND + 1, page_addr(), true);
    assert_null(fake_map(ref, false));
    expect_assert_failure(xen_grant_give(ref, FAKE_BACKEND, page_addr(), true));
    expect_assert_failure(xen_grant_release(ref));
    assert_true(xen_grant_end(ref));
    xen_grant_release(ref);
}

static void keeps_aside(void **state)
{
    (void)state;
    const uint32_t free_one = reserve(), held = reserve();
    xen_grant_give(free_one, FAKE_BACKEND, page_addr(), true);
    xen_grant_give(held, FAKE_BACKEND, page_addr(), true);
    assert_non_null(fake_map(held, true));
    xen_grant_abandon(free_one, ended, page);
    assert_int_equal(ended_count, 1);
    xen_grant_abandon(held, ended, page);
    assert_int_equal(ended_count, 1);
    assert_int_equal(xen_grants_counted().kept, 1);
    assert_int_equal(xen_grants_counted().reserved, 0);
    assert_int_equal(xen_grants_retry(), 1);
    /* Its reference goes to nobody else. */
    for (size_t i = 0; i < ALL - 1; i++) {
        refs[i] = reserve();
        assert_int_not_equal(refs[i], held);
    }
    uint32_t none;
    assert_int_equal(xen_grant_reserve(&none), FA_ELIMIT);
    fake_unmap(held);
    assert_int_equal(reserve(), held);
    assert_int_equal(ended_count, 2);
    xen_grant_release(held);
    for (size_t i = 0; i < ALL - 1; i++)
        xen_grant_release(refs[i]);
    assert_int_equal(xen_grants_retry(), 0);
    assert_int_equal(fake_given(), 0);
}

static void no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++) {
        refs[i] = reserve();
        xen_grant_give(refs[i], FAKE_BACKEND, page_addr(), false);
    }
    assert_int_equal(fake_given(), ALL); /* each is another one */
    uint32_t none;
    assert_int_equal(xen_grant_reserve(&none), FA_ELIMIT);
    for (size_t i = 0; i < ALL; i++)
        xen_grant_abandon(refs[i], ended, page);
    assert_int_equal(ended_count, ALL);
}

static void resume(void **state)
{
    (void)state;
    const uint32_t kept = reserve(), reserved = reserve();
    xen_grant_give(kept, FAKE_BACKEND, page_addr(), true);
    xen_grant_give(reserved, FAKE_BACKEND, page_addr(), true);
    assert_non_null(fake_map(kept, true));
    xen_grant_abandon(kept, ended, page);
    fake_reset();
    fake_grants_reset(FRAMES);
    assert_int_equal(xen_grants_resume(), FA_OK);
    assert_int_equal(ended_count, 1);
    assert_int_equal(fake_given(), 0);
    xen_grant_give(reserved, FAKE_BACKEND, page_addr(), true);
    assert_non_null(fake_map(reserved, true));
    fake_unmap(reserved);
    assert_true(xen_grant_end(reserved));
    xen_grant_release(reserved);
    fake.refusal = -XEN_ENOMEM;
    assert_int_equal(xen_grants_resume(), FA_ENOMEM);
}

static void of_others(void **state)
{
    (void)state;
    uint32_t handle;
    assert_int_equal(xen_grant_copy_from(FAKE_BACKEND, 2, 100, page, 50), FA_OK);
    assert_int_equal(page[49], 'r');
    assert_int_equal(xen_grant_copy_to(FAKE_BACKEND, 1, 4000, page, 50), FA_OK);
    assert_int_equal(xen_grant_copy_from(FAKE_BACKEND, 1, 3999, page + 100, 52), FA_OK);
    assert_memory_equal(page + 100, "wrr", 3);
    assert_memory_equal(page + 150, "rw", 2);
    assert_int_equal(xen_grant_copy_to(FAKE_BACKEND, 2, 0, page, 1), FA_EPERM);
    assert_int_equal(xen_grant_copy_from(FAKE_BACKEND + 1, 1, 0, page, 1), FA_ENOENT);
    assert_int_equal(xen_grant_map(FAKE_BACKEND, 2, true, page, &handle), FA_EPERM);
    assert_int_equal(xen_grant_map(7, 2, false, page, &handle), FA_ENOENT);
    assert_int_equal(xen_grant_map(FAKE_BACKEND, 2, false, page, &handle), FA_OK);
    assert_int_equal(page[4095], 'r');
    assert_int_equal(xen_grant_unmap(handle, page), FA_OK);
    assert_int_equal(xen_grant_unmap(1, page), FA_EIO);
    fake.refusal = -XEN_ENOSYS;
    assert_int_equal(xen_grant_map(FAKE_BACKEND, 2, false, page, &handle), FA_ENOTSUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_memory, set_up), /* while there is no frame */
        cmocka_unit_test_setup(gives_and_ends, set_up),
        cmocka_unit_test_setup(keeps_aside, set_up),
        cmocka_unit_test_setup(no_more, set_up),
        cmocka_unit_test_setup(resume, set_up),
        cmocka_unit_test_setup(of_others, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
