/* SPDX-License-Identifier: ISC */
/* The board's Ethernet controllers: see ethernet.h. */
#include "ethernet.h"
#include "../../sdk/drivers/dt/machine.h"
#include "../../sdk/drivers/sunxi/soc.h"
#include "../../sdk/drivers/sunxi/sun4i_emac.h"
#include <fata/log.h>
#include <fata/random.h>
#include <string.h>

FA_LOG_MODULE("net");

/* The EMAC, and the node that says which PHY and which address it has: its own, or the GMAC's. */
static dt_node emac_node = {-1}, port_node = {-1};

/* There is one in these chips. */
static fa_err note_emac(dt_node node)
{
    if (emac_node.number < 0)
        emac_node = port_node = node;
    return FA_OK;
}

/* The A20 has two controllers for the same pins, and trees of Linux and U-Boot take the GMAC, which
 * there is no driver for: then the EMAC does its work. Nobody has seen this on a board yet. */
static fa_err note_gmac(dt_node node)
{
    if (emac_node.number < 0) {
        emac_node = dt_find("allwinner,sun4i-a10-emac");
        port_node = node;
    }
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

fa_err ethernet_open(unsigned number, fa_packet_pool *pool, fa_netif **netif_out)
{
    static const dt_driver drivers[] = {
        {"allwinner,sun4i-a10-emac", note_emac},
        {"allwinner,sun7i-a20-gmac", note_gmac},
    };
    static bool has_probed;
    if (!has_probed)
        dt_probe(drivers, FA_ARRAY_COUNT(drivers));
    has_probed = true;
    if (number != 0 || emac_node.number < 0)
        return FA_ENOENT;
    return open_emac(pool, netif_out);
}
