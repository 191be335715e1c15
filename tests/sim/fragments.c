/* SPDX-License-Identifier: ISC */
/* Fragments as a stranger sends them: in any order, twice, over one another, too many, too late; and what
 * this host sends in fragments. */
#include "frames.h"
#include <stdio.h>

static void send_part(sim_wire *wire, const uint8_t *bytes, size_t from, size_t to, bool more)
{
    send_ip(wire, "10.0.0.7", "10.0.0.1", FA_IPV4_ICMP,
            (uint16_t)(from / 8 | (more ? FA_IPV4_MORE_FRAGMENTS : 0)), bytes + from, to - from);
}

static void fragments(void **state)
{
    (void)state;
    sim_host *host;
    frame f;
    uint8_t bytes[256];
    sim_wire *wire = start_with_wire(&host);
    send_arp(wire, FA_ARP_REQUEST, wire_mac, "10.0.0.7", "10.0.0.1");
    make_echo(bytes, sizeof bytes);
    /* In any order, and twice. */
    send_part(wire, bytes, 128, 256, false);
    send_part(wire, bytes, 64, 128, true);
    send_part(wire, bytes, 64, 128, true);
    send_part(wire, bytes, 128, 256, false);
    assert_int_equal(take_ip(wire, &f), 0);
    send_part(wire, bytes, 0, 64, true);
    assert_int_equal(take_ip(wire, &f), 34 + sizeof bytes);
    /* Overlaps, second ends, what is beyond the end, odd lengths: nothing comes of them. */
    static const struct {
        size_t from, to;
        bool more;
    } bad[][4] = {
        {{0, 64, true}, {56, 128, true}, {128, 256, false}},
        {{0, 64, true}, {128, 256, false}, {64, 136, true}},
        {{0, 64, true}, {128, 256, false}, {64, 128, false}},
        {{128, 256, true}, {0, 64, false}, {64, 128, true}},
        {{0, 64, true}, {128, 256, false}, {64, 120, false}},
        {{0, 63, true}, {64, 256, false}},
        {{0, 0, true}, {64, 256, false}},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(bad); i++) {
        for (size_t k = 0; k < 4 && (k == 0 || bad[i][k].to > 0); k++)
            send_part(wire, bytes, bad[i][k].from, bad[i][k].to, bad[i][k].more);
        assert_int_equal(take_ip(wire, &f), 0);
        sim_run(&world, FA_IPV4_REASSEMBLY_NS + FA_NS_PER_S, NULL, NULL);
        assert_int_equal(host->host.ipv4.fragment_count, 0);
        drain(wire);
    }
    /* Past the largest datagram. */
    send_ip(wire, "10.0.0.7", "10.0.0.1", FA_IPV4_ICMP, FA_IPV4_OFFSET_MASK, bytes, 64);
    assert_int_equal(host->host.ipv4.fragment_count, 0);
    /* More of one than the bound allows: all of it goes. */
    for (unsigned i = 0; i <= FA_IPV4_FRAGMENTS_MAX; i++) {
        send_ip(wire, "10.0.0.7", "10.0.0.1", FA_IPV4_ICMP,
                (uint16_t)(2 * i | FA_IPV4_MORE_FRAGMENTS), bytes, 8);
        assert_true(host->host.ipv4.fragment_count <= FA_IPV4_FRAGMENTS_MAX);
    }
    assert_int_equal(host->host.ipv4.fragment_count, 0);
    /* More datagrams, and more pages, than the bounds allow: the oldest ones go. */
    for (unsigned i = 0; i < 200; i++) {
        char from[16];
        snprintf(from, sizeof from, "10.0.0.%u", 10 + i);
        for (unsigned k = 0; k < 30; k++)
            send_ip(wire, from, "10.0.0.1", FA_IPV4_ICMP,
                    (uint16_t)(2 * k | FA_IPV4_MORE_FRAGMENTS), bytes, 8);
        assert_true(host->host.ipv4.fragment_count <= host->pool.page_count / 4);
    }
    assert_true(host->host.ipv4.fragment_count > 0);
    /* (and what is told of them, to who does not answer ARP) */
    sim_run(&world, FA_IPV4_REASSEMBLY_NS + 5 * FA_NS_PER_S, NULL, NULL);
    assert_int_equal(host->host.ipv4.fragment_count, 0);
    assert_int_equal(host->pool.free_page_count, host->pool.page_count);
    stop_with_wire(wire);
}

/* What does not become whole in time: who sent it is told, once, of a datagram whose beginning has
 * come (RFC 1122, 3.3.2); not about an error, or what was sent to all; and at a bounded rate. */
static void fragments_too_late(void **state)
{
    (void)state;
    sim_host *host;
    frame f;
    uint8_t bytes[256];
    sim_wire *wire = start_with_wire(&host);
    send_arp(wire, FA_ARP_REQUEST, wire_mac, "10.0.0.7", "10.0.0.1");
    make_echo(bytes, sizeof bytes);
    send_part(wire, bytes, 64, 128, true);
    send_part(wire, bytes, 0, 64, true);
    sim_run(&world, FA_IPV4_REASSEMBLY_NS - FA_NS_PER_S, NULL, NULL);
    assert_int_equal(take_ip(wire, &f), 0);
    sim_run(&world, 2 * FA_NS_PER_S, NULL, NULL);
    assert_int_equal(take_ip(wire, &f), 34 + 8 + 20 + 8);
    assert_int_equal(f.payload[0], FA_ICMP_TIME_EXCEEDED);
    assert_int_equal(f.payload[1], FA_ICMP_TIME_EXCEEDED_REASSEMBLY);
    assert_int_equal(fa_checksum_fold(fa_checksum_add(0, f.payload, 36)), 0);
    fa_ipv4_header about;
    memcpy(&about, f.payload + 8, sizeof about);
    assert_int_equal(fa_be16_get(about.flags_fragment_offset), FA_IPV4_MORE_FRAGMENTS);
    assert_int_equal(fa_be16_get(about.total_length), 84);
    assert_memory_equal(f.payload + 28, bytes, 8);
    assert_true(fa_ip4_is(f.ip.destination, sim_ip4("10.0.0.7")));
    assert_int_equal(take_ip(wire, &f), 0);
    send_part(wire, bytes, 64, 128, true); /* without its beginning */
    send_ip_to(wire, FA_MAC_BROADCAST, "10.0.0.7", "10.0.0.255", FA_IPV4_UDP,
               FA_IPV4_MORE_FRAGMENTS, bytes, 64);
    send_ip(wire, "0.0.0.0", "10.0.0.1", FA_IPV4_UDP, FA_IPV4_MORE_FRAGMENTS, bytes, 64);
    assert_int_equal(host->host.ipv4.fragment_count, 3);
    sim_run(&world, FA_IPV4_REASSEMBLY_NS + FA_NS_PER_S, NULL, NULL);
    assert_int_equal(host->host.ipv4.fragment_count, 0);
    assert_int_equal(take_ip(wire, &f), 0);
    bytes[0] = FA_ICMP_UNREACHABLE;
    send_part(wire, bytes, 0, 64, true);
    sim_run(&world, FA_IPV4_REASSEMBLY_NS + FA_NS_PER_S, NULL, NULL);
    assert_int_equal(take_ip(wire, &f), 0);
    /* With no more allowed, none is sent; all pages are back. */
    host->host.icmp.error_used_ns = UINT64_MAX / 2;
    send_ip(wire, "10.0.0.7", "10.0.0.1", FA_IPV4_UDP, FA_IPV4_MORE_FRAGMENTS, bytes, 64);
    sim_run(&world, FA_IPV4_REASSEMBLY_NS + FA_NS_PER_S, NULL, NULL);
    assert_int_equal(take_ip(wire, &f), 0);
    assert_int_equal(host->pool.free_page_count, host->pool.page_count);
    stop_with_wire(wire);
}

/* What goes where a path takes less than the link is cut to fit that; by another cable, it is not. */
static void narrow_path(void **state)
{
    (void)state;
    sim_host *host;
    frame f;
    static const uint8_t bytes[1400];
    sim_wire *wire = start_with_wire(&host);
    send_arp(wire, FA_ARP_REQUEST, wire_mac, "10.0.0.7", "10.0.0.1");
    fa_udp_socket socket = {0};
    const fa_endpoint to = {sim_ip4("10.0.0.7"), 9};
    assert_int_equal(fa_udp_bind(&host->host, &socket, 0), FA_OK);
    fa_ipv4_learn_path(&host->host, to.address, 600);
    for (unsigned round = 0; round < 2; round++) {
        drain(wire);
        assert_int_equal(fa_udp_send_bytes(&host->host, &socket, to, bytes, sizeof bytes), FA_OK);
        sim_run(&world, FA_NS_PER_MS, NULL, NULL);
        size_t len, largest = 0, total = 0;
        while ((len = take_ip(wire, &f)) > 0) {
            largest = len > largest ? len : largest;
            total += len - 34;
        }
        assert_int_equal(total, 8 + sizeof bytes);
        if (round == 0)
            assert_in_range(largest, 14 + 590, 14 + 600);
        else
            assert_int_equal(largest, 34 + 8 + sizeof bytes);
        sim_set_link(host, false);
        sim_set_link(host, true);
        send_arp(wire, FA_ARP_REQUEST, wire_mac, "10.0.0.7", "10.0.0.1");
    }
    fa_udp_unbind(&host->host, &socket);
    stop_with_wire(wire);
}

int main(void)
{
    seed = sim_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragments),
        cmocka_unit_test(fragments_too_late),
        cmocka_unit_test(narrow_path),
    };
    return cmocka_run_group_tests_name("fragments", tests, NULL, NULL);
}
