/* SPDX-License-Identifier: ISC */
/* The platform contract: all that the portable SDK asks of a board. Every folder bsp/<name>
 * implements these functions, once, in its board.c or by naming drivers that do; which board an
 * image has is settled at link time. bsp/stub is the complete set that does nothing.
 *
 * The board's entry code brings up the console, the memory (`fa_ram`, see sdk/core/pages.h), traps
 * and the clock, and then calls fa_boot_with_text() or fa_boot_with_args() (sdk/boot/boot.h). Above
 * the contract nothing knows on which machine it runs.
 *
 * Time is monotonic nanoseconds since boot. Nothing here but plat_wait() waits for longer than a
 * device takes to answer, and every wait on a device is bounded. Interrupts are open only inside
 * plat_wait() and plat_poll(): between them the running fiber has the CPU for itself.
 */
#ifndef FATA_PLAT_H
#define FATA_PLAT_H

#include <fata/clock.h>
#include <fata/err.h>

/* Console. Writing never fails; what the machine cannot take in a bounded time is dropped. */
void plat_console_write(const char *bytes, size_t len);
/* What has been typed so far, at most `cap` bytes; 0: nothing. Never waits. */
size_t plat_console_read(char *bytes_out, size_t cap);
/* Whether input can ever come, now that a fiber waits for some. It may let plat_wait() end. */
bool plat_console_listen(void);

/* Clocks. The monotonic one is read all the time: it must be cheap and never step back. plat_clock_wall_ns() asks the machine's own clock: since 1970 UTC, or 0 where it has none. */
uint64_t plat_clock_mono_ns(void);
uint64_t plat_clock_wall_ns(void);

/* Lets the devices report what has happened: their drivers make waiting fibers ready. */
void plat_poll(void);
/* Idles the CPU until the deadline, or until something has happened that plat_poll() will report;
 * may return early. False, at once: the deadline is FA_FOREVER and nothing can ever happen. */
bool plat_wait(fa_deadline deadline);

/* Stacks. `base` is the lowest usable address, page-aligned; below it lies a guard page, whose
 * access is a fault. The contents are undefined. */
typedef struct plat_stack {
    uint8_t *base;
    size_t size_bytes;
} plat_stack;
FA_MUST_CHECK fa_err plat_stack_alloc(size_t size_bytes, plat_stack *stack_out);
void plat_stack_free(plat_stack stack);
/* The size of the guard below every stack, for telling a stack overflow from another fault. */
#define PLAT_STACK_GUARD_BYTES ((size_t)4096)

/* Whether an address range can be read without a fault: for following frame pointers in a crash. */
bool plat_readable(uintptr_t address, size_t len);

/* Adds what entropy the machine has to the pool, by fa_random_add(). */
void plat_entropy(void);

/* Ends. By now the exit record is on the console. Both hand `status` on where the machine can. */
FA_NORETURN void plat_exit(int status);
FA_NORETURN void plat_reboot(void);

#endif
