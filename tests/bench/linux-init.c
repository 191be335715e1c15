/* SPDX-License-Identifier: ISC */
/* The one program of the Linux guest that hello is compared with: says a line, waits until it has
 * left through the serial port, and turns the machine off. */
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

/* The runner counts up to here. */
__attribute__((noinline)) void bench_mark(void);
void bench_mark(void)
{
    __asm__ volatile("" ::: "memory");
}

int main(void)
{
    static const char line[] = "Hello, world!\n";
    if (write(STDOUT_FILENO, line, sizeof line - 1) == (ssize_t)sizeof line - 1)
        tcdrain(STDOUT_FILENO);
    bench_mark();
    reboot(RB_AUTOBOOT); /* which ends a QEMU that was told not to reboot */
    return 0;
}
