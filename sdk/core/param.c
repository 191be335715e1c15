/* SPDX-License-Identifier: ISC */
/* Boot parameters: finds the one that a word names, checks its value and sets it. Strict in what is
 * the application's; lenient only with the words that loaders are known to add. */
#include "param.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const fa_param *const __start_fa_param_entries[] __attribute__((weak));
extern const fa_param *const __stop_fa_param_entries[] __attribute__((weak));

/* What monitors append to the command line, whatever it ends in: these are no words of ours anywhere,
 * not even after `--` or as a value. */
#define APPENDED "virtio_mmio."

/* Words that loaders and hypervisors add to a kernel's command line: NAME, NAME=..., and those that
 * begin with a name that ends in a dot. */
static const char *const loader_words[] = {
    "console", "earlycon", "earlyprintk", "root",  "rootfstype", "rootwait", "ro",
    "rw",      "init",     "initrd",      "quiet", "panic",      "reboot",   "pci",
    "acpi",    "nomodule", "i8042.",      "8250.", "swiotlb",    "BOOT_IMAGE",
};

const fa_param *const *fa_params(size_t *count_out)
{
    *count_out = __start_fa_param_entries == NULL ? 0
                                           : (size_t)(__stop_fa_param_entries - __start_fa_param_entries);
    return __start_fa_param_entries;
}

static bool is_loader_word(const char *word)
{
    for (size_t i = 0; i < FA_ARRAY_COUNT(loader_words); i++) {
        const size_t len = strlen(loader_words[i]);
        if (strncmp(word, loader_words[i], len) != 0)
            continue;
        if (word[len] == '\0' || word[len] == '=' || loader_words[i][len - 1] == '.')
            return true;
    }
    return false;
}

static bool is_appended(const char *word)
{
    return strncmp(word, APPENDED, sizeof APPENDED - 1) == 0;
}

static const fa_param *find(const fa_param *const *params, size_t count, const char *name,
                            size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (params[i]->kind != FA_PARAM_KIND_REST && strlen(params[i]->name) == len &&
            memcmp(params[i]->name, name, len) == 0)
            return params[i];
    return NULL;
}

static const fa_param *find_rest(const fa_param *const *params, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (params[i]->kind == FA_PARAM_KIND_REST)
            return params[i];
    return NULL;
}

/* A number, with a K, M or G behind it where it is a size; false when the text is none. */
static bool parse_number(const char *text, bool is_size, uint64_t *number_out)
{
    if (*text < '0' || *text > '9')
        return false;
    const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, hex ? 16 : 10);
    if (errno != 0)
        return false;
    unsigned shift = 0;
    if (is_size && *end != '\0') {
        static const char suffixes[] = "KMG";
        const int letter = *end & ~0x20; /* as a capital; a blank becomes 0, which strchr() finds */
        const char *suffix = letter == 0 ? NULL : strchr(suffixes, letter);
        if (suffix == NULL)
            return false;
        shift = 10 * (unsigned)(suffix - suffixes + 1);
        end++;
    }
    if (*end != '\0' || number > UINT64_MAX >> shift)
        return false;
    *number_out = (uint64_t)number << shift;
    return true;
}

/* yes or no in any of the usual words; false when the text is none of them. */
static bool parse_flag(const char *text, bool *flag_out)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(words); i++)
        if (strcmp(text, words[i]) == 0) {
            *flag_out = i % 2 == 1;
            return true;
        }
    return false;
}

/* Sets a parameter; false, and a message, when the text does not fit it. */
static bool set(const fa_param *param, const char *text, char *message_out)
{
    const char *wrong = param->check == NULL ? NULL : param->check(text);
    uint64_t number;
    switch (param->kind) {
    case FA_PARAM_KIND_STRING:
        if (wrong == NULL)
            *(const char **)param->value = text;
        break;
    case FA_PARAM_KIND_UINT:
    case FA_PARAM_KIND_BYTES:
        if (!parse_number(text, param->kind == FA_PARAM_KIND_BYTES, &number)) {
            wrong = param->kind == FA_PARAM_KIND_UINT ? "not a whole number"
                                                      : "not a size such as 64K or 1M";
        } else if (number < param->min || number > param->max) {
            snprintf(message_out, FA_PARAMS_MESSAGE_BYTES,
                     "--%s=%.60s: out of range, from %" PRIu64 " to %" PRIu64, param->name, text,
                     param->min, param->max);
            return false;
        } else if (wrong == NULL) {
            *(uint64_t *)param->value = number;
        }
        break;
    case FA_PARAM_KIND_FLAG:
        if (!parse_flag(text, param->value))
            wrong = "not yes or no";
        break;
    case FA_PARAM_KIND_REST:
        break;
    }
    if (wrong != NULL)
        snprintf(message_out, FA_PARAMS_MESSAGE_BYTES, "--%s=%.60s: %s", param->name, text, wrong);
    return wrong == NULL;
}

/* Reads the option at argv[*at], and its value where that is the next word. */
static bool take_option(const fa_param *const *params, size_t count, int *at, int argc,
                        char **argv, char *message_out)
{
    const char *const name = argv[*at] + 2;
    const size_t len = strcspn(name, "=");
    const fa_param *param = find(params, count, name, len);
    if (param == NULL) {
        snprintf(message_out, FA_PARAMS_MESSAGE_BYTES, "unknown parameter '%.80s'", argv[*at]);
        return false;
    }
    if (name[len] == '=')
        return set(param, name + len + 1, message_out);
    if (param->kind == FA_PARAM_KIND_FLAG)
        return set(param, "yes", message_out);
    if (*at + 1 == argc || is_appended(argv[*at + 1])) {
        snprintf(message_out, FA_PARAMS_MESSAGE_BYTES, "--%s needs a value", param->name);
        return false;
    }
    return set(param, argv[++*at], message_out);
}

fa_params_result fa_params_parse(const fa_param *const *params, size_t count, int *argc,
                                 char **argv, char message_out[FA_PARAMS_MESSAGE_BYTES])
{
    const bool takes_rest = find_rest(params, count) != NULL;
    const int given = *argc;
    int kept = given > 0 ? 1 : 0;
    bool options_end = false;
    for (int at = kept; at < given; at++) {
        char *word = argv[at];
        if (is_appended(word)) {
            continue;
        } else if (!options_end && strcmp(word, "--") == 0) {
            options_end = true;
        } else if (!options_end && strcmp(word, "--help") == 0) {
            return FA_PARAMS_HELP;
        } else if (!options_end && strncmp(word, "--", 2) == 0) {
            if (!take_option(params, count, &at, given, argv, message_out))
                return FA_PARAMS_BAD;
        } else if (!options_end && is_loader_word(word)) {
            continue;
        } else if (takes_rest) {
            argv[kept++] = word;
        } else {
            snprintf(message_out, FA_PARAMS_MESSAGE_BYTES, "unexpected word '%.80s'", word);
            return FA_PARAMS_BAD;
        }
    }
    argv[kept] = NULL;
    *argc = kept;
    return FA_PARAMS_OK;
}

static void print_range(const fa_param *param)
{
    switch (param->kind) {
    case FA_PARAM_KIND_STRING:
        printf(" (default: %s)", *(const char **)param->value);
        break;
    case FA_PARAM_KIND_UINT:
    case FA_PARAM_KIND_BYTES:
        printf(" (%" PRIu64 " to %" PRIu64 ", default: %" PRIu64 ")", param->min, param->max,
               *(const uint64_t *)param->value);
        break;
    case FA_PARAM_KIND_FLAG:
    case FA_PARAM_KIND_REST:
        break;
    }
}

const fa_param *fa_params_next(const fa_param *const *params, size_t count,
                               const fa_param *previous)
{
    const fa_param *next = NULL;
    for (size_t i = 0; i < count; i++)
        if (params[i]->kind != FA_PARAM_KIND_REST &&
            (previous == NULL || strcmp(params[i]->name, previous->name) > 0) &&
            (next == NULL || strcmp(params[i]->name, next->name) < 0))
            next = params[i];
    return next;
}

void fa_params_help(const fa_param *const *params, size_t count, const char *program)
{
    static const char *const shapes[] = {"=TEXT", "=NUMBER", "=SIZE", "", ""};
    const fa_param *rest = find_rest(params, count);
    printf("usage: %s [--PARAMETER[=VALUE]]...%s%s\n", program, rest == NULL ? "" : " ",
           rest == NULL ? "" : rest->name);
    if (rest != NULL)
        printf("  %-24s %s\n", rest->name, rest->help);
    for (const fa_param *param = NULL; (param = fa_params_next(params, count, param)) != NULL;) {
        char option[64];
        snprintf(option, sizeof option, "--%s%s", param->name, shapes[param->kind]);
        printf("  %-24s %s", option, param->help);
        print_range(param);
        putchar('\n');
    }
    printf("  %-24s %s\n", "--help", "this list");
}
