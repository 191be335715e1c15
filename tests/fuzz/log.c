/* SPDX-License-Identifier: ISC */
/* Fuzzes the text of --log: it is taken or refused with a reason, and levels stay levels. What is
 * taken, is taken again with the same result. */
#include "../../sdk/core/console.h"
#include "../../sdk/core/log.h"
#include "require.h"
#include <fata/clock.h>
#include <fata/log.h>
#include <string.h>

FA_LOG_MODULE("net");
static fa_log_module block = {"block", FA_LOG_DEFAULT};
static fa_log_module *const block_entry __attribute__((used, section("fa_log_modules"))) = &block;

/* (Nothing is logged here.) */
void fa_console_write(const char *bytes, size_t len)
{
    (void)bytes;
    (void)len;
}

uint64_t fa_clock_mono_ns(void)
{
    return 0;
}

static const char *set(const char *text)
{
    fa_log_this.level = block.level = FA_LOG_DEFAULT;
    const char *wrong = fa_log_set_levels(text);
    require(fa_log_this.level <= FA_LOG_DEBUG && block.level <= FA_LOG_DEBUG);
    require(wrong == NULL || wrong[0] != '\0');
    return wrong;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);
    if (len > 0)
        memcpy(text, bytes, len);
    text[len] = '\0';
    const char *wrong = set(text);
    const fa_log_level net_level = fa_log_this.level, block_level = block.level;
    require(set(text) == wrong && fa_log_this.level == net_level && block.level == block_level);
    free(text);
    return 0;
}
