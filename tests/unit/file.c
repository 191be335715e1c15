/* SPDX-License-Identifier: ISC */
/* Embedded files: each name is found, and no other. */
#include "../../sdk/core/file.h"
#include "test.h"

#define FILE_ENTRY(name, text) {name, (const uint8_t *)(text), sizeof(text) - 1}
const fa_file fa_embedded[] = {
    FILE_ENTRY("/a", "1"),       FILE_ENTRY("/a/b", "22"), FILE_ENTRY("/index.html", "333"),
    FILE_ENTRY("/style.css", ""), FILE_ENTRY("/z", "55555"),
};
const size_t fa_embedded_count = FA_ARRAY_COUNT(fa_embedded);

static void find(void **state)
{
    (void)state;
    size_t count;
    assert_ptr_equal(fa_file_list(&count), fa_embedded);
    assert_int_equal(count, fa_embedded_count);
    for (size_t i = 0; i < count; i++)
        assert_ptr_equal(fa_file_find(fa_embedded[i].name), &fa_embedded[i]);
}

static void not_there(void **state)
{
    (void)state;
    const char *const names[] = {"", "/", "a", "/A", "/a/", "/a/bb", "/b", "/z/", "/zz", "/index.htm"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(names); i++)
        assert_null(fa_file_find(names[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(find), cmocka_unit_test(not_there)};
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
