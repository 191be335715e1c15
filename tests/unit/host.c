/* SPDX-License-Identifier: ISC */
/* Stands in for the boot layer and the platform where a test links single modules. */
#include "host.h"
#include "../../bsp/plat.h"
#include "../../sdk/core/console.h"
#include "test.h"
#include <fata/panic.h>
#include <stdio.h>
#include <stdlib.h>

char host_console[HOST_CONSOLE_BYTES];
size_t host_console_len;
uint64_t host_mono_ns;
uint64_t host_wall_ns;
char host_panic[256];

void host_console_clear(void)
{
    host_console_len = 0;
    host_console[0] = '\0';
}

void fa_console_write(const char *bytes, size_t len)
{
    const size_t room = sizeof host_console - 1 - host_console_len;
    len = len < room ? len : room;
    memcpy(host_console + host_console_len, bytes, len);
    host_console_len += len;
    host_console[host_console_len] = '\0';
}

uint64_t plat_clock_mono_ns(void)
{
    return host_mono_ns;
}

uint64_t plat_clock_wall_ns(void)
{
    return host_wall_ns;
}

/* Only where the test does not link sdk/fiber/clock.c. */
__attribute__((weak)) uint64_t fa_clock_mono_ns(void)
{
    return host_mono_ns;
}

void fa_panic(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(host_panic, sizeof host_panic, fmt, args);
    va_end(args);
    mock_assert(0, host_panic, "panic", 0);
    abort();
}

void fa_panic_assert(const char *file, int line, const char *condition)
{
    mock_assert(0, condition, file, line);
    abort();
}
