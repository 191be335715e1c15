/* SPDX-License-Identifier: ISC */
/* The SDK's own stack as the image's network: a host (host.h) on the machine's first network device,
 * driven by one fiber, which sleeps while there is neither a packet nor a timer that is due. What the
 * application asks for is done at once, in its own fiber; what is to be sent for it goes out when the
 * stack's fiber has its next turn, one batch for all that were ready in this round. */
#include "../../bsp/plat.h"
#include "../core/file.h"
#include "../fiber/sched.h"
#include "../flow/waiter.h"
#include "backend.h"
#include "host.h"
#include "settings.h"
#include <fata/log.h>
#include <fata/panic.h>
#include <fata/random.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("net");

#define RECEIVE_BATCH 64u
#define BACKLOG 256u     /* connections of a port that wait to be accepted */
#define OUTPUT_MAX 256u  /* packets that wait for the device, before datagrams are lost */

typedef struct stack {
    fa_net net;
    fa_host host;
    fa_packet_pool pool;
    fa_netif *netif;
    fa_packet_queue output; /* what the device had no room for */
    fa_waitq fiber;
    bool poked; /* there is something to do, before the fiber sleeps */
    fa_waitq for_address, for_end; /* of closed connections */
    fa_ip4 told_address;
    uint32_t told_conflicts; /* of fa_arp.defended_count */
    uint64_t lost_datagrams;
    struct port_listener *listeners;
} stack;

typedef struct connection {
    fa_flow flow;
    stack *stack;
    fa_tcp *tcp;
    fa_waker *reader, *writer;
} connection;

typedef struct port_listener {
    fa_listener listener;
    stack *stack;
    fa_tcp_listener *tcp;
    fa_waker *waker;
    bool maybe;   /* there may be a connection to accept */
    bool starved; /* there was no memory for one */
    struct port_listener *next;
} port_listener;

typedef struct port_udp {
    fa_udp udp;
    stack *stack;
    fa_udp_socket socket;
    fa_waker *waker;
} port_udp;

static bool wake(fa_waker **waker)
{
    fa_waker *armed = *waker;
    *waker = NULL;
    if (armed != NULL)
        armed->wake(armed);
    return armed != NULL;
}

/* The fiber. */

static void poke(stack *s)
{
    s->poked = true;
    fa_waitq_wake_all(&s->fiber);
}

/* After a call of the application: is there anything to be sent for it? */
static void poke_if_pending(stack *s)
{
    if (!s->poked && (s->host.tcp.pending != NULL || s->host.tcp.starving != NULL ||
                      s->host.output.first != NULL))
        poke(s);
}

static void device_woke(void *arg)
{
    poke(arg);
}

/* The engine knows no time but what it was told; the application calls it at any time. (A write needs none: a turn sends.) */
static fa_host *host_now(stack *s)
{
    s->host.now_ns = fa_clock_mono_ns();
    return &s->host;
}

static bool tell_connections(stack *s)
{
    unsigned what;
    fa_tcp *tcp;
    bool woken = false;
    while ((tcp = fa_tcp_take_changed(&s->host, &what)) != NULL) {
        connection *c = fa_tcp_user(tcp);
        if (c == NULL)
            continue; /* nobody has accepted it yet */
        if (what & FA_TCP_READABLE)
            woken |= wake(&c->reader);
        if (what & (FA_TCP_WRITABLE | FA_TCP_CONNECTED))
            woken |= wake(&c->writer);
    }
    return woken;
}

static void tell_ports(stack *s)
{
    fa_tcp_listener *tcp;
    while ((tcp = fa_tcp_take_changed_listener(&s->host)) != NULL) {
        port_listener *l = fa_tcp_listener_user(tcp);
        l->maybe = true;
        wake(&l->waker);
    }
    fa_udp_socket *socket;
    while ((socket = fa_udp_take_changed(&s->host)) != NULL)
        if (socket->take == NULL)
            wake(&((port_udp *)socket->user)->waker);
    fa_dns_query *query;
    while ((query = fa_dns_take_changed(&s->host)) != NULL)
        if (query->user != NULL)
            ((fa_waiter *)query->user)->waker.wake(&((fa_waiter *)query->user)->waker);
}

static void tell_address(stack *s)
{
    const fa_ip4 address = s->host.address;
    if (fa_ip4_is(address, s->told_address))
        return;
    s->told_address = address;
    char text[FA_ENDPOINT_TEXT_BYTES];
    fa_endpoint_text((fa_endpoint){address, 0}, text);
    *strchr(text, ':') = '\0';
    if (fa_ip4_number(address) == 0)
        fa_log_warn("the address is gone");
    else
        fa_log_info("%s on %s (%s)", text, s->netif->name, s->host.origin);
    fa_waitq_wake_all(&s->for_address);
}

/* (At most once in FA_ARP_DEFEND_NS.) */
static void tell_conflict(stack *s)
{
    const fa_arp *arp = &s->host.arp;
    if (arp->defended_count == s->told_conflicts)
        return;
    s->told_conflicts = arp->defended_count;
    const uint8_t *mac = arp->defended_from.byte;
    fa_log_warn("another station on the link uses our address: %02x:%02x:%02x:%02x:%02x:%02x", mac[0],
                mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void send_output(stack *s)
{
    fa_host_output(&s->host, &s->output);
    if (s->output.first != NULL)
        s->netif->ops->transmit(s->netif, &s->output);
}

/* One turn; when the next timer is due. More: packets, or what those who were woken may send. */
static fa_deadline turn(stack *s, bool *more_out)
{
    const uint64_t now_ns = fa_clock_mono_ns();
    fa_packet_queue received = {0};
    s->poked = false;
    s->netif->ops->receive(s->netif, &received, RECEIVE_BATCH);
    *more_out = received.count == RECEIVE_BATCH;
    s->host.options.features = s->netif->features; /* of a device that may have come again, as another */
    if (s->netif->link_up != s->host.link_up) {
        fa_log_info("the link of %s is %s", s->netif->name, s->netif->link_up ? "up" : "down");
        fa_host_set_link(&s->host, s->netif->link_up, now_ns);
    }
    if (received.first != NULL)
        fa_host_input(&s->host, &received, now_ns);
    fa_deadline next = fa_host_run(&s->host, now_ns);
    if (s->netif->poll_ns != 0 && next > now_ns + s->netif->poll_ns)
        next = now_ns + s->netif->poll_ns;
    send_output(s);
    *more_out |= tell_connections(s);
    tell_ports(s);
    tell_address(s);
    tell_conflict(s);
    fa_waitq_wake_all(&s->for_end);
    return next;
}

static void run(void *arg)
{
    stack *s = arg;
    for (;;) {
        bool more;
        const fa_deadline next = turn(s, &more);
        fa_err err;
        if (!more && !s->poked && !s->netif->ops->arm(s->netif))
            err = fa_waitq_wait(&s->fiber, next); /* woken or due: both are looked at */
        else
            err = fa_sleep(FA_NOW); /* the others first */
        fa_assert(err != FA_ECANCELED);
    }
}

/* Connections. */

static connection *connection_of(fa_flow *flow)
{
    return (connection *)flow; /* its first member, as in all of these records */
}

static fa_err try_read(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out)
{
    connection *c = connection_of(flow);
    const fa_err err = fa_tcp_read(host_now(c->stack), c->tcp, bytes_out, cap, len_out);
    poke_if_pending(c->stack); /* the window may have opened */
    return err;
}

static fa_err try_write(fa_flow *flow, const fa_slice *slices, size_t count, size_t *len_out)
{
    connection *c = connection_of(flow);
    const fa_err err = fa_tcp_write(&c->stack->host, c->tcp, slices, count, len_out);
    poke_if_pending(c->stack);
    return err;
}

static void arm_flow(fa_flow *flow, unsigned events, fa_waker *waker)
{
    connection *c = connection_of(flow);
    if (events & FA_FLOW_READABLE) {
        c->reader = waker;
        if (fa_tcp_readable(c->tcp))
            wake(&c->reader);
    }
    if (events & FA_FLOW_WRITABLE) {
        c->writer = waker;
        if (fa_tcp_writable(c->tcp))
            wake(&c->writer);
        poke_if_pending(c->stack); /* who waits for memory is looked at by time */
    }
}

static fa_err shut(fa_flow *flow)
{
    connection *c = connection_of(flow);
    fa_tcp_shutdown(host_now(c->stack), c->tcp);
    poke_if_pending(c->stack);
    return FA_OK;
}

static void close_flow(fa_flow *flow, bool abort)
{
    connection *c = connection_of(flow);
    stack *s = c->stack;
    fa_tcp_set_user(c->tcp, NULL);
    fa_tcp_close(host_now(s), c->tcp, abort);
    free(c);
    poke(s); /* for what is to be sent, and for the time that is left to finish */
    /* There is memory again for who waits in a backlog. */
    for (port_listener *l = s->listeners; l != NULL; l = l->next)
        if (l->starved) {
            l->starved = false;
            l->maybe = true;
            wake(&l->waker);
        }
}

static const fa_flow_ops flow_ops = {try_read, try_write, arm_flow, shut, close_flow};

static connection *new_connection(stack *s)
{
    connection *c = malloc(sizeof *c);
    if (c != NULL)
        *c = (connection){.flow = {&flow_ops}, .stack = s};
    return c;
}

static fa_err wait_connected(connection *c, fa_deadline deadline)
{
    fa_err status;
    while ((status = fa_tcp_status(c->tcp)) == FA_EAGAIN) {
        fa_waiter waiter;
        fa_waiter_init(&waiter);
        c->writer = &waiter.waker;
        const fa_err err = fa_waiter_wait(&waiter, deadline);
        c->writer = NULL;
        if (err != FA_OK)
            return err;
    }
    return status;
}

static fa_err connect_to(fa_net *net, fa_endpoint peer, fa_flow **flow_out, fa_deadline deadline)
{
    stack *s = (stack *)net;
    connection *c = new_connection(s);
    if (c == NULL)
        return FA_ENOMEM;
    fa_err err = fa_tcp_connect(host_now(s), peer, c, &c->tcp);
    if (err != FA_OK) {
        free(c);
        return err;
    }
    poke(s);
    err = wait_connected(c, deadline);
    if (err != FA_OK) {
        close_flow(&c->flow, true);
        return err;
    }
    *flow_out = &c->flow;
    return FA_OK;
}

/* Listeners. */

static fa_err try_accept(fa_listener *listener, fa_flow **flow_out, fa_endpoint *peer_out)
{
    port_listener *l = (port_listener *)listener;
    if (!l->maybe)
        return FA_EAGAIN;
    connection *c = new_connection(l->stack);
    l->starved = c == NULL;
    if (c != NULL)
        c->tcp = fa_tcp_accept(l->tcp, c);
    if (c == NULL || c->tcp == NULL) {
        l->maybe = false;
        free(c);
        return FA_EAGAIN;
    }
    *flow_out = &c->flow;
    *peer_out = fa_tcp_peer(c->tcp);
    return FA_OK;
}

static void arm_listener(fa_listener *listener, fa_waker *waker)
{
    port_listener *l = (port_listener *)listener;
    l->waker = waker;
    if (l->maybe)
        wake(&l->waker);
}

static void close_listener(fa_listener *listener)
{
    port_listener *l = (port_listener *)listener;
    stack *s = l->stack;
    port_listener **at = &s->listeners;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    fa_tcp_unlisten(host_now(s), l->tcp);
    free(l);
    poke_if_pending(s);
}

static fa_err listen_on(fa_net *net, uint16_t port, fa_listener **listener_out)
{
    static const fa_listener_ops ops = {try_accept, arm_listener, close_listener};
    stack *s = (stack *)net;
    port_listener *l = malloc(sizeof *l);
    if (l == NULL)
        return FA_ENOMEM;
    *l = (port_listener){.listener = {.ops = &ops}, .stack = s, .next = s->listeners};
    const fa_err err = fa_tcp_listen(host_now(s), port, BACKLOG, l, &l->tcp);
    if (err != FA_OK) {
        free(l);
        return err;
    }
    l->listener.port = fa_tcp_listener_port(l->tcp);
    l->listener.connections_max = s->host.tcp.connections_max;
    s->listeners = l;
    *listener_out = &l->listener;
    return FA_OK;
}

/* UDP. */

static fa_err try_receive(fa_udp *udp, void *bytes_out, size_t cap, size_t *len_out,
                          fa_endpoint *from_out)
{
    port_udp *u = (port_udp *)udp;
    fa_packet *packet = fa_udp_take(&u->stack->host, &u->socket, from_out);
    if (packet == NULL)
        return FA_EAGAIN;
    *len_out = packet->len;
    const bool copied =
        fa_packet_copy(packet, 0, bytes_out, packet->len < cap ? packet->len : cap);
    fa_assert(copied);
    fa_packet_free(packet);
    return FA_OK;
}

static void arm_udp(fa_udp *udp, fa_waker *waker)
{
    port_udp *u = (port_udp *)udp;
    u->waker = waker;
    if (u->socket.queue.first != NULL)
        wake(&u->waker);
}

static fa_err send_datagram(fa_udp *udp, fa_endpoint to, const void *bytes, size_t len)
{
    port_udp *u = (port_udp *)udp;
    stack *s = u->stack;
    /* Who sends without a wait would fill the memory that the others need, too. */
    if (s->host.output.count + s->output.count >= OUTPUT_MAX)
        send_output(s);
    if (s->output.count >= OUTPUT_MAX) {
        s->lost_datagrams++;
        return FA_OK;
    }
    fa_err err = fa_udp_send_bytes(host_now(s), &u->socket, to, bytes, len);
    if (err == FA_ENOMEM) {
        s->lost_datagrams++;
        err = FA_OK;
    }
    poke_if_pending(s);
    return err;
}

static void close_udp(fa_udp *udp)
{
    port_udp *u = (port_udp *)udp;
    fa_udp_unbind(&u->stack->host, &u->socket);
    free(u);
}

static fa_err udp_open(fa_net *net, uint16_t port, fa_udp **udp_out)
{
    static const fa_udp_ops ops = {try_receive, arm_udp, send_datagram, close_udp};
    stack *s = (stack *)net;
    port_udp *u = malloc(sizeof *u);
    if (u == NULL)
        return FA_ENOMEM;
    *u = (port_udp){.udp = {.ops = &ops}, .stack = s, .socket = {.user = u}};
    const fa_err err = fa_udp_bind(host_now(s), &u->socket, port);
    if (err != FA_OK) {
        free(u);
        return err;
    }
    u->udp.port = u->socket.number;
    *udp_out = &u->udp;
    return FA_OK;
}

/* Names. */

_Static_assert(FA_DNS_ADDRESSES_MAX <= FA_NET_ADDRESSES_MAX, "all that the resolver has");

static fa_err resolve(fa_net *net, const char *name, fa_ip4 addresses_out[FA_NET_ADDRESSES_MAX],
                      unsigned *count_out, fa_deadline deadline)
{
    stack *s = (stack *)net;
    fa_dns_query query;
    fa_err err = fa_dns_start(host_now(s), &query, name);
    if (err != FA_OK)
        return err;
    poke(s);
    while ((err = query.result) == FA_EAGAIN) {
        fa_waiter waiter;
        fa_waiter_init(&waiter);
        query.user = &waiter;
        err = fa_waiter_wait(&waiter, deadline);
        query.user = NULL;
        if (err != FA_OK)
            break;
    }
    fa_dns_cancel(host_now(s), &query);
    memcpy(addresses_out, query.addresses, query.address_count * sizeof query.addresses[0]);
    *count_out = query.address_count;
    return err;
}

/* The network as a whole. */

static fa_err wait_ready(fa_net *net, fa_deadline deadline)
{
    stack *s = (stack *)net;
    while (fa_ip4_number(s->host.address) == 0) {
        const fa_err err = fa_waitq_wait(&s->for_address, deadline);
        if (err != FA_OK)
            return err;
    }
    return FA_OK;
}

static fa_err finish(fa_net *net, fa_deadline deadline)
{
    stack *s = (stack *)net;
    fa_err err = FA_OK;
    while (err == FA_OK && (s->poked || fa_tcp_is_finishing(&s->host)))
        err = fa_waitq_wait(&s->for_end, deadline);
    return err;
}

static void info(fa_net *net, fa_net_info *info_out)
{
    const stack *s = (stack *)net;
    const fa_host *host = &s->host;
    const fa_netif *netif = s->netif;
    *info_out = (fa_net_info){
        .device = netif->name,
        .address = host->address,
        .netmask = host->netmask,
        .gateway = host->gateway, .dns = host->dns,
        .origin = host->origin == NULL ? "none" : host->origin,
        .received_packets = netif->received_packets, .received_bytes = netif->received_bytes,
        .sent_packets = netif->sent_packets, .sent_bytes = netif->sent_bytes,
        .dropped_packets = netif->dropped_packets + host->dropped_packets + s->lost_datagrams,
        .connections = host->tcp.connection_count,
        .memory_bytes = (s->pool.page_count - s->pool.free_page_count) * FA_PACKET_PAGE_BYTES,
        .memory_limit_bytes = s->pool.page_count * FA_PACKET_PAGE_BYTES,
    };
    memcpy(info_out->mac, netif->mac, sizeof info_out->mac);
    if (fa_dhcp_is_bound(host))
        memcpy(info_out->ntp, host->dhcp.lease.ntp, sizeof info_out->ntp);
}

static void random_bytes(void *bytes_out, size_t len)
{
    const fa_err err = fa_random_bytes(bytes_out, len);
    fa_assert(err == FA_OK); /* there was entropy when the stack was opened, and it does not leave */
}

static fa_err start_host(stack *s, const fa_net_settings *settings)
{
    const fa_host_options options = {
        .pool = &s->pool,
        .mac = {s->netif->mac[0], s->netif->mac[1], s->netif->mac[2], s->netif->mac[3],
                s->netif->mac[4], s->netif->mac[5]},
        .mtu = s->netif->mtu,
        .features = s->netif->features,
        .name = fa_program_name,
        .random = random_bytes,
        .address = settings->address, .netmask = settings->netmask,
        .gateway = settings->gateway,
        .dns = settings->dns,
        .tcp_connections_max = settings->tcp_connections_max,
    };
    fa_err err = fa_host_init(&s->host, &options, fa_clock_mono_ns());
    if (err != FA_OK)
        return err;
    s->netif->wake = device_woke;
    s->netif->wake_arg = s;
    err = fa_sched_spawn(&(fa_fiber_options){.name = "network"}, run, s);
    if (err != FA_OK)
        fa_host_free(&s->host);
    return err;
}

static fa_err open_device(stack *s, const fa_net_settings *settings, fa_deadline deadline)
{
    fa_err err = plat_netif_open(0, &s->pool, &s->netif, deadline);
    if (err == FA_ENOENT)
        fa_log_error("this machine has no network device, or none that there is a driver for");
    if (err != FA_OK)
        return err;
    err = start_host(s, settings);
    if (err != FA_OK)
        s->netif->ops->close(s->netif);
    return err;
}

fa_err fa_stack_open(fa_net **net_out, fa_deadline deadline)
{
    static const fa_net_ops ops = {wait_ready, finish, info, listen_on, connect_to, resolve, udp_open};
    fa_net_settings settings;
    uint8_t byte;
    fa_err err = fa_random_bytes(&byte, sizeof byte);
    if (err != FA_OK)
        return err;
    stack *s = calloc(1, sizeof *s);
    if (s == NULL)
        return FA_ENOMEM;
    s->net.ops = &ops;
    fa_net_settings_get(&settings);
    err = fa_packet_pool_init(&s->pool, (uint32_t)(settings.memory_bytes / FA_PACKET_PAGE_BYTES));
    if (err != FA_OK) {
        free(s);
        return err;
    }
    err = open_device(s, &settings, deadline);
    if (err == FA_OK) {
        *net_out = &s->net;
    } else if (s->pool.free_page_count == s->pool.page_count) { /* else lost: a device has some of it */
        fa_packet_pool_free(&s->pool);
        free(s);
    }
    return err;
}
