/* SPDX-License-Identifier: ISC */
/* Splitting into words: fixed vectors, and inputs that are also given to the machine's own shell. */
#include "../../sdk/core/words.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAP 64

typedef struct split {
    fa_err err;
    size_t count;
    char *text; /* the words point into it */
    char *words[CAP];
} split;

/* In memory of the exact size, for the sanitizer. */
static split split_of(const char *text, size_t cap)
{
    split s = {.text = malloc(strlen(text) + 1)};
    memcpy(s.text, text, strlen(text) + 1);
    s.err = fa_words_split(s.text, s.words, cap, &s.count);
    return s;
}

/* `words` has a | behind each. */
static void expect(const char *text, const char *words)
{
    split s = split_of(text, CAP);
    char joined[256] = "";
    assert_int_equal(s.err, FA_OK);
    for (size_t i = 0; i < s.count; i++) {
        strcat(joined, s.words[i]);
        strcat(joined, "|");
    }
    assert_string_equal(joined, words);
    free(s.text);
}

static void vectors(void **state)
{
    (void)state;
    expect("", "");
    expect(" \t\r\n ", "");
    expect("a", "a|");
    expect("  a\tb\nc\rd  ", "a|b|c|d|");
    expect("--greeting='good day' --count 5 --loud", "--greeting=good day|--count|5|--loud|");
    expect("''", "|");
    expect("a '' \"\" b", "a|||b|");
    expect("a''b\"\"c", "abc|");
    expect("'a\"b'\"c'd\"", "a\"bc'd|");
    expect("'a\\b' \"a\\b\" a\\b", "a\\b|a\\b|ab|");
    expect("\"\\\"\\\\\\$\\`\\a\"", "\"\\$`\\a|");
    expect("a\\ b\\\tc", "a b\tc|");
    expect("\\'\\\"\\\\", "'\"\\|");
    expect("'\\'x", "\\x|");
}

static void no_end(void **state)
{
    (void)state;
    const char *const texts[] = {"'", "\"", "a 'b", "a \"b", "a\\", "\"a\\", "\"a\\\"", "'a\\'b'"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(texts); i++) {
        split s = split_of(texts[i], CAP);
        assert_int_equal(s.err, FA_EFORMAT);
        free(s.text);
    }
}

/* A backslash before the end of a line joins the lines: XCU 2.2.1 and 2.2.3. */
static void continued_lines(void **state)
{
    (void)state;
    expect("a\\\nb", "ab|");
    expect("\"a\\\nb\"", "ab|");
    expect("'a\\\nb'", "a\\\nb|");
    expect("a \\\n b", "a|b|");
    expect("a \\\n", "a|");
    expect("\\\n''", "|");
}

static void limit(void **state)
{
    (void)state;
    split s = split_of("a b c", 3);
    assert_int_equal(s.err, FA_OK);
    assert_int_equal(s.count, 3);
    free(s.text);
    s = split_of("a b c ", 2);
    assert_int_equal(s.err, FA_ELIMIT);
    assert_int_equal(s.count, 2);
    free(s.text);
    s = split_of("  ", 0);
    assert_int_equal(s.err, FA_OK);
    free(s.text);
}

/* Runs sh on a script; what it printed, and whether it found the script to be right. */
static bool run_shell(const char *script, char *out, size_t cap, size_t *len_out)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        close(STDERR_FILENO);
        execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    *len_out = 0;
    for (ssize_t len; (len = read(ends[0], out + *len_out, cap - *len_out)) > 0;)
        *len_out += (size_t)len;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 127);
    return WEXITSTATUS(status) == 0;
}

/* Pieces of which none ever leaves a $ or ` for the shell to expand, in whatever quotes. */
static const char *const pieces[] = {
    "a", "b", "=", " ", " ", "\t", "'", "'", "\"", "\"", "\\\\", "\\a", "\\'", "\\\"", "\\$", "\\`",
    "\\ ", "\\\n", "--x",
};

static void same_as_shell(void **state)
{
    (void)state;
    uint64_t seed = TEST_SEED;
    unsigned good = 0;
    for (unsigned round = 0; round < 300; round++) {
        char text[128] = "", script[192], printed[512], joined[512];
        const size_t count = 1 + test_random_below(&seed, 12);
        for (size_t i = 0; i < count; i++)
            strcat(text, pieces[test_random_below(&seed, FA_ARRAY_COUNT(pieces))]);
        snprintf(script, sizeof script, "printf '%%s\\0' first %s", text);
        size_t printed_len;
        const bool right = run_shell(script, printed, sizeof printed, &printed_len);
        split s = split_of(text, CAP);
        if ((s.err == FA_OK) != right)
            fail_msg("fata says %s, the shell does not: <%s>", fa_err_name(s.err), text);
        good += right;
        if (right) {
            size_t len = sizeof "first";
            memcpy(joined, "first", len);
            for (size_t i = 0; i < s.count; i++) {
                memcpy(joined + len, s.words[i], strlen(s.words[i]) + 1);
                len += strlen(s.words[i]) + 1;
            }
            if (len != printed_len || memcmp(joined, printed, len) != 0)
                fail_msg("the shell splits otherwise: <%s>", text);
        }
        free(s.text);
    }
    assert_true(good > 100 && good < 250); /* both kinds were seen */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),         cmocka_unit_test(no_end),
        cmocka_unit_test(continued_lines), cmocka_unit_test(limit),
        cmocka_unit_test(same_as_shell),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
