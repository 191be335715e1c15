/* SPDX-License-Identifier: ISC */
/* The ring of the template `sensor`, on disks that lose power at any write, tear, rot and fail, and on
 * disks that hold something else. A program of the unix board. */
#define SECTORS 64u
#define SECTOR_MAX 4096u
#include "../../templates/sensor/store.h"
#include "faulty_disk.h"
#include <fata/fiber.h>
#include <fata/random.h>
#include <stdlib.h>

#define SLOTS 20u
#define WAIT fa_after_s(20)

static sample_store kept;

/* The program begins anew on what is there. */
static fa_err begin(const fa_block_faults_options *options, bool format)
{
    kept = (sample_store){.options = {.slots = SLOTS, .format = format}};
    return store_open_take(&kept, open_disk(options), WAIT);
}

static void empty(uint8_t with)
{
    memset(bytes, with, sizeof bytes);
}

/* A record whose content is its number's. */
static fa_err append(uint64_t number)
{
    sample samples[RING_SAMPLES_MAX] = {{0}};
    const uint32_t count = (uint32_t)(1 + number % RING_SAMPLES_MAX);
    for (uint32_t i = 0; i < count; i++)
        samples[i] = (sample){number * 1000 + i, (uint32_t)number + i, -(int32_t)number};
    return store_append(&kept, SAMPLE_CHIP, samples, count, WAIT);
}

static void expect_content(const ring_record *record)
{
    const uint64_t number = record->number;
    assert_int_equal(record->kind, SAMPLE_CHIP);
    assert_int_equal(record->count, 1 + number % RING_SAMPLES_MAX);
    for (uint32_t i = 0; i < record->count; i++) {
        assert_int_equal(record->samples[i].wall_ms, number * 1000 + i);
        assert_int_equal(record->samples[i].uptime_s, number + i);
        assert_int_equal(record->samples[i].milli, -(int32_t)number);
    }
}

/* How many records are there, from the oldest on; all of them are whole and in order. */
static unsigned read_all(uint64_t *first_out, uint64_t *last_out)
{
    ring_record records[STORE_READ_RECORDS];
    unsigned total = 0;
    size_t count;
    *first_out = *last_out = 0;
    for (uint64_t number = 0; number < kept.ring.next; total += (unsigned)count) {
        assert_int_equal(store_read(&kept, number, records, &count, &number, WAIT), FA_OK);
        for (size_t i = 0; i < count; i++) {
            assert_true(records[i].number > *last_out);
            *last_out = records[i].number;
            *first_out = *first_out == 0 ? records[i].number : *first_out;
            expect_content(&records[i]);
        }
        if (kept.ring.next == 1)
            break;
    }
    return total;
}

static void a_ring_is_found_again(void **state)
{
    (void)state;
    uint64_t first, last;
    static const uint32_t sizes[] = {512, 4096};
    for (unsigned size = 0; size < 2; size++) {
        sector_bytes = sizes[size];
        empty(size == 0 ? 0x00 : 0xff);
        assert_int_equal(begin(NULL, false), FA_OK);
        assert_true(kept.is_new && kept.ring.slots == SLOTS && kept.ring.boot == 1);
        assert_int_equal(read_all(&first, &last), 0);
        store_close(&kept, WAIT);
        /* Several times around, in runs of some records. */
        uint64_t number = 1;
        for (unsigned run = 1; run < 12; run++) {
            assert_int_equal(begin(NULL, true), FA_OK); /* --format leaves a ring alone */
            assert_true(!kept.is_new && kept.ring.next == number && kept.ring.missing == 0);
            assert_int_equal(kept.ring.boot, run);
            for (unsigned i = 0; i < 7; i++, number++)
                assert_int_equal(append(number), FA_OK);
            assert_int_equal(read_all(&first, &last), number - 1 < SLOTS ? number - 1 : SLOTS);
            assert_true(last == number - 1 && first == ring_oldest(&kept.ring));
            store_close(&kept, WAIT);
        }
    }
    sector_bytes = RING_SECTOR_BYTES;
}

/* Whatever a crash does with what was not flushed, all that was kept is there, and the ring goes on. */
static void the_power_fails_at_any_write(void **state)
{
    (void)state;
    static const uint8_t blank[RING_SECTOR_BYTES];
    unsigned cut_off = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        const fa_block_faults_options options = {.seed = seed, .lost_permille = 400, .torn_permille = 300,
                                                 .early_permille = 300};
        uint64_t number = 1, first, last;
        empty(0);
        for (unsigned life = 0; life < 6; life++) {
            assert_int_equal(begin(&options, false), FA_OK);
            assert_true(kept.ring.next >= number);
            number = kept.ring.next;
            for (uint64_t more = (seed + life) % 9; more > 0; more--)
                assert_int_equal(append(number++), FA_OK);
            /* The record that the crash cuts off: it was written, not flushed. */
            ring_record record = {.number = number, .boot = kept.ring.boot, .kind = SAMPLE_CHIP, .count = 1};
            uint8_t sector[RING_SECTOR_BYTES];
            record.count = (uint32_t)(1 + number % RING_SAMPLES_MAX);
            for (uint32_t i = 0; i < record.count; i++)
                record.samples[i] = (sample){number * 1000 + i, (uint32_t)number + i, -(int32_t)number};
            ring_record_make(&kept.ring, &record, sector);
            const uint64_t at = RING_HEADS + ring_slot(&kept.ring, number);
            assert_int_equal(fa_block_write(kept.disk, at, &(fa_block_from){sector, sizeof sector}, 1, WAIT), FA_OK);
            fa_block_faults_crash(&faults);
            store_close(&kept, WAIT);
            /* Some cards lose a half of a sector, or all that was in it. */
            if (life % 3 == 1)
                memcpy(bytes + at * RING_SECTOR_BYTES, sector, 100);
            if (life % 3 == 2)
                memcpy(bytes + at * RING_SECTOR_BYTES, blank, sizeof blank);
            assert_int_equal(begin(NULL, false), FA_OK);
            assert_true(kept.ring.next == number || kept.ring.next == number + 1);
            cut_off += kept.ring.next == number;
            const unsigned count = read_all(&first, &last);
            const uint64_t oldest = number > SLOTS ? number - SLOTS : 1;
            assert_true(last + 1 == kept.ring.next && count + 1 >= number - oldest);
            store_close(&kept, WAIT);
        }
    }
    assert_true(cut_off > 60 && cut_off < 340);
}

/* The making of a ring, cut off after any of its writes, begins again without being asked. */
static void the_power_fails_while_a_ring_is_made(void **state)
{
    (void)state;
    uint8_t head[RING_SECTOR_BYTES], old[RING_SECTOR_BYTES];
    sample_ring made;
    ring_begin(&made, 7, SLOTS);
    ring_head_make(&made, head);
    ring_begin(&made, 8, SLOTS + 1);
    ring_head_make(&made, old);
    for (unsigned half = 0; half < 2; half++) {
        empty(0);
        memcpy(bytes, head, half ? 20 : sizeof head);
        assert_int_equal(begin(NULL, false), FA_OK);
        assert_int_equal(kept.is_new, half == 1);
        store_close(&kept, WAIT);
    }
    /* A ring of which one head is gone is still that ring. */
    empty(0);
    memcpy(bytes, old, sizeof old);
    memcpy(bytes + RING_SECTOR_BYTES, old, sizeof old);
    bytes[17] ^= 1;
    assert_int_equal(begin(NULL, false), FA_OK);
    assert_true(!kept.is_new && kept.ring.slots == SLOTS + 1);
    store_close(&kept, WAIT);
    /* Both: that is not ours to make anew. */
    bytes[RING_SECTOR_BYTES + 17] ^= 1;
    assert_int_equal(begin(NULL, false), FA_EEXIST);
}

static void what_is_something_elses_is_left_alone(void **state)
{
    (void)state;
    static uint8_t before[sizeof bytes];
    static const size_t places[] = {0, 600, 1024, 40 * RING_SECTOR_BYTES, SECTORS * RING_SECTOR_BYTES - 1};
    for (size_t i = 0; i < FA_ARRAY_COUNT(places); i++) {
        empty(0);
        bytes[places[i]] = 'x';
        memcpy(before, bytes, sizeof bytes);
        assert_int_equal(begin(NULL, false), FA_EEXIST);
        assert_non_null(strstr(kept.why, "--format"));
        assert_int_equal(store_append(&kept, SAMPLE_CHIP, &(sample){0}, 1, WAIT), FA_ECLOSED);
        assert_memory_equal(before, bytes, sizeof bytes);
        assert_int_equal(begin(NULL, true), FA_OK);
        assert_true(kept.is_new);
        store_close(&kept, WAIT);
        assert_int_equal(begin(NULL, false), FA_OK);
        store_close(&kept, WAIT);
    }
    /* Sectors of 4 KiB have room behind what a head takes of them: for a swap area, say. */
    for (size_t at = 4086; at < 3 * SECTOR_MAX; at += SECTOR_MAX) {
        sector_bytes = SECTOR_MAX;
        empty(0);
        memcpy(bytes + at, "SWAPSPACE2", 10);
        memcpy(before, bytes, sizeof bytes);
        assert_int_equal(begin(NULL, false), FA_EEXIST);
        assert_memory_equal(before, bytes, sizeof bytes);
        sector_bytes = RING_SECTOR_BYTES;
    }
    /* A disk with partitions, or a file system that begins as one, is not a place even with --format. */
    empty(0);
    bytes[510] = 0x55, bytes[511] = 0xaa;
    memcpy(before, bytes, sizeof bytes);
    assert_int_equal(begin(NULL, true), FA_ENOENT);
    assert_non_null(strstr(kept.why, "CARD_DATA"));
    assert_memory_equal(before, bytes, sizeof bytes);
    /* One with a partition for data: there, and only there. */
    bytes[446 + 4] = FA_BLOCK_DATA, bytes[446 + 8] = 8, bytes[446 + 12] = 30;
    memcpy(before, bytes, sizeof bytes);
    assert_int_equal(begin(NULL, false), FA_OK);
    for (uint64_t number = 1; number < 3 * SLOTS; number++)
        assert_int_equal(append(number), FA_OK);
    store_close(&kept, WAIT);
    assert_memory_equal(before, bytes, 8 * RING_SECTOR_BYTES);
    assert_memory_equal(before + 38 * RING_SECTOR_BYTES, bytes + 38 * RING_SECTOR_BYTES, 26 * RING_SECTOR_BYTES);
    bytes[446 + 12] = RING_HEADS + RING_SLOTS_MIN - 1;
    memset(bytes + 512, 0, sizeof bytes - 512);
    assert_int_equal(begin(NULL, false), FA_ENOSPC);
}

/* Sectors that rot are left out; what fails now and then is written elsewhere; what fails always is given up. */
static void bad_disks(void **state)
{
    (void)state;
    uint64_t first, last, rotten = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const fa_block_faults_options rots = {.seed = seed, .rot_permille = 200};
        empty(0);
        assert_int_equal(begin(NULL, false), FA_OK);
        store_close(&kept, WAIT);
        assert_int_equal(begin(&rots, false), FA_OK);
        for (uint64_t number = 1; number <= SLOTS; number++)
            assert_int_equal(append(number), FA_OK);
        store_close(&kept, WAIT);
        assert_int_equal(begin(NULL, false), FA_OK);
        const unsigned count = read_all(&first, &last);
        assert_int_equal(count + kept.ring.missing, last);
        assert_true(kept.ring.missing < SLOTS);
        rotten += kept.ring.missing;
        store_close(&kept, WAIT);
    }
    assert_true(rotten > 20);
    fa_block_faults_options fails = {.seed = 1, .error_permille = 50};
    empty(0);
    assert_int_equal(begin(NULL, false), FA_OK);
    store_close(&kept, WAIT);
    while (begin(&fails, false) != FA_OK)
        assert_true(fails.seed++ < 20);
    for (unsigned i = 0; i < 3 * SLOTS; i++) {
        const sample taken = {.uptime_s = i};
        assert_int_equal(store_append(&kept, SAMPLE_CHIP, &taken, 1, WAIT), FA_OK);
    }
    const uint64_t next = kept.ring.next;
    assert_int_equal(next, 1 + 3 * SLOTS + kept.failures);
    assert_true(kept.failures > 0);
    store_close(&kept, WAIT);
    /* What was left out still holds a record of the round before, which is not taken for one of this. */
    assert_int_equal(begin(NULL, false), FA_OK);
    uint64_t last_number = 0;
    for (uint64_t number = 0; number < next;) {
        ring_record records[STORE_READ_RECORDS];
        size_t count;
        assert_int_equal(store_read(&kept, number, records, &count, &number, WAIT), FA_OK);
        for (size_t i = 0; i < count; i++) {
            assert_true(records[i].number > last_number);
            last_number = records[i].number;
        }
    }
    store_close(&kept, WAIT);
    /* One that stops working is closed, and says so. */
    fa_block_faults_options later = {.seed = 1};
    assert_int_equal(begin(&later, false), FA_OK);
    faults.options.error_permille = 1000;
    assert_int_equal(store_append(&kept, SAMPLE_CHIP, &(sample){0}, 1, WAIT), FA_EIO);
    assert_true(kept.disk == NULL && !kept.is_open && kept.failures == 3);
    assert_string_equal(kept.why, "the disk takes no samples (input or output failed)");
    size_t count;
    uint64_t next_number;
    ring_record records[STORE_READ_RECORDS];
    assert_int_equal(store_read(&kept, 1, records, &count, &next_number, WAIT), FA_ECLOSED);
    const fa_block_faults_options dead = {.seed = 3, .error_permille = 1000};
    assert_int_equal(begin(&dead, false), FA_EIO);
    assert_true(kept.why[0] != '\0' && kept.disk == NULL);
}

/* A disk with a sector that cannot be read. */
static uint64_t bad_first, bad_end;
static bool was_open; /* at any of its requests, while the ring was looked for */
static fa_err (*submit_below)(fa_blockdev *device, fa_block_request *request);

static fa_err submit_but_bad(fa_blockdev *device, fa_block_request *request)
{
    was_open = was_open || kept.is_open;
    if (request->kind != FA_BLOCK_READ || request->sector >= bad_end || request->sector + request->count <= bad_first)
        return submit_below(device, request);
    request->err = FA_EIO;
    request->done(request);
    return FA_OK;
}

static fa_err begin_with_bad(uint64_t first, uint64_t end)
{
    static fa_blockdev_ops ops;
    fa_block *disk;
    fa_ramdisk_init(&below, bytes, sector_bytes, SECTORS);
    ops = *below.device.ops;
    submit_below = ops.submit;
    ops.submit = submit_but_bad;
    below.device.ops = &ops;
    bad_first = first, bad_end = end;
    assert_int_equal(fa_block_over_take(&below.device, &disk), FA_OK);
    kept = (sample_store){.options = {.slots = SLOTS}};
    was_open = false;
    const fa_err err = store_open_take(&kept, disk, WAIT);
    assert_true(!was_open && kept.is_open == (err == FA_OK)); /* nobody is told before it is sure */
    return err;
}

/* One record is lost with it, or one head, and no more; where all is unreadable, nothing is made. */
static void sectors_that_cannot_be_read(void **state)
{
    (void)state;
    uint64_t first, last;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        const uint64_t lost = slot == 0 ? SLOTS : slot;
        empty(0);
        assert_int_equal(begin(NULL, false), FA_OK);
        for (uint64_t number = 1; number <= SLOTS; number++)
            assert_int_equal(append(number), FA_OK);
        store_close(&kept, WAIT);
        assert_int_equal(begin_with_bad(RING_HEADS + slot, RING_HEADS + slot + 1), FA_OK);
        assert_int_equal(kept.ring.next, lost == SLOTS ? SLOTS : SLOTS + 1);
        assert_int_equal(read_all(&first, &last), SLOTS - 1);
        store_close(&kept, WAIT);
    }
    /* All of this on the only partition, whose table is read first. */
    empty(0);
    bytes[510] = 0x55, bytes[511] = 0xaa;
    bytes[446 + 4] = FA_BLOCK_DATA, bytes[446 + 8] = 8, bytes[446 + 12] = 30;
    assert_int_equal(begin_with_bad(8, 9), FA_EEXIST); /* who knows what is there */
    assert_int_equal(begin_with_bad(8, 10), FA_EIO);
    assert_int_equal(begin(NULL, false), FA_OK);
    assert_int_equal(append(1), FA_OK);
    store_close(&kept, WAIT);
    for (uint64_t head = 8; head < 8 + RING_HEADS; head++) {
        assert_int_equal(begin_with_bad(head, head + 1), FA_OK);
        assert_int_equal(read_all(&first, &last), 1);
        store_close(&kept, WAIT);
    }
    assert_int_equal(begin_with_bad(8 + RING_HEADS, 38), FA_EIO);
}

/* A disk that answers a read when it is told to. */
static fa_block_request *held;
static unsigned close_count;
static bool reader_ended;
static void (*close_below)(fa_blockdev *device);

static fa_err submit_but_hold(fa_blockdev *device, fa_block_request *request)
{
    if (request->kind != FA_BLOCK_READ || request->count == 1)
        return submit_below(device, request);
    assert_null(held);
    held = request;
    return FA_OK;
}

static void count_close(fa_blockdev *device)
{
    close_count++;
    close_below(device);
}

static void read_some(void *arg)
{
    ring_record records[STORE_READ_RECORDS];
    size_t count;
    uint64_t next_number;
    assert_int_equal(store_read(&kept, 1, records, &count, &next_number, WAIT), FA_OK);
    assert_int_equal(count, 5);
    *(bool *)arg = true;
}

static void close_it(void *arg)
{
    (void)arg;
    store_close(&kept, WAIT);
}

/* The store is given up while a request for the page reads: that ends on the disk that it began on, sector by sector where
 * not all of it can be read, and closes it if nobody has waited so long. */
static void a_store_that_is_closed_while_it_is_read(void **state)
{
    (void)state;
    static fa_blockdev_ops ops;
    for (unsigned patient = 0; patient < 2; patient++) {
        fa_scope scope;
        empty(0);
        assert_int_equal(begin(NULL, false), FA_OK);
        for (uint64_t number = 1; number <= 5; number++)
            assert_int_equal(append(number), FA_OK);
        ops = *below.device.ops;
        submit_below = ops.submit, close_below = ops.close;
        ops.submit = submit_but_hold, ops.close = count_close;
        below.device.ops = &ops;
        held = NULL, close_count = 0, reader_ended = false;
        fa_scope_open(&scope);
        assert_int_equal(fa_scope_spawn(&scope, "reader", read_some, &reader_ended), FA_OK);
        while (held == NULL)
            assert_int_equal(fa_sleep(FA_NOW), FA_OK);
        if (patient == 0)
            store_close(&kept, FA_NOW);
        else
            assert_int_equal(fa_scope_spawn(&scope, "closer", close_it, NULL), FA_OK);
        while (kept.disk != NULL)
            assert_int_equal(fa_sleep(FA_NOW), FA_OK);
        assert_int_equal(close_count, 0);
        held->err = FA_EIO;
        held->done(held);
        assert_int_equal(fa_scope_wait(&scope, WAIT), FA_OK);
        fa_scope_close(&scope);
        assert_true(reader_ended);
        assert_int_equal(close_count, 1);
    }
}

/* What a stranger writes into a record or a head cannot lead anywhere. */
static void records_of_others_are_none(void **state)
{
    (void)state;
    sample_ring ring;
    uint8_t sector[RING_SECTOR_BYTES];
    ring_record record = {.number = 5, .boot = 1, .kind = SAMPLE_PIN, .count = 2}, back;
    ring_begin(&ring, 1, SLOTS);
    ring_record_make(&ring, &record, sector);
    assert_true(ring_record_read(&ring, 5, sector, &back) && back.number == 5 && back.count == 2);
    assert_false(ring_record_read(&ring, 6, sector, &back)); /* of another slot */
    for (size_t bit = 0; bit < sizeof sector * 8; bit++) {
        sector[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(ring_record_read(&ring, 5, sector, &back));
        sector[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ring.id = 2;
    assert_false(ring_record_read(&ring, 5, sector, &back)); /* of an earlier ring */
    ring.id = 1;
    static const ring_record wrong[] = {{.number = 5, .count = 0}, {.number = 0, .count = 1}, {.number = 5, .kind = SAMPLE_KINDS, .count = 1},
                                        {.number = (UINT64_C(1) << 62) + SLOTS, .count = 1}, {.number = UINT64_MAX, .count = 1}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++) {
        ring_record_make(&ring, &wrong[i], sector);
        assert_false(ring_record_read(&ring, ring_slot(&ring, wrong[i].number), sector, &back));
    }
    /* A head of more slots than there is room, or than any ring has. */
    static const uint32_t slots[] = {0, RING_SLOTS_MIN - 1, SLOTS + 1, RING_SLOTS_MAX + 1, UINT32_MAX};
    uint8_t heads[RING_HEADS * RING_SECTOR_BYTES];
    for (size_t i = 0; i < FA_ARRAY_COUNT(slots); i++) {
        ring_begin(&ring, 1, slots[i]);
        ring_head_make(&ring, heads);
        ring_head_make(&ring, heads + RING_SECTOR_BYTES);
        assert_int_equal(ring_head_read(&ring, heads, RING_HEADS + SLOTS), RING_FOREIGN);
        assert_int_equal(ring_head_read(&ring, heads, 0), RING_FOREIGN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_is_found_again),
        cmocka_unit_test(the_power_fails_at_any_write),
        cmocka_unit_test(the_power_fails_while_a_ring_is_made),
        cmocka_unit_test(what_is_something_elses_is_left_alone),
        cmocka_unit_test(bad_disks),
        cmocka_unit_test(sectors_that_cannot_be_read),
        cmocka_unit_test(a_store_that_is_closed_while_it_is_read),
        cmocka_unit_test(records_of_others_are_none),
    };
    return cmocka_run_group_tests_name("sensor_ring", tests, NULL, NULL);
}
