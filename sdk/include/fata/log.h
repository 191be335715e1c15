/* SPDX-License-Identifier: ISC */
/* Logging. Each source file that logs names its module once; levels are set per module when the
 * image boots: `--log=warn,net=debug` means warn, but debug for net. Lines go to the console:
 *
 *     [    0.001234] info  net: link is up
 *
 *     FA_LOG_MODULE("net");
 *     fa_log_info("link is %s", up ? "up" : "down");
 *
 * A call whose level is off costs a compare. Logging never suspends and never allocates. A line is
 * cut at FA_LOG_LINE_BYTES.
 */
#ifndef FATA_LOG_H
#define FATA_LOG_H

#include <fata/base.h>

#define FA_LOG_LINE_BYTES ((size_t)256)

typedef enum fa_log_level {
    FA_LOG_OFF,
    FA_LOG_ERROR,
    FA_LOG_WARN,
    FA_LOG_INFO,
    FA_LOG_DEBUG,
} fa_log_level;

#define FA_LOG_DEFAULT FA_LOG_INFO

typedef struct fa_log_module {
    const char *name;
    fa_log_level level;
} fa_log_module;

/* Modules find each other through a linker section of pointers; several files may name the same
 * module. */
#define FA_LOG_MODULE(module_name)                                                                 \
    static fa_log_module fa_log_this = {module_name, FA_LOG_DEFAULT};                              \
    static fa_log_module *const fa_log_this_entry                                                  \
        __attribute__((used, section("fa_log_modules"))) = &fa_log_this

#define fa_log_at(wanted, ...)                                                                     \
    ((wanted) <= fa_log_this.level ? fa_log_write(&fa_log_this, (wanted), __VA_ARGS__) : (void)0)
#define fa_log_error(...) fa_log_at(FA_LOG_ERROR, __VA_ARGS__)
#define fa_log_warn(...) fa_log_at(FA_LOG_WARN, __VA_ARGS__)
#define fa_log_info(...) fa_log_at(FA_LOG_INFO, __VA_ARGS__)
#define fa_log_debug(...) fa_log_at(FA_LOG_DEBUG, __VA_ARGS__)

/* Writes one line (no newline in the format); use the macros above. */
void fa_log_write(const fa_log_module *module, fa_log_level level, const char *fmt, ...)
    FA_PRINTF(3, 4);

#endif
