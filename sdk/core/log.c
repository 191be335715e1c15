/* SPDX-License-Identifier: ISC */
/* Logging: formats a line on the caller's stack and hands it to the console; sets the levels of the
 * modules from the text of the parameter `--log`. */
#include "log.h"
#include "console.h"
#include <fata/clock.h>
#include <fata/log.h>
#include <fata/param.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

extern fa_log_module *const __start_fa_log_modules[] __attribute__((weak));
extern fa_log_module *const __stop_fa_log_modules[] __attribute__((weak));

static const char *const level_names[] = {"off", "error", "warn", "info", "debug"};

void fa_log_write(const fa_log_module *module, fa_log_level level, const char *fmt, ...)
{
    char line[FA_LOG_LINE_BYTES];
    const uint64_t now_us = fa_clock_mono_ns() / FA_NS_PER_US;
    int len = snprintf(line, sizeof line, "[%5lu.%06lu] %-5s %s: ",
                       (unsigned long)(now_us / 1000000), (unsigned long)(now_us % 1000000),
                       level_names[level], module->name);
    size_t used = len > 0 && (size_t)len < sizeof line ? (size_t)len : 0;
    va_list args;
    va_start(args, fmt);
    len = vsnprintf(line + used, sizeof line - used, fmt, args);
    va_end(args);
    used += len > 0 ? (size_t)len : 0;
    if (used > sizeof line - 1)
        used = sizeof line - 1;
    line[used] = '\n';
    fa_console_write(line, used + 1);
}

/* A level's number; -1 for a text that names none. */
static int level_of(const char *text, size_t len)
{
    for (size_t i = 0; i < FA_ARRAY_COUNT(level_names); i++)
        if (strlen(level_names[i]) == len && memcmp(level_names[i], text, len) == 0)
            return (int)i;
    return -1;
}

/* Sets one module's level, or all of them (`name` NULL); false when no module has that name. */
static bool set_level(const char *name, size_t name_len, fa_log_level level)
{
    bool found = name == NULL;
    if (__start_fa_log_modules == NULL)
        return found;
    for (fa_log_module *const *at = __start_fa_log_modules; at < __stop_fa_log_modules; at++)
        if (name == NULL ||
            (strlen((*at)->name) == name_len && memcmp((*at)->name, name, name_len) == 0)) {
            (*at)->level = level;
            found = true;
        }
    return found;
}

const char *fa_log_set_levels(const char *text)
{
    while (*text != '\0') {
        const size_t len = strcspn(text, ",");
        const char *const equals = memchr(text, '=', len);
        const size_t name_len = equals == NULL ? 0 : (size_t)(equals - text);
        const char *const level_text = equals == NULL ? text : equals + 1;
        const int level = level_of(level_text, len - (size_t)(level_text - text));
        if (level < 0)
            return "a level is off, error, warn, info or debug";
        if (!set_level(equals == NULL ? NULL : text, name_len, (fa_log_level)level))
            return "no such module in this program";
        text += len + (text[len] == ',');
    }
    return NULL;
}

static const char *levels = "info";
FA_PARAM_DEFINE(levels, "log", "log levels: LEVEL for all, MODULE=LEVEL for one, by commas",
                FA_PARAM_KIND_STRING, &levels, 0, 0, fa_log_set_levels);
