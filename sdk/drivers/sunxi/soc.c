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
/* PLL6: 24 MHz * N * (K + 1) / 2, on by its last bit. */
#define PLL6 0x28u
#define PLL6_ON 0x80000000u
#define PLL6_N(value) ((value) >> 8 & 0x1f)
#define PLL6_K(value) ((value) >> 4 & 0x3)
#define PLL6_SATA (1u << 14)
#define SATA_CLOCK 0xc8u
#define SATA_CLOCK_ON 0x80000000u
#define OSC24M_HZ 24000000u
/* The GMAC's: where what it sends takes its clock from. The delays besides, which a PHY at RGMII may
 * want, stay as the loader, which knows the board, has set them. */
#define GMAC_CLOCK 0x164u
#define GMAC_CLOCK_KIND 0x7u
#define GMAC_CLOCK_MII 0x0u   /* the PHY */
#define GMAC_CLOCK_RGMII 0x6u /* here, at 125 MHz; and the wires are those of RGMII */
/* An SD controller's clock: a source divided by 2^N and M + 1; delays of what goes out and comes in. */
#define MMC0_CLOCK 0x88u
#define MMC_ON 0x80000000u
#define MMC_PLL6 (1u << 24)
#define MMC_N_SHIFT 16u
#define MMC_N_MAX 3u
#define MMC_M_MAX 16u
#define MMC_DELAYS(out, in) ((uint32_t)(out) << 8 | (uint32_t)(in) << 20)
/* The PIO: ports of 32 pins each, with so many bytes of registers. */
#define PORT_BYTES 0x24u
#define PORT_FUNCTION 0x00u /* 4 bits a pin */
#define PINS_OF_FUNCTION 8u
#define PORT_DRIVE 0x14u /* 2 bits a pin, as for the pulls: 10 mA times one more */
#define PINS_OF_DRIVE 16u
#define PORT_LEVEL 0x10u /* a bit a pin */
#define PORT_PULL 0x1cu
#define PULL_UP 1u
#define FUNCTION_IN 0u
#define FUNCTION_OUT 1u
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
    uint32_t other_pins; /* among them: a bit each */
} part_needs;

static const part_needs parts[] = {
    [SUNXI_EMAC] = {SRAM_TO_EMAC, 17, 'A' - 'A', 0, 17, 2, 0, 0},
    [SUNXI_GMAC_MII] = {0, 32 + 17, 'A' - 'A', 0, 17, 5, 3, 0},
    [SUNXI_GMAC_RGMII] = {0, 32 + 17, 'A' - 'A', 0, 17, 5, 3, 1u << 9 | 1u << 14},
    [SUNXI_MMC0] = {0, 8, 'F' - 'A', 0, 6, 2, 2, 0},
    [SUNXI_SATA] = {0, 25, 'B' - 'A', 8, 1, FUNCTION_OUT, 0, 0}, /* the pin switches the disk's power */
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
        if (!(needs->other_pins >> (needs->first_pin + i) & 1))
            set_pin(needs->port, needs->first_pin + i, needs->function, needs->drive);
    if (part == SUNXI_SATA && pio != NULL)
        set_bits(pio, needs->port * PORT_BYTES + PORT_LEVEL, 0, UINT32_C(1) << needs->first_pin);
    if (part == SUNXI_SATA && ccu != NULL) {
        set_bits(ccu, PLL6, 0, PLL6_SATA);
        arm_write32(ccu, SATA_CLOCK, SATA_CLOCK_ON);
    }
    if ((part == SUNXI_GMAC_MII || part == SUNXI_GMAC_RGMII) && ccu != NULL)
        set_bits(ccu, GMAC_CLOCK, GMAC_CLOCK_KIND,
                 part == SUNXI_GMAC_RGMII ? GMAC_CLOCK_RGMII : GMAC_CLOCK_MII);
    if (ccu != NULL)
        set_bits(ccu, AHB_GATE0 + needs->gate / 32u * 4, 0, UINT32_C(1) << needs->gate % 32u);
}

/* The delays are U-Boot's. */
void sunxi_set_mmc0_clock(uint32_t hz)
{
    find();
    if (ccu == NULL)
        return;
    const uint32_t pll6 = arm_read32(ccu, PLL6);
    const bool has_pll6 = (pll6 & PLL6_ON) != 0 && PLL6_N(pll6) != 0;
    const bool takes_pll6 = hz > OSC24M_HZ && has_pll6;
    const uint32_t source_hz =
        takes_pll6 ? OSC24M_HZ / 2 * PLL6_N(pll6) * (PLL6_K(pll6) + 1) : OSC24M_HZ;
    uint32_t divisor = (source_hz + hz - 1) / hz, n = 0;
    for (; divisor > MMC_M_MAX && n < MMC_N_MAX; n++)
        divisor = (divisor + 1) / 2;
    divisor = divisor > MMC_M_MAX ? MMC_M_MAX : divisor;
    const uint32_t delays = hz <= 400000                    ? MMC_DELAYS(0, 0)
                            : hz <= 25000000 || !takes_pll6 ? MMC_DELAYS(0, 5)
                                                            : MMC_DELAYS(3, 4);
    arm_write32(ccu, MMC0_CLOCK,
                MMC_ON | (takes_pll6 ? MMC_PLL6 : 0) | n << MMC_N_SHIFT | (divisor - 1) | delays);
}

bool sunxi_pins_exist(void)
{
    find();
    return pio != NULL;
}

bool sunxi_is_pin(sunxi_pin pin)
{
    return sunxi_pins_exist() && pin.port < PORTS && pin.number < 32;
}

void sunxi_pin_make_input(sunxi_pin pin, bool pull_up)
{
    if (!sunxi_is_pin(pin))
        return;
    const unsigned shift = pin.number % PINS_OF_DRIVE * 2;
    set_bits(pio, pin.port * PORT_BYTES + PORT_PULL + pin.number / PINS_OF_DRIVE * 4, 3u << shift,
             pull_up ? PULL_UP << shift : 0);
    set_pin(pin.port, pin.number, FUNCTION_IN, 0);
}

bool sunxi_pin_read(sunxi_pin pin)
{
    return sunxi_is_pin(pin) &&
           (arm_read32(pio, pin.port * PORT_BYTES + PORT_LEVEL) >> pin.number & 1) != 0;
}

void sunxi_pin_write(sunxi_pin pin, bool high)
{
    if (!sunxi_is_pin(pin))
        return;
    const uint32_t bit = UINT32_C(1) << pin.number;
    set_bits(pio, pin.port * PORT_BYTES + PORT_LEVEL, bit, high ? bit : 0);
    set_pin(pin.port, pin.number, FUNCTION_OUT, 0);
}

fa_err sunxi_serial(uint32_t words_out[4])
{
    find();
    if (sid == NULL)
        return FA_ENOTSUP;
    for (size_t i = 0; i < 4; i++)
        words_out[i] = arm_read32(sid, i * 4);
    return words_out[0] == 0 ? FA_ENOENT : FA_OK;
}
