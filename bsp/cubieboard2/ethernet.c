/* SPDX-License-Identifier: ISC */
/* The board's Ethernet controllers: see ethernet.h. */
#include "ethernet.h"
#include "../../sdk/drivers/dt/machine.h"
#include "../../sdk/drivers/sunxi/soc.h"
#include "../../sdk/drivers/sunxi/sun4i_emac.h"
#include "../../sdk/drivers/sunxi/sunxi_gmac.h"
#include "../../sdk/drivers/xen/xen.h"
#include <fata/log.h>
#include <fata/random.h>
#include <string.h>

FA_LOG_MODULE("net");

/* The A20 has two controllers for the same pins and one PHY: the GMAC, which U-Boot and Linux take and
 * so does our tree, and the A10's EMAC. A tree enables one of them. Where it is the GMAC, and there is
 * none at its address (QEMU's nearest relative of the A20 has another one there), the EMAC does its
 * work, with the PHY and the address of the GMAC's node. */
static dt_node emac_node = {-1}, gmac_node = {-1};
/* Which says what the EMAC's PHY and address are. */
static dt_node port_node = {-1};

static fa_err note_emac(dt_node node)
{
    if (emac_node.number < 0)
        emac_node = port_node = node;
    return FA_OK;
}

/* It is told of addresses of memory, and a domain of Xen does not know the real ones. */
static fa_err note_gmac(dt_node node)
{
    if (xen_shared != NULL) {
        fa_log_warn("the GMAC cannot be passed through to a domain: it would write to others' memory");
        return FA_ENOTSUP;
    }
    if (gmac_node.number < 0)
        gmac_node = node;
    return FA_OK;
}

static bool is_station(const uint8_t *mac)
{
    static const uint8_t none[6];
    return !(mac[0] & 1) && memcmp(mac, none, sizeof none) != 0;
}

/* What the loader says, the chip's number, or one of our own making: locally administered. */
static fa_err choose_mac(dt_node node, unsigned number, uint8_t mac_out[6])
{
    static const char *const names[] = {"mac-address", "local-mac-address"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(names); i++) {
        size_t len;
        const void *bytes = dt_bytes(node, names[i], &len);
        if (bytes != NULL && len == 6 && is_station(bytes)) {
            memcpy(mac_out, bytes, 6);
            return FA_OK;
        }
    }
    uint32_t serial[4];
    if (sunxi_serial(serial) == FA_OK) {
        sunxi_mac_of_serial(serial, number, mac_out);
        return FA_OK;
    }
    const fa_err err = fa_random_bytes(mac_out, 6);
    mac_out[0] = (uint8_t)((mac_out[0] & ~1u) | 2u);
    return err;
}

/* The PHY's address stands in a node of its own. */
static unsigned phy_address_of(dt_node node)
{
    dt_node handle = dt_reference(node, "phy-handle");
    if (handle.number < 0)
        handle = dt_reference(node, "phy");
    return dt_u32(handle, "reg", 0) % PHY_ADDRESSES;
}

static fa_err open_emac(fa_packet_pool *pool, fa_netif **netif_out)
{
    static sun4i_emac emac;
    static bool has_interrupt;
    uint8_t mac[6];
    arm_mmio registers;
    fa_err err = machine_map_registers(emac_node, 0, SUN4I_EMAC_REGISTERS_BYTES, &registers);
    if (err == FA_OK)
        err = choose_mac(port_node, 0, mac);
    if (err == FA_OK && !has_interrupt)
        err = machine_open_interrupt(emac_node, 0, sun4i_emac_interrupt, &emac);
    if (err != FA_OK)
        return err;
    has_interrupt = true;
    machine.awaits_interrupts = true;
    sunxi_open_part(SUNXI_EMAC);
    err = sun4i_emac_open(&emac, registers, phy_address_of(port_node), mac, pool);
    *netif_out = &emac.netif;
    return err == FA_ENOENT ? FA_EIO : err; /* it is there, and of no use */
}

static bool is_rgmii(dt_node node)
{
    const char *mode = dt_text(node, "phy-mode");
    return mode != NULL && strncmp(mode, "rgmii", 5) == 0;
}

static fa_err open_gmac(fa_packet_pool *pool, fa_netif **netif_out, fa_deadline deadline)
{
    static sunxi_gmac gmac;
    static bool has_interrupt;
    sunxi_gmac_config config = {.phy_address = phy_address_of(gmac_node),
                                .takes_1000 = is_rgmii(gmac_node)};
    fa_err err =
        machine_map_registers(gmac_node, 0, SUNXI_GMAC_REGISTERS_BYTES, &config.registers);
    if (err == FA_OK)
        err = choose_mac(gmac_node, 0, config.mac);
    if (err != FA_OK)
        return err;
    sunxi_open_part(config.takes_1000 ? SUNXI_GMAC_RGMII : SUNXI_GMAC_MII);
    err = sunxi_gmac_open(&gmac, &config, pool, deadline);
    if (err != FA_OK)
        return err;
    *netif_out = &gmac.netif;
    if (!has_interrupt)
        err = machine_open_interrupt(gmac_node, 0, sunxi_gmac_interrupt, &gmac);
    if (err != FA_OK) {
        gmac.netif.ops->close(&gmac.netif);
        return err;
    }
    has_interrupt = true;
    machine.awaits_interrupts = true;
    return FA_OK;
}

fa_err ethernet_open(unsigned number, fa_packet_pool *pool, fa_netif **netif_out,
                     fa_deadline deadline)
{
    static const dt_driver drivers[] = {
        {"allwinner,sun4i-a10-emac", note_emac},
        {"allwinner,sun7i-a20-gmac", note_gmac},
    };
    static bool has_probed;
    if (!has_probed)
        dt_probe(drivers, FA_ARRAY_COUNT(drivers));
    has_probed = true;
    if (number != 0)
        return FA_ENOENT;
    if (emac_node.number < 0 && gmac_node.number >= 0) {
        const fa_err err = open_gmac(pool, netif_out, deadline);
        if (err != FA_ENOENT)
            return err;
        fa_log_info("no GMAC answers at its address: the EMAC does its work, if there is one");
        emac_node = dt_find("allwinner,sun4i-a10-emac");
        port_node = gmac_node;
        gmac_node.number = -1;
    }
    return emac_node.number < 0 ? FA_ENOENT : open_emac(pool, netif_out);
}
