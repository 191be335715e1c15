/* SPDX-License-Identifier: ISC */
/* What libc asks of the system about the running program: its errno, its end, its luck. */
#include "../../bsp/plat.h"
#include "../core/console.h"
#include "../fiber/sched.h"
#include <errno.h>
#include <fata/panic.h>
#include <fata/random.h>
#include <stdlib.h>
#include <unistd.h>

int *fa_errno_location(void);
FA_NORETURN void __assert_func(const char *file, int line, const char *function,
                               const char *condition);
FA_NORETURN void __stack_chk_fail(void);

int *fa_errno_location(void)
{
    return fa_sched_errno();
}

void _exit(int status)
{
    fa_console_record_exit(status);
    plat_exit(status & 0xff);
}

void abort(void)
{
    fa_panic("abort()");
}

void __assert_func(const char *file, int line, const char *function, const char *condition)
{
    (void)function;
    fa_panic_assert(file, line, condition);
}

/* Set by the board's entry code, before any protected function runs. */
uintptr_t __stack_chk_guard;

void __stack_chk_fail(void)
{
    fa_panic("a buffer on the stack was written past its end");
}

int getentropy(void *bytes, size_t len)
{
    if (len <= 256 && fa_random_bytes(bytes, len) == FA_OK)
        return 0;
    errno = EIO;
    return -1;
}
