/* SPDX-License-Identifier: ISC */
/* The unix board's network: the host's sockets, or with --tap a device for the SDK's own stack. */
#include "../../sdk/drivers/host/tap.h"
#include "../../sdk/packet/pcap.h"
#include "../plat.h"
#include "events.h"
#include "sockets.h"
#include <errno.h>
#include <fata/clock.h>
#include <fata/log.h>
#include <fata/param.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

FA_LOG_MODULE("net");
FA_PARAM_STRING(tap, "tap", "none", "the tap device to be a host on; without one, the host's sockets");
FA_PARAM_STRING(pcap, "pcap", "none", "with --tap: a file that records all packets, for tcpdump");

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

/* The record's next bytes. A file that takes no more, as on a full disk, ends there. */
static void record(void *user, const void *bytes, size_t len)
{
    int *file = user;
    while (*file >= 0 && len > 0) {
        const ssize_t written = write(*file, bytes, len);
        if (written < 0 && errno != EINTR) {
            fa_log_error("%s is not complete: %s", pcap, strerror(errno));
            close(*file);
            *file = -1;
        } else if (written > 0) {
            bytes = (const uint8_t *)bytes + written;
            len -= (size_t)written;
        }
    }
}

/* The device, or one that records what passes. */
static fa_err add_record(fa_netif *device, fa_netif **netif_out)
{
    static fa_pcap recorder;
    static int file;
    *netif_out = device;
    if (strcmp(pcap, "none") == 0)
        return FA_OK;
    file = open(pcap, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) {
        fa_log_error("%s: %s", pcap, strerror(errno));
        return FA_EIO;
    }
    fa_pcap_init(&recorder, device, record, &file, fa_clock_wall_ns);
    *netif_out = &recorder.netif;
    return FA_OK;
}

fa_err plat_netif_open(unsigned number, struct fa_packet_pool *pool, struct fa_netif **netif_out,
                       fa_deadline deadline)
{
    (void)deadline;
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
    if (err == FA_OK)
        err = add_record(&device.tap.netif, netif_out);
    if (err != FA_OK)
        device.tap.netif.ops->close(&device.tap.netif);
    return err;
}
