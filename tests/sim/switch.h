/* SPDX-License-Identifier: ISC */
/* An Ethernet switch in memory: each port is a network device. A packet is copied into the pool of
 * who receives it; what a device does for a packet (checksum, segments) is left to be done, as
 * between two guests of one machine. */
#ifndef FATA_TESTS_SIM_SWITCH_H
#define FATA_TESTS_SIM_SWITCH_H

#include "../../sdk/packet/netif.h"

#define SIM_PORTS_MAX 64u
#define SIM_INBOX_MAX 4096u /* packets of one port */

typedef struct sim_switch sim_switch;

typedef struct sim_port {
    fa_netif netif;
    sim_switch *home;
    fa_packet_pool *pool;
    fa_packet_queue inbox;
} sim_port;

struct sim_switch {
    sim_port *ports[SIM_PORTS_MAX];
    unsigned port_count;
};

/* The port is the caller's memory; `number` makes its MAC address: 02:00:00:00:00:number. */
void sim_port_init(sim_port *port, sim_switch *home, fa_packet_pool *pool, uint8_t number,
                   uint16_t mtu, uint32_t features);

#endif
