/* SPDX-License-Identifier: ISC */
/* Logging: the line, what cuts it, and levels by module. */
#include "../../sdk/core/log.h"
#include "host.h"
#include "test.h"
#include <fata/log.h>
#include <stdio.h>

FA_LOG_MODULE("net");

/* A second module, and a second file of the first, as FA_LOG_MODULE makes them. */
#define MODULE(id, module_name)                                                                    \
    static fa_log_module id = {module_name, FA_LOG_DEFAULT};                                       \
    static fa_log_module *const id##_entry                                                         \
        __attribute__((used, section("fa_log_modules"))) = &id
MODULE(block, "block");
MODULE(net_too, "net");

static int setup(void **state)
{
    (void)state;
    host_console_clear();
    host_mono_ns = 0;
    assert_null(fa_log_set_levels("info"));
    return 0;
}

static void line(void **state)
{
    (void)state;
    host_mono_ns = UINT64_C(1234567);
    fa_log_info("link is %s, %u times", "up", 3);
    assert_string_equal(host_console, "[    0.001234] info  net: link is up, 3 times\n");
    host_console_clear();
    host_mono_ns = UINT64_C(123456789012345678);
    fa_log_error("x");
    assert_string_equal(host_console, "[123456789.012345] error net: x\n");
}

static void levels_of_calls(void **state)
{
    (void)state;
    static const char *const names[] = {"off", "error", "warn", "info", "debug"};
    for (size_t level = 0; level < FA_ARRAY_COUNT(names); level++) {
        assert_null(fa_log_set_levels(names[level]));
        host_console_clear();
        fa_log_error("e");
        fa_log_warn("w");
        fa_log_info("i");
        fa_log_debug("d");
        unsigned lines = 0;
        for (const char *at = host_console; (at = strchr(at, '\n')) != NULL; at++)
            lines++;
        assert_int_equal(lines, level);
    }
}

/* What is not written is not evaluated. */
static void off_costs_nothing(void **state)
{
    (void)state;
    unsigned evaluated = 0;
    fa_log_debug("%u", ++evaluated);
    assert_int_equal(evaluated, 0);
    fa_log_info("%u", ++evaluated);
    assert_int_equal(evaluated, 1);
}

static void by_module(void **state)
{
    (void)state;
    assert_null(fa_log_set_levels("warn,net=debug"));
    assert_int_equal(fa_log_this.level, FA_LOG_DEBUG);
    assert_int_equal(net_too.level, FA_LOG_DEBUG);
    assert_int_equal(block.level, FA_LOG_WARN);
    assert_null(fa_log_set_levels("block=off"));
    assert_int_equal(fa_log_this.level, FA_LOG_DEBUG);
    assert_int_equal(block.level, FA_LOG_OFF);
    assert_null(fa_log_set_levels("net=debug,error")); /* left to right */
    assert_int_equal(fa_log_this.level, FA_LOG_ERROR);
    assert_null(fa_log_set_levels(""));
    assert_int_equal(fa_log_this.level, FA_LOG_ERROR);
}

static void wrong_levels(void **state)
{
    (void)state;
    const char *const no_level[] = {"loud", "net=loud", "net=", "inf", "infos", ",", "warn,,net=info",
                                    "net=info=debug", "INFO", " info"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(no_level); i++)
        assert_string_equal(fa_log_set_levels(no_level[i]),
                            "a level is off, error, warn, info or debug");
    const char *const no_module[] = {"nets=info", "ne=info", "=info", "warn,x=info"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(no_module); i++)
        assert_string_equal(fa_log_set_levels(no_module[i]), "no such module in this program");
}

/* Every length around the limit: the line ends with its only newline, and loses nothing before. */
static void cut(void **state)
{
    (void)state;
    char text[2 * FA_LOG_LINE_BYTES];
    memset(text, 'x', sizeof text);
    static const char head[] = "[    0.000000] info  net: ";
    for (int len = 0; len < (int)sizeof text; len++) {
        host_console_clear();
        fa_log_info("%.*s", len, text);
        const size_t whole = sizeof head - 1 + (size_t)len + 1;
        assert_int_equal(host_console_len, whole < FA_LOG_LINE_BYTES ? whole : FA_LOG_LINE_BYTES);
        assert_memory_equal(host_console, head, sizeof head - 1);
        assert_int_equal(strspn(host_console + sizeof head - 1, "x"),
                         host_console_len - sizeof head);
        assert_int_equal(host_console[host_console_len - 1], '\n');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(line, setup),      cmocka_unit_test_setup(levels_of_calls, setup),
        cmocka_unit_test_setup(by_module, setup), cmocka_unit_test_setup(off_costs_nothing, setup),
        cmocka_unit_test_setup(cut, setup),       cmocka_unit_test_setup(wrong_levels, setup),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
