/* SPDX-License-Identifier: ISC */
/* The machine's network devices, for programs that use the network: drivers in a table of their own,
 * so that other programs do not have them. */
#include "../../sdk/drivers/dt/machine.h"
#include "../../sdk/drivers/virtio/virtio_mmio.h"
#include "../../sdk/drivers/virtio/virtio_net.h"
#include "../plat.h"
#include <fata/log.h>

FA_LOG_MODULE("net");

#define NETIFS_MAX 4u

static struct {
    dt_node node;
    virtio_mmio mmio;
    virtio_net net;
    bool has_interrupt;
} netifs[NETIFS_MAX];
static unsigned netif_count;

/* A machine can have many places for devices, most of them empty. */
static fa_err virtio_probe(dt_node node)
{
    arm_mmio registers;
    virtio_mmio found;
    fa_err err = machine_map_registers(node, 0, VIRTIO_MMIO_BYTES, &registers);
    if (err == FA_OK)
        err = virtio_mmio_init(&found, registers);
    if (err == FA_ENOENT || (err == FA_OK && found.device.id != VIRTIO_ID_NET))
        return FA_OK;
    if (err == FA_OK && netif_count == NETIFS_MAX)
        err = FA_ELIMIT;
    if (err != FA_OK)
        return err;
    netifs[netif_count].node = node;
    netifs[netif_count++].mmio = found;
    return FA_OK;
}

/* The interrupt first: its line goes up with the first packet, and of a rise before that nobody
 * would know. */
static fa_err open_netif(unsigned number, fa_packet_pool *pool)
{
    virtio_net *net = &netifs[number].net;
    if (!netifs[number].has_interrupt) {
        const fa_err err =
            machine_open_interrupt(netifs[number].node, 0, virtio_net_interrupt, net);
        if (err != FA_OK)
            return err;
        netifs[number].has_interrupt = true;
        machine.awaits_interrupts = true;
    }
    return virtio_net_open(net, &netifs[number].mmio.device, pool);
}

fa_err plat_netif_open(unsigned number, fa_packet_pool *pool, fa_netif **netif_out)
{
    static const dt_driver drivers[] = {{"virtio,mmio", virtio_probe}};
    static bool has_probed;
    if (!has_probed)
        dt_probe(drivers, FA_ARRAY_COUNT(drivers));
    has_probed = true;
    if (number >= netif_count)
        return FA_ENOENT;
    const fa_err err = open_netif(number, pool);
    if (err == FA_OK)
        *netif_out = &netifs[number].net.netif;
    else
        fa_log_error("network device %u: %s", number, fa_err_text(err));
    return err;
}

fa_err plat_net_host(struct fa_net **net_out)
{
    (void)net_out;
    return FA_ENOTSUP;
}
