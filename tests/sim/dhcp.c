/* SPDX-License-Identifier: ISC */
/* The DHCP client against a small server: leases over virtual days, servers that are silent, refuse or
 * lie, addresses that somebody has already, cables that are pulled. */
#include "dhcpd.h"
#include <stdio.h>

#define HOUR_NS (3600 * FA_NS_PER_S)

static uint64_t seed;
static sim_world world;
static sim_dhcpd dhcpd;
static sim_host *server, *client;

static void start(void)
{
    sim_init(&world, seed);
    server = sim_add(&world, &(sim_options){.address = "10.0.0.1"});
    sim_dhcpd_start(&dhcpd, server, "10.0.0.50");
    dhcpd.dns[0] = sim_ip4("10.0.0.1");
    dhcpd.dns[1] = sim_ip4("9.9.9.9");
    dhcpd.ntp[0] = sim_ip4("10.0.0.1");
    dhcpd.ntp[1] = sim_ip4("10.0.0.3");
    client = sim_add(&world, &(sim_options){.name = "appliance"});
}

static bool has_address(void *arg)
{
    const sim_host *host = arg;
    return fa_ip4_number(host->host.address) != 0;
}

static bool has_lease(void *arg)
{
    const sim_host *host = arg;
    return has_address(arg) && strcmp(host->host.origin, "dhcp") == 0;
}

static void expect_lease(const char *address)
{
    assert_true(fa_ip4_is(client->host.address, sim_ip4(address)));
    assert_string_equal(client->host.origin, "dhcp");
}

static void a_lease(void **state)
{
    (void)state;
    for (unsigned overloads = 0; overloads < 2; overloads++) {
        start();
        dhcpd.overloads = overloads;
        const uint64_t begun_ns = world.now_ns;
        assert_true(sim_run(&world, FA_NS_PER_S, has_address, client));
        /* The probe is what it waits for. */
        assert_true(world.now_ns - begun_ns <= 2 * FA_DHCP_PROBES * FA_DHCP_PROBE_NS);
        expect_lease("10.0.0.50");
        assert_true(fa_ip4_is(client->host.netmask, sim_ip4("255.255.255.0")));
        assert_true(fa_ip4_is(client->host.gateway, sim_ip4("10.0.0.1")));
        assert_true(fa_ip4_is(client->host.dns, sim_ip4("10.0.0.1")));
        assert_int_equal(client->host.dns_resolver.server_count, 2);
        assert_true(fa_dhcp_is_bound(&client->host));
        assert_true(fa_ip4_is(client->host.dhcp.lease.ntp[1], sim_ip4("10.0.0.3")));
        assert_int_equal(fa_ip4_number(client->host.dhcp.lease.ntp[2]), 0);
        assert_string_equal(dhcpd.name, "appliance");
        sim_free(&world);
    }
}

/* Renewed at half of its time, for ten days, with nothing in between. */
static void renewals(void **state)
{
    (void)state;
    start();
    assert_true(sim_run(&world, FA_NS_PER_S, has_address, client));
    sim_run(&world, 240 * HOUR_NS, NULL, NULL);
    expect_lease("10.0.0.50");
    assert_in_range(dhcpd.renewals, 478, 481);
    assert_int_equal(dhcpd.received[FA_DHCP_DISCOVER], 1);
    /* (The announcements, the two messages that gave the lease, and ARP for the renewals.) */
    assert_true(client->netif->sent_packets < 4 * dhcpd.renewals);
    sim_free(&world);
}

/* The server is gone: all are asked, then the lease ends; it comes back. */
static void an_end(void **state)
{
    (void)state;
    start();
    assert_true(sim_run(&world, FA_NS_PER_S, has_address, client));
    dhcpd.silent = true;
    sim_run(&world, HOUR_NS / 2 + FA_NS_PER_S, NULL, NULL);
    assert_int_equal(client->host.dhcp.state, FA_DHCP_RENEWING);
    sim_run(&world, HOUR_NS * 3 / 8, NULL, NULL);
    assert_int_equal(client->host.dhcp.state, FA_DHCP_REBINDING);
    expect_lease("10.0.0.50");
    assert_in_range(dhcpd.renewals, 4, 20);
    sim_run(&world, HOUR_NS / 8 + FA_NS_PER_S, NULL, NULL);
    assert_int_equal(client->host.dhcp.state, FA_DHCP_SELECTING);
    assert_int_equal(fa_ip4_number(client->host.address), 0);
    dhcpd.silent = false;
    assert_true(sim_run(&world, 2 * FA_DHCP_RETRY_MAX_NS, has_address, client));
    sim_run(&world, 2 * FA_DHCP_RETRY_MAX_NS, NULL, NULL);
    expect_lease("10.0.0.50");
    sim_free(&world);
}

static void rebinding(void **state)
{
    (void)state;
    start();
    dhcpd.t1_s = 1000;
    dhcpd.t2_s = 1100;
    assert_true(sim_run(&world, FA_NS_PER_S, has_address, client));
    dhcpd.silent = true;
    sim_run(&world, 1099 * FA_NS_PER_S, NULL, NULL);
    assert_int_equal(client->host.dhcp.state, FA_DHCP_RENEWING);
    assert_int_equal(dhcpd.renewals, 2);
    sim_run(&world, 5 * FA_NS_PER_S, NULL, NULL);
    assert_int_equal(client->host.dhcp.state, FA_DHCP_REBINDING);
    assert_int_equal(dhcpd.renewals, 3);
    dhcpd.silent = false;
    sim_run(&world, HOUR_NS / 2, NULL, NULL);
    assert_int_equal(client->host.dhcp.state, FA_DHCP_BOUND);
    expect_lease("10.0.0.50");
    sim_free(&world);
}

static void for_ever(void **state)
{
    (void)state;
    start();
    dhcpd.lease_s = FA_DHCP_LEASE_FOREVER;
    assert_true(sim_run(&world, FA_NS_PER_S, has_address, client));
    sim_run(&world, 24 * 365 * HOUR_NS, NULL, NULL);
    expect_lease("10.0.0.50");
    assert_int_equal(dhcpd.renewals, 0);
    assert_true(client->next == FA_FOREVER);
    sim_free(&world);
}

/* A server that says no: it is asked again and again, slowly; a no to who has an address takes it. */
static void refused(void **state)
{
    (void)state;
    start();
    dhcpd.refuses = true;
    sim_run(&world, 60 * FA_NS_PER_S, NULL, NULL);
    assert_in_range(dhcpd.received[FA_DHCP_REQUEST], 20, 61);
    dhcpd.refuses = false;
    assert_true(sim_run(&world, 60 * FA_NS_PER_S, has_address, client));
    sim_run(&world, 10 * FA_NS_PER_S, NULL, NULL);
    expect_lease("10.0.0.50");
    dhcpd.refuses = true;
    sim_run(&world, HOUR_NS / 2 + 10 * FA_NS_PER_S, NULL, NULL);
    assert_true(!has_address(client) || strcmp(client->host.origin, "link-local") == 0);
    sim_free(&world);
}

/* Requests that are not answered: four, then it begins anew. */
static void half_a_server(void **state)
{
    (void)state;
    start();
    dhcpd.only_offers = true;
    sim_run(&world, 60 * FA_NS_PER_S, NULL, NULL);
    assert_in_range(dhcpd.received[FA_DHCP_REQUEST], 3 * FA_DHCP_REQUEST_TRIES,
                    6 * FA_DHCP_REQUEST_TRIES);
    assert_int_equal((dhcpd.received[FA_DHCP_REQUEST] + FA_DHCP_REQUEST_TRIES - 1) /
                         FA_DHCP_REQUEST_TRIES, dhcpd.received[FA_DHCP_DISCOVER]);
    dhcpd.only_offers = false;
    sim_run(&world, 60 * FA_NS_PER_S, NULL, NULL);
    expect_lease("10.0.0.50");
    sim_free(&world);
}

/* What a server says that was not asked is nothing. */
static void another_server(void **state)
{
    (void)state;
    static sim_dhcpd other;
    sim_init(&world, seed);
    sim_host *stranger = sim_add(&world, &(sim_options){.address = "10.0.0.3"});
    sim_dhcpd_start(&other, stranger, "10.0.0.99");
    other.refuses = other.offers_nothing = true;
    server = sim_add(&world, &(sim_options){.address = "10.0.0.1"});
    sim_dhcpd_start(&dhcpd, server, "10.0.0.50");
    client = sim_add(&world, &(sim_options){0});
    assert_true(sim_run(&world, FA_NS_PER_S, has_address, client));
    expect_lease("10.0.0.50");
    assert_int_equal(other.received[FA_DHCP_REQUEST], 1);
    assert_int_equal(dhcpd.received[FA_DHCP_DISCOVER], 1);
    sim_free(&world);
}

/* Somebody has the address: it is declined, and taken once it is free. */
static void taken(void **state)
{
    (void)state;
    start();
    sim_host *thief = sim_add(&world, &(sim_options){.address = "10.0.0.50"});
    assert_false(sim_run(&world, 25 * FA_NS_PER_S, has_lease, client));
    assert_in_range(dhcpd.received[FA_DHCP_DECLINE], 2, 4);
    sim_set_link(thief, false);
    assert_true(sim_run(&world, 30 * FA_NS_PER_S, has_lease, client));
    expect_lease("10.0.0.50");
    /* It comes back and does not give in; nor does who was given the address, at a bounded rate. */
    const unsigned declined = dhcpd.received[FA_DHCP_DECLINE];
    sim_run(&world, FA_ARP_DEFEND_NS, NULL, NULL);
    const uint32_t defended = client->host.arp.defended_count;
    sim_set_link(thief, true);
    for (unsigned i = 0; i < 60; i++) {
        fa_arp_announce(&thief->host);
        sim_run(&world, FA_NS_PER_S, NULL, NULL);
        expect_lease("10.0.0.50");
    }
    assert_int_equal(dhcpd.received[FA_DHCP_DECLINE], declined);
    assert_in_range(client->host.arp.defended_count - defended, 5, 7);
    assert_true(fa_mac_is(client->host.arp.defended_from, (fa_mac){{2, 0, 0, 0, 0, 3}}));
    sim_free(&world);
}

/* Nobody answers: an address of its own, another if that is taken; DHCP goes on and has the last word. */
static void link_local(void **state)
{
    (void)state;
    start();
    dhcpd.silent = true;
    assert_true(sim_run(&world, 12 * FA_NS_PER_S, has_address, client));
    assert_string_equal(client->host.origin, "link-local");
    const fa_ip4 first = client->host.address;
    assert_int_equal(first.byte[0], 169);
    assert_int_equal(first.byte[1], 254);
    assert_in_range(first.byte[2], 1, 254);
    /* Another host, which the first one's choice is given to by hand, is not moved; the client is. */
    char text[FA_ENDPOINT_TEXT_BYTES];
    fa_endpoint_text((fa_endpoint){first, 0}, text);
    *strchr(text, ':') = '\0';
    char with_prefix[32];
    snprintf(with_prefix, sizeof with_prefix, "%s/16", text);
    sim_host *thief = sim_add(&world, &(sim_options){.address = with_prefix});
    sim_run(&world, 12 * FA_NS_PER_S, NULL, NULL);
    fa_arp_announce(&thief->host);
    sim_run(&world, 12 * FA_NS_PER_S, NULL, NULL);
    assert_string_equal(client->host.origin, "link-local");
    assert_false(fa_ip4_is(client->host.address, first));
    const unsigned asked = dhcpd.received[FA_DHCP_DISCOVER];
    sim_run(&world, 10 * FA_DHCP_RETRY_MAX_NS, NULL, NULL);
    assert_in_range(dhcpd.received[FA_DHCP_DISCOVER], asked + 8, asked + 14);
    dhcpd.silent = false;
    sim_run(&world, 2 * FA_DHCP_RETRY_MAX_NS, NULL, NULL);
    expect_lease("10.0.0.50");
    sim_free(&world);
}

/* Somebody claims every address that is probed for: after some, it is tried once a minute. */
static void all_taken(void **state)
{
    (void)state;
    typedef struct arp_frame {
        fa_ethernet_header ethernet;
        fa_arp_packet arp;
    } arp_frame;
    sim_init(&world, seed);
    client = sim_add(&world, &(sim_options){0});
    sim_wire *wire = sim_wire_add(&world);
    unsigned claimed = 0;
    for (unsigned i = 0; i < 9000; i++) { /* fifteen minutes */
        arp_frame f;
        sim_run(&world, 100 * FA_NS_PER_MS, NULL, NULL);
        for (size_t len; (len = sim_wire_take(wire, &f, sizeof f)) > 0;) {
            if (fa_be16_get(f.ethernet.type) != FA_ETHERNET_ARP)
                continue;
            f.arp.operation = fa_be16_of(FA_ARP_REPLY);
            f.arp.sender = f.arp.target;
            f.arp.sender_mac.byte[5] = f.ethernet.source.byte[5] = 0x77;
            f.ethernet.destination = FA_MAC_BROADCAST;
            sim_wire_send(wire, &f, len);
            claimed++;
        }
    }
    assert_in_range(claimed, FA_LINKLOCAL_CONFLICTS_MAX + 10, FA_LINKLOCAL_CONFLICTS_MAX + 16);
    assert_int_equal(fa_ip4_number(client->host.address), 0);
    sim_free(&world);
    sim_wire_free(wire);
}

static void cables(void **state)
{
    (void)state;
    start();
    sim_set_link(client, false);
    sim_run(&world, 60 * FA_NS_PER_S, NULL, NULL);
    assert_int_equal(dhcpd.received[FA_DHCP_DISCOVER], 0);
    assert_int_equal(fa_ip4_number(client->host.address), 0);
    sim_set_link(client, true);
    assert_true(sim_run(&world, FA_NS_PER_S, has_address, client));
    /* Pulled and put back: the lease is confirmed at once. */
    sim_set_link(client, false);
    sim_run(&world, 60 * FA_NS_PER_S, NULL, NULL);
    sim_set_link(client, true);
    sim_run(&world, FA_NS_PER_S, NULL, NULL);
    expect_lease("10.0.0.50");
    assert_int_equal(dhcpd.renewals, 1);
    assert_int_equal(client->host.dhcp.state, FA_DHCP_BOUND);
    /* Put into another network: its server says no, and gives another address. */
    sim_set_link(client, false);
    dhcpd.refuses = true;
    dhcpd.offer = sim_ip4("10.0.0.60");
    sim_set_link(client, true);
    sim_run(&world, FA_NS_PER_S / 2, NULL, NULL);
    assert_int_equal(fa_ip4_number(client->host.address), 0);
    dhcpd.refuses = false;
    assert_true(sim_run(&world, 3 * FA_NS_PER_S, has_address, client));
    expect_lease("10.0.0.60");
    sim_free(&world);
}

/* Over a network that loses half of all packets, twenty times with other seeds. */
static void losses(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        sim_init(&world, seed + i);
        const fa_faults_options faults = {.drop_permille = 500, .repeat_permille = 200,
                                          .damage_permille = 50, .delay_ns = FA_NS_PER_MS};
        server = sim_add(&world, &(sim_options){.address = "10.0.0.1", .faults = faults});
        sim_dhcpd_start(&dhcpd, server, "10.0.0.50");
        client = sim_add(&world, &(sim_options){.faults = faults});
        sim_run(&world, 2 * HOUR_NS, NULL, NULL);
        expect_lease("10.0.0.50");
        sim_free(&world);
    }
}

int main(void)
{
    seed = sim_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease),  cmocka_unit_test(renewals), cmocka_unit_test(an_end),
        cmocka_unit_test(rebinding), cmocka_unit_test(for_ever), cmocka_unit_test(refused),
        cmocka_unit_test(half_a_server), cmocka_unit_test(taken), cmocka_unit_test(link_local),
        cmocka_unit_test(another_server), cmocka_unit_test(all_taken), cmocka_unit_test(cables),   cmocka_unit_test(losses),
    };
    return cmocka_run_group_tests_name("dhcp", tests, NULL, NULL);
}
