/* SPDX-License-Identifier: ISC */
/* The host as a whole: see host.h. It brings packets, timers and configuration to the parts. */
#include "host.h"
#include <string.h>

/* How often what the host sends to itself goes around before the caller has its turn. */
#define LOOPBACK_ROUNDS_MAX 64u

fa_err fa_host_init(fa_host *host, const fa_host_options *options, uint64_t now_ns)
{
    memset(host, 0, sizeof *host);
    host->options = *options;
    host->now_ns = now_ns;
    host->link_up = true;
    if (options->mtu < FA_IPV4_MTU_MIN)
        return FA_EINVAL;
    fa_wheel_init(&host->wheel, now_ns);
    fa_arp_init(host);
    fa_ipv4_init(host);
    const fa_err err = fa_tcp_init(host);
    if (err != FA_OK)
        return err;
    if (fa_ip4_number(options->address) != 0)
        fa_host_set_address(host, options->address, options->netmask, options->gateway,
                            options->dns, "static");
    else
        fa_dhcp_start(host);
    return FA_OK;
}

void fa_host_free(fa_host *host)
{
    fa_dhcp_stop(host);
    fa_dns_free(host);
    fa_tcp_free(host);
    fa_udp_free(host);
    fa_ipv4_free(host);
    fa_arp_free(host);
    fa_packet_queue_free(&host->loopback);
    fa_packet_queue_free(&host->output);
}

void fa_host_drop(fa_host *host, fa_packet *packet)
{
    host->dropped_packets++;
    fa_packet_free(packet);
}

uint32_t fa_host_random(fa_host *host)
{
    uint32_t random;
    host->options.random(&random, sizeof random);
    return random;
}

void fa_host_input(fa_host *host, fa_packet_queue *queue, uint64_t now_ns)
{
    host->now_ns = now_ns;
    for (fa_packet *packet; (packet = fa_packet_queue_take(queue)) != NULL;)
        fa_ethernet_input(host, packet);
}

static void flush(fa_host *host)
{
    if (host->tcp.pending != NULL || host->tcp.starving != NULL)
        fa_tcp_flush(host);
    for (unsigned i = 0; i < LOOPBACK_ROUNDS_MAX && host->loopback.count > 0; i++) {
        fa_ipv4_loopback(host);
        fa_tcp_flush(host);
    }
}

fa_deadline fa_host_run(fa_host *host, uint64_t now_ns)
{
    host->now_ns = now_ns;
    for (fa_wheel_timer *timer; (timer = fa_wheel_expire(&host->wheel, now_ns)) != NULL;)
        timer->fire(timer, host);
    fa_dns_run(host);
    flush(host);
    return host->loopback.count > 0 ? now_ns : fa_wheel_next(&host->wheel);
}

void fa_host_output(fa_host *host, fa_packet_queue *queue_out)
{
    flush(host);
    fa_packet_queue_move(queue_out, &host->output);
}

void fa_host_set_link(fa_host *host, bool up, uint64_t now_ns)
{
    host->now_ns = now_ns;
    if (host->link_up == up)
        return;
    host->link_up = up;
    fa_arp_flush(host); /* it may be another network's cable */
    memset(host->ipv4.paths, 0, sizeof host->ipv4.paths);
    if (up)
        fa_arp_announce(host);
    else
        fa_packet_queue_free(&host->output);
    fa_dhcp_set_link(host, up);
}

void fa_host_set_address(fa_host *host, fa_ip4 address, fa_ip4 netmask, fa_ip4 gateway, fa_ip4 dns,
                         const char *origin)
{
    const bool changed = !fa_ip4_is(host->address, address);
    host->address = address;
    host->netmask = netmask;
    host->gateway = gateway;
    host->origin = origin;
    fa_dns_set_servers(host, &dns, fa_ip4_number(dns) != 0);
    if (!changed)
        return;
    fa_arp_flush(host);
    fa_tcp_address_changed(host);
    fa_arp_announce(host);
}
