/* SPDX-License-Identifier: ISC */
/* The board's own disks: see disks.h. */
#include "disks.h"
#include "../../sdk/drivers/dt/machine.h"
#include "../../sdk/drivers/sunxi/soc.h"
#include "../../sdk/drivers/sunxi/sun4i_ahci.h"
#include "../../sdk/drivers/sunxi/sunxi_mmc.h"
#include "gpio.h"

static dt_node card_node = {-1}, sata_node = {-1};

/* These boards have a slot at the first controller alone. */
static fa_err note_card(dt_node node)
{
    if (card_node.number < 0)
        card_node = node;
    return FA_OK;
}

static fa_err note_sata(dt_node node)
{
    sata_node = node;
    return FA_OK;
}

unsigned disks_count(void)
{
    static const dt_driver drivers[] = {
        {"allwinner,sun4i-a10-mmc", note_card},
        {"allwinner,sun5i-a13-mmc", note_card},
        {"allwinner,sun7i-a20-mmc", note_card},
        {"allwinner,sun4i-a10-ahci", note_sata},
    };
    static bool has_probed;
    if (!has_probed)
        dt_probe(drivers, FA_ARRAY_COUNT(drivers));
    has_probed = true;
    return (card_node.number >= 0 ? 1u : 0u) + (sata_node.number >= 0 ? 1u : 0u);
}

static gpio detection;

static bool has_card(void)
{
    return sunxi_pin_read(detection.pin) != detection.active_low;
}

/* Whether the slot tells of a card. Its line may be said to be inverted in two places, and each undoes the
 * other (the binding mmc-controller.yaml); older trees of Linux for these boards have it so. */
static bool open_detection(dt_node node)
{
    if (!gpio_of(node, "cd-gpios", &detection))
        return false;
    detection.active_low ^= dt_has(node, "cd-inverted");
    sunxi_pin_make_input(detection.pin, true);
    return true;
}

static fa_err open_card(fa_blockdev **device_out, fa_deadline deadline)
{
    static sunxi_mmc card;
    static sunxi_mmc_slot slot = {.set_clock = sunxi_set_mmc0_clock};
    static bool has_interrupt;
    arm_mmio registers;
    fa_err err = machine_map_registers(card_node, 0, SUNXI_MMC_REGISTERS_BYTES, &registers);
    if (err == FA_OK && !has_interrupt)
        err = machine_open_interrupt(card_node, 0, sunxi_mmc_interrupt, &card);
    if (err != FA_OK)
        return err;
    has_interrupt = true;
    sunxi_open_part(SUNXI_MMC0);
    slot.has_card = open_detection(card_node) ? has_card : NULL;
    err = sunxi_mmc_open(&card, registers, &slot, deadline);
    *device_out = &card.device;
    return err;
}

static fa_err open_sata(fa_blockdev **device_out, fa_deadline deadline)
{
    static sun4i_ahci sata;
    static bool has_interrupt;
    arm_mmio registers;
    fa_err err = machine_map_registers(sata_node, 0, SUN4I_AHCI_REGISTERS_BYTES, &registers);
    if (err == FA_OK && !has_interrupt)
        err = machine_open_interrupt(sata_node, 0, sun4i_ahci_interrupt, &sata);
    if (err != FA_OK)
        return err;
    has_interrupt = true;
    sunxi_open_part(SUNXI_SATA);
    err = sun4i_ahci_open(&sata, registers, deadline);
    *device_out = &sata.device;
    return err;
}

fa_err disks_open(unsigned number, fa_blockdev **device_out, fa_deadline deadline)
{
    if (number >= disks_count())
        return FA_ENOENT;
    machine.awaits_interrupts = true;
    return number == 0 && card_node.number >= 0 ? open_card(device_out, deadline)
                                                : open_sata(device_out, deadline);
}
