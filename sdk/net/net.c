/* SPDX-License-Identifier: ISC */
/* <fata/net.h> over whichever network the image has: hands the calls on, and waits. */
#include "../../bsp/plat.h"
#include "../core/pages.h"
#include "../flow/waiter.h"
#include "backend.h"
#include "settings.h"
#include <fata/log.h>

FA_LOG_MODULE("net");

/* (A process has its host's memory.) */
static void tell_no_memory(void)
{
    fa_net_settings settings;
    fa_net_settings_get(&settings);
    if (fa_ram.total_count > 0)
        fa_log_error("the network wants %zu KiB for packets, and some for connections: of the machine's "
                     "%zu KiB %zu are free: give it more memory",
                     settings.memory_bytes / (size_t)FA_KIB,
                     fa_ram.total_count * FA_PAGE_BYTES / FA_KIB,
                     fa_ram.free_count * FA_PAGE_BYTES / FA_KIB);
}

static fa_err open_network(fa_net **net_out, fa_deadline deadline)
{
    fa_err err = plat_net_host(net_out);
    if (err == FA_ENOTSUP)
        err = fa_stack_open(net_out, deadline);
    if (err == FA_ENOMEM)
        tell_no_memory();
    return err;
}

fa_err fa_net_start(fa_net **net_out, fa_deadline deadline)
{
    static fa_net *net;
    static bool is_opening; /* by another fiber */
    static fa_waitq others;
    fa_err err = FA_OK;
    while (is_opening && err == FA_OK)
        err = fa_waitq_wait(&others, deadline);
    if (err == FA_OK && net == NULL) {
        is_opening = true;
        err = open_network(&net, deadline);
        is_opening = false;
        fa_waitq_wake_all(&others);
    }
    if (err != FA_OK)
        return err;
    *net_out = net;
    return net->ops->wait_ready(net, deadline);
}

fa_err fa_net_finish(fa_net *net, fa_deadline deadline)
{
    return net->ops->finish(net, deadline);
}

void fa_net_info_get(fa_net *net, fa_net_info *info_out)
{
    net->ops->info(net, info_out);
}

fa_err fa_net_listen(fa_net *net, uint16_t port, fa_listener **listener_out)
{
    return net->ops->listen(net, port, listener_out);
}

fa_err fa_listener_try_accept(fa_listener *listener, fa_flow **flow_out, fa_endpoint *peer_out)
{
    fa_endpoint peer;
    return listener->ops->try_accept(listener, flow_out, peer_out == NULL ? &peer : peer_out);
}

void fa_listener_arm(fa_listener *listener, fa_waker *waker)
{
    listener->ops->arm(listener, waker);
}

fa_err fa_listener_accept(fa_listener *listener, fa_flow **flow_out, fa_endpoint *peer_out,
                          fa_deadline deadline)
{
    fa_err err = fa_turn_take(deadline);
    while (err == FA_OK) {
        err = fa_listener_try_accept(listener, flow_out, peer_out);
        if (err != FA_EAGAIN)
            return err;
        fa_waiter waiter;
        fa_waiter_init(&waiter);
        listener->ops->arm(listener, &waiter.waker);
        err = fa_waiter_wait(&waiter, deadline);
        if (err != FA_OK)
            listener->ops->arm(listener, NULL);
    }
    return err;
}

uint16_t fa_listener_port(const fa_listener *listener)
{
    return listener->port;
}

size_t fa_listener_connections_max(const fa_listener *listener)
{
    return listener->connections_max;
}

void fa_listener_close(fa_listener *listener)
{
    listener->ops->close(listener);
}

static fa_err resolve_all(fa_net *net, const char *name, fa_ip4 addresses_out[FA_NET_ADDRESSES_MAX],
                          unsigned *count_out, fa_deadline deadline)
{
    *count_out = 1;
    if (fa_ip4_parse(name, &addresses_out[0]) == FA_OK)
        return FA_OK;
    return net->ops->resolve(net, name, addresses_out, count_out, deadline);
}

fa_err fa_net_resolve(fa_net *net, const char *name, fa_ip4 *address_out, fa_deadline deadline)
{
    fa_ip4 addresses[FA_NET_ADDRESSES_MAX];
    unsigned count;
    const fa_err err = resolve_all(net, name, addresses, &count, deadline);
    if (err == FA_OK)
        *address_out = addresses[0];
    return err;
}

/* The time that one of `left` attempts has: an equal part of what remains; without an end, as long as
 * TCP takes to give up. */
static fa_deadline part_of(fa_deadline deadline, unsigned left)
{
    const uint64_t now_ns = fa_clock_mono_ns();
    if (deadline == FA_FOREVER || deadline <= now_ns)
        return deadline;
    return now_ns + (deadline - now_ns) / left;
}

fa_err fa_net_connect(fa_net *net, const char *name, uint16_t port, fa_flow **flow_out,
                      fa_deadline deadline)
{
    fa_ip4 addresses[FA_NET_ADDRESSES_MAX];
    unsigned count;
    fa_err err = resolve_all(net, name, addresses, &count, deadline);
    if (err != FA_OK)
        return err;
    for (unsigned i = 0; i < count; i++) { /* in the resolver's order */
        err = net->ops->connect(net, (fa_endpoint){addresses[i], port}, flow_out,
                                part_of(deadline, count - i));
        if (err == FA_OK || err == FA_ECANCELED)
            break;
    }
    return err;
}

fa_err fa_net_udp_open(fa_net *net, uint16_t port, fa_udp **udp_out)
{
    return net->ops->udp_open(net, port, udp_out);
}

fa_err fa_udp_receive(fa_udp *udp, void *bytes_out, size_t cap, size_t *len_out,
                      fa_endpoint *from_out, fa_deadline deadline)
{
    fa_err err = fa_turn_take(deadline);
    while (err == FA_OK) {
        err = udp->ops->try_receive(udp, bytes_out, cap, len_out, from_out);
        if (err != FA_EAGAIN)
            return err;
        fa_waiter waiter;
        fa_waiter_init(&waiter);
        udp->ops->arm(udp, &waiter.waker);
        err = fa_waiter_wait(&waiter, deadline);
        if (err != FA_OK)
            udp->ops->arm(udp, NULL);
    }
    return err;
}

fa_err fa_udp_send(fa_udp *udp, fa_endpoint to, const void *bytes, size_t len)
{
    return len > FA_UDP_BYTES_MAX ? FA_ELIMIT : udp->ops->send(udp, to, bytes, len);
}

uint16_t fa_udp_port(const fa_udp *udp)
{
    return udp->port;
}

void fa_udp_close(fa_udp *udp)
{
    udp->ops->close(udp);
}
