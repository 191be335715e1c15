/* SPDX-License-Identifier: ISC */
/* The console over the platform's: log lines and records, in order with what stdio has printed, and
 * fibers that wait for input. */
#include "console.h"
#include "../../bsp/plat.h"
#include "../core/console.h"
#include <stdio.h>
#include <string.h>

static fa_waitq input;
static bool line_is_open; /* the last byte that went out was no line feed */

void fa_console_flush(void)
{
    (void)fa_stdio_flush();
}

void fa_console_put(const char *bytes, size_t len)
{
    if (len == 0)
        return;
    plat_console_write(bytes, len);
    line_is_open = bytes[len - 1] != '\n';
}

void fa_console_write(const char *bytes, size_t len)
{
    fa_console_flush();
    fa_console_put(bytes, len);
}

void fa_console_record(const char *text)
{
    if (fa_stdio_flush() || line_is_open)
        plat_console_write("\n", 1);
    plat_console_write(text, strlen(text));
}

void fa_console_record_exit(int status)
{
    char text[32];
    snprintf(text, sizeof text, "fata: exit %d\n", status & 0xff);
    fa_console_record(text);
}

void fa_console_input_arrived(void)
{
    fa_waitq_wake_all(&input);
}

fa_err fa_console_read(char *bytes_out, size_t cap, size_t *len_out, fa_deadline deadline)
{
    if (!plat_console_listen())
        return FA_ENOTSUP;
    for (;;) {
        *len_out = plat_console_read(bytes_out, cap);
        if (*len_out > 0 || cap == 0)
            return FA_OK;
        if (!plat_console_listen())
            return FA_ECLOSED;
        const fa_err err = fa_waitq_wait(&input, deadline);
        if (err != FA_OK)
            return err;
    }
}
