/* SPDX-License-Identifier: ISC */
/* Finding network devices in Xenstore, connecting them, and what they say about themselves: the
 * names of Xen's public header io/netif.h. */
#include "netfront.h"
#include "grants.h"
#include "netfront_data.h"
#include "netif_abi.h"
#include <fata/log.h>
#include <fata/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("netfront");

#define VIFS "device/vif"
#define MAC_TEXT_BYTES ((size_t)18)
#define MTU_USUAL 1500u
#define MTU_MIN 68u
#define MTU_MAX 9000u
#define MTU_ONE_PAGE ((uint16_t)(FA_PACKET_PAGE_BYTES - ETHERNET_HEADER_BYTES))
/* To receive what a host has not cut up takes so many pages for one packet. */
#define RECEIVE_PAGES_TSO (2 * FA_PACKET_SEGMENTS_MAX)

static netfront *netfronts[XEN_NETFRONT_MAX];

static netfront *net_of(xen_bus_device *bus)
{
    return (netfront *)(void *)((uint8_t *)bus - offsetof(netfront, bus));
}

/* What the device is: known once, kept for good, since the stack has it by then. */

static int hex_of(char c)
{
    const int lower = c | 0x20;
    if (c >= '0' && c <= '9')
        return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* "00:16:3e:01:02:03" */
static bool parse_mac(const char *text, uint8_t mac_out[6])
{
    if (strlen(text) != MAC_TEXT_BYTES - 1)
        return false;
    for (unsigned i = 0; i < 6; i++, text += 3) {
        const int high = hex_of(text[0]), low = hex_of(text[1]);
        if (high < 0 || low < 0 || text[2] != (i < 5 ? ':' : '\0'))
            return false;
        mac_out[i] = (uint8_t)(high << 4 | low);
    }
    return (mac_out[0] & 1) == 0;
}

/* The toolstack's address, or one of our own making: locally administered, of one station. */
static fa_err read_mac(netfront *net, fa_deadline deadline)
{
    char text[MAC_TEXT_BYTES];
    uint8_t mac[6];
    fa_err err = xen_store_read(0, net->bus.path, "mac", text, sizeof text, deadline);
    if (err == FA_OK && !parse_mac(text, mac))
        err = FA_EFORMAT;
    if (err == FA_ENOENT || err == FA_EFORMAT || err == FA_ELIMIT) {
        fa_log_warn("%s has no address that can be read: it gets another one", net->bus.path);
        err = fa_random_bytes(mac, sizeof mac);
        mac[0] = (uint8_t)((mac[0] & ~1u) | 2u);
    }
    if (err == FA_OK)
        memcpy(net->netif.mac, mac, sizeof mac);
    return err;
}

static fa_err read_mtu(netfront *net, fa_deadline deadline)
{
    uint64_t mtu = MTU_USUAL;
    const fa_err err = xen_store_read_number(0, net->bus.path, "mtu", &mtu, deadline);
    if (err == FA_EFORMAT || (err == FA_OK && (mtu < MTU_MIN || mtu > MTU_MAX))) {
        fa_log_warn("%s: its mtu is none of %u to %u: %u is used", net->bus.path, MTU_MIN, MTU_MAX,
                    MTU_USUAL);
        mtu = MTU_USUAL;
    }
    net->netif.mtu = (uint16_t)mtu;
    return err == FA_ENOENT || err == FA_EFORMAT ? FA_OK : err;
}

static fa_err read_feature(netfront *net, const char *name, bool *has_out, fa_deadline deadline)
{
    uint64_t number;
    const fa_err err = xen_bus_read_backend(&net->bus, name, 0, &number, deadline);
    *has_out = err == FA_OK && number != 0;
    return err;
}

static fa_err need_feature(netfront *net, const char *name, fa_deadline deadline)
{
    bool has;
    const fa_err err = read_feature(net, name, &has, deadline);
    if (err != FA_OK || has)
        return err;
    fa_log_error("%s: its back end, %s, has no %s", net->bus.path, net->bus.backend, name);
    return FA_ENOTSUP;
}

/* A device that comes again may do less, or more, than before: the stack goes by what it has now. */
static fa_err read_features(netfront *net, fa_deadline deadline)
{
    bool no_checksums = false, cuts = false;
    fa_err err = need_feature(net, "feature-rx-copy", deadline);
    if (err == FA_OK)
        err = read_feature(net, "feature-sg", &net->takes_parts, deadline);
    if (err == FA_OK)
        err = read_feature(net, "feature-split-event-channels", &net->is_split, deadline);
    if (err == FA_OK)
        err = read_feature(net, "feature-no-csum-offload", &no_checksums, deadline);
    if (err == FA_OK)
        err = read_feature(net, "feature-gso-tcpv4", &cuts, deadline);
    if (err != FA_OK)
        return err;
    cuts = cuts && net->takes_parts && !no_checksums;
    net->netif.features = (no_checksums ? 0 : FA_NETIF_CHECKSUM) | (cuts ? FA_NETIF_TSO4 : 0);
    if (!net->has_identity && !net->takes_parts && net->netif.mtu > MTU_ONE_PAGE)
        net->netif.mtu = MTU_ONE_PAGE;
    return FA_OK;
}

static fa_err read_identity(netfront *net, fa_deadline deadline)
{
    fa_err err = read_mac(net, deadline);
    if (err == FA_OK)
        err = read_mtu(net, deadline);
    return err;
}

/* Connecting. */

static void happened(void *arg)
{
    xen_netfront_wake(arg);
}

static fa_err open_event(netfront *net, netfront_queue *queue)
{
    queue->event = (xen_event){.happened = happened, .arg = net};
    return xen_event_alloc(&queue->event, net->bus.backend_domain);
}

static fa_err open_queues(netfront *net)
{
    const uint16_t domain = net->bus.backend_domain;
    fa_err err = xen_netfront_queue_open(&net->send, domain, sizeof(netif_send_request));
    if (err == FA_OK)
        err = xen_netfront_queue_open(&net->receive, domain, sizeof(netif_receive_request));
    if (err == FA_OK)
        err = open_event(net, &net->receive);
    if (err == FA_OK && net->is_split)
        err = open_event(net, &net->send);
    return err;
}

static fa_err write_all(xen_store_tx tx, void *arg, fa_deadline deadline)
{
    const netfront *net = arg;
    const struct {
        const char *name;
        uint64_t number;
        bool is_left_out;
    } values[] = {
        {"tx-ring-ref", net->send.ring_ref, false},
        {"rx-ring-ref", net->receive.ring_ref, false},
        {"event-channel", net->receive.event.port, net->is_split},
        {"event-channel-tx", net->send.event.port, !net->is_split},
        {"event-channel-rx", net->receive.event.port, !net->is_split},
        {"request-rx-copy", 1, false},
        {"feature-rx-notify", 1, false},
        {"feature-sg", 1, false},
        {"feature-gso-tcpv4", net->receive_pages >= RECEIVE_PAGES_TSO, false},
    };
    uint64_t state; /* of a device that has gone there is none, and nothing may be written */
    if (net->receive.ring_ref == 0)
        return FA_ECLOSED; /* disconnected meanwhile, and tried once more */
    fa_err err = xen_store_read_number(tx, net->bus.path, "state", &state, deadline);
    for (size_t i = 0; i < FA_ARRAY_COUNT(values) && err == FA_OK; i++)
        if (!values[i].is_left_out)
            err = xen_store_write_number(tx, net->bus.path, values[i].name, values[i].number,
                                         deadline);
    return err;
}

static void disconnect(xen_bus_device *bus)
{
    netfront *net = net_of(bus);
    const bool was_up = net->netif.link_up;
    net->is_live = false;
    net->netif.link_up = false;
    xen_netfront_drop_arriving(net);
    xen_netfront_queue_close(&net->send);
    xen_netfront_queue_close(&net->receive);
    net->no_room = false;
    if (was_up)
        net->has_news = true;
    xen_netfront_wake(net); /* for who waits for room, too */
}

static fa_err connect(xen_bus_device *bus, fa_deadline deadline)
{
    netfront *net = net_of(bus);
    fa_err err = net->has_identity ? FA_OK : read_identity(net, deadline);
    if (err == FA_OK)
        err = read_features(net, deadline);
    if (err == FA_OK)
        err = open_queues(net);
    return err == FA_OK ? xen_store_transact(write_all, net, deadline) : err;
}

static fa_err connected(xen_bus_device *bus, fa_deadline deadline)
{
    netfront *net = net_of(bus);
    uint64_t carrier;
    const fa_err err = xen_bus_read_backend(bus, "carrier", 1, &carrier, deadline);
    if (err != FA_OK || net->receive.ring_ref == 0 || bus->failed_why != NULL)
        return err;
    if (!net->is_live) {
        net->is_live = net->has_identity = true;
        xen_netfront_refill(net);
    }
    if (net->netif.link_up != (carrier != 0)) {
        net->netif.link_up = carrier != 0;
        net->has_news = true;
        xen_netfront_wake(net);
    }
    return FA_OK;
}

/* Opening. */

static void close_device(fa_netif *netif)
{
    netfront *net = (netfront *)(void *)netif;
    net->is_armed = false;
    fa_packet_pool_await(net->pool, NULL, NULL);
    xen_bus_close(&net->bus);
}

static netfront *new_netfront(void)
{
    netfront *net = calloc(1, sizeof *net);
    if (net == NULL)
        return NULL;
    xen_netfront_queue_init(&net->send, net, PLAT_DMA_TO_DEVICE);
    xen_netfront_queue_init(&net->receive, net, PLAT_DMA_FROM_DEVICE);
    return net;
}

static void prepare(netfront *net, fa_packet_pool *pool)
{
    static const fa_netif_ops ops = {xen_netfront_transmit, xen_netfront_receive, xen_netfront_arm,
                                     close_device};
    const uint32_t share = pool->page_count / XEN_NETFRONT_RECEIVE_SHARE;
    net->netif = (fa_netif){.ops = &ops, .name = "netfront"};
    net->pool = pool;
    net->receive_pages = (uint16_t)(share < NETFRONT_PLACES ? share : NETFRONT_PLACES);
    net->has_identity = net->is_armed = net->has_news = false;
}

fa_err xen_netfront_open(unsigned number, fa_packet_pool *pool, fa_netif **netif_out,
                         fa_deadline deadline)
{
    static const xen_bus_driver driver = {connect, XEN_BUS_CONNECTED, connected, disconnect,
                                          NULL};
    unsigned long name;
    if (number >= XEN_NETFRONT_MAX)
        return FA_ELIMIT;
    fa_err err = xen_bus_find(VIFS, number, &name, deadline);
    if (err != FA_OK)
        return err;
    if (netfronts[number] == NULL)
        netfronts[number] = new_netfront();
    netfront *net = netfronts[number];
    if (net == NULL)
        return FA_ENOMEM;
    if (net->bus.is_running && !net->bus.is_closing)
        return FA_EBUSY;
    char path[XEN_STORE_PATH_BYTES];
    snprintf(path, sizeof path, VIFS "/%lu", name);
    prepare(net, pool);
    err = xen_bus_open(&net->bus, &driver, path, deadline);
    if (err != FA_OK)
        return err;
    net->has_news = false; /* whoever opens it looks */
    *netif_out = &net->netif;
    return FA_OK;
}
