/* SPDX-License-Identifier: ISC */
/* A board's lines and the filter of its log (sdk/cli/loglines.c): the same bytes in pieces of every size come out the same. */
#include "../../sdk/cli/loglines.h"
#include "../../sdk/cli/cli.h"
#include "test.h"
#include <stdlib.h>

/* What sdk/cli/text.c asks of the tool. */
void cli_fail(const char *format, ...)
{
    fail_msg("%s", format);
    abort();
}

static void expect(const char *levels, const char *bytes, const char *want_all, const char *want)
{
    struct log_filter filter;
    const char *why = NULL;
    size_t len = strlen(bytes);

    if (levels != NULL) {
        assert_true(log_filter_parse(&filter, levels, &why));
    }
    for (size_t piece = 1; piece <= len; piece++) {
        struct log_lines lines = {.filter = levels != NULL ? &filter : NULL};
        struct text all = {0}, wanted = {0};

        for (size_t at = 0; at < len; at += piece) {
            log_lines_take(&lines, bytes + at, len - at < piece ? len - at : piece, 1000, &all, &wanted);
        }
        log_lines_end(&lines, &all, &wanted);
        assert_string_equal(all.bytes, want_all);
        assert_string_equal(wanted.bytes, want);
        text_free(&all);
        text_free(&wanted);
    }
}

#define A "[    0.000001] debug net: a\n"
#define B "[    0.000002] info  net: b\n"
#define C "[12345.678901] warn  tcp: c\n"
#define D "[    0.000004] error dns: d: e\n"
#define OTHER "hello\n[ 1] no log\n[ 1.5] huge x: y\n[1.5] info  net\n"

static void test_filter(void **state)
{
    (void)state;
    expect(NULL, A B C D OTHER, A B C D OTHER, A B C D OTHER);
    expect("debug", A B C D OTHER, A B C D OTHER, A B C D OTHER);
    expect("info", A B C D OTHER, A B C D OTHER, B C D OTHER);
    expect("error", A B C D OTHER, A B C D OTHER, D OTHER);
    expect("off", A B C D OTHER, A B C D OTHER, OTHER);
    expect("off,net=debug", A B C D OTHER, A B C D OTHER, A B OTHER);
    expect("tcp=off", A B C D OTHER, A B C D OTHER, A B D OTHER);
    expect("warn,ne=debug,nett=debug", A B C D OTHER, A B C D OTHER, C D OTHER);
}

static void test_line_ends(void **state)
{
    (void)state;
    expect(NULL, "a\r\nb\r\r\nc\rd\r\n\r\n", "a\nb\r\nc\rd\n\n", "a\nb\r\nc\rd\n\n");
    expect("off", "a\r\n[    0.000001] info  net: b\r\nc", "a\n[    0.000001] info  net: b\nc\n", "a\nc\n");
}

static void test_open_lines(void **state)
{
    struct log_filter filter;
    struct log_lines lines = {.filter = &filter};
    struct text all = {0}, wanted = {0};
    const char *why = NULL;

    (void)state;
    assert_true(log_filter_parse(&filter, "warn", &why));
    log_lines_take(&lines, "name? ", 6, 1000, &all, &wanted);
    assert_string_equal(wanted.bytes, "name? "); /* at once */
    assert_int_equal(lines.due_ms, 0);
    log_lines_take(&lines, "x\n[0] > ", 8, 1000, &all, &wanted);
    assert_string_equal(wanted.bytes, "name? x\n");
    assert_int_equal(lines.due_ms, 1000 + LOG_QUIET_MS);
    log_lines_rest(&lines, 1000 + LOG_QUIET_MS - 1, &all, &wanted);
    assert_string_equal(wanted.bytes, "name? x\n");
    log_lines_rest(&lines, 1000 + LOG_QUIET_MS, &all, &wanted);
    assert_string_equal(wanted.bytes, "name? x\n[0] > ");
    assert_int_equal(lines.due_ms, 0);
    log_lines_take(&lines, "\n[    0.000002] info  net: b", 28, 2000, &all, &wanted);
    log_lines_rest(&lines, 9000, &all, &wanted); /* what is not wanted stays so, however long it takes */
    assert_string_equal(wanted.bytes, "name? x\n[0] > \n");
    log_lines_end(&lines, &all, &wanted);
    assert_string_equal(wanted.bytes, "name? x\n[0] > \n");
    assert_string_equal(all.bytes, "name? x\n[0] > \n[    0.000002] info  net: b\n");
    text_free(&all);
    text_free(&wanted);
}

/* Lines that are longer than any: what they began as, they stay. */
static void test_long_lines(void **state)
{
    static char bytes[2][3 * LOG_LINE_BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        memset(bytes[i], 'x', sizeof bytes[i]);
        bytes[i][sizeof bytes[i] - 2] = '\n';
        bytes[i][sizeof bytes[i] - 1] = '\0';
    }
    memcpy(bytes[1], B, sizeof B - 2);
    expect("warn", bytes[0], bytes[0], bytes[0]);
    expect("info", bytes[1], bytes[1], bytes[1]);
    expect("warn", bytes[1], bytes[1], "");
}

static void test_bad_filters(void **state)
{
    static const char *const bad[] = {"loud", "warn,", "net=", "=warn", "net=loud", ",", "a=warn=b",
                                      "a-name-that-is-longer-than-any-has=warn"};
    struct log_filter filter;
    struct text many = {0};
    const char *why;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why = NULL;
        if (strcmp(bad[i], "warn,") == 0) {
            assert_true(log_filter_parse(&filter, bad[i], &why)); /* as a program takes it */
        } else {
            assert_false(log_filter_parse(&filter, bad[i], &why));
            assert_non_null(why);
        }
    }
    for (int i = 0; i < LOG_FILTER_MODULES_MAX; i++) {
        text_addf(&many, "m%d=warn,", i);
    }
    assert_true(log_filter_parse(&filter, many.bytes, &why));
    text_add(&many, "more=warn");
    assert_false(log_filter_parse(&filter, many.bytes, &why));
    text_free(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter),     cmocka_unit_test(test_line_ends),   cmocka_unit_test(test_open_lines),
        cmocka_unit_test(test_long_lines), cmocka_unit_test(test_bad_filters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
