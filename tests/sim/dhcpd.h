/* SPDX-License-Identifier: ISC */
/* A small DHCP server for the simulator: an application of a simulated host, with one address to give,
 * which does what a test tells it to. */
#ifndef FATA_TESTS_SIM_DHCPD_H
#define FATA_TESTS_SIM_DHCPD_H

#include "sim.h"

typedef struct sim_dhcpd {
    fa_udp_socket socket;
    fa_ip4 offer;
    fa_ip4 dns[2], ntp[2];
    uint32_t lease_s, t1_s, t2_s; /* 0: option left out (but for the lease) */
    bool silent, refuses;         /* no answer; NAK to each request */
    bool only_offers;             /* no answer to requests */
    bool offers_nothing;          /* no answer to discoveries */
    bool overloads;               /* options in the field `file`, too */
    unsigned received[FA_DHCP_RELEASE + 1]; /* by type */
    unsigned renewals; /* requests of who has the address */
    char name[FA_DHCP_NAME_BYTES_MAX + 1];
} sim_dhcpd;

void sim_dhcpd_start(sim_dhcpd *dhcpd, sim_host *host, const char *offer);

#endif
