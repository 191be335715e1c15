/* SPDX-License-Identifier: ISC */
/* The unix board: the contract over Linux. The host's start-up code calls main, which the link has
 * wrapped; from there the boot is the same as everywhere. The program's libc is the host's. */
#include "../../sdk/boot/boot.h"
#include "../../sdk/fiber/console.h"
#include "../../sdk/core/console.h"
#include "../plat.h"
#include "events.h"
#include "faults.h"
#include <errno.h>
#include <fata/random.h>
#include <poll.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What the host's libc and the sanitizers need of a stack on top of what a bare machine does. The
 * pages are only reserved until they are used. */
#define STACK_EXTRA_BYTES (256 * FA_KIB)

/* How long a standard output that does not block may take nothing before text is dropped. */
#define OUTPUT_WAIT_MS 5000

int __wrap_main(int argc, char **argv);
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void *start, size_t len);

static bool listening;
static bool input_ended;
events_set board_events = {.descriptor = -1};

/* An error that a sanitizer finds becomes a crash report with the fibers, by way of abort(). The
 * leak check does not know of fiber stacks: what only they point to would be a leak to it. */
const char *__asan_default_options(void)
{
    return "abort_on_error=1:handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:"
           "handle_sigfpe=0:detect_leaks=0";
}

static int exit_status = -1; /* -1: exit() was not called */

static void at_exit(int status, void *arg)
{
    (void)arg;
    exit_status = status;
}

/* The last of the program's own destructors, which run after what atexit() has registered. */
__attribute__((destructor(101))) static void record_exit(void)
{
    if (exit_status >= 0)
        fa_console_record_exit(exit_status);
}

const char *__ubsan_default_options(void)
{
    return "abort_on_error=1";
}

int __wrap_main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    faults_init();
    if (on_exit(at_exit, NULL) != 0)
        abort();
    /* The kernel's argv has a NULL behind it: room for what fa_boot_with_args() wants. */
    fa_boot_with_args(argc, argv);
}

/* libc keeps back what has no line end yet. What was flushed before it had one counts as an open
 * line for good: what came after it is not known here. */
bool fa_stdio_flush(void)
{
    static bool line_may_be_open;
    line_may_be_open = line_may_be_open || __fpending(stdout) > 0;
    fflush(stdout);
    return line_may_be_open;
}

void plat_console_write(const char *bytes, size_t len)
{
    while (len > 0) {
        const ssize_t written = write(STDOUT_FILENO, bytes, len);
        struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
        if (written < 0 && errno == EAGAIN && poll(&output, 1, OUTPUT_WAIT_MS) <= 0)
            return;
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return;
        if (written > 0) {
            bytes += written;
            len -= (size_t)written;
        }
    }
}

size_t plat_console_read(char *bytes_out, size_t cap)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (cap == 0 || poll(&input, 1, 0) <= 0)
        return 0;
    const ssize_t len = read(STDIN_FILENO, bytes_out, cap);
    input_ended = len <= 0;
    return len < 0 ? 0 : (size_t)len;
}

bool plat_console_listen(void)
{
    listening = !input_ended;
    return listening;
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * FA_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t plat_clock_mono_ns(void)
{
    static uint64_t start_ns;
    const uint64_t now_ns = read_clock(CLOCK_MONOTONIC);
    if (start_ns == 0)
        start_ns = now_ns;
    return now_ns - start_ns;
}

uint64_t plat_clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

/* Waits for input and events until the deadline; tells the console's reader, and sources, of them. */
static void wait_for_news(const struct timespec *span)
{
    const bool open = listening && !input_ended;
    struct pollfd news[] = {{.fd = open ? STDIN_FILENO : -1, .events = POLLIN},
                            {.fd = board_events.descriptor, .events = POLLIN}};
    if (ppoll(news, FA_ARRAY_COUNT(news), span, NULL) <= 0)
        return;
    if (news[0].revents != 0)
        fa_console_input_arrived();
    if (news[1].revents != 0)
        board_events.take();
}

void plat_poll(void)
{
    if (listening)
        wait_for_news(&(struct timespec){0, 0});
    else if (board_events.descriptor >= 0)
        board_events.take();
}

bool plat_wait(fa_deadline deadline)
{
    if (deadline == FA_FOREVER) {
        if ((!listening || input_ended) && board_events.descriptor < 0)
            return false;
        wait_for_news(NULL);
        return true;
    }
    const uint64_t now_ns = plat_clock_mono_ns();
    const uint64_t span_ns = deadline > now_ns ? deadline - now_ns : 0;
    wait_for_news(
        &(struct timespec){(time_t)(span_ns / FA_NS_PER_S), (long)(span_ns % FA_NS_PER_S)});
    return true;
}

fa_err plat_stack_alloc(size_t size_bytes, plat_stack *stack_out)
{
    const size_t page_bytes = PLAT_STACK_GUARD_BYTES;
    size_bytes = (size_bytes + STACK_EXTRA_BYTES + page_bytes - 1) / page_bytes * page_bytes;
    uint8_t *start = mmap(NULL, size_bytes + page_bytes, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (start == MAP_FAILED)
        return FA_ENOMEM;
    if (mprotect(start + page_bytes, size_bytes, PROT_READ | PROT_WRITE) != 0) {
        munmap(start, size_bytes + page_bytes);
        return FA_ENOMEM;
    }
    *stack_out = (plat_stack){start + page_bytes, size_bytes};
    /* The sanitizer's marks of an earlier stack at this address are void. */
    if (__asan_unpoison_memory_region != NULL)
        __asan_unpoison_memory_region(stack_out->base, size_bytes);
    return FA_OK;
}

void plat_stack_free(plat_stack stack)
{
    munmap(stack.base - PLAT_STACK_GUARD_BYTES, stack.size_bytes + PLAT_STACK_GUARD_BYTES);
}

/* Swap takes more than that where a process may not lock its memory; the kernel's limit for it is 8 MiB. */
void plat_stack_keep_out(plat_stack stack)
{
    (void)madvise(stack.base, stack.size_bytes, MADV_DONTDUMP);
    (void)mlock(stack.base, stack.size_bytes);
}

/* The kernel knows: it copies what can be read, and fails with EFAULT otherwise. */
bool plat_readable(uintptr_t address, size_t len)
{
    char copy[64];
    const struct iovec to = {copy, len < sizeof copy ? len : sizeof copy};
    const struct iovec from = {(void *)address, to.iov_len};
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)to.iov_len;
}

void plat_entropy(void)
{
    uint8_t seed[FA_RANDOM_SEED_BITS / 8];
    if (getrandom(seed, sizeof seed, 0) == (ssize_t)sizeof seed)
        fa_random_add(seed, sizeof seed, FA_RANDOM_SEED_BITS);
    explicit_bzero(seed, sizeof seed);
}

void plat_exit(int status)
{
    _exit(status);
}

void plat_reboot(void)
{
    _exit(EXIT_SUCCESS);
}
