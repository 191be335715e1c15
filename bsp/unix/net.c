/* SPDX-License-Identifier: ISC */
/* The unix board's network: the host's sockets, or with --tap a device for the SDK's own stack. */
#include "../../sdk/drivers/host/tap.h"
#include "../plat.h"
#include "events.h"
#include "sockets.h"
#include <fata/log.h>
#include <fata/param.h>
#include <string.h>

FA_LOG_MODULE("net");
FA_PARAM_STRING(tap, "tap", "none", "the tap device to be a host on; without one, the host's sockets");

fa_err plat_net_host(struct fa_net **net_out)
{
    if (strcmp(tap, "none") != 0)
        return FA_ENOTSUP;
    *net_out = sockets_net();
    return FA_OK;
}

typedef struct tap_device {
    events_source source;
    fa_tap tap;
} tap_device;

static void news(events_source *source, uint32_t what)
{
    (void)what;
    fa_tap_news(&((tap_device *)source)->tap); /* its first member */
}

fa_err plat_netif_open(unsigned number, struct fa_packet_pool *pool, struct fa_netif **netif_out)
{
    static tap_device device = {.source = {.news = news}};
    if (number > 0 || strcmp(tap, "none") == 0)
        return FA_ENOENT;
    fa_err err = fa_tap_open(tap, pool, &device.tap);
    if (err != FA_OK) {
        fa_log_error("the tap device %s: %s%s", tap, fa_err_text(err),
                     err == FA_EPERM ? " (make it with: ip tuntap add NAME mode tap user USER)"
                                     : "");
        return err;
    }
    err = events_add(device.tap.descriptor, &device.source);
    if (err != FA_OK) {
        device.tap.netif.ops->close(&device.tap.netif);
        return err;
    }
    *netif_out = &device.tap.netif;
    return FA_OK;
}
