/* SPDX-License-Identifier: ISC */
/* Fuzzes the device tree: whatever the bytes are, nothing outside of them is read, texts end within
 * them, ranges do not go round the end of all addresses, and everything comes to an end. libfdt is
 * compiled with the sanitizers too. */
#include "../../sdk/drivers/dt/dt.h"
#include "require.h"
#include <fata/log.h>
#include <string.h>

#define ENTRIES_MAX 8u

void fa_log_write(const fa_log_module *module, fa_log_level level, const char *fmt, ...)
{
    require(module != NULL && level != FA_LOG_OFF && fmt != NULL);
}

static void check_range(dt_range range)
{
    require(range.len <= UINT64_MAX - range.start);
}

static fa_err probe(dt_node node)
{
    static const char *const names[] = {"label", "status", "compatible", "reg-shift"};
    dt_range range;
    dt_interrupt interrupt;
    require(node.number > 0 && dt_is(node, node));
    for (unsigned i = 0; i < ENTRIES_MAX; i++) {
        if (dt_reg(node, i, &range))
            check_range(range);
        if (dt_interrupt_of(node, i, &interrupt))
            require(interrupt.controller.number >= 0 &&
                    interrupt.cell_count <= DT_INTERRUPT_CELLS_MAX);
        (void)dt_clock_hz(node, i);
    }
    for (size_t i = 0; i < FA_ARRAY_COUNT(names); i++) {
        const char *text = dt_text(node, names[i]);
        require(text == NULL || (dt_has(node, names[i]) && strlen(text) < 100000));
        (void)dt_u32(node, names[i], 0);
    }
    return dt_has(node, "label") ? FA_OK : FA_ENOTSUP;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const dt_driver drivers[] = {
        {"test,gic", probe},   {"test,uart", probe},     {"test,far", probe},
        {"test,inner", probe}, {"test,extended", probe}, {"test,hidden", probe},
        {"test,loop", probe},  {"test,device", probe},   {"test,garbled", probe},
        {"a", probe}};
    void *blob = malloc(len > 0 ? len : 1); /* aligned as a tree is; the sanitizer guards its end */
    memcpy(blob, bytes, len);
    const void *seed;
    size_t seed_bytes;
    dt_range range;
    const fa_err err = dt_open(blob, len);
    require(err == FA_OK || err == FA_EINVAL);
    for (unsigned i = 0; i < ENTRIES_MAX; i++) {
        if (dt_memory(i, &range))
            check_range(range);
        (void)dt_reserved(i, &range);
        require(!dt_seed(i, &seed, &seed_bytes) || (i < 2 && seed_bytes <= len));
    }
    require(strlen(dt_bootargs()) <= len);
    (void)dt_stdout();
    dt_probe(drivers, FA_ARRAY_COUNT(drivers));
    free(blob);
    return 0;
}
