/* SPDX-License-Identifier: ISC */
/* <fata/board.h> over a platform of the test's own; and dates, which a board's clock keeps. */
#include "../../bsp/plat.h"
#include "../../sdk/core/calendar.h"
#include "host.h"
#include "test.h"
#include <fata/board.h>

static unsigned fed_s, port, number;

fa_err plat_watchdog(unsigned limit_s)
{
    fed_s = limit_s;
    return FA_OK;
}

fa_err plat_led(unsigned which, bool on)
{
    return which == 0 && on ? FA_OK : FA_ENOENT;
}

fa_err plat_pin_read(unsigned at_port, unsigned at, bool pull_up, bool *high_out)
{
    port = at_port;
    number = at;
    *high_out = pull_up;
    return FA_OK;
}

fa_err plat_pin_write(unsigned at_port, unsigned at, bool high)
{
    (void)high;
    port = at_port;
    number = at;
    return FA_OK;
}

fa_err plat_serial(uint32_t words_out[4])
{
    words_out[0] = 0x16516642;
    words_out[3] = 0x0a1b2c3d;
    return FA_OK;
}

fa_err plat_temperature(int32_t *milli_celsius_out)
{
    *milli_celsius_out = -40500;
    return FA_OK;
}

fa_err plat_model(const char **name_out)
{
    *name_out = "a board";
    return FA_OK;
}

static void names_of_pins(void **state)
{
    static const struct {
        const char *name;
        unsigned port, number;
    } good[] = {{"PA0", 0, 0}, {"PH1", 7, 1}, {"PH20", 7, 20}, {"PI31", 8, 31}};
    static const char *const bad[] = {"", "P", "PH", "H20", "PH32", "PH99", "PH01", "PH2x", "PH200", "Ph2", "PH 2", "PH-1", "P20"};
    (void)state;
    bool high = false;
    for (size_t i = 0; i < FA_ARRAY_COUNT(good); i++) {
        assert_int_equal(fa_board_pin_read(good[i].name, true, &high), FA_OK);
        assert_true(high && port == good[i].port && number == good[i].number);
    }
    port = 99;
    for (size_t i = 0; i < FA_ARRAY_COUNT(bad); i++) {
        assert_int_equal(fa_board_pin_read(bad[i], false, &high), FA_EINVAL);
        assert_int_equal(fa_board_pin_write(bad[i], false), FA_EINVAL);
    }
    assert_int_equal(port, 99);
}

static void the_rest(void **state)
{
    (void)state;
    char text[FA_BOARD_SERIAL_BYTES];
    assert_int_equal(fa_board_watchdog(FA_BOARD_WATCHDOG_S_MAX), FA_OK);
    assert_int_equal(fed_s, FA_BOARD_WATCHDOG_S_MAX);
    assert_int_equal(fa_board_watchdog(FA_BOARD_WATCHDOG_S_MAX + 1), FA_ERANGE);
    assert_int_equal(fa_board_led(0, true), FA_OK);
    assert_int_equal(fa_board_led(1, true), FA_ENOENT);
    assert_int_equal(fa_board_serial(text), FA_OK);
    assert_string_equal(text, "165166420a1b2c3d");
    int32_t milli_celsius = 0;
    assert_int_equal(fa_board_temperature(&milli_celsius), FA_OK);
    assert_int_equal(milli_celsius, -40500);
    const char *name = NULL;
    assert_int_equal(fa_board_model(&name), FA_OK);
    assert_string_equal(name, "a board");
    uint64_t wall_ns = 1;
    host_wall_ns = 0;
    assert_int_equal(fa_board_clock(&wall_ns), FA_ENOENT);
    host_wall_ns = 1795293000 * FA_NS_PER_S;
    assert_int_equal(fa_board_clock(&wall_ns), FA_OK);
    assert_int_equal(wall_ns, host_wall_ns);
}

/* The numbers are those of `date -u -d ... +%s`. */
static void dates(void **state)
{
    (void)state;
    assert_int_equal(fa_date_to_s((fa_date){1970, 1, 1, 0, 0, 1}), 1);
    assert_int_equal(fa_date_to_s((fa_date){2000, 2, 29, 12, 34, 56}), 951827696);
    assert_int_equal(fa_date_to_s((fa_date){2026, 11, 21, 20, 30, 0}), 1795293000);
    assert_int_equal(fa_date_to_s((fa_date){2100, 3, 1, 0, 0, 0}), 4107542400);
    static const fa_date none[] = {{1969, 12, 31, 0, 0, 0}, {2226, 1, 1, 0, 0, 0}, {2024, 0, 1, 0, 0, 0},
                                   {2024, 13, 1, 0, 0, 0},  {2024, 1, 0, 0, 0, 0}, {2024, 1, 32, 0, 0, 0},
                                   {2024, 1, 1, 24, 0, 0},  {2024, 1, 1, 0, 60, 0}, {2024, 1, 1, 0, 0, 60}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(none); i++)
        assert_int_equal(fa_date_to_s(none[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_pins),
        cmocka_unit_test(the_rest),
        cmocka_unit_test(dates),
    };
    return cmocka_run_group_tests_name("board_devices", tests, NULL, NULL);
}
