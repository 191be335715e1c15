/* SPDX-License-Identifier: ISC */
/* Xen's lines and a guest's on one console: the same bytes in pieces of every size come out the same. */
#include "../../sdk/cli/xenlines.h"
#include "../../sdk/cli/cli.h"
#include "test.h"
#include <stdlib.h>

/* What sdk/cli/text.c asks of the tool. */
void cli_fail(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

#define BOOT                                                                                                           \
    "(XEN) Xen version 4.17.5\r\n"                                                                                     \
    "(XEN) *** Serial input to DOM0 (type 'CTRL-a' three times to switch input)\r\n"
#define SWITCH "(XEN) *** Serial input to DOM1 (type 'CTRL-a' three times to switch input)\r\n"
#define FREED "(XEN) Freed 324kB init memory.\r\n"

static void take(struct xen_lines *lines, const char *bytes, size_t piece, struct text *guest)
{
    for (size_t len = strlen(bytes), at = 0; at < len; at += piece) {
        xen_lines_take(lines, bytes + at, len - at < piece ? len - at : piece, 1000, guest);
    }
}

static void expect(const char *bytes, const char *guest, const char *log)
{
    for (size_t piece = 1; piece <= strlen(bytes); piece++) {
        struct xen_lines lines = {0};
        struct text said = {0};

        take(&lines, bytes, piece, &said);
        assert_string_equal(said.bytes, guest);
        assert_string_equal(lines.log.bytes, log);
        text_free(&said);
        text_free(&lines.log);
    }
}

static void test_lines(void **state)
{
    (void)state;
    expect(BOOT SWITCH FREED "(XEN) Hello, world!\r\r\n(XEN) \r\r\n(XEN) (XEN) fata: exit 0\r\r\n",
           "Hello, world!\n\n(XEN) fata: exit 0\n",
           "(XEN) Xen version 4.17.5\n"
           "(XEN) *** Serial input to DOM0 (type 'CTRL-a' three times to switch input)\n"
           "(XEN) *** Serial input to DOM1 (type 'CTRL-a' three times to switch input)\n"
           "(XEN) Freed 324kB init memory.\n");
    /* Xen's own lines between the guest's. */
    expect(SWITCH "(XEN) one\r\r\n(XEN) d1v0: odd access\r\n(XEN) two\r\r\n", "one\ntwo\n",
           "(XEN) *** Serial input to DOM1 (type 'CTRL-a' three times to switch input)\n(XEN) d1v0: odd access\n");
}

static void test_before_the_switch(void **state)
{
    (void)state;
    /* Whole lines, and a long one in two. */
    expect("(XEN) DOM1: one\r\r\n(XEN) DOM1: begin, \r\n(XEN) DOM1: end\r\r\n" FREED, "one\nbegin, end\n",
           "(XEN) Freed 324kB init memory.\n");
}

static void test_line_without_end(void **state)
{
    struct xen_lines lines = {0};
    struct text said = {0};

    (void)state;
    take(&lines, "(XEN) not yet", 1, &said);
    assert_int_equal(lines.due_ms, 0); /* before it listens, the guest's lines come whole */
    take(&lines, "\r\n" SWITCH "(XEN) Freed", 1, &said);
    assert_int_equal(lines.due_ms, 0); /* Xen still boots */
    assert_false(lines.listens);
    take(&lines, " 324kB init memory.\r\n(XEN) ", 1, &said);
    assert_true(lines.listens);
    assert_int_equal(lines.due_ms, 0);
    take(&lines, "name? ", 1, &said);
    assert_int_equal(lines.due_ms, 1000 + XEN_LINES_QUIET_MS);
    xen_lines_rest(&lines, 1000, &said);
    assert_string_equal(said.bytes, "");
    xen_lines_rest(&lines, 1000 + XEN_LINES_QUIET_MS, &said);
    assert_string_equal(said.bytes, "name? ");
    assert_int_equal(lines.due_ms, 0);
    take(&lines, "it\r\r\n(XEN) bye\r\r\n", 1, &said);
    assert_string_equal(said.bytes, "name? it\nbye\n");
    text_free(&said);
    text_free(&lines.log);
}

static void test_bounds(void **state)
{
    struct xen_lines lines = {0};
    struct text said = {0};

    (void)state;
    take(&lines, SWITCH "(XEN) ", 1, &said);
    for (size_t i = 0; i < 3 * XEN_LINES_PIECE_BYTES; i++) {
        take(&lines, "x", 1, &said);
    }
    take(&lines, "\r\r\n", 1, &said);
    assert_int_equal(said.len, 3 * XEN_LINES_PIECE_BYTES + 1);
    for (size_t i = 0; i < XEN_LINES_LOG_BYTES_MAX / 8; i++) {
        take(&lines, "(XEN) something of no interest\r\n", 64, &said);
    }
    take(&lines, "(XEN) the last\r\n", 64, &said);
    assert_true(lines.log.len < XEN_LINES_LOG_BYTES_MAX + 100);
    assert_string_equal(lines.log.bytes + lines.log.len - 15, "(XEN) the last\n");
    assert_memory_equal(lines.log.bytes, "(XEN) something", 15);
    text_free(&said);
    text_free(&lines.log);
}

static void test_crash(void **state)
{
    struct xen_lines lines = {0};
    struct text said = {0};

    (void)state;
    take(&lines, "(XEN) Reboot in five seconds...\r\n", 5, &said);
    assert_true(lines.crashed);
    lines.crashed = false;
    take(&lines, SWITCH "(XEN) Reboot in five seconds...\r\r\n", 5, &said);
    assert_false(lines.crashed); /* the guest says so */
    text_free(&said);
    text_free(&lines.log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),  cmocka_unit_test(test_before_the_switch), cmocka_unit_test(test_line_without_end),
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
