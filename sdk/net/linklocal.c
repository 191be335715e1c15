/* SPDX-License-Identifier: ISC */
/* The link-local address (RFC 3927) of a host that DHCP has not answered: see dhcp.h. It is a host's
 * own choice, probed for before it is used, and given up as soon as DHCP has an address. */
#include "host.h"

/* 169.254.1.0 to 169.254.254.255 (2.1), the same ones in the same order for the same MAC address. */
static fa_ip4 candidate(const fa_host *host)
{
    uint32_t hash = UINT32_C(2166136261); /* FNV-1a */
    for (size_t i = 0; i < sizeof host->options.mac; i++)
        hash = (hash ^ host->options.mac[i]) * UINT32_C(16777619);
    hash = (hash ^ host->dhcp.local_conflicts) * UINT32_C(16777619);
    return fa_ip4_of(UINT32_C(0xa9fe0100) + (hash ^ hash >> 16) % UINT32_C(0xfe00));
}

static void try_next(fa_wheel_timer *timer, void *owner)
{
    (void)timer;
    fa_host *host = owner;
    const uint64_t delay_ns = FA_LINKLOCAL_PROBE_NS / 1024 * (fa_host_random(host) % 1024);
    fa_arp_probe_start(host, &host->dhcp.local_probe, candidate(host), delay_ns);
}

static void probed(fa_host *host, fa_arp_probe *probe, bool conflict)
{
    if (conflict)
        fa_linklocal_conflict(host);
    else
        fa_host_set_address(host, probe->address, fa_ip4_of(UINT32_C(0xffff0000)), (fa_ip4){{0}},
                            (fa_ip4){{0}}, "link-local");
}

void fa_linklocal_start(fa_host *host)
{
    fa_dhcp *dhcp = &host->dhcp;
    if (fa_ip4_number(host->address) != 0 || fa_wheel_armed(&dhcp->local_timer) ||
        dhcp->local_probe.running)
        return;
    dhcp->local_timer.fire = try_next;
    dhcp->local_probe.count = FA_LINKLOCAL_PROBES;
    dhcp->local_probe.interval_ns = FA_LINKLOCAL_PROBE_NS;
    dhcp->local_probe.done = probed;
    fa_wheel_arm(&host->wheel, &dhcp->local_timer, host->now_ns + FA_LINKLOCAL_AFTER_NS);
}

void fa_linklocal_stop(fa_host *host)
{
    fa_wheel_disarm(&host->wheel, &host->dhcp.local_timer);
    fa_arp_probe_stop(host, &host->dhcp.local_probe);
}

void fa_linklocal_conflict(fa_host *host)
{
    fa_dhcp *dhcp = &host->dhcp;
    if (dhcp->local_conflicts < UINT8_MAX)
        dhcp->local_conflicts++;
    const uint64_t wait_ns =
        dhcp->local_conflicts > FA_LINKLOCAL_CONFLICTS_MAX ? FA_LINKLOCAL_RATE_NS : 0;
    fa_wheel_arm(&host->wheel, &dhcp->local_timer, host->now_ns + wait_ns);
}
