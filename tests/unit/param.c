/* SPDX-License-Identifier: ISC */
/* Boot parameters: every kind, in both forms, at the ends of its range; what is refused, and what
 * the message says; what loaders add; the help. */
#include "../../sdk/core/param.h"
#include "test.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

FA_PARAM_STRING(greeting, "greeting", "hello", "the word to greet with");
FA_PARAM_UINT(count, "count", 3, 1, 1000, "how many fibers greet");
FA_PARAM_UINT(wide, "wide", 7, 0, UINT64_MAX, "any number");
FA_PARAM_BYTES(size, "size", 4096, 0, UINT64_MAX, "how much memory");
FA_PARAM_FLAG(loud, "loud", "greet in capitals");

static const char *check_even(const char *text)
{
    return strlen(text) % 2 == 0 ? NULL : "not of even length";
}
static const char *even = "ab";
FA_PARAM_DEFINE(even, "even", "a text of even length", FA_PARAM_KIND_STRING, &even, 0, 0, check_even);

static const fa_param rest_param = {"FILE...", "what to show", FA_PARAM_KIND_REST, NULL, 0, 0, NULL};

static char message[FA_PARAMS_MESSAGE_BYTES];
static char *args[40];
static int arg_count;
static char *texts;

/* Parses words that are written with a | between them (NULL: none), with the parameters above, of a
 * program that takes words of its own or not. */
static fa_params_result parse_with(bool takes_rest, const char *words)
{
    const fa_param *params[16];
    size_t param_count;
    const fa_param *const *image = fa_params(&param_count);
    memcpy(params, image, param_count * sizeof *params);
    if (takes_rest)
        params[param_count++] = &rest_param;
    greeting = "hello", count = 3, wide = 7, size = 4096, loud = false, even = "ab";
    message[0] = '\0';
    free(texts);
    texts = words == NULL ? NULL : strdup(words);
    arg_count = 0;
    args[arg_count++] = (char *)(uintptr_t)"program";
    for (char *left = texts; left != NULL;)
        args[arg_count++] = strsep(&left, "|");
    args[arg_count] = NULL;
    const fa_params_result result =
        fa_params_parse(params, param_count, &arg_count, args, message);
    if (result == FA_PARAMS_OK)
        assert_null(args[arg_count]);
    return result;
}

static void good(const char *words)
{
    if (parse_with(false, words) != FA_PARAMS_OK)
        fail_msg("%s: refused: %s", words, message);
    assert_int_equal(arg_count, 1);
    assert_string_equal(args[0], "program");
}

/* It is refused, and the message has this in it. */
static void bad(const char *words, const char *why)
{
    if (parse_with(false, words) != FA_PARAMS_BAD)
        fail_msg("%s: taken", words);
    if (strstr(message, why) == NULL)
        fail_msg("%s: the message is: %s", words, message);
    assert_true(memchr(message, '\0', sizeof message) != NULL);
}

static void defaults(void **state)
{
    (void)state;
    size_t param_count;
    (void)fa_params(&param_count);
    assert_int_equal(param_count, 6);
    good(NULL);
    assert_string_equal(greeting, "hello");
    assert_true(count == 3 && !loud);
    arg_count = 0;
    assert_int_equal(fa_params_parse(NULL, 0, &arg_count, args, message), FA_PARAMS_OK);
    assert_int_equal(arg_count, 0);
}

static void strings(void **state)
{
    (void)state;
    good("--greeting=good day");
    assert_string_equal(greeting, "good day");
    good("--greeting|good night");
    assert_string_equal(greeting, "good night");
    good("--greeting=");
    assert_string_equal(greeting, "");
    good("--greeting|");
    assert_string_equal(greeting, "");
    good("--greeting=a=b");
    assert_string_equal(greeting, "a=b");
    good("--greeting|--");
    assert_string_equal(greeting, "--");
}

static void numbers(void **state)
{
    (void)state;
    static const struct { const char *words; uint64_t number; } vectors[] = {
        {"--wide=0", 0}, {"--wide|42", 42}, {"--wide=007", 7}, {"--wide=0x10", 16},
        {"--wide=0XfF", 255}, {"--wide=18446744073709551615", UINT64_MAX},
        {"--wide=0xffffffffffffffff", UINT64_MAX},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(vectors); i++) {
        good(vectors[i].words);
        if (wide != vectors[i].number)
            fail_msg("%s: %" PRIu64, vectors[i].words, wide);
    }
    const char *const wrong[] = {
        "--wide=", "--wide|", "--wide=-1", "--wide=+1", "--wide= 1", "--wide=1 ", "--wide=1x",
        "--wide=0x", "--wide=x10", "--wide=1.5", "--wide=1K", "--wide=0xfg", "--wide=ten",
        "--wide=18446744073709551616", "--wide=0x10000000000000000",
        "--wide=99999999999999999999999999999999",
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++) {
        bad(wrong[i], "not a whole number");
        assert_true(wide == 7);
    }
}

static void ranges(void **state)
{
    (void)state;
    good("--count=1");
    assert_true(count == 1);
    good("--count=1000");
    assert_true(count == 1000);
    bad("--count=0", "--count=0: out of range, from 1 to 1000");
    assert_true(count == 3);
    bad("--count=1001", "from 1 to 1000");
    bad("--count=18446744073709551615", "from 1 to 1000");
    assert_true(count == 3);
}

static void sizes(void **state)
{
    (void)state;
    static const struct { const char *words; uint64_t number; } vectors[] = {
        {"--size=0", 0}, {"--size=512", 512}, {"--size|64K", 65536}, {"--size=64k", 65536},
        {"--size=3M", 3 << 20}, {"--size=3m", 3 << 20}, {"--size=2G", UINT64_C(2) << 30},
        {"--size=0x10K", 16384}, {"--size=17179869183G", UINT64_C(17179869183) << 30},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(vectors); i++) {
        good(vectors[i].words);
        if (size != vectors[i].number)
            fail_msg("%s: %" PRIu64, vectors[i].words, size);
    }
    const char *const wrong[] = {
        "--size=", "--size=K", "--size=1T", "--size=1KB", "--size=1 K", "--size=1 ", "--size=1K ",
        "--size=1Ki", "--size=-1K", "--size=17179869184G", "--size=18014398509481984K", "--size=1,5M",
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++) {
        bad(wrong[i], "not a size such as 64K or 1M");
        assert_true(size == 4096);
    }
}

static void flags(void **state)
{
    (void)state;
    good("--loud");
    assert_true(loud);
    const char *const yes[] = {"--loud=yes", "--loud=true", "--loud=on", "--loud=1"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(yes); i++) {
        good(yes[i]);
        assert_true(loud);
    }
    const char *const no[] = {"--loud|--loud=no", "--loud|--loud=false", "--loud|--loud=off",
                              "--loud|--loud=0"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(no); i++) {
        good(no[i]);
        assert_false(loud);
    }
    bad("--loud=", "not yes or no");
    bad("--loud=2", "not yes or no");
    bad("--loud=YES", "not yes or no");
    bad("--loud|yes", "unexpected word 'yes'"); /* a flag takes no second word */
}

static void checks(void **state)
{
    (void)state;
    good("--even=four");
    assert_string_equal(even, "four");
    bad("--even=odd", "--even=odd: not of even length");
    assert_string_equal(even, "ab");
}

static void last_of_two(void **state)
{
    (void)state;
    good("--count=5|--count|6");
    assert_true(count == 6);
    bad("--count=5|--count=x", "not a whole number");
}

static void refused(void **state)
{
    (void)state;
    bad("--nope", "unknown parameter '--nope'");
    bad("--nope=1", "unknown parameter '--nope=1'");
    bad("--coun=1", "unknown parameter");
    bad("--countt=1", "unknown parameter");
    bad("--=1", "unknown parameter");
    bad("---count=1", "unknown parameter");
    bad("--FILE...", "unknown parameter");
    bad("word", "unexpected word 'word'");
    bad("-l", "unexpected word '-l'");
    bad("-", "unexpected word '-'");
    bad("", "unexpected word ''");
    bad("--|word", "unexpected word 'word'");
    bad("--|--loud", "unexpected word '--loud'");
    bad("--count", "--count needs a value");
    bad("--loud|--greeting", "--greeting needs a value");
    good("--");
    char long_word[1000];
    memset(long_word, 'x', sizeof long_word - 1);
    long_word[sizeof long_word - 1] = '\0';
    bad(long_word, "unexpected word 'xxx");
    memcpy(long_word, "--count=", 8);
    bad(long_word, "not a whole number");
    memcpy(long_word, "--------", 8);
    bad(long_word, "unknown parameter");
}

/* What QEMU's microvm, Firecracker and the loaders of Linux put on a command line on their own. */
static void loader_words(void **state)
{
    (void)state;
    good("virtio_mmio.device=512@0xfeb00000:5|virtio_mmio.device=512@0xfeb00200:6");
    good("reboot=k|panic=1|pci=off|nomodule|8250.nr_uarts=0|i8042.noaux|i8042.nomux|i8042.dumbkbd|"
         "i8042.nopnp|root=/dev/vda|rw|ro");
    good("BOOT_IMAGE=/vmlinuz|console=ttyS0,115200|console=hvc0|earlyprintk=serial|quiet|acpi=off|"
         "init=/sbin/init|initrd=/initrd|rootfstype=ext4|rootwait|earlycon");
    good("console=ttyS0|--count=5|panic=1|--loud|root=/dev/xvda");
    assert_true(count == 5 && loud);
    /* What a monitor appends is nobody's word or value, whatever stands before it. */
    good("--|virtio_mmio.device=512@0xfeb00000:5");
    bad("--greeting|virtio_mmio.device=512@0xfeb00000:5", "needs a value");
    /* Names alike are not theirs. */
    bad("consoles=1", "unexpected word");
    bad("virtio_mmiodevice=1", "unexpected word");
    bad("rooted", "unexpected word");
    bad("--console=1", "unknown parameter");
    bad("xroot=1", "unexpected word");
}

static void rest(void **state)
{
    (void)state;
    assert_int_equal(parse_with(true, "a|--count|5|b|console=x|--|--loud|--|panic=1|"), FA_PARAMS_OK);
    const char *const want[] = {"program", "a", "b", "--loud", "--", "panic=1", ""};
    assert_int_equal(arg_count, FA_ARRAY_COUNT(want));
    for (size_t i = 0; i < FA_ARRAY_COUNT(want); i++)
        assert_string_equal(args[i], want[i]);
    assert_true(count == 5 && !loud);
    assert_int_equal(parse_with(true, "--FILE...=x"), FA_PARAMS_BAD);
    assert_int_equal(parse_with(true, "-x|-"), FA_PARAMS_OK);
    assert_int_equal(arg_count, 3);
}

static void help_asked(void **state)
{
    (void)state;
    assert_int_equal(parse_with(false, "--help"), FA_PARAMS_HELP);
    assert_int_equal(parse_with(false, "--loud|--help|--nope"), FA_PARAMS_HELP);
    assert_int_equal(parse_with(false, "--nope|--help"), FA_PARAMS_BAD);
    assert_int_equal(parse_with(true, "--|--help"), FA_PARAMS_OK);
    assert_string_equal(args[1], "--help");
}

/* What fa_params_help() prints. */
static void print_help(bool takes_rest, char *text, size_t cap)
{
    const fa_param *params[16];
    size_t param_count;
    const fa_param *const *image = fa_params(&param_count);
    memcpy(params, image, param_count * sizeof *params);
    if (takes_rest)
        params[param_count++] = &rest_param;
    fflush(stdout);
    FILE *file = tmpfile();
    const int console = dup(STDOUT_FILENO);
    assert_true(file != NULL && console >= 0);
    dup2(fileno(file), STDOUT_FILENO);
    fa_params_help(params, param_count, "prog");
    fflush(stdout);
    dup2(console, STDOUT_FILENO);
    close(console);
    rewind(file);
    text[fread(text, 1, cap - 1, file)] = '\0';
    fclose(file);
}

static void help(void **state)
{
    (void)state;
    char text[4096];
    good(NULL);
    print_help(false, text, sizeof text);
    const char *const lines[] = {
        "usage: prog [--PARAMETER[=VALUE]]...",
        "\n  --greeting=TEXT          the word to greet with (default: hello)\n",
        "\n  --count=NUMBER           how many fibers greet (1 to 1000, default: 3)\n",
        "\n  --size=SIZE              how much memory (0 to 18446744073709551615, default: 4096)\n",
        "\n  --loud                   greet in capitals\n",
        "\n  --help                   this list\n",
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(lines); i++)
        if (strstr(text, lines[i]) == NULL)
            fail_msg("no line '%s' in:\n%s", lines[i], text);
    assert_null(strstr(text, "FILE"));
    print_help(true, text, sizeof text);
    assert_non_null(strstr(text, "usage: prog [--PARAMETER[=VALUE]]... FILE...\n"));
    assert_non_null(strstr(text, "\n  FILE...                  what to show\n"));
}

static int teardown(void **state)
{
    (void)state;
    free(texts);
    texts = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),     cmocka_unit_test(strings), cmocka_unit_test(numbers),
        cmocka_unit_test(ranges),       cmocka_unit_test(sizes),   cmocka_unit_test(flags),
        cmocka_unit_test(checks),       cmocka_unit_test(last_of_two),
        cmocka_unit_test(refused),      cmocka_unit_test(loader_words),
        cmocka_unit_test(rest),         cmocka_unit_test(help_asked),
        cmocka_unit_test(help),
    };
    return cmocka_run_group_tests_name("param", tests, NULL, teardown);
}
