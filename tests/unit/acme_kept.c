/* SPDX-License-Identifier: ISC */
/* What the template `acme` keeps, on disks that lose power at any write, rot and fail, and on disks that hold something else. A
 * program of the unix board. */
#define SECTORS 512u
#define SECTOR_MAX 4096u
#include "../../templates/acme/kept.h"
#include "faulty_disk.h"
#include <stdlib.h>

#define PLACE_BYTES (36u * 1024u)
#define WAIT fa_after_s(20)

static kept *on_disk;
static const char *why;

static fa_err begin(const fa_block_faults_options *options, bool erase)
{
    return kept_open_take(open_disk(options), erase, &on_disk, &why, WAIT);
}

static size_t text_of(unsigned version, char *text_out)
{
    const size_t len = 1 + version * 2711 % FA_ACME_KEPT_BYTES_MAX;
    for (size_t i = 0; i < len; i++)
        text_out[i] = (char)(version + i * 7);
    return len;
}

static fa_err store(const char *name, unsigned version)
{
    static char text[FA_ACME_KEPT_BYTES_MAX];
    const fa_acme_storage s = kept_storage(on_disk);
    return s.store(s.arg, name, text, text_of(version, text), WAIT);
}

static bool has(const char *name, unsigned version)
{
    static char text[FA_ACME_KEPT_BYTES_MAX], wanted[FA_ACME_KEPT_BYTES_MAX];
    const fa_acme_storage s = kept_storage(on_disk);
    size_t len;
    const fa_err err = s.load(s.arg, name, text, sizeof text, &len, WAIT);
    if (version == 0)
        return err == FA_ENOENT;
    return err == FA_OK && len == text_of(version, wanted) && memcmp(text, wanted, len) == 0;
}

static void what_is_kept_is_there(void **state)
{
    (void)state;
    for (sector_bytes = 512; sector_bytes <= 4096; sector_bytes *= 8) {
        memset(bytes, 0, sizeof bytes);
        assert_int_equal(begin(NULL, false), FA_OK);
        assert_true(has("account", 0) && has("certificate", 0));
        for (unsigned version = 1; version <= 5; version++) {
            assert_int_equal(store("certificate", version), FA_OK);
            if (version == 2)
                assert_int_equal(store("account", 7), FA_OK);
            kept_close(on_disk);
            assert_int_equal(begin(NULL, false), FA_OK);
            assert_true(has("certificate", version) && has("account", version < 2 ? 0 : 7));
        }
        const fa_acme_storage s = kept_storage(on_disk);
        char text[10];
        size_t len;
        assert_int_equal(s.load(s.arg, "account", text, sizeof text, &len, WAIT), FA_ELIMIT);
        assert_int_equal(s.store(s.arg, "account", bytes, FA_ACME_KEPT_BYTES_MAX + 1, WAIT), FA_ELIMIT);
        kept_close(on_disk);
    }
    sector_bytes = 512;
}

/* A write that is torn in any way leaves what was there, and the next one does as if it had not been. */
static void the_power_fails_within_a_write(void **state)
{
    (void)state;
    static uint8_t before[sizeof bytes], after[sizeof bytes];
    unsigned old_ones = 0;
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(begin(NULL, false), FA_OK);
    srand(1);
    for (unsigned version = 1; version <= 60; version++) {
        memcpy(before, bytes, sizeof bytes);
        assert_int_equal(store("certificate", version), FA_OK);
        memcpy(after, bytes, sizeof bytes);
        for (unsigned cut = 0; cut < 8; cut++) {
            for (size_t sector = 0; sector < SECTORS; sector++) /* each is written or not; one in the middle */
                memcpy(bytes + sector * 512, (rand() % 8 > (int)cut ? after : before) + sector * 512, cut == 7 ? 100 : 512);
            kept_close(on_disk);
            assert_int_equal(begin(NULL, false), FA_OK);
            const bool is_old = has("certificate", version - 1);
            assert_true(is_old || has("certificate", version));
            old_ones += is_old;
            assert_int_equal(store("certificate", version + 100), FA_OK);
            assert_true(has("certificate", version + 100));
            memcpy(bytes, after, sizeof bytes);
        }
    }
    assert_true(old_ones > 100);
    kept_close(on_disk);
}

/* Marking a disk is cut off anywhere: it is known again, or as empty as before. */
static void the_power_fails_while_it_is_marked(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        const fa_block_faults_options options = {.seed = seed, .lost_permille = 500, .torn_permille = 400, .early_permille = 500,
                                                 .no_flush_permille = 1000};
        memset(bytes, 0, sizeof bytes);
        assert_int_equal(begin(&options, false), FA_OK);
        fa_block_faults_crash(&faults);
        kept_close(on_disk);
        assert_int_equal(begin(NULL, false), FA_OK);
        assert_true(has("certificate", 0));
        assert_int_equal(store("certificate", 3), FA_OK);
        assert_true(has("certificate", 3));
        kept_close(on_disk);
    }
}

static void what_is_not_ours_is_left(void **state)
{
    (void)state;
    static const size_t places[] = {0, 510, 4086, 65536, 4 * PLACE_BYTES - 1};
    for (size_t i = 0; i < FA_ARRAY_COUNT(places); i++) {
        memset(bytes, 0, sizeof bytes);
        bytes[places[i]] = 0x53;
        assert_int_equal(begin(NULL, false), FA_EBUSY);
        assert_non_null(strstr(why, "--erase"));
        assert_int_equal(bytes[places[i]], 0x53);
        assert_int_equal(begin(NULL, true), FA_OK);
        assert_true(has("account", 0));
        kept_close(on_disk);
        assert_int_equal(begin(NULL, false), FA_OK);
        kept_close(on_disk);
    }
    memset(bytes, 0, sizeof bytes);
    bytes[4 * PLACE_BYTES] = 1; /* behind it */
    assert_int_equal(begin(NULL, false), FA_OK);
    assert_int_equal(store("account", 9), FA_OK);
    kept_close(on_disk);
    assert_int_equal(begin(NULL, true), FA_OK);
    assert_true(has("account", 0)); /* what was kept is erased as well */
    kept_close(on_disk);
    fa_block *small;
    assert_int_equal(fa_block_open_ram(4 * PLACE_BYTES - 512, &small), FA_OK);
    assert_int_equal(kept_open_take(small, false, &on_disk, &why, WAIT), FA_ENOSPC);
}

/* One of the two cannot be read, or is another than was written: the other is taken. */
static void disks_that_fail(void **state)
{
    (void)state;
    const fa_block_faults_options dead = {.seed = 1, .error_permille = 1000};
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(begin(&dead, false), FA_EIO);
    assert_int_equal(begin(NULL, false), FA_OK);
    assert_int_equal(store("certificate", 1), FA_OK);
    assert_int_equal(store("certificate", 2), FA_OK);
    for (size_t place = 2; place < 4; place++) {
        bytes[place * PLACE_BYTES + 4096] ^= 1; /* of what lies there */
        assert_true(has("certificate", place == 2 ? 2 : 1));
        bytes[place * PLACE_BYTES + 4096] ^= 1;
    }
    bytes[2 * PLACE_BYTES + 4096] ^= 1;
    bytes[3 * PLACE_BYTES + 4096] ^= 1;
    assert_true(has("certificate", 0));
    kept_close(on_disk);
}

/* Reads, of which one fails. */
static const uint8_t *read_into;
static unsigned reads, failing_read;

fa_err __real_fa_block_read(fa_block *block, uint64_t sector, const fa_block_into *into, size_t count, fa_deadline deadline);
fa_err __wrap_fa_block_read(fa_block *block, uint64_t sector, const fa_block_into *into, size_t count, fa_deadline deadline);
fa_err __wrap_fa_block_read(fa_block *block, uint64_t sector, const fa_block_into *into, size_t count, fa_deadline deadline)
{
    read_into = into[0].bytes;
    return ++reads == failing_read ? FA_EIO : __real_fa_block_read(block, sector, into, count, deadline);
}

/* No key stays in memory, whatever fails. */
static void nothing_stays_in_memory(void **state)
{
    (void)state;
    static const uint8_t zeroes[PLACE_BYTES];
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(begin(NULL, false), FA_OK);
    assert_int_equal(store("account", 1), FA_OK);
    assert_int_equal(store("account", 2), FA_OK);
    for (unsigned i = 1; i <= 4; i++) {
        for (unsigned writes = 0; writes < 2; writes++) {
            reads = 0;
            failing_read = i;
            if (writes)
                (void)!store("account", 3 + i);
            else
                (void)has("account", 3);
            assert_memory_equal(read_into, zeroes, PLACE_BYTES);
        }
    }
    failing_read = 0;
    assert_true(has("account", 7));
    bytes[4096] ^= 1; /* a key that is damaged, beside one that cannot be read */
    bytes[PLACE_BYTES + 4096] ^= 1;
    for (failing_read = 1; failing_read <= 2; failing_read++) {
        reads = 0;
        assert_int_equal(store("account", 9), FA_EIO);
        assert_memory_equal(read_into, zeroes, PLACE_BYTES);
    }
    failing_read = 0;
    kept_close(on_disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_there),
        cmocka_unit_test(the_power_fails_within_a_write),
        cmocka_unit_test(the_power_fails_while_it_is_marked),
        cmocka_unit_test(what_is_not_ours_is_left),
        cmocka_unit_test(disks_that_fail),
        cmocka_unit_test(nothing_stays_in_memory),
    };
    return cmocka_run_group_tests_name("acme_kept", tests, NULL, NULL);
}
