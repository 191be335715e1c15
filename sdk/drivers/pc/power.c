/* SPDX-License-Identifier: ISC */
/* Ends the machine by the best means there is; every step that works does not return. */
#include "power.h"
#include "../../cpu/x86_64/cpu.h"
#include "acpi.h"

#define DEBUG_EXIT_PORT 0xf4u /* as `fata run` places QEMU's isa-debug-exit */
#define KEYBOARD_COMMAND 0x64u
#define KEYBOARD_RESET 0xfeu
#define SETTLE_LOOPS 1000000u /* for a register write to take effect */

static void settle(void)
{
    for (unsigned i = 0; i < SETTLE_LOOPS; i++)
        x86_pause();
}

static void write_register(acpi_write w)
{
    if (w.kind == ACPI_NONE || w.port == 0)
        return;
    if (w.kind == ACPI_PORT_8)
        x86_out8(w.port, (uint8_t)w.value);
    else
        x86_out16(w.port, w.value);
    settle();
}

static _Noreturn void reset(void)
{
    x86_out8(KEYBOARD_COMMAND, KEYBOARD_RESET);
    settle();
    /* No handler for the invalid opcode: a triple fault, which resets the CPU. */
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } no_idt = {0, 0};
    __asm__ volatile("lidt %0\n\tud2" ::"m"(no_idt));
    for (;;)
        __asm__ volatile("hlt");
}

/* False the second time: reading the tables takes memory, and has failed. */
static bool may_read_tables(void)
{
    static bool read;
    const bool first = !read;
    read = true;
    return first;
}

void power_off(int status, x86_phys rsdp)
{
    x86_out32(DEBUG_EXIT_PORT, (uint32_t)status);
    if (may_read_tables())
        write_register(acpi_find_power(rsdp).soft_off);
    reset();
}

void power_reset(x86_phys rsdp)
{
    if (may_read_tables())
        write_register(acpi_find_power(rsdp).reset);
    reset();
}
