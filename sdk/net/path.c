/* SPDX-License-Identifier: ISC */
/* How large packets may be on the way to somebody: what the link takes, or what ICMP has said for a path
 * (RFC 1191), to TCP, which can tell whether it is true. It is remembered for all that goes there next,
 * for a while: the way may be another one then. */
#include "host.h"

/* What is known of a path now; NULL: nothing. */
static fa_ipv4_path *find(fa_host *host, fa_ip4 destination)
{
    fa_ipv4 *ipv4 = &host->ipv4;
    if (ipv4->paths_until_ns <= host->now_ns)
        return NULL; /* of none: the usual case */
    for (unsigned i = 0; i < FA_IPV4_PATHS_MAX; i++)
        if (ipv4->paths[i].until_ns > host->now_ns && fa_ip4_is(ipv4->paths[i].destination, destination))
            return &ipv4->paths[i];
    return NULL;
}

uint16_t fa_ipv4_payload_max(fa_host *host, fa_ip4 destination)
{
    const fa_ipv4_path *path = find(host, destination);
    return path != NULL ? (uint16_t)(path->mtu - sizeof(fa_ipv4_header)) : fa_ipv4_link_payload_max(host);
}

/* In the place of what ends first. */
static fa_ipv4_path *add(fa_ipv4 *ipv4, fa_ip4 destination)
{
    fa_ipv4_path *place = &ipv4->paths[0];
    for (unsigned i = 1; i < FA_IPV4_PATHS_MAX; i++)
        if (ipv4->paths[i].until_ns < place->until_ns)
            place = &ipv4->paths[i];
    *place = (fa_ipv4_path){.destination = destination, .mtu = UINT16_MAX};
    return place;
}

void fa_ipv4_learn_path(fa_host *host, fa_ip4 destination, uint16_t mtu)
{
    fa_ipv4_path *path = find(host, destination);
    const uint16_t known = path != NULL ? path->mtu : host->options.mtu;
    if (mtu > known || mtu >= host->options.mtu)
        return; /* an error never makes it more (RFC 1191, 3) */
    if (path == NULL)
        path = add(&host->ipv4, destination);
    path->mtu = mtu;
    path->until_ns = host->ipv4.paths_until_ns = host->now_ns + FA_IPV4_PATH_NS;
}
