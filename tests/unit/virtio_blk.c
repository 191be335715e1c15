/* SPDX-License-Identifier: ISC */
/* The block device's driver against devices that keep the rules, and devices that break them. Linked with
 * the debug build's DMA, which says so when the driver or the device touches what is not its own. */
#include "../../sdk/drivers/virtio/virtio_blk.h"
#include "host.h"
#include "test.h"
#include "virtio_fake.h"

#define F_SIZE_MAX 0x2u
#define F_SEG_MAX 0x4u
#define F_RO 0x20u
#define F_BLK_SIZE 0x40u
#define F_FLUSH 0x200u
#define F_DISCARD 0x2000u
#define F_UNKNOWN (UINT64_C(0xff) << 48 | UINT64_C(1) << 11)
#define USUAL (VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | F_SEG_MAX | F_BLK_SIZE | F_FLUSH | F_DISCARD | F_UNKNOWN)
#define CAPACITY 2048u

static fake device;
static virtio_blk blk;
static uint16_t head; /* of the message that the device took last, and its parts */
static fake_part parts[FAKE_PARTS_MAX];
static unsigned part_count, wake_count, done_count;
static _Alignas(64) uint8_t memory[8 * 4096];

static void put(size_t at, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        device.config[at + i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;
    for (size_t i = len; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static void wake(void *arg)
{
    assert_ptr_equal(arg, memory);
    wake_count++;
}

static void init(uint64_t offered, bool is_legacy)
{
    fake_init(&device, offered, is_legacy);
    device.device.id = VIRTIO_ID_BLOCK;
    put(0, CAPACITY, 8);
    put(8, 4096, 4);
    put(12, 126, 4);
    put(20, 512, 4);
    put(36, 4096, 4);
}

static fa_err try_open(void)
{
    const fa_err err = virtio_blk_open(&blk, &device.device);
    blk.device.wake = wake;
    blk.device.wake_arg = memory;
    return err;
}

static void open(uint64_t offered)
{
    init(offered, false);
    assert_int_equal(try_open(), FA_OK);
}

static void close_all(void)
{
    blk.device.ops->close(&blk.device);
    assert_int_equal(device.status, 0);
}

static int setup(void **state)
{
    (void)state;
    host_console_clear();
    wake_count = done_count = 0;
    blk = (virtio_blk){0};
    memset(memory, 0x33, sizeof memory);
    return 0;
}

static void done(fa_block_request *request)
{
    (void)request;
    done_count++;
}

static fa_block_request request_of(fa_block_kind kind, uint64_t sector, uint32_t count)
{
    return (fa_block_request){.kind = kind, .sector = sector, .count = count, .done = done, .err = FA_EBUSY};
}

static fa_err submit(fa_block_request *request)
{
    return blk.device.ops->submit(&blk.device, request);
}

static void poll(void)
{
    blk.device.ops->poll(&blk.device);
}

static void take(void)
{
    part_count = fake_take(&device, 0, &head, parts);
    assert_true(part_count >= 2);
    assert_true(!parts[0].writes && parts[0].len == 16);
    assert_true(parts[part_count - 1].writes && parts[part_count - 1].len == 1);
}

/* The device answers what it took last. */
static void answer(uint8_t status, uint32_t len)
{
    *parts[part_count - 1].bytes = status;
    fake_use(&device, 0, head, len);
}

static void opens(void **state)
{
    (void)state;
    open(USUAL);
    assert_int_equal(device.accepted, USUAL & ~F_UNKNOWN);
    assert_int_equal(device.status, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
                                        VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK);
    assert_int_equal(blk.device.sector_count, CAPACITY);
    assert_int_equal(blk.device.parts_max, FA_BLOCK_PARTS_MAX);
    assert_int_equal(blk.device.discard_sectors_max, 4096);
    assert_true(blk.device.has_cache && !blk.device.read_only && blk.device.is_present);
    assert_int_equal(try_open(), FA_EBUSY);
    close_all();
    open(VIRTIO_F_VERSION_1 | F_RO | F_SIZE_MAX);
    assert_true(blk.device.read_only && !blk.device.has_cache && blk.device.discard_sectors_max == 0);
    assert_int_equal(blk.device.transfer_sectors_max, 8);
    close_all();
    init(USUAL, true);
    assert_int_equal(try_open(), FA_OK);
    assert_int_equal(device.accepted & VIRTIO_F_VERSION_1, 0);
    close_all();
    init(USUAL, false);
    put(20, 4096, 4);
    put(12, 3, 4);
    assert_int_equal(try_open(), FA_OK);
    assert_int_equal(blk.device.sector_count, CAPACITY / 8);
    assert_int_equal(blk.device.discard_sectors_max, 512);
    assert_int_equal(blk.device.parts_max, 3);
    close_all();
}

static void refused(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 256, 768, 8192, UINT32_MAX};
    for (size_t i = 0; i < FA_ARRAY_COUNT(sizes); i++) {
        init(USUAL, false);
        put(20, sizes[i], 4);
        assert_int_equal(try_open(), FA_ENOTSUP);
        assert_int_equal(device.status, 0);
    }
    init(USUAL | F_SIZE_MAX, false);
    put(8, 511, 4);
    assert_int_equal(try_open(), FA_ENOTSUP);
    init(USUAL & ~VIRTIO_F_VERSION_1, false);
    assert_int_equal(try_open(), FA_ENOTSUP);
    init(USUAL, false);
    device.size_max = VIRTIO_BLK_QUEUE_SIZE_MIN - 1;
    assert_int_equal(try_open(), FA_ENOTSUP);
    init(USUAL, false);
    device.status = 15;
    device.never_resets = true;
    assert_int_equal(try_open(), FA_EIO);
}

static void reads(void **state)
{
    (void)state;
    open(USUAL);
    for (unsigned round = 0; round < 40000; round++) { /* round the ring and its index */
        fa_block_request request = request_of(FA_BLOCK_READ, 7 + round % 9, 3);
        request.part_count = 2;
        request.parts[0] = (fa_block_part){memory, 1024};
        request.parts[1] = (fa_block_part){memory + 4096, 512};
        assert_int_equal(submit(&request), FA_OK);
        take();
        assert_int_equal(part_count, 4);
        assert_int_equal(get(parts[0].bytes, 4), 0);
        assert_int_equal(get(parts[0].bytes + 8, 8), 7 + round % 9);
        assert_true(parts[1].writes && parts[1].len == 1024 && parts[2].writes && parts[2].len == 512);
        memset(parts[1].bytes, 1 + (int)round % 100, 1024);
        memset(parts[2].bytes, 101 + (int)round % 100, 512);
        answer(0, 1537);
        poll();
        assert_int_equal(request.err, FA_OK);
        assert_true(memory[0] == 1 + round % 100 && memory[1023] == memory[0]);
        assert_true(memory[4096] == 101 + round % 100 && memory[4607] == memory[4096]);
    }
    assert_int_equal(done_count, 40000);
    close_all();
}

static void writes_flushes_discards(void **state)
{
    (void)state;
    init(USUAL, false);
    put(20, 4096, 4);
    assert_int_equal(try_open(), FA_OK);
    fa_block_request write = request_of(FA_BLOCK_WRITE, 5, 2), flush = request_of(FA_BLOCK_FLUSH, 0, 0),
                     discard = request_of(FA_BLOCK_DISCARD, 3, 4);
    write.part_count = 1;
    write.parts[0] = (fa_block_part){memory + 3, 8192};
    assert_true(submit(&write) == FA_OK && submit(&flush) == FA_OK && submit(&discard) == FA_OK);
    take();
    assert_int_equal(part_count, 3);
    assert_int_equal(get(parts[0].bytes, 4), 1);
    assert_int_equal(get(parts[0].bytes + 8, 8), 40); /* in units of 512 bytes */
    assert_true(!parts[1].writes && parts[1].len == 8192 && parts[1].bytes[0] == 0x33);
    answer(0, 1);
    take();
    assert_int_equal(part_count, 2);
    assert_int_equal(get(parts[0].bytes, 4), 4);
    assert_int_equal(get(parts[0].bytes + 8, 8), 0);
    answer(1, 1);
    take();
    assert_true(part_count == 3 && !parts[1].writes && parts[1].len == 16);
    assert_int_equal(get(parts[0].bytes, 4), 11);
    assert_int_equal(get(parts[1].bytes, 8), 24);
    assert_int_equal(get(parts[1].bytes + 8, 4), 32);
    assert_int_equal(get(parts[1].bytes + 12, 4), 0);
    answer(2, 1);
    poll();
    assert_true(write.err == FA_OK && flush.err == FA_EIO && discard.err == FA_ENOTSUP);
    assert_false(blk.device.is_stopped);
    close_all();
}

static void full(void **state)
{
    (void)state;
    open(USUAL);
    static fa_block_request requests[VIRTIO_BLK_QUEUE_SIZE];
    unsigned count = 0;
    fa_err err = FA_OK;
    for (; count < FA_ARRAY_COUNT(requests); count++) {
        requests[count] = request_of(FA_BLOCK_FLUSH, 0, 0);
        err = submit(&requests[count]);
        if (err != FA_OK)
            break;
    }
    assert_true(err == FA_EAGAIN && count == VIRTIO_BLK_QUEUE_SIZE / 2);
    take();
    answer(0, 1);
    poll();
    assert_int_equal(submit(&requests[count]), FA_OK);
    for (unsigned i = 0; i < count; i++) {
        take();
        answer(0, 1);
    }
    poll();
    assert_int_equal(done_count, count + 1);
    close_all();
}

static void wakes(void **state)
{
    (void)state;
    open(USUAL);
    fa_block_request flush = request_of(FA_BLOCK_FLUSH, 0, 0);
    assert_false(blk.device.ops->arm(&blk.device));
    assert_int_equal(submit(&flush), FA_OK);
    assert_int_equal(device.notified[0], 1);
    assert_false(blk.device.ops->arm(&blk.device));
    virtio_blk_interrupt(&blk); /* not this device's */
    assert_int_equal(wake_count, 0);
    take();
    answer(0, 1);
    device.interrupt = VIRTIO_INTERRUPT_QUEUE;
    virtio_blk_interrupt(&blk);
    virtio_blk_interrupt(&blk);
    assert_int_equal(wake_count, 1);
    assert_true(blk.device.ops->arm(&blk.device));
    poll();
    assert_int_equal(flush.err, FA_OK);
    assert_false(blk.device.ops->arm(&blk.device));
    put(0, 9999, 8);
    virtio_blk_config_interrupt(&blk);
    assert_int_equal(wake_count, 2);
    assert_true(blk.device.ops->arm(&blk.device));
    poll();
    assert_int_equal(blk.device.sector_count, 9999);
    assert_false(blk.device.ops->arm(&blk.device));
    close_all();
}

/* A buffer that cannot be mapped leaves nothing behind. */
static void bad_memory(void **state)
{
    (void)state;
    open(USUAL);
    fa_block_request write = request_of(FA_BLOCK_WRITE, 0, 2);
    write.part_count = 2;
    write.parts[0] = (fa_block_part){memory, 512};
    write.parts[1] = (fa_block_part){NULL, 512};
    assert_int_equal(submit(&write), FA_EINVAL);
    assert_int_equal(done_count, 0);
    write.parts[1].bytes = memory + 512;
    assert_int_equal(submit(&write), FA_OK);
    take();
    answer(0, 1);
    poll();
    assert_int_equal(write.err, FA_OK);
    close_all();
}

/* Two reads are under way: they fail, their memory comes back, and the device is left alone. */
static void check_broken(fa_block_request requests[2], const char *want)
{
    poll();
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(requests[i].err, FA_EIO);
    assert_int_equal(done_count, 2);
    if (strstr(host_console, want) == NULL)
        fail_msg("no '%s' in: %s", want, host_console);
    assert_true(blk.device.is_stopped && device.status == 0);
    fa_block_request after = request_of(FA_BLOCK_FLUSH, 0, 0);
    assert_int_equal(submit(&after), FA_EIO);
    assert_false(blk.device.ops->arm(&blk.device));
    poll();
    close_all();
    open(USUAL); /* and again */
    close_all();
}

static void open_with_reads(fa_block_request requests[2])
{
    host_console_clear();
    done_count = 0;
    open(USUAL);
    for (unsigned i = 0; i < 2; i++) {
        requests[i] = request_of(FA_BLOCK_READ, i, 1);
        requests[i].part_count = 1;
        requests[i].parts[0] = (fa_block_part){memory + i * 512, 512};
        assert_int_equal(submit(&requests[i]), FA_OK);
    }
}

static void wrong_ids(void **state)
{
    (void)state;
    static const uint32_t ids[] = {1, 2, 6, 127, 128, 65536, UINT32_MAX};
    fa_block_request requests[2];
    for (size_t i = 0; i < FA_ARRAY_COUNT(ids); i++) {
        open_with_reads(requests);
        fake_use(&device, 0, ids[i], 513);
        check_broken(requests, "is done with a message that it does not have");
    }
    static const uint16_t steps[] = {3, 128, 32768, 65535};
    for (size_t i = 0; i < FA_ARRAY_COUNT(steps); i++) {
        open_with_reads(requests);
        fake_set_used_index(&device, 0, steps[i]);
        check_broken(requests, "is done with more messages than it has");
    }
}

static void wrong_answers(void **state)
{
    (void)state;
    fa_block_request requests[2];
    for (unsigned status = 3; status < 256; status++) { /* 255: none was written */
        open_with_reads(requests);
        take();
        answer((uint8_t)status, 513);
        check_broken(requests, "has answered a request with");
    }
    for (uint64_t len = 514; len <= UINT32_MAX; len *= 2) {
        open_with_reads(requests);
        take();
        answer(0, (uint32_t)len);
        check_broken(requests, "has written past a request");
    }
}

static void damaged_descriptors(void **state)
{
    (void)state;
    fa_block_request requests[2];
    open_with_reads(requests);
    memset((void *)(uintptr_t)device.places[0].descriptors.address, 0xff, 16 * 128);
    fake_use(&device, 0, 0, 513); /* without a status */
    check_broken(requests, "has answered a request with 255");
}

static void fails(void **state)
{
    (void)state;
    fa_block_request requests[2];
    open_with_reads(requests);
    device.status |= VIRTIO_STATUS_NEEDS_RESET;
    virtio_blk_config_interrupt(&blk);
    check_broken(requests, "has failed, its status is 79");
}

/* A device that writes anything anywhere in the memory that it shares, and does what it is asked now and
 * then: each request is completed once, whatever comes of it. */
static void anything(void **state)
{
    (void)state;
    uint64_t random = TEST_SEED;
    unsigned stopped = 0;
    for (unsigned round = 0; round < 3000; round++) {
        fa_block_request requests[8];
        unsigned submitted = 0;
        done_count = 0;
        host_console_clear();
        open(USUAL);
        const virtio_queue_place *place = &device.places[0];
        uint8_t *shared = (uint8_t *)(uintptr_t)place->descriptors.address;
        const size_t shared_bytes = (size_t)(place->used.address - place->descriptors.address) + 6 + 8 * place->size;
        for (unsigned i = 0; i < 8; i++) {
            requests[i] = request_of(i % 3 == 2 ? FA_BLOCK_FLUSH : i % 3 == 1 ? FA_BLOCK_WRITE : FA_BLOCK_READ, i, 1);
            requests[i].part_count = i % 3 != 2;
            requests[i].parts[0] = (fa_block_part){memory + i * 512, 512};
            submitted += submit(&requests[i]) == FA_OK;
            for (size_t n = test_random_below(&random, 3); n > 0; n--)
                shared[test_random_below(&random, shared_bytes)] = (uint8_t)test_random(&random);
            for (size_t n = test_random_below(&random, 4); n > 0; n--)
                blk.slots[test_random_below(&random, VIRTIO_BLK_QUEUE_SIZE * 64)] = (uint8_t)test_random(&random);
            if (!blk.device.is_stopped && test_random_below(&random, 2) == 0)
                fake_use(&device, 0, (uint32_t)test_random_below(&random, 24), (uint32_t)test_random_below(&random, 600));
            (void)blk.device.ops->arm(&blk.device);
            poll();
        }
        stopped += blk.device.is_stopped;
        blk.device.ops->stop(&blk.device);
        assert_int_equal(done_count, submitted);
        for (unsigned i = 0; i < submitted && submitted == 8; i++)
            assert_true(requests[i].err != FA_EBUSY);
        close_all();
    }
    assert_in_range(stopped, 1000, 3000);
}

static void hangs(void **state)
{
    (void)state;
    fa_block_request requests[2];
    open_with_reads(requests);
    poll();
    assert_int_equal(done_count, 0);
    blk.device.ops->stop(&blk.device);
    check_broken(requests, "");
}

static void never_stops(void **state)
{
    (void)state;
    fa_block_request requests[2];
    open_with_reads(requests);
    device.never_resets = true;
    expect_assert_failure(blk.device.ops->stop(&blk.device));
    assert_non_null(strstr(host_panic, "does not stop"));
    assert_int_equal(done_count, 0); /* nobody has the memory but the device */
    device.never_resets = false;
    blk.device.ops->stop(&blk.device);
    check_broken(requests, "");
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(opens), TEST(refused), TEST(reads), TEST(writes_flushes_discards), TEST(full), TEST(wakes),
        TEST(bad_memory), TEST(wrong_ids), TEST(wrong_answers), TEST(damaged_descriptors), TEST(fails), TEST(anything), TEST(hangs),
        TEST(never_stops),
    };
    return cmocka_run_group_tests_name("virtio_blk", tests, NULL, NULL);
}
