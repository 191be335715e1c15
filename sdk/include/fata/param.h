/* SPDX-License-Identifier: ISC */
/* Boot parameters: the options of the program, the same on every target. They come from the kernel
 * command line, the device tree's bootargs or argv, and are set before `main` runs. An unknown or
 * malformed one ends the run with exit status FA_EXIT_USAGE and a message that lists the valid
 * ones; `--help` prints them and ends it with 0.
 *
 *     FA_PARAM_STRING(greeting, "greeting", "hello", "the word to greet with");
 *     FA_PARAM_UINT(count, "count", 3, 1, 1000, "how many fibers greet");
 *     FA_PARAM_FLAG(loud, "loud", "greet in capitals");
 *     int main(void) { for (uint64_t i = 0; i < count; i++) puts(greeting); }
 *
 * On the command line: `--greeting='good day' --count 5 --loud` (or `--loud=no`). A command line
 * that arrives as one text is split into words as a shell does: blanks separate, '...', "..." and
 * \ quote. Words that no parameter takes are refused, unless FA_PARAM_REST is there: then they, and
 * all after `--`, are argv[1] and so on. What a loader adds on its own (`console=`, `root=`,
 * `virtio_mmio.device=` ...) is known by name and skipped. The names `help` and `log` are taken.
 */
#ifndef FATA_PARAM_H
#define FATA_PARAM_H

#include <fata/base.h>

#define FA_EXIT_USAGE 2

typedef enum fa_param_kind {
    FA_PARAM_KIND_STRING,
    FA_PARAM_KIND_UINT,
    FA_PARAM_KIND_BYTES,
    FA_PARAM_KIND_FLAG,
    FA_PARAM_KIND_REST,
} fa_param_kind;

typedef struct fa_param {
    const char *name;
    const char *help;
    fa_param_kind kind;
    void *value;       /* const char *, uint64_t or bool, by kind */
    uint64_t min, max; /* of numbers */
    /* More than the syntax: returns NULL, or what is wrong with the text. May be NULL. */
    const char *(*check)(const char *text);
} fa_param;

#define FA_PARAM_DEFINE(id, ...)                                                                   \
    static const fa_param id##_param = {__VA_ARGS__};                                              \
    static const fa_param *const id##_param_entry                                                  \
        __attribute__((used, section("fa_param_entries"))) = &id##_param

/* A text. The value is static storage. */
#define FA_PARAM_STRING(id, option, initial, help_text)                                            \
    static const char *id = initial;                                                               \
    FA_PARAM_DEFINE(id, option, help_text, FA_PARAM_KIND_STRING, &id, 0, 0, NULL)
/* A whole number from `least` to `most`, decimal or 0x hexadecimal; uint64_t. */
#define FA_PARAM_UINT(id, option, initial, least, most, help_text)                                 \
    static uint64_t id = initial;                                                                  \
    FA_PARAM_DEFINE(id, option, help_text, FA_PARAM_KIND_UINT, &id, least, most, NULL)
/* A size in bytes, with K, M or G for powers of 1,024; uint64_t. */
#define FA_PARAM_BYTES(id, option, initial, least, most, help_text)                                \
    static uint64_t id = initial;                                                                  \
    FA_PARAM_DEFINE(id, option, help_text, FA_PARAM_KIND_BYTES, &id, least, most, NULL)
/* `--option`, or `--option=yes` or `=no`; bool, false at first. */
#define FA_PARAM_FLAG(id, option, help_text)                                                       \
    static bool id = false;                                                                        \
    FA_PARAM_DEFINE(id, option, help_text, FA_PARAM_KIND_FLAG, &id, 0, 0, NULL)
/* The program takes words of its own; `shown` names them in the help, such as "FILE...". */
#define FA_PARAM_REST(shown, help_text)                                                            \
    FA_PARAM_DEFINE(fa_rest, shown, help_text, FA_PARAM_KIND_REST, NULL, 0, 0, NULL)

#endif
