/* SPDX-License-Identifier: ISC */
/* Errors: every one has a name and a text of its own, and a number outside of the list has one too. */
#include "test.h"
#include <fata/err.h>
#include <stdio.h>

static const struct {
    fa_err err;
    const char *name;
} all[] = {
#define ENTRY(name, text) {FA_##name, "FA_" #name},
    FA_ERRORS(ENTRY)
#undef ENTRY
};

static void names_and_texts(void **state)
{
    (void)state;
    assert_int_equal(FA_OK, 0);
    assert_string_equal(fa_err_text(FA_OK), "success");
    assert_string_equal(fa_err_name(FA_ENOENTROPY), "FA_ENOENTROPY");
    assert_string_equal(fa_err_text(FA_ETIMEDOUT), "the deadline passed");
    for (size_t i = 0; i < FA_ARRAY_COUNT(all); i++) {
        assert_int_equal(all[i].err, i);
        assert_string_equal(fa_err_name(all[i].err), all[i].name);
        assert_true(strlen(fa_err_text(all[i].err)) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(fa_err_text(all[i].err), fa_err_text(all[j].err));
    }
}

static void unknown(void **state)
{
    (void)state;
    const int numbers[] = {(int)FA_ARRAY_COUNT(all), -1, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < FA_ARRAY_COUNT(numbers); i++) {
        fa_err err;
        memcpy(&err, &numbers[i], sizeof err);
        assert_string_equal(fa_err_text(err), "unknown error");
        assert_string_equal(fa_err_name(err), "unknown error");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_texts),
        cmocka_unit_test(unknown),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
