/* SPDX-License-Identifier: ISC */
/* A PC: 16550, local APIC, interval timer, each by the driver that has it. */
#include "../../sdk/cpu/x86_64/cpu.h"
#include "../../sdk/cpu/x86_64/traps.h"
#include "../../sdk/drivers/pc/ioapic.h"
#include "../../sdk/drivers/pc/lapic.h"
#include "../../sdk/drivers/pc/pic.h"
#include "../../sdk/drivers/pc/power.h"
#include "../../sdk/drivers/pc/rtc.h"
#include "../../sdk/drivers/pc/uart16550.h"
#include "../../sdk/fiber/console.h"
#include "clock.h"
#include "machine.h"
#include "pvh.h"
#include <fata/panic.h>

static bool has_console;
static bool listening;

static void start_early(void)
{
    clock_start();
    has_console = uart16550_init_com1();
    pic_mask_all();
}

static void start(void)
{
    const fa_err err = lapic_init();
    if (err != FA_OK)
        fa_panic("no local APIC: %s", fa_err_text(err));
    clock_init();
}

static void write_text(const char *bytes, size_t len)
{
    if (has_console)
        uart16550_write(bytes, len);
}

static size_t read_text(char *bytes_out, size_t cap)
{
    return has_console ? uart16550_read(bytes_out, cap) : 0;
}

static void input_arrived(void *arg)
{
    (void)arg;
    fa_console_input_arrived();
}

static bool listen(void)
{
    if (!listening && has_console &&
        ioapic_open_line(UART16550_COM1_IRQ, lapic_id()) == FA_OK) {
        x86_traps_handle(IOAPIC_VECTOR_FIRST + UART16550_COM1_IRQ, input_arrived, NULL);
        uart16550_listen();
        listening = true;
    }
    return listening;
}

static uint64_t wall_ns(void)
{
    return rtc_read_s() * FA_NS_PER_S;
}

static void poll(void)
{
    x86_take_interrupts();
    clock_refine();
    x86_traps_poll();
}

static void arm(fa_deadline deadline, uint64_t now_ns)
{
    lapic_timer_arm(deadline - now_ns);
}

FA_NORETURN static void exit_pc(int status)
{
    power_off(status, pvh_rsdp);
}

FA_NORETURN static void reboot(void)
{
    power_reset(pvh_rsdp);
}

const x86_machine machine_pc = {
    .start_early = start_early,
    .start = start,
    .write = write_text,
    .read = read_text,
    .listen = listen,
    .mono_ns = clock_ns,
    .wall_ns = wall_ns,
    .poll = poll,
    .awaits = x86_traps_any_handler,
    .arm = arm,
    .exit = exit_pc,
    .reboot = reboot,
};
