/* SPDX-License-Identifier: ISC */
/* Wraps the functions of the platform that the scheduler calls (see --wrap in the Makefile). */
#include "board.h"
#include "../../bsp/plat.h"
#include "../../sdk/core/log.h"
#include "test.h"
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

uint64_t board_now_ns = FA_NS_PER_S;
size_t board_stacks_left = SIZE_MAX;
size_t board_stack_count;

static bool real_time;
static uint64_t real_offset_ns; /* virtual - real, while time is real */

uint64_t __real_plat_clock_mono_ns(void);
uint64_t __wrap_plat_clock_mono_ns(void);
bool __real_plat_wait(fa_deadline deadline);
bool __wrap_plat_wait(fa_deadline deadline);
fa_err __real_plat_stack_alloc(size_t size_bytes, plat_stack *stack_out);
fa_err __wrap_plat_stack_alloc(size_t size_bytes, plat_stack *stack_out);
void __real_plat_stack_free(plat_stack stack);
void __wrap_plat_stack_free(plat_stack stack);

void board_real_time(bool real)
{
    if (real_time)
        board_now_ns = __wrap_plat_clock_mono_ns();
    real_offset_ns = board_now_ns - __real_plat_clock_mono_ns();
    real_time = real;
}

uint64_t __wrap_plat_clock_mono_ns(void)
{
    return real_time ? __real_plat_clock_mono_ns() + real_offset_ns : board_now_ns;
}

bool __wrap_plat_wait(fa_deadline deadline)
{
    if (deadline == FA_FOREVER)
        return __real_plat_wait(deadline);
    if (real_time)
        return __real_plat_wait(deadline - real_offset_ns);
    static bool early; /* every other time, as the contract allows */
    early = !early;
    if (board_now_ns < deadline)
        board_now_ns += early ? (deadline - board_now_ns) / 2 : deadline - board_now_ns;
    return true;
}

fa_err __wrap_plat_stack_alloc(size_t size_bytes, plat_stack *stack_out)
{
    if (board_stacks_left == 0)
        return FA_ENOMEM;
    const fa_err err = __real_plat_stack_alloc(size_bytes, stack_out);
    board_stacks_left -= err == FA_OK;
    board_stack_count += err == FA_OK;
    return err;
}

void __wrap_plat_stack_free(plat_stack stack)
{
    board_stacks_left++;
    board_stack_count--;
    __real_plat_stack_free(stack);
}

int board_run_child(void (*fn)(void), char *text, size_t cap)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        (void)fa_log_set_levels("warn");
        fn();
        fflush(stdout);
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    char rest[256]; /* what does not fit is read, so that the child can end */
    for (;;) {
        const size_t room = cap - 1 - len;
        const ssize_t got = read(ends[0], room > 0 ? text + len : rest, room > 0 ? room : sizeof rest);
        if (got <= 0)
            break;
        len += room > 0 ? (size_t)got : 0;
    }
    text[len] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

void board_expect_crash(void (*fn)(void), const char *want)
{
    static char text[65536];
    const int status = board_run_child(fn, text, sizeof text);
    if (status != 134 || strstr(text, want) == NULL || strstr(text, "fata: exit 134\n") == NULL)
        fail_msg("status %d, and no '%s' in:\n%s", status, want, text);
}
