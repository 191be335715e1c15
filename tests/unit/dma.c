/* SPDX-License-Identifier: ISC */
/* DMA as the contract has it, which holds in debug and release builds: this test is linked with
 * either. */
#include "../../sdk/core/build.h"
#include "dma_machine.h"
#include "host.h"
#include "test.h"

#define LEN ((size_t)192)
#define STEPS 5000u
#define BUFFERS 8u /* of the random test */

static uint8_t *buffer; /* three lines, in the middle of a page */

static int setup(void **state)
{
    (void)state;
    machine_reset();
    buffer = machine_ram + 2 * FA_PAGE_BYTES + 5 * MACHINE_LINE_BYTES;
    return 0;
}

static void check_bytes(const uint8_t *bytes, size_t len, int want)
{
    for (size_t i = 0; i < len; i++)
        assert_int_equal(bytes[i], want);
}

/* The neighbours of a buffer have kept what machine_reset() put there. */
static void check_around(const uint8_t *start, size_t len)
{
    check_bytes(start - 256, 256, 0x11);
    check_bytes(start + len, 256, 0x11);
}

static plat_dma_addr map(void *start, size_t len, plat_dma_direction direction)
{
    plat_dma_addr addr;
    assert_int_equal(plat_dma_map(start, len, direction, PLAT_DMA_INCOHERENT, &addr), FA_OK);
    assert_int_equal(addr.address % FA_PAGE_BYTES, (uintptr_t)start % FA_PAGE_BYTES);
    assert_int_equal(addr.address == machine_address(start), !fa_build_debug);
    return addr;
}

static void to_device(void **state)
{
    (void)state;
    static const struct { size_t at, len; } parts[] = {
        {0, 1}, {0, 64}, {63, 2}, {1, 62}, {7, 180}, {0, 4096}, {3333, 9000},
    };
    static uint8_t seen[9000];
    for (size_t i = 0; i < FA_ARRAY_COUNT(parts); i++) {
        uint8_t *start = buffer + parts[i].at;
        memset(start, (int)i + 1, parts[i].len);
        const plat_dma_addr addr = map(start, parts[i].len, PLAT_DMA_TO_DEVICE);
        check_bytes(start, parts[i].len, (int)i + 1); /* still to be read */
        machine_device_read(addr, 0, seen, parts[i].len);
        check_bytes(seen, parts[i].len, (int)i + 1);
        plat_dma_unmap(start, parts[i].len, PLAT_DMA_TO_DEVICE, PLAT_DMA_INCOHERENT, addr);
        check_bytes(start, parts[i].len, (int)i + 1);
        check_around(start, parts[i].len);
        memset(start, 0x11, parts[i].len);
    }
}

static void from_device(void **state)
{
    (void)state;
    memset(buffer, 0x33, LEN); /* in the cache, never to get over what the device writes */
    const plat_dma_addr addr = map(buffer, LEN, PLAT_DMA_FROM_DEVICE);
    uint8_t bytes[LEN];
    memset(bytes, 0x44, sizeof bytes);
    machine_device_write(addr, 0, bytes, LEN);
    plat_dma_unmap(buffer, LEN, PLAT_DMA_FROM_DEVICE, PLAT_DMA_INCOHERENT, addr);
    check_bytes(buffer, LEN, 0x44);
    check_around(buffer, LEN);
}

static void both_ways(void **state)
{
    (void)state;
    memset(buffer, 0x33, LEN);
    const plat_dma_addr addr = map(buffer, LEN, PLAT_DMA_BOTH);
    uint8_t bytes[LEN];
    machine_device_read(addr, 0, bytes, LEN);
    check_bytes(bytes, LEN, 0x33);
    memset(bytes, 0x44, sizeof bytes);
    machine_device_write(addr, 70, bytes, 10);
    plat_dma_unmap(buffer, LEN, PLAT_DMA_BOTH, PLAT_DMA_INCOHERENT, addr);
    check_bytes(buffer, 70, 0x33);
    check_bytes(buffer + 70, 10, 0x44);
    check_bytes(buffer + 80, LEN - 80, 0x33);
    check_around(buffer, LEN);
}

/* As a packet that is sent again before it has left for the first time. */
static void read_twice_at_a_time(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        const plat_dma_addr addrs[] = {map(buffer, LEN, PLAT_DMA_TO_DEVICE),
                                       map(buffer, LEN, PLAT_DMA_TO_DEVICE)};
        uint8_t bytes[LEN];
        plat_dma_unmap(buffer, LEN, PLAT_DMA_TO_DEVICE, PLAT_DMA_INCOHERENT, addrs[first]);
        machine_device_read(addrs[!first], 0, bytes, LEN);
        check_bytes(bytes, LEN, 0x11);
        plat_dma_unmap(buffer, LEN, PLAT_DMA_TO_DEVICE, PLAT_DMA_INCOHERENT, addrs[!first]);
    }
}

static void refused(void **state)
{
    (void)state;
    static uint8_t elsewhere[64];
    const struct { void *start; size_t len; } parts[] = {
        {NULL, 64},
        {buffer, 0},
        {buffer, SIZE_MAX},
        {buffer, SIZE_MAX - 63},
        {buffer, SIZE_MAX / 2 + 1},
        {elsewhere, sizeof elsewhere},
        {machine_gap, 64},
        {machine_gap - 64, 128},
        {machine_gap + FA_PAGE_BYTES - 64, 128},
    };
    const size_t pages_used = machine_pages_used();
    for (size_t i = 0; i < FA_ARRAY_COUNT(parts); i++) {
        plat_dma_addr addr = {99};
        assert_int_equal(plat_dma_map(parts[i].start, parts[i].len, PLAT_DMA_TO_DEVICE,
                                      PLAT_DMA_INCOHERENT, &addr),
                         FA_EINVAL);
        assert_int_equal(addr.address, 99);
    }
    assert_int_equal(machine_pages_used(), pages_used);
    const plat_dma_addr addr = map(machine_gap - 64, 64, PLAT_DMA_BOTH);
    plat_dma_unmap(machine_gap - 64, 64, PLAT_DMA_BOTH, PLAT_DMA_INCOHERENT, addr);
}

static void shared_lines_are_refused(void **state)
{
    (void)state;
    expect_assert_failure((void)map(buffer + 1, 64, PLAT_DMA_FROM_DEVICE));
    expect_assert_failure((void)map(buffer + 32, 64, PLAT_DMA_BOTH));
    expect_assert_failure((void)map(buffer, 63, PLAT_DMA_FROM_DEVICE));
    expect_assert_failure((void)map(buffer, 96, PLAT_DMA_BOTH));
    check_bytes(buffer, LEN, 0x11);
}

/* Buffers that come and go, as those of a device that receives, sends and answers. */
static void many(void **state)
{
    (void)state;
    static struct { plat_dma_addr addr; bool is_mapped; uint8_t value; } buffers[BUFFERS];
    uint64_t random = TEST_SEED;
    for (unsigned step = 0; step < STEPS; step++) {
        const size_t i = test_random_below(&random, BUFFERS);
        const plat_dma_direction direction = (plat_dma_direction)(i % 3);
        uint8_t *start = machine_ram + FA_PAGE_BYTES + i * 3 * MACHINE_LINE_BYTES;
        uint8_t bytes[LEN];
        if (buffers[i].is_mapped) {
            if (direction != PLAT_DMA_FROM_DEVICE) {
                machine_device_read(buffers[i].addr, 0, bytes, LEN);
                check_bytes(bytes, LEN, buffers[i].value);
            }
            if (direction != PLAT_DMA_TO_DEVICE)
                buffers[i].value ^= (uint8_t)step;
            memset(bytes, buffers[i].value, LEN);
            if (direction != PLAT_DMA_TO_DEVICE)
                machine_device_write(buffers[i].addr, 0, bytes, LEN);
            plat_dma_unmap(start, LEN, direction, PLAT_DMA_INCOHERENT, buffers[i].addr);
            check_bytes(start, LEN, buffers[i].value);
        } else {
            buffers[i].value = (uint8_t)test_random_below(&random, 256);
            memset(start, buffers[i].value, LEN);
            buffers[i].addr = map(start, LEN, direction);
        }
        buffers[i].is_mapped = !buffers[i].is_mapped;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(to_device, setup),
        cmocka_unit_test_setup(from_device, setup),
        cmocka_unit_test_setup(both_ways, setup),
        cmocka_unit_test_setup(read_twice_at_a_time, setup),
        cmocka_unit_test_setup(refused, setup),
        cmocka_unit_test_setup(shared_lines_are_refused, setup),
        cmocka_unit_test_setup(many, setup),
    };
    return cmocka_run_group_tests_name("dma", tests, NULL, NULL);
}
