/* SPDX-License-Identifier: ISC */
/* The SATA port's driver against a controller and a disk of the test's own, which fail, take their time
 * and hang, as no emulator's do. Memory that the controller is not given, it cannot use. */
#include "fake_device.h"
#include "../../sdk/cpu/dma.h"
#include "../../sdk/drivers/sunxi/sun4i_ahci.h"
#include "host.h"
#include "test.h"
#include <fata/fiber.h>

#define DEVICE 0x3000u
#define SECTORS 1024u
#define MAPS_MAX 20u
#define DMA_BASE 0x40000000u
#define DMA_STEP 0x100000u
enum { GHC = 0x04, IS = 0x08, PHYCS0 = 0xc0, PHYCS2 = 0xc8, CLB = 0x100, FB = 0x108, PIS = 0x110, PIE = 0x114,
       CMD = 0x118, TFD = 0x120, SIG = 0x124, SSTS = 0x128, CI = 0x138 };
#define ERROR 0x40000000u

static struct {
    uint32_t registers[SUN4I_AHCI_REGISTERS_BYTES / 4];
    uint8_t sectors[SECTORS * 512];
    uint16_t identity[256];
    bool is_there, phy_fails, hangs, is_slow, keeps_busy, no_memory;
    unsigned failures_left, starts, commands, last_command;
    struct {
        uint8_t *bytes;
        size_t len;
    } maps[MAPS_MAX];
    unsigned map_count;
} device;

static sun4i_ahci sata;
static unsigned wake_count, done_count;

fa_err fa_sleep(fa_deadline deadline)
{
    host_mono_ns = deadline > host_mono_ns ? deadline : host_mono_ns;
    return FA_OK;
}

fa_deadline fa_after_ns(uint64_t ns)
{
    return host_mono_ns + ns;
}

fa_deadline fa_after_ms(uint64_t ms)
{
    return host_mono_ns + ms * FA_NS_PER_MS;
}

void fa_cpu_dma_begin(const void *start, size_t len, bool device_writes)
{
    (void)start, (void)len, (void)device_writes;
}

fa_err plat_dma_map(void *buffer, size_t len, plat_dma_direction direction, plat_dma_sharing sharing,
                    plat_dma_addr *addr_out)
{
    (void)direction;
    assert_int_equal(sharing, PLAT_DMA_INCOHERENT);
    for (unsigned i = 0; i < MAPS_MAX; i++)
        if (device.maps[i].bytes == NULL) {
            device.maps[i].bytes = buffer;
            device.maps[i].len = len;
            device.map_count++;
            addr_out->address = DMA_BASE + i * DMA_STEP;
            return FA_OK;
        }
    return FA_ENOMEM;
}

void plat_dma_unmap(void *buffer, size_t len, plat_dma_direction direction, plat_dma_sharing sharing,
                    plat_dma_addr addr)
{
    const unsigned i = (unsigned)((addr.address - DMA_BASE) / DMA_STEP);
    (void)direction, (void)sharing;
    assert_true(i < MAPS_MAX && device.maps[i].bytes == buffer && device.maps[i].len == len);
    device.maps[i].bytes = NULL;
    device.map_count--;
}

fa_err plat_dma_alloc(size_t len, plat_dma_sharing sharing, void **memory_out, plat_dma_addr *addr_out)
{
    static _Alignas(4096) uint8_t memory[3 * 4096];
    assert_true(len <= sizeof memory);
    if (device.no_memory)
        return FA_ENOMEM;
    memset(memory, 0, sizeof memory);
    *memory_out = memory;
    return plat_dma_map(memory, len, PLAT_DMA_BOTH, sharing, addr_out);
}

void plat_dma_free(void *memory, size_t len, plat_dma_sharing sharing)
{
    for (unsigned i = 0; i < MAPS_MAX; i++)
        if (device.maps[i].bytes == memory) {
            plat_dma_unmap(memory, len, PLAT_DMA_BOTH, sharing, (plat_dma_addr){DMA_BASE + i * DMA_STEP});
            return;
        }
    fail();
}

static uint8_t *dma(uint32_t address, uint32_t len)
{
    const unsigned i = (address - DMA_BASE) / DMA_STEP;
    const uint32_t offset = (address - DMA_BASE) % DMA_STEP;
    assert_true(i < MAPS_MAX && device.maps[i].bytes != NULL && offset + len <= device.maps[i].len);
    return device.maps[i].bytes + offset;
}

static uint32_t *at(size_t offset)
{
    assert_true(offset % 4 == 0 && offset < SUN4I_AHCI_REGISTERS_BYTES);
    return &device.registers[offset / 4];
}

/* The parts of a command, all of `len` bytes, from the disk's memory or into it. */
static void move(uint8_t *disk, uint32_t len, bool writes, uint32_t table, unsigned part_count)
{
    for (unsigned i = 0; i < part_count; i++) {
        uint32_t part[4];
        memcpy(part, dma(table + 0x80 + i * 16, 16), 16);
        const uint32_t step = part[3] + 1;
        assert_true(part[1] == 0 && step % 2 == 0 && part[0] % 2 == 0 && step <= len);
        uint8_t *bytes = dma(part[0], step);
        if (writes)
            memcpy(disk, bytes, step);
        else
            memcpy(bytes, disk, step);
        disk += step;
        len -= step;
    }
    assert_int_equal(len, 0);
}

static void run_command(void)
{
    uint32_t header[8];
    uint8_t fis[20];
    assert_int_equal(*at(CMD) & 0x11, 0x11);
    assert_int_equal(*at(CLB) % 1024, 0);
    assert_int_equal(*at(FB) % 256, 0);
    memcpy(header, dma(*at(CLB), 32), 32);
    memcpy(fis, dma(header[2], 20), 20);
    assert_true(header[2] % 128 == 0 && (header[0] & 0x1f) == 5 && fis[0] == 0x27 && fis[1] == 0x80);
    device.commands++;
    device.last_command = fis[2];
    if (device.is_slow)
        return;
    if (device.failures_left > 0 && fis[2] != 0xec) {
        device.failures_left--;
        *at(TFD) = device.keeps_busy ? 0x80 : 0x0451;
        *at(PIS) |= ERROR;
        return;
    }
    const uint64_t sector = (uint64_t)fis[4] | (uint64_t)fis[5] << 8 | (uint64_t)fis[6] << 16 | (uint64_t)fis[8] << 24;
    const uint32_t len = ((uint32_t)fis[12] | (uint32_t)fis[13] << 8) * 512;
    const bool writes = fis[2] == 0x35;
    assert_int_equal((header[0] & 0x40) != 0, writes);
    if (fis[2] == 0xec) {
        move((uint8_t *)device.identity, 512, false, header[2], header[0] >> 16);
    } else if (fis[2] != 0xea) {
        assert_true((fis[2] == 0x25 || writes) && fis[7] == 0x40 && sector * 512 + len <= sizeof device.sectors);
        move(device.sectors + sector * 512, len, writes, header[2], header[0] >> 16);
    }
    *at(CI) = 0;
    *at(TFD) = 0x50;
    *at(PIS) |= 1;
}

uint32_t fake_device_read(uintptr_t which, size_t offset)
{
    assert_int_equal(which, DEVICE);
    host_mono_ns += 1000;
    if (offset == PHYCS0)
        return (*at(offset) & ~0x70000000u) | (device.phy_fails ? 0 : 2u << 28);
    if (offset == PHYCS2)
        return *at(offset) & ~0x01000000u;
    return *at(offset);
}

void fake_device_write(uintptr_t which, size_t offset, uint32_t value)
{
    assert_int_equal(which, DEVICE);
    host_mono_ns += 1000;
    if (offset == PIS || offset == IS) {
        *at(offset) &= ~value;
        return;
    }
    /* AHCI 10.3.1: a port is not started while its disk is busy. */
    assert_true(offset != CMD || !(value & 1) || (*at(CMD) & 1) || !(*at(TFD) & 0x88));
    *at(offset) = value;
    if (offset == GHC && !device.hangs)
        *at(GHC) = value & ~1u;
    if (offset == CMD) {
        device.starts += value & 1;
        const bool runs = (value & 1) != 0 || device.hangs;
        *at(CMD) = (value & ~0xc000u) | (runs ? 0x8000u : 0) | (value & 0x10 ? 0x4000u : 0);
        if (!(value & 1))
            *at(CI) = 0;
    }
    if (offset == CI)
        run_command();
}

static void wake(void *arg)
{
    assert_ptr_equal(arg, &sata);
    wake_count++;
}

static void done(fa_block_request *request)
{
    (void)request;
    done_count++;
}

static fa_err try_open(void)
{
    *at(SSTS) = device.is_there ? 0x123 : 0;
    *at(TFD) = 0x50;
    const fa_err err = sun4i_ahci_open(&sata, (fa_cpu_device)DEVICE, FA_FOREVER);
    sata.device.wake = wake;
    sata.device.wake_arg = &sata;
    return err;
}

static int setup(void **state)
{
    (void)state;
    host_console_clear();
    memset(&device, 0, sizeof device);
    for (size_t i = 0; i < sizeof device.sectors; i++)
        device.sectors[i] = (uint8_t)(i / 512 * 3 + i % 251);
    device.is_there = true;
    device.identity[83] = 0x0400;
    device.identity[85] = 0x0020;
    device.identity[100] = SECTORS;
    *at(SIG) = 0x101;
    *at(0x170) = 0xabcd5566;
    sata = (sun4i_ahci){0};
    wake_count = done_count = 0;
    host_mono_ns = FA_NS_PER_S;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (sata.registers != NULL)
        sata.device.ops->close(&sata.device);
    return device.map_count == 0 ? 0 : -1;
}

static _Alignas(64) uint8_t buffer[256 * 1024];

static fa_block_request request_of(fa_block_kind kind, uint64_t sector, uint32_t count)
{
    return (fa_block_request){.kind = kind, .sector = sector, .count = count, .part_count = kind <= FA_BLOCK_WRITE,
                              .parts = {{buffer, count * 512}}, .done = done, .err = FA_EAGAIN};
}

static fa_err run(fa_block_request *request)
{
    const unsigned before = done_count;
    const fa_err err = sata.device.ops->submit(&sata.device, request);
    if (err != FA_OK)
        return err;
    for (unsigned i = 0; i < 10 && done_count == before; i++)
        sata.device.ops->poll(&sata.device);
    assert_int_equal(done_count, before + 1);
    return request->err;
}

static void reads_writes_flushes(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    assert_int_equal(sata.device.sector_count, SECTORS);
    assert_int_equal(sata.device.sector_bytes, 512);
    assert_true(sata.device.has_cache);
    for (uint32_t count = 1; count <= 512; count = count * 3 + 1) {
        fa_block_request request = request_of(FA_BLOCK_READ, 300, count);
        assert_int_equal(run(&request), FA_OK);
        assert_memory_equal(buffer, device.sectors + 300 * 512, count * 512);
        for (size_t i = 0; i < count * 512; i++)
            buffer[i] = (uint8_t)(i * 5 + count);
        request = request_of(FA_BLOCK_WRITE, 7, count);
        assert_int_equal(run(&request), FA_OK);
        assert_memory_equal(buffer, device.sectors + 7 * 512, count * 512);
    }
    fa_block_request request = request_of(FA_BLOCK_FLUSH, 0, 0);
    assert_int_equal(run(&request), FA_OK);
    assert_int_equal(device.last_command, 0xea);
    request = request_of(FA_BLOCK_READ, 0, 0);
    request.part_count = FA_BLOCK_PARTS_MAX;
    for (unsigned i = 0; i < FA_BLOCK_PARTS_MAX; i++) {
        request.parts[i] = (fa_block_part){buffer + i * 16384, 31 * 512};
        request.count += 31;
    }
    assert_int_equal(run(&request), FA_OK);
    for (unsigned i = 0; i < FA_BLOCK_PARTS_MAX; i++)
        assert_memory_equal(buffer + i * 16384, device.sectors + i * 31 * 512, 31 * 512);
    assert_int_equal(device.map_count, 1);
    assert_int_equal(try_open(), FA_EBUSY);
}

static void disks_that_are_none(void **state)
{
    (void)state;
    device.is_there = false;
    assert_int_equal(try_open(), FA_ENOENT);
    device.is_there = true;
    *at(SIG) = 0xeb140101;
    assert_int_equal(try_open(), FA_ENOTSUP);
    *at(SIG) = 0x101;
    *at(0x170) = 0xabcd5566;
    device.identity[83] = 0;
    assert_int_equal(try_open(), FA_ENOTSUP);
    device.identity[83] = 0x0400;
    device.identity[106] = 0x5000;
    device.identity[117] = 1024;
    assert_int_equal(try_open(), FA_ENOTSUP); /* sectors of 2,048 bytes */
    device.phy_fails = true;
    assert_int_equal(try_open(), FA_EIO);
    device.phy_fails = false;
    device.is_slow = true;
    assert_int_equal(try_open(), FA_ETIMEDOUT);
    device.is_slow = false;
    device.no_memory = true;
    assert_int_equal(try_open(), FA_ENOMEM);
    assert_true(host_mono_ns < 30 * FA_NS_PER_S);
    device.no_memory = false;
    device.identity[117] = 2048;
    device.identity[85] = 0;
    assert_int_equal(try_open(), FA_OK);
    assert_int_equal(sata.device.sector_bytes, 4096);
    assert_int_equal(sata.device.transfer_sectors_max, 128);
    assert_false(sata.device.has_cache);
}

static void tries_again(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    assert_int_equal(*at(0x170), 0xabcd4433); /* its DMA, whatever it was */
    fa_block_request request = request_of(FA_BLOCK_READ, 3, 8);
    device.failures_left = 2;
    const unsigned starts = device.starts;
    assert_int_equal(run(&request), FA_OK);
    assert_memory_equal(buffer, device.sectors + 3 * 512, 8 * 512);
    assert_true(device.starts >= starts + 2);
    device.failures_left = 3;
    assert_int_equal(run(&request), FA_EIO);
    assert_non_null(strstr(host_console, "at sector 3 failed, the disk's status is 0451"));
    assert_false(sata.device.is_stopped);
    assert_int_equal(device.map_count, 1);
    assert_int_equal(run(&request), FA_OK);
    device.failures_left = 1;
    device.keeps_busy = true;
    assert_int_equal(run(&request), FA_EIO);
    assert_true(sata.device.is_stopped);
    assert_int_equal(run(&request), FA_EIO);
}

static void interrupts(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    assert_false(sata.device.ops->arm(&sata.device));
    sun4i_ahci_interrupt(&sata);
    assert_int_equal(wake_count, 0);
    fa_block_request request = request_of(FA_BLOCK_READ, 3, 8), other = request;
    device.is_slow = true;
    assert_int_equal(sata.device.ops->submit(&sata.device, &request), FA_OK);
    assert_int_equal(sata.device.ops->submit(&sata.device, &other), FA_EAGAIN);
    assert_false(sata.device.ops->arm(&sata.device));
    assert_int_equal(*at(GHC) & 2, 2);
    assert_true((*at(PIE) & ERROR) && (*at(PIE) & 1));
    sata.device.ops->poll(&sata.device);
    assert_int_equal(done_count, 0);
    device.is_slow = false;
    run_command();
    sun4i_ahci_interrupt(&sata);
    sun4i_ahci_interrupt(&sata);
    assert_int_equal(wake_count, 1);
    assert_int_equal(*at(PIE) | (*at(GHC) & 2), 0);
    assert_true(sata.device.ops->arm(&sata.device));
    sata.device.ops->poll(&sata.device);
    assert_int_equal(done_count, 1);
    assert_int_equal(request.err, FA_OK);
}

static void is_stopped(void **state)
{
    (void)state;
    assert_int_equal(try_open(), FA_OK);
    fa_block_request request = request_of(FA_BLOCK_WRITE, 3, 8);
    device.is_slow = true;
    assert_int_equal(sata.device.ops->submit(&sata.device, &request), FA_OK);
    sata.device.ops->stop(&sata.device);
    assert_int_equal(request.err, FA_EIO);
    assert_int_equal(device.map_count, 1);
    device.hangs = true;
    expect_assert_failure(sata.device.ops->stop(&sata.device));
    device.hangs = false;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_writes_flushes), TEST(disks_that_are_none), TEST(tries_again), TEST(interrupts), TEST(is_stopped),
    };
    return cmocka_run_group_tests_name("sunxi_ahci", tests, NULL, NULL);
}
