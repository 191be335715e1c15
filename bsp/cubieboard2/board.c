/* SPDX-License-Identifier: ISC */
/* The ARM board: one image for every machine that hands over a device tree and has drivers below.
 * Here stand these drivers, the order in which the machine is brought up, and the contract's
 * functions, each by the driver that has it. */
#include "../../sdk/boot/boot.h"
#include "../../sdk/cpu/armv7a/cpu.h"
#include "../../sdk/cpu/armv7a/mmu.h"
#include "../../sdk/cpu/armv7a/traps.h"
#include "../../sdk/cpu/stacks.h"
#include "../../sdk/drivers/arm/drivers.h"
#include "../../sdk/drivers/dt/machine.h"
#include "../../sdk/drivers/sunxi/drivers.h"
#include "../../sdk/fiber/console.h"
#include "../plat.h"
#include "clock.h"
#include "entropy.h"
#include "memory.h"
#include "xen.h"
#include <fata/panic.h>
#include <string.h>

extern uintptr_t __stack_chk_guard;
FA_NORETURN void arm_start(const uint8_t *dt, size_t dt_bytes);
void __libc_init_array(void);

static bool listening;

/* The console first, so that what goes wrong can be said; controllers before what interrupts. */
static const dt_driver drivers[] = {
    {"xen,xen", xen_probe},
    {"arm,pl011", pl011_probe},
    {"arm,sbsa-uart", pl011_sbsa_probe},
    {"snps,dw-apb-uart", uart16550_probe},
    {"ns16550a", uart16550_probe},
    {"arm,gic-400", gic_probe},
    {"arm,cortex-a15-gic", gic_probe},
    {"arm,cortex-a7-gic", gic_probe},
    {"arm,cortex-a9-gic", gic_probe},
    {"allwinner,sun4i-a10-ic", sun4i_intc_probe},
    {"arm,armv7-timer", arch_timer_probe},
    {"arm,armv8-timer", arch_timer_probe},
    {"allwinner,sun4i-a10-timer", sun4i_timer_probe},
    {"arm,psci-1.0", psci_probe},
    {"arm,psci-0.2", psci_probe},
    {"allwinner,sun4i-a10-wdt", sun4i_wdt_probe},
};

static char *command_line(void)
{
    static char text[FA_BOOT_TEXT_BYTES];
    const char *bootargs = dt_bootargs();
    const size_t len = strlen(bootargs);
    if (len >= sizeof text)
        fa_panic("the command line is longer than %zu bytes", sizeof text - 1);
    memcpy(text, bootargs, len);
    return text;
}

/* Called by entry.S. It sets the stack protector's canary, so it cannot be protected itself; it
 * does not return, so no frame is checked against the old value. */
__attribute__((no_stack_protector)) void arm_start(const uint8_t *dt, size_t dt_bytes)
{
    arm_traps_init();
    const fa_err err = dt_open(dt, dt_bytes);
    __stack_chk_guard = entropy_early_word() & ~UINT32_C(0xff);
    if (err == FA_OK)
        dt_probe(drivers, FA_ARRAY_COUNT(drivers));
    else
        fa_panic("the loader hands over no device tree: %s", fa_err_text(err));
    memory_init((uintptr_t)(dt + dt_bytes));
    clock_init();
    __libc_init_array();
    fa_boot_with_text(command_line());
}

void plat_console_write(const char *bytes, size_t len)
{
    if (machine.console != NULL)
        machine.console->write(bytes, len);
}

size_t plat_console_read(char *bytes_out, size_t cap)
{
    return machine.console == NULL ? 0 : machine.console->read(bytes_out, cap);
}

bool plat_console_listen(void)
{
    if (!listening && machine.console != NULL &&
        machine.console->listen(fa_console_input_arrived)) {
        machine.awaits_interrupts = true;
        listening = true;
    }
    return listening;
}

void plat_poll(void)
{
    machine_poll_interrupts();
}

bool plat_wait(fa_deadline deadline)
{
    if (deadline == FA_FOREVER && !machine.awaits_interrupts)
        return false;
    const uint64_t now_ns = plat_clock_mono_ns();
    if (deadline <= now_ns)
        return true;
    clock_arm(deadline, now_ns);
    arm_wait_for_interrupt();
    return true;
}

fa_err plat_stack_alloc(size_t size_bytes, plat_stack *stack_out)
{
    void *base;
    const fa_err err = fa_cpu_stack_alloc(size_bytes, &base, &stack_out->size_bytes);
    if (err == FA_OK)
        stack_out->base = base;
    return err;
}

void plat_stack_free(plat_stack stack)
{
    fa_cpu_stack_free(stack.base, stack.size_bytes);
}

/* There is neither a dump nor swap. */
void plat_stack_keep_out(plat_stack stack)
{
    (void)stack;
}

bool plat_readable(uintptr_t address, size_t len)
{
    return arm_mmu_mapped(address, len);
}

/* Many machines cannot hand a status on, or turn themselves off: then the CPU rests. */
FA_NORETURN static void rest(void)
{
    for (;;)
        arm_wait_for_interrupt();
}

void plat_exit(int status)
{
    if (machine.off != NULL)
        machine.off(status);
    rest();
}

void plat_reboot(void)
{
    if (machine.reset != NULL)
        machine.reset();
    rest();
}
