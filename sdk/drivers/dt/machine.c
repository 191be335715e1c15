/* SPDX-License-Identifier: ISC */
/* What the drivers have offered, and the way of an interrupt from the controller to its handlers. */
#include "machine.h"
#include "../../cpu/armv7a/mmu.h"

/* Interrupts of one call of machine_poll_interrupts(): a device whose line never falls does not
 * keep the fibers from running. */
#define POLL_MAX 64u

struct machine machine;

static struct {
    unsigned line;
    void (*handle)(void *arg);
    void *arg;
} handlers[MACHINE_HANDLERS_MAX];
static size_t handler_count;

fa_err machine_map_registers(dt_node node, unsigned index, size_t len_min, arm_mmio *registers_out)
{
    dt_range range;
    if (!dt_reg(node, index, &range) || range.len < len_min || range.len > ARM_DEVICE_WINDOW_BYTES)
        return FA_EINVAL;
    return arm_mmu_map_device((arm_phys){range.start}, (size_t)range.len, registers_out);
}

bool machine_wants_console(dt_node node)
{
    const dt_node wanted = dt_stdout();
    return machine.console == NULL && (wanted.number < 0 || dt_is(wanted, node));
}

fa_err machine_open_interrupt(dt_node node, unsigned index, void (*handler)(void *arg),
                              void *arg)
{
    dt_interrupt interrupt;
    unsigned line;
    if (machine.irqs == NULL || !dt_interrupt_of(node, index, &interrupt))
        return FA_ENOTSUP;
    if (handler_count == MACHINE_HANDLERS_MAX)
        return FA_ELIMIT;
    if (machine.irqs->open(&interrupt, &line) != FA_OK)
        return FA_ENOTSUP;
    handlers[handler_count].line = line;
    handlers[handler_count].arg = arg;
    handlers[handler_count++].handle = handler;
    return FA_OK;
}

void machine_poll_interrupts(void)
{
    unsigned line;
    for (unsigned n = 0; n < POLL_MAX && machine.irqs != NULL && machine.irqs->take(&line); n++) {
        for (size_t i = 0; i < handler_count; i++)
            if (handlers[i].line == line)
                handlers[i].handle(handlers[i].arg);
        machine.irqs->done(line);
    }
}
