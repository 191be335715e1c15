/* SPDX-License-Identifier: ISC */
/* The x86_64 board: PVH entry on Xen, on QEMU's microvm, q35 and pc, and on other PVH monitors. Here
 * stands the order in which the machine is brought up, and the contract's functions, each by the
 * kind of machine that it is. */
#include "../../sdk/boot/boot.h"
#include "../../sdk/cpu/stacks.h"
#include "../../sdk/cpu/x86_64/cpu.h"
#include "../../sdk/cpu/x86_64/traps.h"
#include "../plat.h"
#include "entropy.h"
#include "machine.h"
#include "memory.h"
#include "pvh.h"

extern uintptr_t __stack_chk_guard;
FA_NORETURN void x86_start(uint32_t start_info);
void __libc_init_array(void);

static const x86_machine *machine;

/* Called by entry.S. It sets the stack protector's canary, so it cannot be protected itself; it
 * does not return, so no frame is checked against the old value. */
__attribute__((no_stack_protector)) void x86_start(uint32_t start_info)
{
    static pvh_boot boot;
    machine = machine_xen_found() ? &machine_xen : &machine_pc;
    __stack_chk_guard = entropy_early_word() & ~UINT64_C(0xff);
    machine->start_early();
    x86_traps_init();
    pvh_read(start_info, &boot);
    memory_init(&boot);
    machine->start();
    __libc_init_array();
    fa_boot_with_text(pvh_command_line);
}

void plat_console_write(const char *bytes, size_t len)
{
    machine->write(bytes, len);
}

size_t plat_console_read(char *bytes_out, size_t cap)
{
    return machine->read(bytes_out, cap);
}

bool plat_console_listen(void)
{
    return machine->listen();
}

uint64_t plat_clock_mono_ns(void)
{
    return machine->mono_ns();
}

uint64_t plat_clock_wall_ns(void)
{
    return machine->wall_ns();
}

void plat_poll(void)
{
    machine->poll();
}

bool plat_wait(fa_deadline deadline)
{
    if (deadline == FA_FOREVER && !machine->awaits())
        return false;
    const uint64_t now_ns = machine->mono_ns();
    if (deadline <= now_ns)
        return true;
    machine->arm(deadline, now_ns);
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

/* There is neither a dump nor swap. */
void plat_stack_keep_out(plat_stack stack)
{
    (void)stack;
}

bool plat_readable(uintptr_t address, size_t len)
{
    return x86_mmu_mapped(address, len);
}

void plat_exit(int status)
{
    machine->exit(status);
}

void plat_reboot(void)
{
    machine->reboot();
}
