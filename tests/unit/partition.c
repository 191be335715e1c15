/* SPDX-License-Identifier: ISC */
/* fa_block_find_partition() as a program of the unix board, over a RAM disk. */
#include "test.h"
#include <fata/block.h>
#include <string.h>

#define DISK_BYTES (64 * 512)
#define WAIT fa_after_s(1)

static uint8_t table[512];

/* An entry of the table. */
static void entry(unsigned number, uint8_t type, uint32_t start, uint32_t count)
{
    uint8_t *at = table + 446 + number * 16;
    at[4] = type;
    for (unsigned i = 0; i < 4; i++) {
        at[8 + i] = (uint8_t)(start >> i * 8);
        at[12 + i] = (uint8_t)(count >> i * 8);
    }
}

static void expect(uint8_t type, fa_err want, uint64_t want_start, uint64_t want_count)
{
    fa_block *disk;
    uint64_t start = 0, count = 0;
    assert_int_equal(fa_block_open_ram(DISK_BYTES, &disk), FA_OK);
    assert_int_equal(fa_block_write(disk, 0, &(fa_block_from){table, 512}, 1, WAIT), FA_OK);
    assert_int_equal(fa_block_find_partition(disk, type, &start, &count, WAIT), want);
    assert_true(start == want_start && count == want_count);
    fa_block_close(disk);
}

static void finds_the_first_of_its_type(void **state)
{
    (void)state;
    memset(table, 0, sizeof table);
    entry(0, 0x0e, 8, 8);
    entry(1, FA_BLOCK_DATA, 16, 48);
    entry(2, FA_BLOCK_DATA, 60, 1);
    expect(FA_BLOCK_DATA, FA_ENOENT, 0, 0); /* no signature: no table */
    table[510] = 0x55, table[511] = 0xaa;
    expect(FA_BLOCK_DATA, FA_OK, 16, 48); /* up to the last sector */
    expect(0x0e, FA_OK, 8, 8);
    expect(0x83, FA_ENOENT, 0, 0);
    expect(0, FA_ENOENT, 0, 0); /* a free entry is none */
}

static void what_is_not_on_the_disk_is_none(void **state)
{
    (void)state;
    static const uint32_t wrong[][2] = {{16, 49}, {64, 1}, {65, 0}, {0, 64}, {16, 0},
                                        {16, UINT32_MAX}, {UINT32_MAX, 1}, {UINT32_MAX, UINT32_MAX}};
    memset(table, 0, sizeof table);
    table[510] = 0x55, table[511] = 0xaa;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        entry(3, FA_BLOCK_DATA, wrong[i][0], wrong[i][1]);
        expect(FA_BLOCK_DATA, FA_EFORMAT, 0, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_first_of_its_type),
        cmocka_unit_test(what_is_not_on_the_disk_is_none),
    };
    return cmocka_run_group_tests_name("partition", tests, NULL, NULL);
}
