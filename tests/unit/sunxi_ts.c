/* SPDX-License-Identifier: ISC */
/* The thermometer's driver against registers of the test's own, as no emulator has them. */
#include "fake_device.h"
#include "../../sdk/drivers/sunxi/sun4i_ts.h"
#include "test.h"

#define DEVICE 0x3000u
enum { CTRL0 = 0x00, CTRL1 = 0x04, TPR = 0x18, TEMP_DATA = 0x20 };

static uint32_t registers[SUN4I_TS_REGISTERS_BYTES / 4];
static bool is_there;

uint32_t fake_device_read(uintptr_t device, size_t offset)
{
    assert_true(device == DEVICE && offset % 4 == 0 && offset < sizeof registers);
    return is_there ? registers[offset / 4] : 0;
}

void fake_device_write(uintptr_t device, size_t offset, uint32_t value)
{
    assert_true(device == DEVICE && offset % 4 == 0 && offset < TEMP_DATA);
    registers[offset / 4] = value;
}

static int32_t measured(const sun4i_ts_scale *scale, uint32_t value)
{
    int32_t milli_celsius = INT32_MIN;
    registers[TEMP_DATA / 4] = value;
    assert_int_equal(sun4i_ts_read((fa_cpu_device)DEVICE, scale, &milli_celsius), FA_OK);
    return milli_celsius;
}

static void values_have_their_chips_scale(void **state)
{
    (void)state;
    int32_t none = 7;
    is_there = true;
    assert_int_equal(sun4i_ts_open((fa_cpu_device)DEVICE), FA_OK);
    assert_int_equal(registers[CTRL0 / 4], 0x0027003f);
    assert_int_equal(registers[CTRL1 / 4], 0x10);
    assert_int_equal(registers[TPR / 4], 0x107a1);
    assert_int_equal(sun4i_ts_read((fa_cpu_device)DEVICE, &sun4i_ts_a10, &none), FA_EAGAIN);
    assert_int_equal(none, 7);
    assert_int_equal(measured(&sun4i_ts_a10, 2234), 40122);
    assert_int_equal(measured(&sun4i_ts_a13, 1847), 40000);
    assert_int_equal(measured(&sun4i_ts_a13, 1347), -10000);
    assert_int_equal(measured(&sun4i_ts_a13, 0xf000u | 1847), 40000); /* what is above is not the value's */
    assert_int_equal(measured(&sun4i_ts_a10, 0xfff), 287635);
}

static void nothing_behind_the_registers_is_no_sensor(void **state)
{
    (void)state;
    is_there = false;
    assert_int_equal(sun4i_ts_open((fa_cpu_device)DEVICE), FA_ENOTSUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_their_chips_scale),
        cmocka_unit_test(nothing_behind_the_registers_is_no_sensor),
    };
    return cmocka_run_group_tests_name("sunxi_ts", tests, NULL, NULL);
}
