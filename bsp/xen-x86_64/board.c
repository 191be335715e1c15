/* SPDX-License-Identifier: ISC */
/* The x86_64 board: PVH entry on QEMU's microvm, q35 and pc, and on other PVH monitors. Here stands
 * the order in which the machine is brought up, and the contract's functions, each by the driver
 * that has it. */
#include "../../sdk/boot/boot.h"
#include "../../sdk/fiber/console.h"
#include "../../sdk/cpu/stacks.h"
#include "../../sdk/cpu/x86_64/cpu.h"
#include "../../sdk/cpu/x86_64/traps.h"
#include "../../sdk/drivers/pc/ioapic.h"
#include "../../sdk/drivers/pc/lapic.h"
#include "../../sdk/drivers/pc/pic.h"
#include "../../sdk/drivers/pc/power.h"
#include "../../sdk/drivers/pc/uart16550.h"
#include "../plat.h"
#include "clock.h"
#include "entropy.h"
#include "memory.h"
#include "pvh.h"
#include <fata/panic.h>

extern uintptr_t __stack_chk_guard;
FA_NORETURN void x86_start(uint32_t start_info);
void __libc_init_array(void);

static x86_phys rsdp;
static bool has_console;
static bool listening;

/* Called by entry.S. It sets the stack protector's canary, so it cannot be protected itself; it
 * does not return, so no frame is checked against the old value. */
__attribute__((no_stack_protector)) void x86_start(uint32_t start_info)
{
    static pvh_boot boot;
    clock_start();
    __stack_chk_guard = entropy_early_word() & ~UINT64_C(0xff);
    has_console = uart16550_init_com1();
    x86_traps_init();
    pic_mask_all();
    pvh_read(start_info, &boot);
    rsdp = boot.rsdp;
    memory_init(&boot);
    const fa_err err = lapic_init();
    if (err != FA_OK)
        fa_panic("no local APIC: %s", fa_err_text(err));
    clock_init();
    __libc_init_array();
    fa_boot_with_text(pvh_command_line);
}

void plat_console_write(const char *bytes, size_t len)
{
    if (has_console)
        uart16550_write(bytes, len);
}

size_t plat_console_read(char *bytes_out, size_t cap)
{
    return has_console ? uart16550_read(bytes_out, cap) : 0;
}

static void input_arrived(void *arg)
{
    (void)arg;
    fa_console_input_arrived();
}

bool plat_console_listen(void)
{
    if (!listening && has_console &&
        ioapic_open_line(UART16550_COM1_IRQ, lapic_id()) == FA_OK) {
        x86_traps_handle(IOAPIC_VECTOR_FIRST + UART16550_COM1_IRQ, input_arrived, NULL);
        uart16550_listen();
        listening = true;
    }
    return listening;
}

void plat_poll(void)
{
    x86_take_interrupts();
    clock_refine();
    x86_traps_poll();
}

bool plat_wait(fa_deadline deadline)
{
    if (deadline == FA_FOREVER && !x86_traps_any_handler())
        return false;
    const uint64_t now_ns = plat_clock_mono_ns();
    if (deadline <= now_ns)
        return true;
    lapic_timer_arm(deadline - now_ns);
    x86_wait_for_interrupt();
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

bool plat_readable(uintptr_t address, size_t len)
{
    return x86_mmu_mapped(address, len);
}

void plat_exit(int status)
{
    power_off(status, rsdp);
}

void plat_reboot(void)
{
    power_reset(rsdp);
}
