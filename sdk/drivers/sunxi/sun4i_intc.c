/* SPDX-License-Identifier: ISC */
/* The A10's interrupt controller. Source: the binding allwinner,sun4i-a10-ic, Linux's driver and
 * QEMU's model. A line reaches the CPU when it is enabled and not masked; QEMU knows the masks only,
 * so both are kept. Not exercised by any emulator: the enable registers. */
#include "../dt/machine.h"
#include "drivers.h"

enum { NMI_CTRL = 0x0c, PENDING = 0x10, ENABLE = 0x40, MASK = 0x50 };
#define REGISTERS_BYTES 0x60u
#define BANKS 3u /* of 32 lines each */
#define BANK_LINES 32u
#define NMI_LINE 0u /* the only one that is an edge, and to be acknowledged */

static arm_mmio intc;
static dt_node intc_node;
static uint32_t opened[BANKS];

static fa_err open(const dt_interrupt *interrupt, unsigned *line_out)
{
    if (!dt_is(interrupt->controller, intc_node))
        return FA_ENOTSUP;
    if (interrupt->cell_count < 1 || interrupt->cells[0] >= BANKS * BANK_LINES)
        return FA_EINVAL;
    const unsigned line = interrupt->cells[0], bank = line / BANK_LINES;
    opened[bank] |= UINT32_C(1) << line % BANK_LINES;
    arm_write32(intc, ENABLE + bank * 4, opened[bank]);
    arm_write32(intc, MASK + bank * 4, ~opened[bank]);
    *line_out = line;
    return FA_OK;
}

static bool take(unsigned *line_out)
{
    for (unsigned bank = 0; bank < BANKS; bank++) {
        const uint32_t pending =
            opened[bank] == 0 ? 0 : arm_read32(intc, PENDING + bank * 4) & opened[bank];
        if (pending == 0)
            continue;
        *line_out = bank * BANK_LINES + (unsigned)__builtin_ctz(pending);
        return true;
    }
    return false;
}

static void done(unsigned line)
{
    if (line == NMI_LINE)
        arm_write32(intc, PENDING, UINT32_C(1) << NMI_LINE);
}

fa_err sun4i_intc_probe(dt_node node)
{
    static const machine_irqs irqs = {open, take, done};
    if (machine.irqs != NULL)
        return FA_OK;
    const fa_err err = machine_map_registers(node, 0, REGISTERS_BYTES, &intc);
    if (err != FA_OK)
        return err;
    intc_node = node;
    for (unsigned bank = 0; bank < BANKS; bank++) {
        arm_write32(intc, ENABLE + bank * 4, 0);
        arm_write32(intc, MASK + bank * 4, UINT32_MAX);
    }
    arm_write32(intc, PENDING, UINT32_C(1) << NMI_LINE);
    arm_write32(intc, NMI_CTRL, 0);
    machine.irqs = &irqs;
    return FA_OK;
}
