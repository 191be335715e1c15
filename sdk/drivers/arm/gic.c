/* SPDX-License-Identifier: ISC */
/* ARM's Generic Interrupt Controller, versions 1 and 2. Source: GIC Architecture Specification 2.0,
 * ARM IHI 0048, and the binding arm,gic for the cells. In secure state every interrupt is left in
 * group 0, in non-secure state the registers show group 1 only, and bit 0 of the control registers
 * enables whichever it is: the same writes are right in both. */
#include "../dt/machine.h"
#include "drivers.h"

/* The distributor's registers, */
enum { GICD_CTLR = 0x000, GICD_TYPER = 0x004, GICD_IGROUPR = 0x080, GICD_ISENABLER = 0x100,
       GICD_ICENABLER = 0x180, GICD_ICPENDR = 0x280, GICD_ICACTIVER = 0x380,
       GICD_IPRIORITYR = 0x400, GICD_ITARGETSR = 0x800, GICD_ICFGR = 0xc00 };
#define DISTRIBUTOR_BYTES 0x1000u
/* and this CPU's interface. */
enum { GICC_CTLR = 0x00, GICC_PMR = 0x04, GICC_IAR = 0x0c, GICC_EOIR = 0x10 };
#define INTERFACE_BYTES 0x14u
#define ENABLE 1u
#define TYPER_LINES 0x1fu
#define IAR_LINE 0x3ffu
#define SPURIOUS_FIRST 1020u /* 1020 to 1023: nothing to handle */
#define PRIORITY 0xa0u       /* of all; more urgent than the mask, in either state's view */
#define PRIORITY_MASK 0xf0u
#define CFGR_EDGE 2u
/* The cells: kind, number within the kind, trigger and, of a PPI, CPUs. */
enum { KIND_SPI = 0, KIND_PPI = 1 };
#define SPI_FIRST 32u
#define PPI_FIRST 16u
#define TRIGGER_EDGE_RISING 1u
#define TRIGGER_MASK 0xfu

static arm_mmio distributor, interface;
static dt_node gic_node;
static unsigned line_count;

static void set_bit(unsigned reg, unsigned line)
{
    arm_write32(distributor, reg + line / 32 * 4, UINT32_C(1) << line % 32);
}

/* Which bit of the targets is this CPU: its own view of those of lines 0 to 31. 0: it is the only
 * one, and nothing is to be set. */
static uint8_t own_target(void)
{
    const uint32_t targets = arm_read32(distributor, GICD_ITARGETSR);
    return (uint8_t)(targets | targets >> 8 | targets >> 16 | targets >> 24);
}

/* Nothing is written where nothing is set: under Xen these registers read 0, and a write to them is
 * an error in its log, before Xen 4.16 even a data abort. */
static void clear_bits(unsigned reg)
{
    const uint32_t bits = arm_read32(distributor, reg);
    if (bits != 0)
        arm_write32(distributor, reg, bits);
}

static void set_trigger(unsigned line, bool edge)
{
    const unsigned reg = GICD_ICFGR + line / 16 * 4, shift = line % 16 * 2;
    const uint32_t others = arm_read32(distributor, reg) & ~(UINT32_C(3) << shift);
    arm_write32(distributor, reg, others | (edge ? CFGR_EDGE : 0) << shift);
}

static fa_err open(const dt_interrupt *interrupt, unsigned *line_out)
{
    if (!dt_is(interrupt->controller, gic_node))
        return FA_ENOTSUP;
    const uint32_t *cells = interrupt->cells;
    if (interrupt->cell_count < 3 || cells[0] > KIND_PPI || cells[1] >= SPURIOUS_FIRST ||
        (cells[0] == KIND_PPI && cells[1] >= SPI_FIRST - PPI_FIRST))
        return FA_EINVAL;
    const unsigned line = (unsigned)cells[1] + (cells[0] == KIND_PPI ? PPI_FIRST : SPI_FIRST);
    if (line >= line_count)
        return FA_EINVAL;
    const unsigned group_reg = GICD_IGROUPR + line / 32 * 4;
    arm_write32(distributor, group_reg,
                arm_read32(distributor, group_reg) & ~(UINT32_C(1) << line % 32));
    arm_write8(distributor, GICD_IPRIORITYR + line, PRIORITY);
    if (cells[0] == KIND_SPI) {
        set_trigger(line, (cells[2] & TRIGGER_MASK) == TRIGGER_EDGE_RISING);
        if (own_target() != 0)
            arm_write8(distributor, GICD_ITARGETSR + line, own_target());
    }
    set_bit(GICD_ISENABLER, line);
    *line_out = line;
    return FA_OK;
}

static bool take(unsigned *line_out)
{
    const unsigned line = arm_read32(interface, GICC_IAR) & IAR_LINE;
    if (line >= SPURIOUS_FIRST)
        return false;
    *line_out = line;
    return true;
}

static void done(unsigned line)
{
    arm_write32(interface, GICC_EOIR, line);
}

fa_err gic_probe(dt_node node)
{
    static const machine_irqs irqs = {open, take, done};
    if (machine.irqs != NULL)
        return FA_OK;
    fa_err err = machine_map_registers(node, 0, DISTRIBUTOR_BYTES, &distributor);
    if (err == FA_OK)
        err = machine_map_registers(node, 1, INTERFACE_BYTES, &interface);
    if (err != FA_OK)
        return err;
    gic_node = node;
    arm_write32(interface, GICC_CTLR, 0);
    arm_write32(distributor, GICD_CTLR, 0);
    line_count = ((arm_read32(distributor, GICD_TYPER) & TYPER_LINES) + 1) * 32;
    /* Whatever a loader has left: open, pending, or not ended. */
    for (unsigned line = 0; line < line_count; line += 32) {
        arm_write32(distributor, GICD_ICENABLER + line / 8, UINT32_MAX);
        clear_bits(GICD_ICPENDR + line / 8);
        clear_bits(GICD_ICACTIVER + line / 8);
    }
    arm_write32(distributor, GICD_CTLR, ENABLE);
    arm_write32(interface, GICC_PMR, PRIORITY_MASK);
    arm_write32(interface, GICC_CTLR, ENABLE);
    machine.irqs = &irqs;
    return FA_OK;
}
