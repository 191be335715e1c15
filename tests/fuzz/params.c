/* SPDX-License-Identifier: ISC */
/* Fuzzes the way of a kernel command line: split into words, which set parameters. The words lie
 * inside of the text, and are the same when each is quoted and split again; a parameter's value is
 * within its range, and what is refused has a message. */
#include "../../sdk/core/param.h"
#include "../../sdk/core/words.h"
#include "require.h"
#include <string.h>

#define WORDS_MAX ((size_t)32)

FA_PARAM_STRING(text_value, "text", "hello", "a text");
FA_PARAM_UINT(number, "n", 3, 1, 1000, "a number");
FA_PARAM_BYTES(size, "size", 4096, 1024, UINT64_C(1) << 40, "a size");
FA_PARAM_FLAG(flag, "flag", "a flag");
static const fa_param rest = {"WORD...", "more", FA_PARAM_KIND_REST, NULL, 0, 0, NULL};

static void check_quoted(char *const *words, size_t count)
{
    size_t cap = 1;
    for (size_t i = 0; i < count; i++)
        cap += 4 * strlen(words[i]) + 3;
    char *quoted = malloc(cap), *to = quoted;
    for (size_t i = 0; i < count; i++) {
        *to++ = '\'';
        for (const char *from = words[i]; *from != '\0'; from++)
            if (*from == '\'') {
                memcpy(to, "'\\''", 4);
                to += 4;
            } else {
                *to++ = *from;
            }
        *to++ = '\'';
        *to++ = ' ';
    }
    *to = '\0';
    char *again[WORDS_MAX];
    size_t again_count;
    require(fa_words_split(quoted, again, WORDS_MAX, &again_count) == FA_OK);
    require(again_count == count);
    for (size_t i = 0; i < count; i++)
        require(strcmp(again[i], words[i]) == 0);
    free(quoted);
}

static void parse(char **words, size_t count, bool takes_rest)
{
    const fa_param *const params[] = {&text_value_param, &number_param, &size_param, &flag_param,
                                      &rest};
    char *argv[WORDS_MAX + 2] = {words[0]};
    memcpy(argv + 1, words, count * sizeof *words);
    text_value = "hello", number = 3, size = 4096, flag = false;
    char message[FA_PARAMS_MESSAGE_BYTES];
    memset(message, 1, sizeof message);
    int argc = (int)count + 1;
    switch (fa_params_parse(params, takes_rest ? 5 : 4, &argc, argv, message)) {
    case FA_PARAMS_OK:
        require(argc >= 1 && (size_t)argc <= count + 1 && argv[argc] == NULL);
        require(takes_rest || argc == 1);
        break;
    case FA_PARAMS_BAD:
        require(message[0] != '\0' && memchr(message, '\0', sizeof message) != NULL);
        break;
    case FA_PARAMS_HELP:
        break;
    }
    require(text_value != NULL && strlen(text_value) < 100000);
    require(number >= 1 && number <= 1000);
    require(size >= 1024 && size <= UINT64_C(1) << 40);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1), *words[WORDS_MAX];
    if (len > 0)
        memcpy(text, bytes, len);
    text[len] = '\0';
    size_t count;
    if (fa_words_split(text, words, WORDS_MAX, &count) == FA_OK) {
        for (size_t i = 0; i < count; i++)
            require(words[i] >= text && words[i] + strlen(words[i]) <= text + len);
        check_quoted(words, count);
        parse(words, count, false);
        parse(words, count, true);
    }
    free(text);
    return 0;
}
