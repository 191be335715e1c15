/* SPDX-License-Identifier: ISC */
/* DMA in a debug build: poison where an owner must not look, and a panic for each wrong use, which
 * leaves things as they were: every test ends with nothing mapped. */
#include "dma_machine.h"
#include "host.h"
#include "test.h"

#define LEN ((size_t)128)
#define ENDED_PAGES ((size_t)16) /* that stay taken after their unmap */

static uint8_t *buffer;
static plat_dma_addr addr;
static const uint8_t wrong[LEN]; /* what somebody writes where he should not */
static uint8_t poison[LEN];

static int setup(void **state)
{
    (void)state;
    machine_reset();
    memset(poison, DMA_POISON, sizeof poison);
    buffer = machine_ram + 2 * FA_PAGE_BYTES + 5 * MACHINE_LINE_BYTES;
    return 0;
}

static plat_dma_addr map_at(void *start, size_t len, plat_dma_direction direction)
{
    plat_dma_addr at;
    assert_int_equal(plat_dma_map(start, len, direction, PLAT_DMA_INCOHERENT, &at), FA_OK);
    return at;
}

static void map(plat_dma_direction direction)
{
    addr = map_at(buffer, LEN, direction);
}

static void unmap(plat_dma_direction direction)
{
    plat_dma_unmap(buffer, LEN, direction, PLAT_DMA_INCOHERENT, addr);
}

static void check_panic(const char *want)
{
    if (strstr(host_panic, want) == NULL)
        fail_msg("no '%s' in: %s", want, host_panic);
    host_panic[0] = '\0';
}

static void map_panics(void *start, size_t len, plat_dma_direction direction, const char *want)
{
    expect_assert_failure((void)map_at(start, len, direction));
    check_panic(want);
}

static void unmap_panics(void *start, size_t len, plat_dma_direction direction, plat_dma_addr at,
                         const char *want)
{
    expect_assert_failure(plat_dma_unmap(start, len, direction, PLAT_DMA_INCOHERENT, at));
    check_panic(want);
}

static void poisoned_while_mapped(void **state)
{
    (void)state;
    uint8_t bytes[LEN];
    map(PLAT_DMA_BOTH);
    assert_memory_equal(buffer, poison, LEN);
    unmap(PLAT_DMA_BOTH);
    map(PLAT_DMA_FROM_DEVICE);
    assert_memory_equal(buffer, poison, LEN);
    machine_device_read(addr, 0, bytes, LEN); /* it has no business with that */
    assert_memory_equal(bytes, poison, LEN);
    machine_device_write(addr, 0, wrong, 10);
    assert_memory_equal(buffer, poison, LEN);
    unmap(PLAT_DMA_FROM_DEVICE);
    assert_memory_equal(buffer, wrong, 10);
    assert_memory_equal(buffer + 10, poison, LEN - 10); /* undefined: as bad as can be */
}

static void poisoned_after_unmap(void **state)
{
    (void)state;
    for (plat_dma_direction d = PLAT_DMA_TO_DEVICE; d <= PLAT_DMA_BOTH; d++) {
        uint8_t bytes[LEN];
        map(d);
        unmap(d);
        machine_device_read(addr, 0, bytes, LEN);
        assert_memory_equal(bytes, poison, LEN);
    }
}

static void device_writes_after_unmap(void **state)
{
    (void)state;
    const plat_dma_direction directions[] = {PLAT_DMA_FROM_DEVICE, PLAT_DMA_TO_DEVICE};
    for (size_t i = 0; i < FA_ARRAY_COUNT(directions); i++) {
        map(directions[i]);
        unmap(directions[i]);
        const plat_dma_addr late = addr;
        machine_device_write(late, LEN - 1, wrong, 1);
        map_panics(buffer, LEN, PLAT_DMA_TO_DEVICE,
                   i == 0 ? "128 bytes from the device, after its unmap"
                          : "128 bytes to the device, after its unmap");
        machine_device_write(late, LEN - 1, poison, 1);
        map(PLAT_DMA_TO_DEVICE);
        unmap(PLAT_DMA_TO_DEVICE);
    }
}

/* A device that writes late is found also if nothing is mapped any more, when the pages go. */
static void pages_go_after_a_while(void **state)
{
    (void)state;
    plat_dma_addr addrs[MACHINE_ALLOC_PAGES - ENDED_PAGES];
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < FA_ARRAY_COUNT(addrs); i++)
            addrs[i] = map_at(buffer, LEN, PLAT_DMA_TO_DEVICE);
        for (size_t i = 0; i < FA_ARRAY_COUNT(addrs); i++)
            plat_dma_unmap(buffer, LEN, PLAT_DMA_TO_DEVICE, PLAT_DMA_INCOHERENT, addrs[i]);
        assert_int_equal(machine_pages_used(), ENDED_PAGES);
    }
    map(PLAT_DMA_TO_DEVICE);
    machine_device_write(addrs[0], 0, wrong, 1);
    unmap_panics(buffer, LEN, PLAT_DMA_TO_DEVICE, addr, "after its unmap");
    machine_device_write(addrs[0], 0, poison, 1);
    assert_int_equal(machine_pages_used(), ENDED_PAGES + 1);
    map(PLAT_DMA_TO_DEVICE);
    unmap(PLAT_DMA_TO_DEVICE);
    assert_int_equal(machine_pages_used(), ENDED_PAGES);
}

static void no_memory(void **state)
{
    (void)state;
    const size_t pages_used = machine_pages_used();
    uint8_t before[LEN];
    memcpy(before, buffer, LEN);
    machine_malloc_fails = true;
    assert_int_equal(plat_dma_map(buffer, LEN, PLAT_DMA_FROM_DEVICE, PLAT_DMA_INCOHERENT, &addr), FA_ENOMEM);
    machine_malloc_fails = false;
    assert_int_equal(machine_pages_used(), pages_used);
    assert_memory_equal(buffer, before, LEN);

    static plat_dma_addr addrs[MACHINE_ALLOC_PAGES];
    size_t count = 0;
    fa_err err;
    do
        err = plat_dma_map(buffer, LEN, PLAT_DMA_TO_DEVICE, PLAT_DMA_INCOHERENT, &addrs[count]);
    while (err == FA_OK && ++count < FA_ARRAY_COUNT(addrs));
    assert_int_equal(err, FA_ENOMEM);
    assert_int_equal(machine_pages_used(), MACHINE_ALLOC_PAGES);
    assert_memory_equal(buffer, before, LEN);
    while (count-- > 0)
        plat_dma_unmap(buffer, LEN, PLAT_DMA_TO_DEVICE, PLAT_DMA_INCOHERENT, addrs[count]);
}

static void unmap_that_does_not_match(void **state)
{
    (void)state;
    unmap_panics(buffer, LEN, PLAT_DMA_TO_DEVICE, (plat_dma_addr){0x1240},
                 "nothing is mapped at 0x1240");
    map(PLAT_DMA_FROM_DEVICE);
    unmap_panics(buffer, LEN, PLAT_DMA_BOTH, addr, "128 bytes both ways; mapped");
    unmap_panics(buffer, LEN, PLAT_DMA_TO_DEVICE, addr, "128 bytes from the device");
    unmap_panics(buffer, 64, PLAT_DMA_FROM_DEVICE, addr, "64 bytes from the device;");
    expect_assert_failure(
        plat_dma_unmap(buffer, LEN, PLAT_DMA_FROM_DEVICE, PLAT_DMA_COHERENT, addr));
    check_panic("does not see the caches");
    unmap_panics(buffer + 64, LEN, PLAT_DMA_FROM_DEVICE, addr, "; mapped was that");
    unmap_panics(buffer, LEN, PLAT_DMA_FROM_DEVICE, (plat_dma_addr){addr.address + 64},
                 "nothing is mapped at");
    unmap(PLAT_DMA_FROM_DEVICE);
    unmap_panics(buffer, LEN, PLAT_DMA_FROM_DEVICE, addr, "nothing is mapped at");
}

static void two_maps(void **state)
{
    (void)state;
    plat_dma_addr other;
    map(PLAT_DMA_FROM_DEVICE);
    map_panics(buffer, LEN, PLAT_DMA_FROM_DEVICE, "is mapped from");
    map_panics(buffer + 127, 1, PLAT_DMA_TO_DEVICE,
               "1 bytes, is mapped to the device while that at");
    map_panics(buffer - 1, 2, PLAT_DMA_TO_DEVICE, "is from the device");
    other = map_at(buffer - 1, 1, PLAT_DMA_TO_DEVICE);
    plat_dma_unmap(buffer - 1, 1, PLAT_DMA_TO_DEVICE, PLAT_DMA_INCOHERENT, other);
    other = map_at(buffer + LEN, LEN, PLAT_DMA_BOTH);
    plat_dma_unmap(buffer + LEN, LEN, PLAT_DMA_BOTH, PLAT_DMA_INCOHERENT, other);
    unmap(PLAT_DMA_FROM_DEVICE);
    map(PLAT_DMA_TO_DEVICE);
    map_panics(buffer + 64, 64, PLAT_DMA_BOTH, "is mapped both ways");
    unmap(PLAT_DMA_TO_DEVICE);
}

static void cpu_writes_while_mapped(void **state)
{
    (void)state;
    const plat_dma_direction directions[] = {PLAT_DMA_FROM_DEVICE, PLAT_DMA_BOTH};
    for (size_t i = 0; i < FA_ARRAY_COUNT(directions); i++) {
        map(directions[i]);
        buffer[LEN - 1] = 0;
        unmap_panics(buffer, LEN, directions[i], addr, "the CPU wrote to the buffer at");
        buffer[LEN - 1] = DMA_POISON;
        unmap(directions[i]);
    }
    map(PLAT_DMA_TO_DEVICE);
    const uint8_t before = buffer[0];
    buffer[0]++;
    unmap_panics(buffer, LEN, PLAT_DMA_TO_DEVICE, addr,
                 "the CPU or the device wrote to the buffer at");
    buffer[0] = before;
    unmap(PLAT_DMA_TO_DEVICE);
}

static void device_writes_what_it_should_not(void **state)
{
    (void)state;
    map(PLAT_DMA_TO_DEVICE);
    uint8_t before;
    machine_device_read(addr, 100, &before, 1);
    machine_device_write(addr, 100, wrong, 1);
    unmap_panics(buffer, LEN, PLAT_DMA_TO_DEVICE, addr,
                 "the CPU or the device wrote to the buffer at");
    machine_device_write(addr, 100, &before, 1);
    unmap(PLAT_DMA_TO_DEVICE);

    map(PLAT_DMA_FROM_DEVICE);
    const size_t outside[] = {LEN, LEN + 1000, (size_t)-1, (size_t)-300};
    for (size_t i = 0; i < FA_ARRAY_COUNT(outside); i++) {
        machine_device_write(addr, outside[i], wrong, 1);
        unmap_panics(buffer, LEN, PLAT_DMA_FROM_DEVICE, addr,
                     "a device wrote before or behind the buffer at");
        machine_device_write(addr, outside[i], poison, 1);
    }
    unmap(PLAT_DMA_FROM_DEVICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(poisoned_while_mapped, setup),
        cmocka_unit_test_setup(poisoned_after_unmap, setup),
        cmocka_unit_test_setup(device_writes_after_unmap, setup),
        cmocka_unit_test_setup(pages_go_after_a_while, setup),
        cmocka_unit_test_setup(no_memory, setup),
        cmocka_unit_test_setup(unmap_that_does_not_match, setup),
        cmocka_unit_test_setup(two_maps, setup),
        cmocka_unit_test_setup(cpu_writes_while_mapped, setup),
        cmocka_unit_test_setup(device_writes_what_it_should_not, setup),
    };
    return cmocka_run_group_tests_name("dma_debug", tests, NULL, NULL);
}
