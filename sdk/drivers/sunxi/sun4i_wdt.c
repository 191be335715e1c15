/* SPDX-License-Identifier: ISC */
/* The A10's watchdog, which resets the machine. Source: the binding allwinner,sun4i-a10-wdt, U-Boot's
 * driver and header, and QEMU's model (from QEMU 10 on; before, nothing happens). */
#include "../../../bsp/plat.h"
#include "../dt/machine.h"
#include "drivers.h"

enum { CTRL = 0x0, MODE = 0x4 };
#define REGISTERS_BYTES 0x8u
#define CTRL_RESTART (0x0a57u << 1 | 1u) /* with the key that later chips ask for */
#define MODE_ENABLE 0x1u
#define MODE_RESET 0x2u /* and an interval of 0, half a second */
#define WAIT_NS (2 * FA_NS_PER_S)
#define LOOKS_MAX 20000000u /* without a clock; a write takes 0.1 us or more */

static arm_mmio watchdog;

static void reset(void)
{
    arm_write32(watchdog, MODE, MODE_ENABLE | MODE_RESET);
    arm_write32(watchdog, CTRL, CTRL_RESTART);
    const uint64_t start_ns = plat_clock_mono_ns();
    /* U-Boot's: the A13, a relative, sometimes hangs here when the mode is not written again. */
    for (unsigned look = 0; look < LOOKS_MAX; look++) {
        arm_write32(watchdog, MODE, MODE_ENABLE | MODE_RESET);
        if (plat_clock_mono_ns() - start_ns >= WAIT_NS)
            return;
    }
}

fa_err sun4i_wdt_probe(dt_node node)
{
    const fa_err err = machine_map_registers(node, 0, REGISTERS_BYTES, &watchdog);
    if (err != FA_OK)
        return err;
    /* A loader may have left it running, whoever else resets the machine (PSCI, by U-Boot's own). */
    arm_write32(watchdog, MODE, 0);
    if (machine.reset == NULL)
        machine.reset = reset;
    return FA_OK;
}
