/* SPDX-License-Identifier: ISC */
/* Reading JSON: the grammar, what is refused, members, elements, escapes, limits. */
#include "../../sdk/acme/json.h"
#include "test.h"
#include <stdlib.h>

static fa_json document;

/* In memory of exactly that size, so that the sanitizer sees every byte too many. */
static fa_err parse(const char *text)
{
    static char *exact;
    free(exact);
    const size_t len = strlen(text);
    exact = malloc(len + (len == 0));
    memcpy(exact, text, len);
    const fa_err err = fa_json_parse(exact, len, &document);
    if (err != FA_OK) {
        free(exact);
        exact = NULL;
    }
    return err;
}

static void grammar(void **state)
{
    (void)state;
    static const char *const good[] = {"{}", "[]", " [ ] ", "\"\"", "0", "-0", "10", "-1.5e+10", "1E5", "0.0", "true", "false", "null",
        "{\"a\":1,\"b\":[1,2,{\"c\":null}]}", "\t{\r\n\"a\" : [ ] }\n", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\"", "\"\xc3\xa4\"", "[1,\"]\",2]"};
    static const char *const bad[] = {"", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
        "{1:1}", "{\"a\" 1}", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x10", "NaN", "tru", "truefalse", "nul", "\"", "\"\\\"", "\"\\x\"",
        "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", "\"\\", "1 2", "{} {}", "[1}", "'a'", "// a\n1", "[1 2]"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(good); i++)
        if (parse(good[i]) != FA_OK)
            fail_msg("%s is refused", good[i]);
    for (size_t i = 0; i < FA_ARRAY_COUNT(bad); i++)
        if (parse(bad[i]) != FA_EFORMAT)
            fail_msg("%s is not refused", bad[i]);
    assert_int_equal(fa_json_parse("1\0", 2, &document), FA_EFORMAT);
    assert_int_equal(fa_json_parse("\"\\\0\"", 4, &document), FA_EFORMAT);
}

static void depth(void **state)
{
    (void)state;
    char text[2 * FA_JSON_DEPTH_MAX + 3] = "";
    for (unsigned i = 0; i < FA_JSON_DEPTH_MAX; i++) {
        text[i] = '[';
        text[FA_JSON_DEPTH_MAX * 2 - 1 - i] = ']';
    }
    assert_int_equal(parse(text), FA_OK);
    memmove(text + 1, text, sizeof text - 2);
    text[2 * FA_JSON_DEPTH_MAX + 1] = ']';
    assert_int_equal(parse(text), FA_ELIMIT);
    char *deep = malloc(100001);
    memset(deep, '[', 100000);
    deep[100000] = '\0';
    assert_int_equal(parse(deep), FA_ELIMIT);
    free(deep);
}

static void expect_text(fa_json value, const char *want)
{
    char text[64];
    assert_int_equal(fa_json_text(value, text, sizeof text), FA_OK);
    assert_string_equal(text, want);
}

static void members(void **state)
{
    (void)state;
    fa_json value, inner;
    assert_int_equal(parse(" { \"a\" : {\"b\":\"inner\", \"c\":[]} ,\"b\":\"outer\",\"b\":\"second\",\"\":0, \"n\":-1.5} "), FA_OK);
    assert_true(fa_json_member(document, "b", &value));
    expect_text(value, "outer"); /* not that of a */
    assert_true(fa_json_member(document, "a", &inner));
    assert_true(fa_json_member(inner, "b", &value));
    expect_text(value, "inner");
    assert_true(fa_json_member(document, "", &value));
    assert_int_equal(value.len, 1);
    assert_true(fa_json_member(document, "n", &value));
    assert_memory_equal(value.bytes, "-1.5", 4);
    assert_false(fa_json_member(document, "outer", &value));
    assert_false(fa_json_member(document, "c", &value));
    assert_false(fa_json_member(value, "x", &inner)); /* of a number */
    assert_int_equal(parse("{ }"), FA_OK);
    assert_false(fa_json_member(document, "a", &value));
}

static void elements(void **state)
{
    (void)state;
    fa_json value;
    size_t at = 0;
    assert_int_equal(parse("[ \"one\" ,{\"a\":[1,2]}, \"three\"]"), FA_OK);
    assert_true(fa_json_next(document, &at, &value));
    expect_text(value, "one");
    assert_true(fa_json_next(document, &at, &value));
    assert_int_equal(value.bytes[0], '{');
    assert_true(fa_json_next(document, &at, &value));
    expect_text(value, "three");
    assert_false(fa_json_next(document, &at, &value));
    assert_false(fa_json_next(document, &at, &value));
    at = 0;
    assert_int_equal(parse("[]"), FA_OK);
    assert_false(fa_json_next(document, &at, &value));
    at = 0;
    assert_int_equal(parse("{\"a\":1}"), FA_OK);
    assert_false(fa_json_next(document, &at, &value));
}

static void texts(void **state)
{
    (void)state;
    char text[8];
    assert_int_equal(parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), FA_OK);
    expect_text(document, "\"\\/\b\f\n\r\t");
    assert_int_equal(parse("\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\""), FA_OK);
    expect_text(document, "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    static const char *const bad[] = {"\"\\u0000\"", "\"\\ud83d\"", "\"\\ud83dx\"", "\"\\ud83d\\n\"", "\"\\ude00\"", "\"\\ud83d\\ud83d\"", "1", "null", "[\"a\"]"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(bad); i++) {
        assert_int_equal(parse(bad[i]), FA_OK);
        assert_int_equal(fa_json_text(document, text, sizeof text), FA_EFORMAT);
    }
    assert_int_equal(parse("\"1234567\""), FA_OK);
    assert_int_equal(fa_json_text(document, text, 8), FA_OK);
    assert_int_equal(fa_json_text(document, text, 7), FA_ELIMIT);
    assert_int_equal(parse("\"\""), FA_OK);
    assert_int_equal(fa_json_text(document, text, 0), FA_ELIMIT);
    assert_int_equal(fa_json_text(document, text, 1), FA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar), cmocka_unit_test(depth), cmocka_unit_test(members), cmocka_unit_test(elements), cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
