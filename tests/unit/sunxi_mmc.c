/* SPDX-License-Identifier: ISC */
/* The SD controller's driver against a controller and a card of the test's own, which take their time,
 * damage what they carry, and are taken out, as no emulator's do. Memory that the controller's DMA is
 * not given, it cannot use. */
#include "fake_device.h"
#include "../../sdk/cpu/dma.h"
#include "../../sdk/drivers/sunxi/sunxi_mmc.h"
#include "host.h"
#include "test.h"
#include <fata/fiber.h>

#define DEVICE 0x2000u
#define SECTORS 2048u
#define MAPS_MAX 32u
#define DMA_BASE 0x40000000u
#define DMA_STEP 0x100000u
enum { GCTL = 0x00, CLKCR = 0x04, WIDTH = 0x0c, BLKSZ = 0x10, BYTECNT = 0x14, CMDR = 0x18, CARG = 0x1c,
       RESP0 = 0x20, IMASK = 0x30, RINT = 0x38, STATUS = 0x3c, DMAC = 0x80, DLBA = 0x84, IDST = 0x88,
       IDIE = 0x8c };
#define INT_COMMAND 0x4u
#define INT_DATA 0x8u
#define INT_ANSWER_CRC 0x40u
#define INT_CRC 0x80u
#define INT_TIMEOUT 0x100u
#define INT_STOPPED 0x4000u
#define RECEIVED 0x2u
#define BUSY 0x200u

typedef enum kind { NO_CARD, LARGE, SMALL, OLD, MMC, WRONG_CSD } kind;

static struct {
    uint32_t registers[SUNXI_MMC_REGISTERS_BYTES / 4];
    kind card;
    bool is_out, is_application, read_only, never_ready, hangs_in_reset, is_slow, moves_late;
    unsigned power_up_left, failures_left, write_errors_left, busy_left;
    unsigned stops, transfers, commands;
    unsigned damaged_command; /* whose answer is damaged, counted like them */
    uint32_t status_error;
    uint8_t sectors[SECTORS * SD_SECTOR_BYTES];
    struct {
        uint8_t *bytes;
        size_t len;
        plat_dma_direction direction;
    } maps[MAPS_MAX];
    unsigned map_count;
} device;

static sunxi_mmc mmc;
static unsigned wake_count, done_count;
static uint32_t clock_hz;
static bool cancels;

/* What lies around the driver. */

fa_err fa_sleep(fa_deadline deadline)
{
    if (cancels)
        return FA_ECANCELED;
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
    assert_int_equal(sharing, PLAT_DMA_INCOHERENT);
    for (unsigned i = 0; i < MAPS_MAX; i++)
        if (device.maps[i].bytes == NULL) {
            device.maps[i].bytes = buffer;
            device.maps[i].len = len;
            device.maps[i].direction = direction;
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
    assert_true(i < MAPS_MAX && device.maps[i].bytes == buffer && device.maps[i].len == len);
    assert_int_equal(device.maps[i].direction, direction);
    assert_int_equal(sharing, PLAT_DMA_INCOHERENT);
    device.maps[i].bytes = NULL;
    device.map_count--;
}

fa_err plat_dma_alloc(size_t len, plat_dma_sharing sharing, void **memory_out, plat_dma_addr *addr_out)
{
    static _Alignas(4096) uint8_t memory[3 * 4096];
    assert_true(len <= sizeof memory);
    *memory_out = memory;
    return plat_dma_map(memory, len, PLAT_DMA_BOTH, sharing, addr_out);
}

void plat_dma_free(void *memory, size_t len, plat_dma_sharing sharing)
{
    for (unsigned i = 0; i < MAPS_MAX; i++)
        if (device.maps[i].bytes == memory) {
            plat_dma_unmap(memory, len, PLAT_DMA_BOTH, sharing,
                           (plat_dma_addr){DMA_BASE + i * DMA_STEP});
            return;
        }
    fail();
}

static uint8_t *dma(uint32_t address, uint32_t len)
{
    const unsigned i = (address - DMA_BASE) / DMA_STEP;
    const uint32_t at = (address - DMA_BASE) % DMA_STEP;
    assert_true(i < MAPS_MAX && device.maps[i].bytes != NULL);
    assert_true(at + len <= device.maps[i].len);
    return device.maps[i].bytes + at;
}

/* The controller and the card. */

static uint32_t *at(size_t offset)
{
    assert_true(offset % 4 == 0 && offset < SUNXI_MMC_REGISTERS_BYTES);
    return &device.registers[offset / 4];
}

/* All of the list's bytes, to the card or from it. */
static void move_data(uint8_t *card, uint32_t len, bool writes)
{
    uint32_t next = *at(DLBA);
    for (bool last = false; !last;) {
        uint32_t d[4];
        memcpy(d, dma(next, sizeof d), sizeof d);
        assert_true((d[0] & 0x80000010u) == 0x80000010u && d[1] <= 4096 && d[1] > 0 && d[1] <= len);
        uint8_t *bytes = dma(d[2], d[1]);
        if (writes)
            memcpy(card, bytes, d[1]);
        else
            memcpy(bytes, card, d[1]);
        card += d[1];
        len -= d[1];
        last = (d[0] & 4) != 0;
        next = d[3];
    }
    assert_int_equal(len, 0);
    assert_true(next == 0);
}

static void transfer(unsigned number, uint32_t argument)
{
    const bool writes = number == SD_WRITE || number == SD_WRITE_MANY;
    const bool many = number == SD_READ_MANY || number == SD_WRITE_MANY;
    const uint32_t len = *at(BYTECNT);
    static uint8_t switched[64];
    assert_int_equal(*at(GCTL) & 0x20, 0x20);
    assert_int_equal(*at(DMAC) & 0x80, 0x80);
    device.transfers++;
    *at(RINT) |= INT_COMMAND;
    if (number == 6) {
        switched[16] = 1;
        move_data(switched, len, false);
        *at(RINT) |= INT_DATA;
        *at(IDST) |= RECEIVED;
        return;
    }
    if (device.card != LARGE)
        assert_int_equal(argument % SD_SECTOR_BYTES, 0);
    const uint64_t from = device.card == LARGE ? (uint64_t)argument * SD_SECTOR_BYTES : argument;
    assert_true(from + len <= sizeof device.sectors);
    assert_int_equal(many, len > SD_SECTOR_BYTES);
    assert_int_equal((*at(CMDR) & 0x1000) != 0, many);
    if (device.failures_left > 0) {
        device.failures_left--;
        *at(RINT) |= INT_CRC;
        return;
    }
    if (device.is_slow)
        return;
    if (writes && device.write_errors_left > 0) {
        device.write_errors_left--;
        device.status_error = 0x00080000;
    } else {
        move_data(device.sectors + from, len, writes);
    }
    *at(RINT) |= many ? INT_STOPPED : INT_DATA;
    *at(IDST) |= writes || device.moves_late ? 0 : RECEIVED;
}

static void give_csd(void)
{
    uint32_t *r = at(RESP0); /* the last bits first */
    r[0] = device.read_only ? 1u << 12 : 0;
    if (device.card == LARGE) {
        r[3] = 1u << 30;
        r[2] = 0x5b500000u;
        r[1] = (SECTORS / 1024 - 1) << 16;
    } else if (device.card == WRONG_CSD) {
        r[3] = 2u << 30;
    } else {
        r[3] = 0;
        r[2] = 9u << 16 | (SECTORS / 4 - 1) >> 2;
        r[1] = ((SECTORS / 4 - 1) & 3) << 30;
    }
}

static void command(uint32_t value)
{
    const unsigned number = value & 0x3f;
    const uint32_t argument = *at(CARG);
    const bool application = device.is_application;
    device.is_application = number == 55;
    device.commands++;
    *at(CMDR) = value & ~0x80000000u;
    if (value & 0x200000)
        return;
    if (device.card == NO_CARD || device.is_out || (number == 8 && device.card == OLD) ||
        (application && number == 41 && device.card == MMC)) {
        *at(RINT) |= number == 0 ? INT_COMMAND : INT_TIMEOUT;
        return;
    }
    if (device.commands == device.damaged_command && (value & 0x100)) {
        *at(RINT) |= INT_ANSWER_CRC | INT_COMMAND;
        return;
    }
    if (number == 41) {
        assert_true(application);
        assert_int_equal((argument >> 30) & 1, device.card != OLD);
        const bool ready = !device.never_ready && (device.power_up_left == 0 || device.power_up_left-- == 0);
        *at(RESP0) = 0x00ff8000 | (ready ? 0x80000000u : 0) |
                     (ready && device.card == LARGE ? 0x40000000u : 0);
    } else if (number == 8) {
        *at(RESP0) = argument;
    } else if (number == 3) {
        *at(RESP0) = 0x45670520;
    } else if (number == 9) {
        assert_int_equal(argument, 0x45670000);
        give_csd();
    } else if (number == SD_SEND_STATUS) {
        *at(RESP0) = device.status_error | (device.busy_left > 0 ? 0xe00 : 0x900);
        device.busy_left -= device.busy_left > 0;
        device.status_error = 0;
    } else if (number == SD_STOP) {
        device.stops++;
        *at(RESP0) = 0x900;
    } else if (value & 0x200) {
        transfer(number, argument);
        return;
    }
    *at(RINT) |= INT_COMMAND;
}

uint32_t fake_device_read(uintptr_t which, size_t offset)
{
    assert_int_equal(which, DEVICE);
    host_mono_ns += 1000;
    return *at(offset);
}

void fake_device_write(uintptr_t which, size_t offset, uint32_t value)
{
    assert_int_equal(which, DEVICE);
    host_mono_ns += 1000;
    if (offset == RINT || offset == IDST) {
        *at(offset) &= ~value;
        return;
    }
    *at(offset) = value;
    if (offset == GCTL && !device.hangs_in_reset)
        *at(GCTL) = value & ~7u;
    else if (offset == CMDR)
        command(value);
}

/* What the tests have of all this. */

static void set_clock(uint32_t hz)
{
    clock_hz = hz;
}

static bool has_card(void)
{
    return !device.is_out;
}

static const sunxi_mmc_slot slot = {set_clock, has_card};

static void wake(void *arg)
{
    assert_ptr_equal(arg, &mmc);
    wake_count++;
}

static void done(fa_block_request *request)
{
    (void)request;
    done_count++;
}

static fa_err try_open(kind card)
{
    device.card = card;
    const fa_err err = sunxi_mmc_open(&mmc, (fa_cpu_device)DEVICE, &slot, FA_FOREVER);
    mmc.device.wake = wake;
    mmc.device.wake_arg = &mmc;
    return err;
}

static int setup(void **state)
{
    (void)state;
    host_console_clear();
    memset(&device, 0, sizeof device);
    for (size_t i = 0; i < sizeof device.sectors; i++)
        device.sectors[i] = (uint8_t)(i / SD_SECTOR_BYTES + i % 251);
    mmc = (sunxi_mmc){0};
    wake_count = done_count = 0;
    cancels = false;
    host_mono_ns = FA_NS_PER_S;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (mmc.registers != NULL)
        mmc.device.ops->close(&mmc.device);
    return device.map_count == 0 ? 0 : -1;
}

static _Alignas(64) uint8_t buffer[512 * 1024];

static fa_block_request request_of(fa_block_kind what, uint64_t sector, uint32_t count)
{
    return (fa_block_request){.kind = what, .sector = sector, .count = count, .part_count = 1,
                              .parts = {{buffer, count * SD_SECTOR_BYTES}}, .done = done, .err = FA_EAGAIN};
}

static fa_err run(fa_block_request *request)
{
    const unsigned before = done_count;
    const fa_err err = mmc.device.ops->submit(&mmc.device, request);
    if (err != FA_OK)
        return err;
    assert_true(device.map_count >= 1 + request->part_count);
    for (unsigned i = 0; i < 100 && done_count == before; i++) {
        if (mmc.device.poll_by != FA_FOREVER)
            host_mono_ns = mmc.device.poll_by;
        mmc.device.ops->poll(&mmc.device);
    }
    assert_int_equal(done_count, before + 1);
    return request->err;
}

static void reads_and_writes(void **state)
{
    static const kind kinds[] = {LARGE, SMALL, OLD};
    (void)state;
    for (size_t i = 0; i < FA_ARRAY_COUNT(kinds); i++) {
        assert_int_equal(try_open(kinds[i]), FA_OK);
        assert_int_equal(mmc.device.sector_count, SECTORS);
        assert_int_equal(*at(WIDTH), 1);
        assert_int_equal(clock_hz, kinds[i] == LARGE ? 50000000 : 25000000);
        assert_false(mmc.device.read_only);
        for (uint32_t count = 1; count <= 1024; count = count * 3 + 1) {
            fa_block_request request = request_of(FA_BLOCK_READ, 5, count);
            memset(buffer, 0, sizeof buffer);
            assert_int_equal(run(&request), FA_OK);
            assert_memory_equal(buffer, device.sectors + 5 * SD_SECTOR_BYTES, count * SD_SECTOR_BYTES);
            for (size_t n = 0; n < count * SD_SECTOR_BYTES; n++)
                buffer[n] = (uint8_t)(n * 7 + count);
            request = request_of(FA_BLOCK_WRITE, 9, count);
            assert_int_equal(run(&request), FA_OK);
            assert_memory_equal(buffer, device.sectors + 9 * SD_SECTOR_BYTES, count * SD_SECTOR_BYTES);
        }
        assert_int_equal(device.map_count, 1);
        mmc.device.ops->close(&mmc.device);
    }
}

static void many_parts(void **state)
{
    (void)state;
    assert_int_equal(try_open(LARGE), FA_OK);
    fa_block_request request = request_of(FA_BLOCK_READ, 0, 0);
    request.part_count = FA_BLOCK_PARTS_MAX;
    for (unsigned i = 0; i < FA_BLOCK_PARTS_MAX; i++) {
        request.parts[i] = (fa_block_part){buffer + i * 32768, 63 * 512};
        request.count += 63;
    }
    assert_int_equal(run(&request), FA_OK);
    for (unsigned i = 0; i < FA_BLOCK_PARTS_MAX; i++)
        assert_memory_equal(buffer + i * 32768, device.sectors + i * 63 * 512, 63 * 512);
}

static void cards_that_are_none(void **state)
{
    (void)state;
    assert_int_equal(try_open(NO_CARD), FA_ENOENT);
    assert_int_equal(try_open(MMC), FA_ETIMEDOUT);
    assert_int_equal(try_open(WRONG_CSD), FA_ENOTSUP);
    device.never_ready = true;
    assert_int_equal(try_open(LARGE), FA_ETIMEDOUT);
    assert_true(host_mono_ns < 10 * FA_NS_PER_S);
    cancels = true;
    assert_int_equal(try_open(LARGE), FA_ECANCELED);
    cancels = device.never_ready = false;
    device.is_out = true;
    const unsigned before = device.commands;
    assert_int_equal(try_open(LARGE), FA_ENOENT);
    assert_int_equal(device.commands, before);
    device.is_out = false;
    device.hangs_in_reset = true;
    assert_int_equal(try_open(LARGE), FA_EIO);
    assert_null(mmc.registers);
    device.hangs_in_reset = false;
    device.map_count = 0; /* what it may still write to is lost */
    memset(device.maps, 0, sizeof device.maps);
    device.power_up_left = 20;
    device.read_only = true;
    assert_int_equal(try_open(LARGE), FA_OK);
    assert_true(mmc.device.read_only);
    assert_int_equal(try_open(LARGE), FA_EBUSY);
}

/* One answer is damaged on its way, whichever it is: the card is asked anew. */
static void damaged_answers(void **state)
{
    (void)state;
    assert_int_equal(try_open(LARGE), FA_OK);
    const unsigned count = device.commands;
    for (unsigned i = 1; i <= count; i++) {
        mmc.device.ops->close(&mmc.device);
        device.damaged_command = device.commands + i;
        assert_int_equal(try_open(LARGE), FA_OK);
        assert_int_equal(mmc.device.sector_count, SECTORS);
        assert_true(mmc.card.is_fast || device.damaged_command == device.commands);
    }
}

static void tries_again(void **state)
{
    (void)state;
    assert_int_equal(try_open(LARGE), FA_OK);
    fa_block_request request = request_of(FA_BLOCK_READ, 3, 8);
    device.failures_left = 2;
    assert_int_equal(run(&request), FA_OK);
    assert_memory_equal(buffer, device.sectors + 3 * 512, 8 * 512);
    assert_int_equal(device.stops, 2);
    device.failures_left = 3;
    assert_int_equal(run(&request), FA_EIO);
    assert_non_null(strstr(host_console, "read at sector 3"));
    assert_true(mmc.device.is_present);
    assert_int_equal(device.map_count, 1);
    assert_int_equal(run(&request), FA_OK);
}

static void a_card_that_programs(void **state)
{
    (void)state;
    assert_int_equal(try_open(LARGE), FA_OK);
    fa_block_request request = request_of(FA_BLOCK_WRITE, 3, 8);
    device.busy_left = 5;
    const uint64_t before_ns = host_mono_ns;
    assert_int_equal(run(&request), FA_OK);
    assert_true(host_mono_ns - before_ns >= 5 * FA_NS_PER_MS);
    assert_int_equal(device.busy_left, 0);
    assert_true(mmc.device.poll_by > host_mono_ns + FA_NS_PER_S / 2); /* not soon */
    device.write_errors_left = 1;
    memset(buffer, 0x77, 8 * 512);
    assert_int_equal(run(&request), FA_OK);
    assert_memory_equal(buffer, device.sectors + 3 * 512, 8 * 512);
    device.write_errors_left = 10;
    assert_int_equal(run(&request), FA_EIO);
    assert_non_null(strstr(host_console, "could not write it"));
}

static void a_card_that_is_taken_out(void **state)
{
    (void)state;
    assert_int_equal(try_open(LARGE), FA_OK);
    fa_block_request request = request_of(FA_BLOCK_READ, 3, 8);
    device.is_slow = true;
    assert_int_equal(mmc.device.ops->submit(&mmc.device, &request), FA_OK);
    device.is_out = true;
    *at(RINT) |= INT_TIMEOUT;
    mmc.device.ops->poll(&mmc.device);
    assert_int_equal(done_count, 1);
    assert_int_equal(request.err, FA_ECLOSED);
    assert_false(mmc.device.is_present);
    assert_int_equal(mmc.device.ops->submit(&mmc.device, &request), FA_ECLOSED);
    mmc.device.ops->close(&mmc.device);
    device.is_out = device.is_slow = false;
    assert_int_equal(try_open(LARGE), FA_OK);
    assert_int_equal(run(&request), FA_OK);
}

static void a_card_that_is_taken_out_between_requests(void **state)
{
    (void)state;
    assert_int_equal(try_open(LARGE), FA_OK);
    assert_true(mmc.device.poll_by != FA_FOREVER);
    fa_block_request request = request_of(FA_BLOCK_READ, 3, 8);
    assert_int_equal(run(&request), FA_OK);
    host_mono_ns = mmc.device.poll_by;
    mmc.device.ops->poll(&mmc.device);
    assert_true(mmc.device.is_present && mmc.device.poll_by > host_mono_ns);
    device.is_out = true;
    mmc.device.ops->poll(&mmc.device);
    assert_false(mmc.device.is_present);
    assert_int_equal(mmc.device.poll_by, FA_FOREVER);
    assert_non_null(strstr(host_console, "the card was taken out"));
    device.is_out = false; /* another one, for all that is known */
    mmc.device.ops->poll(&mmc.device);
    assert_false(mmc.device.is_present);
    mmc.device.ops->close(&mmc.device);
    assert_int_equal(try_open(LARGE), FA_OK);
    device.is_out = true; /* and nobody has looked yet */
    assert_int_equal(mmc.device.ops->submit(&mmc.device, &request), FA_ECLOSED);
}

static void interrupts(void **state)
{
    (void)state;
    assert_int_equal(try_open(LARGE), FA_OK);
    assert_false(mmc.device.ops->arm(&mmc.device));
    sunxi_mmc_interrupt(&mmc);
    assert_int_equal(wake_count, 0);
    fa_block_request request = request_of(FA_BLOCK_READ, 3, 8), other = request;
    device.is_slow = true;
    assert_int_equal(mmc.device.ops->submit(&mmc.device, &request), FA_OK);
    assert_int_equal(mmc.device.ops->submit(&mmc.device, &other), FA_EAGAIN);
    assert_false(mmc.device.ops->arm(&mmc.device));
    assert_true(*at(IMASK) & INT_STOPPED);
    assert_true(*at(IMASK) & INT_CRC);
    *at(RINT) |= INT_STOPPED; /* the card is done, the DMA not yet */
    sunxi_mmc_interrupt(&mmc);
    sunxi_mmc_interrupt(&mmc);
    assert_int_equal(wake_count, 1);
    assert_int_equal(*at(IMASK) | *at(IDIE), 0);
    mmc.device.ops->poll(&mmc.device);
    assert_int_equal(done_count, 0);
    assert_false(mmc.device.ops->arm(&mmc.device));
    assert_int_equal(*at(IDIE), RECEIVED);
    assert_false(*at(IMASK) & INT_STOPPED);
    *at(IDST) |= RECEIVED;
    assert_true(mmc.device.ops->arm(&mmc.device));
    mmc.device.ops->poll(&mmc.device);
    assert_int_equal(done_count, 1);
    assert_int_equal(request.err, FA_OK);
}

static void is_stopped(void **state)
{
    (void)state;
    assert_int_equal(try_open(LARGE), FA_OK);
    fa_block_request request = request_of(FA_BLOCK_READ, 3, 8);
    device.is_slow = true;
    assert_int_equal(mmc.device.ops->submit(&mmc.device, &request), FA_OK);
    mmc.device.ops->stop(&mmc.device);
    assert_int_equal(request.err, FA_EIO);
    assert_int_equal(device.map_count, 1);
    assert_int_equal(mmc.device.ops->submit(&mmc.device, &request), FA_EIO);
    device.hangs_in_reset = true;
    expect_assert_failure(mmc.device.ops->stop(&mmc.device));
    device.hangs_in_reset = false;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_and_writes), TEST(many_parts), TEST(cards_that_are_none), TEST(damaged_answers), TEST(tries_again),
        TEST(a_card_that_programs), TEST(a_card_that_is_taken_out), TEST(a_card_that_is_taken_out_between_requests),
        TEST(interrupts), TEST(is_stopped),
    };
    return cmocka_run_group_tests_name("sunxi_mmc", tests, NULL, NULL);
}
