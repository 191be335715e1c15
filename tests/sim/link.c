/* SPDX-License-Identifier: ISC */
/* Hosts on a link: ARP, ping, UDP in fragments, and what a stranger on a wire can send. */
#include "frames.h"
#include <stdio.h>

#define DATAGRAM_BYTES_MAX FA_UDP_BYTES_MAX

/* A UDP port that sends everything back. */
static void echo(sim_host *host, void *user)
{
    fa_udp_socket *socket = user;
    fa_endpoint from;
    for (fa_packet *packet; (packet = fa_udp_take(&host->host, socket, &from)) != NULL;) {
        static uint8_t bytes[DATAGRAM_BYTES_MAX];
        const size_t len = packet->len;
        assert_true(fa_packet_copy(packet, 0, bytes, len));
        fa_packet_free(packet);
        const fa_err err = fa_udp_send_bytes(&host->host, socket, from, bytes, len);
        assert_true(err == FA_OK || err == FA_ENOMEM);
    }
}

static bool has_datagram(void *arg)
{
    return ((const fa_udp_socket *)arg)->queue.count > 0;
}

/* Sends so many bytes there and waits for them to come back; whether they did. */
static bool round_trip(sim_host *from, fa_udp_socket *socket, const char *to, size_t len)
{
    static uint8_t bytes[DATAGRAM_BYTES_MAX], back[DATAGRAM_BYTES_MAX];
    static uint64_t pattern = TEST_SEED;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)test_random(&pattern);
    assert_int_equal(
        fa_udp_send_bytes(&from->host, socket, (fa_endpoint){sim_ip4(to), 7}, bytes, len), FA_OK);
    if (!sim_run(&world, 3 * FA_NS_PER_S, has_datagram, socket))
        return false;
    fa_endpoint sender;
    fa_packet *packet = fa_udp_take(&from->host, socket, &sender);
    assert_int_equal(packet->len, len);
    assert_int_equal(sender.port, 7);
    assert_true(fa_ip4_is(sender.address, sim_ip4(to)));
    assert_true(fa_packet_copy(packet, 0, back, len));
    fa_packet_free(packet);
    assert_memory_equal(back, bytes, len);
    return true;
}

static void datagrams(void **state)
{
    (void)state;
    static const uint32_t features[] = {0, FA_NETIF_CHECKSUM};
    for (size_t i = 0; i < FA_ARRAY_COUNT(features); i++) {
        sim_init(&world, seed);
        sim_host *a = sim_add(&world, &(sim_options){.address = "10.0.0.1", .features = features[i]});
        sim_host *b = sim_add(&world, &(sim_options){.address = "10.0.0.2"});
        fa_udp_socket client = {0}, server = {0};
        assert_int_equal(fa_udp_bind(&a->host, &client, 0), FA_OK);
        assert_in_range(client.number, FA_UDP_PORT_FIRST, 65535);
        assert_int_equal(fa_udp_bind(&b->host, &server, 7), FA_OK);
        fa_udp_socket taken = {0};
        assert_int_equal(fa_udp_bind(&b->host, &taken, 7), FA_EEXIST);
        b->app = echo;
        b->user = &server;
        static const size_t sizes[] = {0, 1, 1471, 1472, 1473, 2952, 5000, 40001, 65507};
        for (size_t k = 0; k < FA_ARRAY_COUNT(sizes); k++)
            assert_true(round_trip(a, &client, "10.0.0.2", sizes[k]));
        assert_true(fa_udp_take_changed(&a->host) == &client);
        assert_null(fa_udp_take_changed(&a->host));
        static const uint8_t too_long[FA_UDP_BYTES_MAX + 1];
        assert_int_equal(fa_udp_send_bytes(&a->host, &client, (fa_endpoint){sim_ip4("10.0.0.2"), 7},
                                           too_long, sizeof too_long), FA_ELIMIT);
        /* No way there. */
        assert_int_equal(fa_udp_send_bytes(&a->host, &client, (fa_endpoint){sim_ip4("8.8.8.8"), 7},
                                           too_long, 1), FA_ENOENT);
        /* Nobody there: ARP gives up, and what waited is gone. */
        assert_false(round_trip(a, &client, "10.0.0.9", 100));
        sim_run(&world, 5 * FA_NS_PER_S, NULL, NULL);
        assert_int_equal(a->host.arp.entry_count, 1);
        assert_int_equal(a->host.arp.pending_count, 0);
        sim_free(&world);
    }
}

/* Fragments that are lost, come twice and out of order: a datagram is whole or not there. */
static void bad_network(void **state)
{
    (void)state;
    sim_init(&world, seed);
    const fa_faults_options faults = {.drop_permille = 10, .repeat_permille = 50,
                                      .reorder_permille = 200, .damage_permille = 10,
                                      .delay_ns = FA_NS_PER_MS, .reorder_ns = 3 * FA_NS_PER_MS};
    sim_host *a = sim_add(&world, &(sim_options){.address = "10.0.0.1", .faults = faults,
                                                 .features = FA_NETIF_CHECKSUM});
    sim_host *b = sim_add(&world, &(sim_options){.address = "10.0.0.2", .faults = faults});
    fa_udp_socket client = {0}, server = {0};
    assert_int_equal(fa_udp_bind(&a->host, &client, 0), FA_OK);
    assert_int_equal(fa_udp_bind(&b->host, &server, 7), FA_OK);
    b->app = echo;
    b->user = &server;
    static uint8_t bytes[12000], back[12000];
    unsigned returned = 0;
    for (unsigned i = 0; i < 400; i++) {
        memset(bytes, (int)i, sizeof bytes);
        memcpy(bytes, &i, sizeof i);
        const fa_err err = fa_udp_send_bytes(
            &a->host, &client, (fa_endpoint){sim_ip4("10.0.0.2"), 7}, bytes, sizeof bytes);
        assert_int_equal(err, FA_OK);
        sim_run(&world, 20 * FA_NS_PER_MS, NULL, NULL);
        fa_endpoint from;
        for (fa_packet *packet; (packet = fa_udp_take(&a->host, &client, &from)) != NULL;) {
            unsigned number;
            assert_int_equal(packet->len, sizeof back);
            assert_true(fa_packet_copy(packet, 0, back, sizeof back));
            fa_packet_free(packet);
            memcpy(&number, back, sizeof number);
            memset(bytes, (int)number, sizeof bytes);
            memcpy(bytes, &number, sizeof number);
            assert_memory_equal(bytes, back, sizeof back);
            returned++;
        }
    }
    assert_in_range(returned, 100, 399);
    assert_true(a->faults.dropped > 0 && a->faults.repeated > 0 && a->faults.damaged > 0);
    sim_run(&world, 20 * FA_NS_PER_S, NULL, NULL);
    assert_int_equal(a->host.ipv4.fragment_count, 0);
    assert_int_equal(b->host.ipv4.fragment_count, 0);
    sim_free(&world);
}

static void arp(void **state)
{
    (void)state;
    sim_host *host;
    frame f;
    sim_wire *wire = start_with_wire(&host);
    /* The host has announced itself, twice (RFC 5227, 2.3). */
    for (unsigned i = 0; i < 2; i++) {
        assert_true(sim_wire_take(wire, &f, sizeof f) > 0);
        assert_int_equal(fa_be16_get(f.arp.operation), FA_ARP_REQUEST);
        assert_true(fa_ip4_is(f.arp.sender, f.arp.target));
    }
    assert_int_equal(sim_wire_take(wire, &f, sizeof f), 0);
    /* It answers for its address, and no other; a probe is answered and not remembered. */
    send_arp(wire, FA_ARP_REQUEST, wire_mac, "10.0.0.7", "10.0.0.3");
    assert_int_equal(sim_wire_take(wire, &f, sizeof f), 0);
    assert_int_equal(host->host.arp.entry_count, 0);
    send_arp(wire, FA_ARP_REQUEST, wire_mac, "", "10.0.0.1");
    assert_true(sim_wire_take(wire, &f, sizeof f) > 0);
    assert_int_equal(fa_be16_get(f.arp.operation), FA_ARP_REPLY);
    assert_int_equal(host->host.arp.entry_count, 0);
    send_arp(wire, FA_ARP_REQUEST, wire_mac, "10.0.0.7", "10.0.0.1");
    assert_true(sim_wire_take(wire, &f, sizeof f) > 0);
    assert_true(fa_mac_is(f.ethernet.destination, wire_mac));
    assert_int_equal(host->host.arp.entry_count, 1);
    /* From another network, or with a group's address: nothing. */
    send_arp(wire, FA_ARP_REQUEST, wire_mac, "11.0.0.7", "10.0.0.1");
    send_arp(wire, FA_ARP_REQUEST, FA_MAC_BROADCAST, "10.0.0.8", "10.0.0.1");
    assert_int_equal(host->host.arp.entry_count, 1);
    drain(wire);
    /* Somebody claims the address: it is defended, once in ten seconds. */
    send_arp(wire, FA_ARP_REQUEST, wire_mac, "10.0.0.1", "10.0.0.1");
    send_arp(wire, FA_ARP_REQUEST, wire_mac, "10.0.0.1", "10.0.0.1");
    assert_true(sim_wire_take(wire, &f, sizeof f) > 0);
    assert_true(fa_ip4_is(f.arp.sender, sim_ip4("10.0.0.1")));
    assert_int_equal(sim_wire_take(wire, &f, sizeof f), 0);
    /* Strangers fill the cache, and no more; who is needed has room. */
    for (unsigned i = 0; i < FA_ARP_ENTRIES_MAX + 100; i++) {
        char sender[32];
        snprintf(sender, sizeof sender, "169.254.%u.%u", 1 + i / 200, 1 + i % 200);
        send_arp(wire, FA_ARP_REQUEST, wire_mac, sender, "10.0.0.1");
        drain(wire);
    }
    assert_int_equal(host->host.arp.entry_count, FA_ARP_ENTRIES_MAX);
    fa_udp_socket socket = {0};
    assert_int_equal(fa_udp_bind(&host->host, &socket, 0), FA_OK);
    /* Nor is more kept for who does not answer than the bounds say. */
    for (unsigned i = 0; i < 300; i++) {
        const fa_ip4 to = fa_ip4_of(fa_ip4_number(sim_ip4("10.0.0.100")) + i % 5);
        assert_int_equal(fa_udp_send_bytes(&host->host, &socket, (fa_endpoint){to, 9}, "x", 1), FA_OK);
    }
    assert_int_equal(host->host.arp.entry_count, FA_ARP_ENTRIES_MAX);
    assert_int_equal(host->host.arp.pending_count, FA_ARP_PENDING_ALL_MAX);
    sim_run(&world, 10 * FA_NS_PER_S, NULL, NULL);
    assert_int_equal(host->host.arp.entry_count, FA_ARP_ENTRIES_MAX - 5);
    assert_int_equal(host->host.arp.pending_count, 0);
    stop_with_wire(wire);
}

/* A neighbour that is used is asked again, alone, once a minute; who is silent then is forgotten. */
static void arp_ages(void **state)
{
    (void)state;
    sim_host *host;
    frame f;
    sim_wire *wire = start_with_wire(&host);
    fa_udp_socket socket = {0};
    assert_int_equal(fa_udp_bind(&host->host, &socket, 0), FA_OK);
    const fa_endpoint to = {sim_ip4("10.0.0.7"), 9};
    send_arp(wire, FA_ARP_REQUEST, wire_mac, "10.0.0.7", "10.0.0.1");
    sim_run(&world, FA_ARP_FRESH_NS - FA_NS_PER_S, NULL, NULL);
    drain(wire);
    assert_int_equal(fa_udp_send_bytes(&host->host, &socket, to, "x", 1), FA_OK);
    sim_run(&world, FA_NS_PER_S / 2, NULL, NULL);
    assert_true(take_ip(wire, &f) > 0);
    assert_int_equal(sim_wire_take(wire, &f, sizeof f), 0);
    sim_run(&world, FA_NS_PER_S, NULL, NULL);
    assert_true(host->next == FA_FOREVER); /* nothing to do while nobody asks */
    assert_int_equal(fa_udp_send_bytes(&host->host, &socket, to, "x", 1), FA_OK);
    host->next = FA_NOW;
    sim_run(&world, FA_NS_PER_S / 2, NULL, NULL);
    assert_true(sim_wire_take(wire, &f, sizeof f) > 0); /* sent at once */
    assert_int_equal(fa_be16_get(f.ethernet.type), FA_ETHERNET_IPV4);
    assert_true(sim_wire_take(wire, &f, sizeof f) > 0);
    assert_int_equal(fa_be16_get(f.ethernet.type), FA_ETHERNET_ARP);
    assert_true(fa_mac_is(f.ethernet.destination, wire_mac));
    sim_run(&world, 5 * FA_NS_PER_S, NULL, NULL);
    assert_int_equal(host->host.arp.entry_count, 0);
    stop_with_wire(wire);
}

static void ping(void **state)
{
    (void)state;
    sim_host *host;
    frame f;
    uint8_t bytes[1480];
    sim_wire *wire = start_with_wire(&host);
    send_arp(wire, FA_ARP_REQUEST, wire_mac, "10.0.0.7", "10.0.0.1");
    static const size_t sizes[] = {8, 9, 64, 1480};
    for (size_t i = 0; i < FA_ARRAY_COUNT(sizes); i++) {
        drain(wire);
        send_ip(wire, "10.0.0.7", "10.0.0.1", FA_IPV4_ICMP, 0, bytes, make_echo(bytes, sizes[i]));
        assert_int_equal(take_ip(wire, &f), 34 + sizes[i]);
        assert_int_equal(f.payload[0], FA_ICMP_ECHO_REPLY);
        assert_int_equal(fa_checksum_fold(fa_checksum_add(0, f.payload, sizes[i])), 0);
        assert_memory_equal(f.payload + 4, bytes + 4, sizes[i] - 4);
        assert_int_equal(fa_checksum_fold(fa_checksum_add(0, &f.ip, sizeof f.ip)), 0);
        assert_true(fa_ip4_is(f.ip.source, sim_ip4("10.0.0.1")));
    }
    /* No answer: to all, damaged, from nobody, from itself, to somebody else, from a group. */
    static const char *const silent[][2] = {
        {"10.0.0.7", "10.0.0.255"}, {"10.0.0.7", "255.255.255.255"}, {"", "10.0.0.1"},
        {"10.0.0.1", "10.0.0.1"},   {"10.0.0.7", "10.0.0.2"},        {"224.0.0.1", "10.0.0.1"},
        {"10.0.0.255", "10.0.0.1"}, {"127.0.0.1", "10.0.0.1"},       {"10.0.0.7", "127.0.0.1"},
        {"10.0.0.7", "224.0.0.1"},  {"255.255.255.255", "10.0.0.1"}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(silent); i++)
        send_ip(wire, silent[i][0], silent[i][1], FA_IPV4_ICMP, 0, bytes, make_echo(bytes, 64));
    bytes[20] ^= 1;
    send_ip(wire, "10.0.0.7", "10.0.0.1", FA_IPV4_ICMP, 0, bytes, 64);
    assert_int_equal(take_ip(wire, &f), 0);
    /* Nor does a datagram reach its port that claims to come from the host, or to be for it alone in a
     * frame for all. */
    fa_udp_socket socket = {0};
    const uint8_t to_socket[] = {0x12, 0x34, 0, 7, 0, 9, 0, 0, 'x'};
    assert_int_equal(fa_udp_bind(&host->host, &socket, 7), FA_OK);
    send_ip(wire, "10.0.0.1", "10.0.0.1", FA_IPV4_UDP, 0, to_socket, sizeof to_socket);
    send_ip(wire, "127.0.0.1", "10.0.0.1", FA_IPV4_UDP, 0, to_socket, sizeof to_socket);
    send_ip_to(wire, FA_MAC_BROADCAST, "10.0.0.7", "10.0.0.1", FA_IPV4_UDP, 0, to_socket,
               sizeof to_socket);
    assert_int_equal(socket.queue.count, 0);
    send_ip(wire, "10.0.0.7", "10.0.0.1", FA_IPV4_UDP, 0, to_socket, sizeof to_socket);
    send_ip_to(wire, FA_MAC_BROADCAST, "10.0.0.7", "10.0.0.255", FA_IPV4_UDP, 0, to_socket,
               sizeof to_socket);
    assert_int_equal(socket.queue.count, 2);
    fa_udp_unbind(&host->host, &socket);
    /* A port that nobody has, a protocol that nobody speaks: told, at a bounded rate. */
    const uint8_t datagram[] = {0x12, 0x34, 0, 99, 0, 12, 0, 0, 1, 2, 3, 4};
    send_ip(wire, "10.0.0.7", "10.0.0.1", FA_IPV4_UDP, 0, datagram, sizeof datagram);
    assert_int_equal(take_ip(wire, &f), 34 + 8 + 20 + 8);
    assert_int_equal(f.payload[0], FA_ICMP_UNREACHABLE);
    assert_int_equal(f.payload[1], FA_ICMP_UNREACHABLE_PORT);
    assert_int_equal(fa_checksum_fold(fa_checksum_add(0, f.payload, 36)), 0);
    assert_memory_equal(f.payload + 28, datagram, 8);
    send_ip(wire, "10.0.0.7", "10.0.0.1", 99, 0, datagram, sizeof datagram);
    assert_true(take_ip(wire, &f) > 0);
    assert_int_equal(f.payload[1], FA_ICMP_UNREACHABLE_PROTOCOL);
    unsigned told = 0;
    for (unsigned i = 0; i < 1000; i++) { /* a second's worth */
        send_ip(wire, "10.0.0.7", "10.0.0.1", 99, 0, datagram, sizeof datagram);
        told += take_ip(wire, &f) > 0;
    }
    assert_in_range(told, FA_ICMP_ERROR_RATE / 2, FA_ICMP_ERROR_RATE + FA_ICMP_ERROR_RATE / 5);
    stop_with_wire(wire);
}

/* Datagrams that nobody reads take no more than their bounds. */
static void nobody_reads(void **state)
{
    (void)state;
    sim_init(&world, seed);
    sim_host *a = sim_add(&world, &(sim_options){.address = "10.0.0.1"});
    sim_host *b = sim_add(&world, &(sim_options){.address = "10.0.0.2", .pool_pages = 256});
    fa_udp_socket client = {0}, server = {0};
    assert_int_equal(fa_udp_bind(&a->host, &client, 0), FA_OK);
    assert_int_equal(fa_udp_bind(&b->host, &server, 7), FA_OK);
    static const uint8_t bytes[20000];
    const fa_endpoint to = {sim_ip4("10.0.0.2"), 7};
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(fa_udp_send_bytes(&a->host, &client, to, bytes, 10), FA_OK);
        sim_run(&world, FA_NS_PER_MS, NULL, NULL);
    }
    assert_int_equal(server.queue.count, FA_UDP_QUEUE_MAX);
    fa_packet_queue_free(&server.queue);
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(fa_udp_send_bytes(&a->host, &client, to, bytes, sizeof bytes), FA_OK);
        sim_run(&world, FA_NS_PER_MS, NULL, NULL);
    }
    assert_in_range(server.queue.count, 10, FA_UDP_QUEUE_MAX - 1);
    assert_true(b->pool.free_page_count + 10 > b->pool.page_count / 4);
    fa_udp_unbind(&b->host, &server);
    sim_run(&world, FA_IPV4_REASSEMBLY_NS + FA_NS_PER_S, NULL, NULL);
    assert_int_equal(b->pool.free_page_count, b->pool.page_count);
    sim_free(&world);
}

/* A host talks to itself, by its own address and by 127.0.0.1, link or no link. */
static void itself(void **state)
{
    (void)state;
    sim_init(&world, seed);
    sim_host *a = sim_add(&world, &(sim_options){.address = "10.0.0.1", .features = FA_NETIF_CHECKSUM});
    sim_set_link(a, false);
    fa_udp_socket client = {0}, server = {0};
    assert_int_equal(fa_udp_bind(&a->host, &client, 0), FA_OK);
    assert_int_equal(fa_udp_bind(&a->host, &server, 7), FA_OK);
    a->app = echo;
    a->user = &server;
    assert_true(round_trip(a, &client, "127.0.0.1", 50000));
    assert_true(round_trip(a, &client, "10.0.0.1", 1000));
    assert_int_equal(a->netif->sent_packets, 0);
    sim_free(&world);
}

/* To another network by the gateway. */
static void by_gateway(void **state)
{
    (void)state;
    sim_init(&world, seed);
    sim_host *a = sim_add(&world, &(sim_options){.address = "10.0.0.1", .gateway = "10.0.0.7"});
    sim_wire *wire = sim_wire_add(&world);
    memcpy(wire->port.netif.mac, wire_mac.byte, 6);
    frame f;
    fa_udp_socket client = {0};
    assert_int_equal(fa_udp_bind(&a->host, &client, 0), FA_OK);
    assert_int_equal(fa_udp_send_bytes(&a->host, &client, (fa_endpoint){sim_ip4("8.8.8.8"), 53}, "x", 1), FA_OK);
    sim_run(&world, FA_NS_PER_MS, NULL, NULL);
    drain(wire);
    send_arp(wire, FA_ARP_REPLY, wire_mac, "10.0.0.7", "10.0.0.1");
    assert_true(take_ip(wire, &f) > 0);
    assert_true(fa_ip4_is(f.ip.destination, sim_ip4("8.8.8.8")));
    assert_true(fa_mac_is(f.ethernet.destination, wire_mac));
    stop_with_wire(wire);
}

/* An ICMP error about a packet of ours, whose first bytes it has; `change` is turned over in the quote. */
static void send_error(sim_wire *wire, const frame *about, size_t change, bool good_checksum)
{
    uint8_t message[sizeof(fa_icmp_header) + sizeof(fa_ipv4_header) + FA_ICMP_QUOTE_BYTES] = {
        FA_ICMP_UNREACHABLE, FA_ICMP_UNREACHABLE_PORT};
    memcpy(message + 8, &about->ip, sizeof about->ip);
    memcpy(message + 28, about->payload, FA_ICMP_QUOTE_BYTES);
    message[change] ^= 1;
    const uint16_t sum = fa_checksum_fold(fa_checksum_add(0, message, sizeof message));
    const fa_be16 wire_sum = fa_be16_of(good_checksum ? sum : (uint16_t)(sum + 1));
    memcpy(message + 2, &wire_sum, sizeof wire_sum);
    send_ip(wire, "10.0.0.7", "10.0.0.1", FA_IPV4_ICMP, 0, message, sizeof message);
}

/* What ICMP says about a connection reaches it if it is about a segment that was sent. */
static void icmp_to_tcp(void **state)
{
    (void)state;
    sim_host *host;
    frame syn;
    fa_tcp *tcp;
    sim_wire *wire = start_with_wire(&host);
    send_arp(wire, FA_ARP_REQUEST, wire_mac, "10.0.0.7", "10.0.0.1");
    assert_int_equal(fa_tcp_connect(&host->host, (fa_endpoint){sim_ip4("10.0.0.7"), 80}, NULL, &tcp), FA_OK);
    sim_run(&world, FA_NS_PER_MS, NULL, NULL);
    assert_true(take_ip(wire, &syn) > 0);
    assert_int_equal(syn.ip.protocol, FA_IPV4_TCP);
    send_error(wire, &syn, 4, false); /* (byte 4 is unused) */
    send_error(wire, &syn, 8 + 9, true);  /* another protocol */
    send_error(wire, &syn, 8 + 15, true); /* not from us */
    send_error(wire, &syn, 8 + 19, true); /* not to there */
    send_error(wire, &syn, 28 + 1, true); /* another port */
    send_error(wire, &syn, 28 + 4, true); /* another sequence number */
    assert_int_equal(fa_tcp_status(tcp), FA_EAGAIN);
    send_error(wire, &syn, 4, true);
    assert_int_equal(fa_tcp_status(tcp), FA_ECLOSED);
    fa_tcp_close(&host->host, tcp, true);
    stop_with_wire(wire);
}

int main(void)
{
    seed = sim_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams), cmocka_unit_test(bad_network), cmocka_unit_test(arp),
        cmocka_unit_test(arp_ages), cmocka_unit_test(ping), cmocka_unit_test(nobody_reads),
        cmocka_unit_test(itself), cmocka_unit_test(by_gateway), cmocka_unit_test(icmp_to_tcp),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
