/* SPDX-License-Identifier: ISC */
/* For the simulations of what a stranger on the wire can send: frames made by hand, to a host that is
 * alone with them. For one program each, whose world and seed stand here. */
#ifndef FATA_TESTS_SIM_FRAMES_H
#define FATA_TESTS_SIM_FRAMES_H

#include "sim.h"

static uint64_t seed;
static sim_world world;

static const fa_mac wire_mac = {{2, 0, 0, 0, 0, 0x77}}, host_mac = {{2, 0, 0, 0, 0, 1}};

typedef struct frame {
    fa_ethernet_header ethernet;
    union {
        fa_arp_packet arp;
        struct {
            fa_ipv4_header ip;
            uint8_t payload[1480];
        };
    };
} frame;

static size_t take_ip(sim_wire *wire, frame *f)
{
    for (size_t len; (len = sim_wire_take(wire, f, sizeof *f)) > 0;)
        if (fa_be16_get(f->ethernet.type) == FA_ETHERNET_IPV4)
            return len;
    return 0;
}

static void drain(sim_wire *wire)
{
    frame f;
    while (sim_wire_take(wire, &f, sizeof f) > 0)
        continue;
}

static frame arp_frame(uint16_t operation, fa_mac sender_mac, const char *sender, const char *target)
{
    return (frame){
        .ethernet = {FA_MAC_BROADCAST, sender_mac, fa_be16_of(FA_ETHERNET_ARP)},
        .arp = {fa_be16_of(1), fa_be16_of(FA_ETHERNET_IPV4), 6, 4, fa_be16_of(operation), sender_mac,
                sim_ip4(sender), {{0}}, sim_ip4(target)}};
}

static void send_arp(sim_wire *wire, uint16_t operation, fa_mac sender_mac, const char *sender,
                     const char *target)
{
    const frame f = arp_frame(operation, sender_mac, sender, target);
    sim_wire_send(wire, &f, sizeof f.ethernet + sizeof f.arp);
    sim_run(&world, FA_NS_PER_MS, NULL, NULL);
}

static void send_ip_to(sim_wire *wire, fa_mac mac, const char *from, const char *to,
                       uint8_t protocol, uint16_t fragment, const void *payload, size_t len)
{
    frame f = {.ethernet = {mac, wire_mac, fa_be16_of(FA_ETHERNET_IPV4)},
               .ip = {.version_ihl = 0x45, .ttl = 64, .protocol = protocol,
                      .identification = fa_be16_of(77),
                      .flags_fragment_offset = fa_be16_of(fragment),
                      .total_length = fa_be16_of((uint16_t)(20 + len)),
                      .source = sim_ip4(from), .destination = sim_ip4(to)}};
    f.ip.checksum = fa_be16_of(fa_checksum_fold(fa_checksum_add(0, &f.ip, sizeof f.ip)));
    memcpy(f.payload, payload, len);
    sim_wire_send(wire, &f, sizeof f.ethernet + sizeof f.ip + len);
    sim_run(&world, FA_NS_PER_MS, NULL, NULL);
}

static void send_ip(sim_wire *wire, const char *from, const char *to, uint8_t protocol,
                    uint16_t fragment, const void *payload, size_t len)
{
    send_ip_to(wire, host_mac, from, to, protocol, fragment, payload, len);
}

static size_t make_echo(uint8_t *bytes, size_t len)
{
    fa_icmp_header header = {.type = FA_ICMP_ECHO, .high = fa_be16_of(1), .low = fa_be16_of(2)};
    memset(bytes, 0x5a, len);
    memcpy(bytes, &header, sizeof header);
    header.checksum = fa_be16_of(fa_checksum_fold(fa_checksum_add(0, bytes, len)));
    memcpy(bytes, &header, sizeof header);
    return len;
}

static sim_wire *start_with_wire(sim_host **host_out)
{
    sim_init(&world, seed);
    *host_out = sim_add(&world, &(sim_options){.address = "10.0.0.1"});
    sim_wire *wire = sim_wire_add(&world);
    memcpy(wire->port.netif.mac, wire_mac.byte, 6);
    sim_run(&world, 5 * FA_NS_PER_S, NULL, NULL);
    return wire;
}

static void stop_with_wire(sim_wire *wire)
{
    sim_free(&world);
    sim_wire_free(wire);
}

#endif
