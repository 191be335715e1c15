/* SPDX-License-Identifier: ISC */
/* The clock unit (CCU), the pins (PIO), the SRAM controller and the SID of A10 and A20: see soc.h.
 * Source: the bindings allwinner,sun4i-a10-ccu, -pinctrl, -system-control and -sid, the headers of
 * U-Boot (clock_sun4i.h, sunxi_gpio.h) and its drivers; no data sheet was at hand. Not exercised by any
 * emulator: all of it. QEMU's cubieboard ignores what is written there and reads as 0. */
#include "soc.h"
#include "../dt/machine.h"

/* The CCU: a gate for each device, 1 lets its clock through. */
#define AHB_GATE0 0x60u
#define CCU_BYTES 0x168u
/* The PIO: ports of 32 pins each, with so many bytes of registers. */
#define PORT_BYTES 0x24u
#define PORT_FUNCTION 0x00u /* 4 bits a pin */
#define PINS_OF_FUNCTION 8u
#define PORT_DRIVE 0x14u /* 2 bits a pin, as for the pulls: 10 mA times one more */
#define PINS_OF_DRIVE 16u
#define PORTS 9u /* PA to PI */
/* The SRAM controller. */
#define SRAM_MAP 0x04u
#define SRAM_TO_EMAC (5u << 2)
#define SRAM_BYTES 0x08u
#define SID_BYTES 0x10u

typedef struct part_needs {
    uint32_t sram; /* bits of SRAM_MAP */
    uint8_t gate; /* of AHB_GATE0 on, counted in bits */
    uint8_t port, first_pin, pin_count, function, drive;
} part_needs;

static const part_needs parts[] = {
    [SUNXI_EMAC] = {SRAM_TO_EMAC, 17, 'A' - 'A', 0, 17, 2, 0},
};

static arm_mmio ccu, pio, sram, sid; /* NULL: the tree has none */

static fa_err probe_ccu(dt_node node)
{
    return machine_map_registers(node, 0, CCU_BYTES, &ccu);
}

static fa_err probe_pio(dt_node node)
{
    return machine_map_registers(node, 0, PORTS * PORT_BYTES, &pio);
}

static fa_err probe_sram(dt_node node)
{
    return machine_map_registers(node, 0, SRAM_BYTES, &sram);
}

static fa_err probe_sid(dt_node node)
{
    return machine_map_registers(node, 0, SID_BYTES, &sid);
}

static void find(void)
{
    static const dt_driver drivers[] = {
        {"allwinner,sun4i-a10-ccu", probe_ccu},
        {"allwinner,sun7i-a20-ccu", probe_ccu},
        {"allwinner,sun4i-a10-pinctrl", probe_pio},
        {"allwinner,sun7i-a20-pinctrl", probe_pio},
        {"allwinner,sun4i-a10-system-control", probe_sram},
        {"allwinner,sun4i-a10-sram-controller", probe_sram},
        {"allwinner,sun4i-a10-sid", probe_sid},
        {"allwinner,sun7i-a20-sid", probe_sid},
    };
    static bool has_probed;
    if (!has_probed)
        dt_probe(drivers, FA_ARRAY_COUNT(drivers));
    has_probed = true;
}

static void set_bits(arm_mmio registers, size_t offset, uint32_t clear, uint32_t set)
{
    arm_write32(registers, offset, (arm_read32(registers, offset) & ~clear) | set);
}

static void set_pin(unsigned port, unsigned pin, unsigned function, unsigned drive)
{
    const size_t base = port * PORT_BYTES;
    const unsigned drive_shift = pin % PINS_OF_DRIVE * 2;
    const unsigned function_shift = pin % PINS_OF_FUNCTION * 4;
    set_bits(pio, base + PORT_DRIVE + pin / PINS_OF_DRIVE * 4, 3u << drive_shift,
             drive << drive_shift);
    set_bits(pio, base + PORT_FUNCTION + pin / PINS_OF_FUNCTION * 4, 7u << function_shift,
             function << function_shift);
}

void sunxi_open_part(sunxi_part part)
{
    const part_needs *needs = &parts[part];
    find();
    if (needs->sram != 0 && sram != NULL)
        set_bits(sram, SRAM_MAP, 0, needs->sram);
    for (unsigned i = 0; i < needs->pin_count && pio != NULL; i++)
        set_pin(needs->port, needs->first_pin + i, needs->function, needs->drive);
    if (ccu != NULL)
        set_bits(ccu, AHB_GATE0 + needs->gate / 32u * 4, 0, UINT32_C(1) << needs->gate % 32u);
}

fa_err sunxi_serial(uint32_t words_out[4])
{
    find();
    for (size_t i = 0; i < 4; i++)
        words_out[i] = sid == NULL ? 0 : arm_read32(sid, i * 4);
    return words_out[0] == 0 ? FA_ENOENT : FA_OK;
}
