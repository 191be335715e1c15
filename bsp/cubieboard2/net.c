/* SPDX-License-Identifier: ISC */
/* The machine's network devices, for programs that use the network: of a domain of Xen those in
 * Xenstore, else the board's own, and behind these virtio's. */
#include "../../sdk/drivers/virtio/virtio_net.h"
#include "../../sdk/drivers/xen/netfront.h"
#include "../plat.h"
#include "ethernet.h"
#include "virtio.h"
#include "xendev.h"
#include <fata/log.h>

FA_LOG_MODULE("net");

#define NETIFS_MAX 4u

static fa_err open_virtio(unsigned number, fa_packet_pool *pool, fa_netif **netif_out)
{
    static virtio_net netifs[NETIFS_MAX];
    virtio_device *device;
    if (number >= NETIFS_MAX)
        return FA_ENOENT;
    virtio_net *net = &netifs[number];
    fa_err err = virtio_find(VIRTIO_ID_NET, number, virtio_net_interrupt, net, &device);
    if (err == FA_OK)
        err = virtio_net_open(net, device, pool);
    if (err == FA_OK)
        *netif_out = &net->netif;
    return err;
}

fa_err plat_netif_open(unsigned number, fa_packet_pool *pool, fa_netif **netif_out,
                       fa_deadline deadline)
{
    fa_err err = xendev_start();
    if (err == FA_OK)
        err = xen_netfront_open(number, pool, netif_out, deadline);
    else if (err == FA_ENOENT)
        err = ethernet_open(number, pool, netif_out, deadline);
    if (err == FA_ENOENT)
        err = open_virtio(number, pool, netif_out);
    if (err != FA_OK && err != FA_ENOENT)
        fa_log_error("network device %u: %s", number, fa_err_text(err));
    return err;
}

fa_err plat_net_host(struct fa_net **net_out)
{
    (void)net_out;
    return FA_ENOTSUP;
}
