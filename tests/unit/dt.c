/* SPDX-License-Identifier: ISC */
/* The device tree, on trees that dtc makes from dt/, and on some that libfdt writes here. The node of
 * a device is found as a driver finds it, by being probed. Each tree lies in memory of its exact
 * size, for the sanitizer. */
#include "../../sdk/drivers/dt/dt.h"
#include "host.h"
#include "test.h"
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>

#define TREES "build/tests/unit/trees/"
#define PROBED_MAX 128u

static void *blob;
static size_t blob_bytes;
static dt_node probed[PROBED_MAX];
static size_t probed_count;

static void load(const char *path)
{
    static uint8_t bytes[65536];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    blob_bytes = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    free(blob);
    blob = malloc(blob_bytes);
    memcpy(blob, bytes, blob_bytes);
}

static int load_machine(void **state)
{
    (void)state;
    load(TREES "machine.dtb");
    return dt_open(blob, blob_bytes) == FA_OK ? 0 : -1;
}

static int release(void **state)
{
    (void)state;
    free(blob);
    blob = NULL;
    return 0;
}

static fa_err note(dt_node node)
{
    assert_true(probed_count < PROBED_MAX);
    probed[probed_count++] = node;
    return FA_OK;
}

static size_t count_of(const char *compatible)
{
    const dt_driver driver = {compatible, note};
    probed_count = 0;
    dt_probe(&driver, 1);
    return probed_count;
}

static dt_node node_of(const char *compatible)
{
    assert_int_equal(count_of(compatible), 1);
    return probed[0];
}

static void expect_reg(const char *compatible, unsigned index, uint64_t start, uint64_t len)
{
    dt_range range;
    assert_true(dt_reg(node_of(compatible), index, &range));
    assert_int_equal(range.start, start);
    assert_int_equal(range.len, len);
}

static void expect_no_reg(const char *compatible, unsigned index)
{
    dt_range range;
    assert_false(dt_reg(node_of(compatible), index, &range));
}

static void addresses(void **state)
{
    (void)state;
    expect_reg("test,gic", 0, 0x08000000, 0x1000);
    expect_reg("test,gic", 1, 0x08010000, 0x2000);
    expect_no_reg("test,gic", 2);
    expect_reg("test,uart", 0, 0x10000100, 0x20);
    expect_reg("test,far", 0, UINT64_C(0x100000010), 0x10);
    expect_reg("test,inner", 0, 0x10001010, 4);
    expect_no_reg("test,outside", 0);
    expect_no_reg("test,over", 0);
    expect_no_reg("test,hidden", 0);
    expect_no_reg("test,stranger", 0);
    expect_no_reg("test,garbled", 0);
    expect_no_reg("simple-bus", 0);
}

static void expect_range(bool (*get)(unsigned, dt_range *), unsigned index, uint64_t start,
                         uint64_t len)
{
    dt_range range;
    assert_true(get(index, &range));
    assert_int_equal(range.start, start);
    assert_int_equal(range.len, len);
}

static void memory(void **state)
{
    (void)state;
    dt_range range;
    expect_range(dt_memory, 0, 0x40000000, 0x10000000);
    expect_range(dt_memory, 1, UINT64_C(0x100000000), 0x08000000);
    expect_range(dt_memory, 2, 0x80000000, 0x01000000);
    assert_false(dt_memory(3, &range));
    expect_range(dt_reserved, 0, 0x48000000, 0x1000);
    expect_range(dt_reserved, 1, 0x49000000, 0x2000);
    expect_range(dt_reserved, 2, 0x4f000000, 0x100000);
    expect_range(dt_reserved, 3, 0x4e000000, 0x1000);
    expect_range(dt_reserved, 4, 0x4c000000, 0x3000);
    assert_false(dt_reserved(5, &range));
}

static void chosen(void **state)
{
    (void)state;
    const void *bytes;
    size_t len;
    assert_string_equal(dt_model(), "a machine of the tests");
    assert_string_equal(dt_bootargs(), "--greeting='good day' x");
    assert_true(dt_is(dt_stdout(), node_of("test,uart")));
    assert_false(dt_is(dt_stdout(), node_of("test,far")));
    assert_true(dt_seed(0, &bytes, &len));
    assert_int_equal(len, 8);
    assert_memory_equal(bytes, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    assert_true(dt_seed(1, &bytes, &len));
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "\xa0\xa1\xa2", 3);
    assert_false(dt_seed(2, &bytes, &len));
}

/* stdout-path may also be the path itself, with and without options, and of a node that is none. */
static void console_by_path(void **state)
{
    (void)state;
    const char *const paths[] = {"/soc/serial@100", "/soc/serial@100:9600", "/soc/nothing:9600", ""};
    for (size_t i = 0; i < FA_ARRAY_COUNT(paths); i++) {
        const size_t room = blob_bytes + 64;
        void *wider = malloc(room);
        assert_int_equal(fdt_open_into(blob, wider, (int)room), 0);
        const int node = fdt_path_offset(wider, "/chosen");
        assert_int_equal(fdt_setprop(wider, node, "stdout-path", paths[i],
                                     (int)strlen(paths[i]) + 1), 0);
        assert_int_equal(dt_open(wider, room), FA_OK);
        if (i < 2)
            assert_true(dt_is(dt_stdout(), node_of("test,uart")));
        else
            assert_true(dt_stdout().number < 0);
        free(wider);
    }
}

static void properties(void **state)
{
    (void)state;
    const dt_node uart = node_of("test,uart"), garbled = node_of("test,garbled");
    const dt_node none = {-1};
    assert_int_equal(dt_u32(uart, "reg-shift", 9), 2);
    assert_int_equal(dt_u32(uart, "reg-io-width", 9), 9);
    assert_int_equal(dt_u32(garbled, "reg-shift", 9), 9);
    assert_int_equal(dt_u32(none, "reg-shift", 9), 9);
    assert_string_equal(dt_text(uart, "label"), "console");
    assert_null(dt_text(uart, "present"));
    assert_null(dt_text(garbled, "label"));
    assert_null(dt_text(none, "label"));
    assert_true(dt_has(uart, "present"));
    assert_false(dt_has(uart, "absent"));
    assert_false(dt_is(none, none));
    assert_true(dt_is(dt_find("test,uart"), uart));
    assert_true(dt_find("test,nobody").number < 0);
    size_t len;
    assert_memory_equal(dt_bytes(uart, "address", &len), "\x02\x11\x22", 3);
    assert_int_equal(len, 3);
    assert_null(dt_bytes(uart, "absent", &len));
    assert_null(dt_bytes(none, "address", &len));
    assert_true(dt_is(dt_reference(uart, "handle"), node_of("test,gic")));
    assert_true(dt_reference(garbled, "handle").number < 0);
    assert_true(dt_reference(uart, "absent").number < 0);
}

static void expect_interrupt(const char *compatible, unsigned index, dt_interrupt wanted)
{
    dt_interrupt found;
    assert_true(dt_interrupt_of(node_of(compatible), index, &found));
    assert_int_equal(found.cell_count, wanted.cell_count);
    assert_memory_equal(found.cells, wanted.cells, sizeof found.cells);
    assert_int_equal(dt_is(found.controller, node_of("test,gic")), wanted.cell_count == 3);
}

static void expect_no_interrupt(const char *compatible, unsigned index)
{
    dt_interrupt found;
    assert_false(dt_interrupt_of(node_of(compatible), index, &found));
}

static void interrupts(void **state)
{
    (void)state;
    const dt_node none = {-1};
    expect_interrupt("test,uart", 0, (dt_interrupt){none, 3, {0, 5, 4}});
    expect_interrupt("test,uart", 1, (dt_interrupt){none, 3, {0, 6, 1}});
    expect_no_interrupt("test,uart", 2);
    expect_interrupt("test,inner", 0, (dt_interrupt){none, 1, {7}});
    expect_no_interrupt("test,inner", 1);
    expect_interrupt("test,extended", 0, (dt_interrupt){none, 3, {1, 13, 8}});
    expect_interrupt("test,extended", 1, (dt_interrupt){none, 1, {9}});
    expect_no_interrupt("test,extended", 2); /* five cells */
    expect_interrupt("test,extended", 3, (dt_interrupt){none, 1, {10}});
    expect_no_interrupt("test,extended", 4);
    expect_no_interrupt("test,far", 0);
    expect_no_interrupt("test,garbled", 0);
}

static void clocks(void **state)
{
    (void)state;
    const dt_node uart = node_of("test,uart");
    assert_int_equal(dt_clock_hz(uart, 0), 24000000);
    assert_int_equal(dt_clock_hz(uart, 1), 0); /* of a controller */
    assert_int_equal(dt_clock_hz(uart, 2), 0); /* an empty place */
    assert_int_equal(dt_clock_hz(uart, 3), 24000000);
    assert_int_equal(dt_clock_hz(uart, 4), 0);
    assert_int_equal(dt_clock_hz(node_of("test,garbled"), 0), 0);
    assert_int_equal(dt_clock_hz(node_of("test,far"), 0), 0);
}

/* Nodes of the fakes below, in the order of their probing. */
static fa_err refuse(dt_node node)
{
    (void)note(node);
    return FA_ENOTSUP;
}

static void probing(void **state)
{
    (void)state;
    const dt_driver drivers[] = {
        {"test,far", note}, {"test,serial", note}, {"test,gic", note}, {"test,uart", refuse}};
    const dt_node far = node_of("test,far"), gic = node_of("test,gic"), uart = node_of("test,uart");
    probed_count = 0;
    host_console_clear();
    dt_probe(drivers, FA_ARRAY_COUNT(drivers));
    /* By drivers, and each node once: the uart is a test,serial too, but a test,uart first. */
    assert_int_equal(probed_count, 3);
    assert_true(dt_is(probed[0], far));
    assert_true(dt_is(probed[1], gic));
    assert_true(dt_is(probed[2], uart));
    assert_non_null(strstr(host_console, "serial@100: not supported"));
    assert_int_equal(count_of("test,status"), 2);
}

static void children(void **state)
{
    (void)state;
    const dt_node bus = node_of("simple-bus");
    assert_true(dt_is(dt_child(bus, 0), node_of("test,uart")));
    assert_true(dt_is(dt_child(bus, 1), node_of("test,far")));
    assert_true(dt_is(dt_child(dt_child(bus, 4), 1), node_of("test,extended")));
    assert_string_equal(dt_text(dt_child(bus, 0), "label"), "console");
    assert_true(dt_child(bus, 7).number < 0);
    assert_true(dt_child(node_of("test,far"), 0).number < 0);
    assert_true(dt_child((dt_node){-1}, 0).number < 0);
}

static void strange_tree(void **state)
{
    (void)state;
    dt_range range;
    dt_interrupt interrupt;
    const void *bytes;
    size_t len;
    load(TREES "bare.dtb");
    assert_int_equal(dt_open(blob, blob_bytes), FA_OK);
    /* Two cells of address and one of size, where none are said. */
    expect_range(dt_memory, 0, 0x40000000, 0x1000000);
    assert_false(dt_reserved(0, &range));
    assert_null(dt_model());
    assert_string_equal(dt_bootargs(), "");
    assert_true(dt_stdout().number < 0);
    assert_false(dt_seed(0, &bytes, &len));
    assert_false(dt_interrupt_of(node_of("test,device"), 0, &interrupt));
    assert_false(dt_interrupt_of(node_of("test,loop"), 0, &interrupt));
    assert_int_equal(dt_clock_hz(node_of("test,loop"), 0), 0);
}

/* A tree with nothing but nodes: `deep` below each other, then `wide` beside each other. */
static void write_tree(unsigned deep, unsigned wide)
{
    free(blob);
    blob_bytes = 65536;
    blob = malloc(blob_bytes);
    int err = fdt_create(blob, (int)blob_bytes) | fdt_finish_reservemap(blob);
    err |= fdt_begin_node(blob, "");
    for (unsigned i = 0; i < deep; i++)
        err |= fdt_begin_node(blob, "deep") | fdt_property(blob, "compatible", "test,deep", 10);
    for (unsigned i = 0; i < deep; i++)
        err |= fdt_end_node(blob);
    for (unsigned i = 0; i < wide; i++) {
        char name[16];
        snprintf(name, sizeof name, "wide@%u", i);
        err |= fdt_begin_node(blob, name) | fdt_property(blob, "compatible", "test,wide", 10) |
               fdt_end_node(blob);
    }
    err |= fdt_end_node(blob) | fdt_finish(blob);
    assert_int_equal(err, 0);
    assert_int_equal(dt_open(blob, blob_bytes), FA_OK);
}

static void limits(void **state)
{
    (void)state;
    write_tree(40, 3);
    assert_in_range(count_of("test,deep"), 8, 39);
    assert_int_equal(count_of("test,wide"), 3);
    write_tree(0, DT_DEVICES_MAX);
    host_console_clear();
    assert_int_equal(count_of("test,wide"), DT_DEVICES_MAX);
    assert_string_equal(host_console, "");
    write_tree(0, DT_DEVICES_MAX + 1);
    assert_int_equal(count_of("test,wide"), DT_DEVICES_MAX);
    assert_non_null(strstr(host_console, "more than 96 devices"));
}

static void damaged(void **state)
{
    (void)state;
    dt_range range;
    for (size_t cap = 0; cap < blob_bytes; cap += cap < 64 ? 1 : 61)
        assert_int_equal(dt_open(blob, cap), FA_EINVAL);
    assert_false(dt_memory(0, &range));
    assert_false(dt_reserved(0, &range));
    assert_string_equal(dt_bootargs(), "");
    assert_true(dt_stdout().number < 0);
    assert_int_equal(count_of("test,uart"), 0);

    /* What the structure's last tags say: its end, and the end of the root. */
    uint8_t *bytes = blob;
    const size_t end = fdt_off_dt_struct(blob) + fdt_size_dt_struct(blob);
    for (size_t back = 1; back <= 8; back += 4) {
        bytes[end - back] ^= 1;
        assert_int_equal(dt_open(blob, blob_bytes), FA_EINVAL);
        bytes[end - back] ^= 1;
    }
    /* In the header: the magic, and where the structure and the reservations are, not aligned. */
    const size_t places[] = {0, 11, 19};
    for (size_t i = 0; i < FA_ARRAY_COUNT(places); i++) {
        bytes[places[i]] ^= 2;
        assert_int_equal(dt_open(blob, blob_bytes), FA_EINVAL);
        bytes[places[i]] ^= 2;
    }
    /* Version 16, and one that only readers of version 18 understand; 18 that those of 17 do is well. */
    fdt_set_version(blob, 16);
    assert_int_equal(dt_open(blob, blob_bytes), FA_EINVAL);
    fdt_set_version(blob, 18);
    assert_int_equal(dt_open(blob, blob_bytes), FA_OK);
    fdt_set_last_comp_version(blob, 18);
    assert_int_equal(dt_open(blob, blob_bytes), FA_EINVAL);
    fdt_set_version(blob, 17);
    fdt_set_last_comp_version(blob, 16);
    assert_int_equal(dt_open(blob, blob_bytes), FA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(addresses, load_machine, release),
        cmocka_unit_test_setup_teardown(memory, load_machine, release),
        cmocka_unit_test_setup_teardown(chosen, load_machine, release),
        cmocka_unit_test_setup_teardown(console_by_path, load_machine, release),
        cmocka_unit_test_setup_teardown(properties, load_machine, release),
        cmocka_unit_test_setup_teardown(interrupts, load_machine, release),
        cmocka_unit_test_setup_teardown(clocks, load_machine, release),
        cmocka_unit_test_setup_teardown(probing, load_machine, release),
        cmocka_unit_test_setup_teardown(children, load_machine, release),
        cmocka_unit_test_setup_teardown(strange_tree, load_machine, release),
        cmocka_unit_test_setup_teardown(limits, load_machine, release),
        cmocka_unit_test_setup_teardown(damaged, load_machine, release),
    };
    return cmocka_run_group_tests_name("dt", tests, NULL, NULL);
}
