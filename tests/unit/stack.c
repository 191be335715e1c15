/* SPDX-License-Identifier: ISC */
/* <fata/net.h> over the SDK's own stack, as a program of the unix board in virtual time: two stacks at
 * the ends of a wire, which may lose packets; what they cost while nothing happens; a sender of
 * datagrams that never waits, and a port that nobody accepts at; memory that comes back. */
#include "../../bsp/plat.h"
#include "../../sdk/net/backend.h"
#include "../../sdk/net/settings.h"
#include "../../sdk/packet/netif.h"
#include "network.h"

#define WIRE_MAX 512u /* packets under way to one end; more are lost */

typedef struct wire_end {
    fa_netif netif;
    fa_packet_pool *pool;
    struct wire_end *peer;
    fa_packet_queue arriving;
    bool armed;
    unsigned turns; /* how often it was asked for packets */
} wire_end;

static wire_end ends[2];
static unsigned end_count;
static unsigned lose_every; /* 0: none */
static unsigned carried;
static unsigned change_every; /* so many packets the device becomes another one; 0: it stays */
static unsigned cut_count, uncut_count; /* large packets, to a device that cuts and to one that does not */

static bool keeps_page; /* a device that does not open, and does not give all back */
static fa_packet_page *kept_page;

#define CUTS (FA_NETIF_CHECKSUM | FA_NETIF_TSO4)

fa_err __wrap_plat_net_host(struct fa_net **net_out);
fa_err __wrap_plat_netif_open(unsigned number, fa_packet_pool *pool, fa_netif **netif_out,
                              fa_deadline deadline);
void __wrap_fa_net_settings_get(fa_net_settings *settings_out);

/* A copy, in pages of the end's own pool: what arrives may be changed. */
static void carry(wire_end *to, const fa_packet *packet)
{
    carried++;
    fa_packet *copy = to->arriving.count < WIRE_MAX && (lose_every == 0 || carried % lose_every != 0)
                          ? fa_packet_alloc(to->pool) : NULL;
    fa_err err = FA_OK;
    for (size_t i = 0; copy != NULL && i < packet->segment_count && err == FA_OK; i++) {
        const fa_packet_segment *segment = &packet->segments[i];
        err = fa_packet_append_bytes(copy, segment->page->bytes + segment->offset, segment->len);
    }
    if (copy != NULL && packet->checksum == FA_PACKET_PARTIAL)
        copy->checksum = FA_PACKET_VERIFIED;
    if (copy == NULL || err != FA_OK)
        fa_packet_free(copy);
    else
        fa_packet_queue_add(&to->arriving, copy);
}

static void transmit(fa_netif *netif, fa_packet_queue *queue)
{
    wire_end *to = ((wire_end *)netif)->peer;
    for (fa_packet *packet; (packet = fa_packet_queue_take(queue)) != NULL; fa_packet_free(packet)) {
        const bool is_large = packet->segment_payload_bytes > 0, cuts = netif->features == CUTS;
        cut_count += is_large && cuts;
        uncut_count += is_large && !cuts;
        if (to->pool != NULL && (!is_large || cuts))
            carry(to, packet);
        if (change_every > 0 && carried % change_every == 0)
            netif->features ^= CUTS;
    }
    if (to->armed && to->arriving.first != NULL) {
        to->armed = false;
        to->netif.wake(to->netif.wake_arg);
    }
}

static void receive(fa_netif *netif, fa_packet_queue *queue_out, unsigned max)
{
    wire_end *end = (wire_end *)netif;
    end->turns++;
    for (unsigned i = 0; i < max && end->arriving.first != NULL; i++)
        fa_packet_queue_add(queue_out, fa_packet_queue_take(&end->arriving));
}

static bool arm(fa_netif *netif)
{
    wire_end *end = (wire_end *)netif;
    end->armed = end->arriving.first == NULL;
    return !end->armed;
}

static void close_end(fa_netif *netif)
{
    ((wire_end *)netif)->pool = NULL;
}

fa_err __wrap_plat_net_host(struct fa_net **net_out)
{
    (void)net_out;
    return FA_ENOTSUP;
}

fa_err __wrap_plat_netif_open(unsigned number, fa_packet_pool *pool, fa_netif **netif_out,
                              fa_deadline deadline)
{
    (void)deadline;
    static const fa_netif_ops ops = {transmit, receive, arm, close_end};
    if (keeps_page)
        kept_page = fa_packet_page_alloc(pool);
    if (number > 0 || end_count == FA_ARRAY_COUNT(ends))
        return FA_ENOENT;
    wire_end *end = &ends[end_count];
    *end = (wire_end){
        .netif = {.ops = &ops, .name = "wire", .mtu = 1500, .link_up = true},
        .pool = pool,
        .peer = &ends[1 - end_count],
    };
    memcpy(end->netif.mac, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)(1 + end_count)}, 6);
    end_count++;
    *netif_out = &end->netif;
    return FA_OK;
}

void __wrap_fa_net_settings_get(fa_net_settings *settings_out)
{
    *settings_out = (fa_net_settings){
        .address = {{10, 0, 0, (uint8_t)(1 + end_count)}},
        .netmask = {{255, 255, 255, 0}},
        .dns = end_count == 0 ? (fa_ip4){{10, 0, 0, 2}} : (fa_ip4){{0}}, /* the client asks the server */
        .memory_bytes = FA_MIB,
    };
}

static fa_err open_networks(void)
{
    static bool open;
    fa_err err = FA_OK;
    if (!open) {
        err = fa_net_start(&client_net, SOON);
        if (err == FA_OK)
            err = fa_stack_open(&server_net, SOON);
        if (err == FA_OK)
            err = server_net->ops->wait_ready(server_net, SOON);
        server_name = "10.0.0.2";
        open = true;
    }
    return err;
}

static size_t memory_in_use(void)
{
    fa_net_info at_client, at_server;
    fa_net_info_get(client_net, &at_client);
    fa_net_info_get(server_net, &at_server);
    return at_client.memory_bytes + at_server.memory_bytes;
}

static void it_says_what_it_is(void **state)
{
    (void)state;
    fa_net_info info;
    fa_net_info_get(server_net, &info);
    assert_string_equal(info.device, "wire");
    assert_string_equal(info.origin, "static");
    assert_int_equal(info.address.byte[3], 2);
    assert_int_equal(info.mac[5], 2);
    assert_int_equal(info.memory_limit_bytes, FA_MIB);
    fa_net *third;
    assert_int_equal(fa_stack_open(&third, SOON), FA_ENOENT);
    keeps_page = true;
    assert_int_equal(fa_stack_open(&third, SOON), FA_ENOENT);
    keeps_page = false;
    memset(kept_page->bytes, 1, FA_PACKET_PAGE_BYTES);
    fa_packet_page_release(kept_page);
    fa_ip4 address;
    assert_int_equal(fa_net_resolve(server_net, "example.org", &address, SOON), FA_ENOENT);
    assert_int_equal(fa_net_resolve(client_net, "example.org", &address, SOON), FA_ETIMEDOUT);
}

/* Answers one question with these last bytes of 10.0.0.x (0: of a network that there is no way to). */
typedef struct names {
    fa_udp *udp;
    uint8_t last[3];
} names;

static void answer_names(void *arg)
{
    const names *n = arg;
    uint8_t bytes[512];
    size_t len;
    fa_endpoint from;
    if (fa_udp_receive(n->udp, bytes, sizeof bytes, &len, &from, SOON) != FA_OK)
        return;
    bytes[2] = 0x81, bytes[7] = sizeof n->last; /* a reply, with so many records */
    for (size_t i = 0; i < sizeof n->last; i++) {
        const bool near = n->last[i] != 0;
        const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, near ? 10 : 192, 0, 0, n->last[i]};
        memcpy(bytes + len, record, sizeof record);
        len += sizeof record;
    }
    read_err = fa_udp_send(n->udp, from, bytes, len);
}

/* All addresses of a name are tried, each for its part of the time. */
static void one_of_many(void **state)
{
    (void)state;
    static const struct {
        uint8_t last[3];
        bool listens;
        fa_err result;
        unsigned least_s, most_s;
    } cases[] = {
        {{2, 77, 77}, true, FA_OK, 0, 1},        {{77, 2, 77}, true, FA_OK, 6, 7},
        {{77, 78, 2}, true, FA_OK, 12, 13},      {{0, 0, 2}, true, FA_OK, 0, 1},
        {{77, 78, 79}, true, FA_ETIMEDOUT, 17, 18}, {{77, 0, 2}, false, FA_ECLOSED, 6, 7},
        {{2, 2, 0}, false, FA_ENOENT, 0, 1},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        names n = {.last = {cases[i].last[0], cases[i].last[1], cases[i].last[2]}};
        assert_int_equal(fa_net_udp_open(server_net, 53, &n.udp), FA_OK);
        assert_int_equal(fa_scope_spawn(&scope, "names", answer_names, &n), FA_OK);
        const uint64_t start_ns = board_now_ns;
        const uint16_t port = (uint16_t)(fa_listener_port(listener) ^ (cases[i].listens ? 0 : 1));
        assert_int_equal(fa_net_connect(client_net, "many.test", port, &client, fa_after_s(18)), cases[i].result);
        const uint64_t took_ns = board_now_ns - start_ns;
        assert_in_range(took_ns, cases[i].least_s * FA_NS_PER_S, (cases[i].most_s * FA_NS_PER_S) + FA_NS_PER_S / 10);
        if (cases[i].result == FA_OK)
            fa_flow_abort(client);
        client = NULL;
        fa_sleep(fa_after_ms(10));
        fa_udp_close(n.udp);
    }
}

static void much_over_a_lossy_wire(void **state)
{
    (void)state;
    lose_every = 50;
    much(state);
    lose_every = 0;
}

/* Detached and attached, with and without TSO: what was made for the one before is lost, what is made
 * after the stack's next turn is not. */
static void much_over_changing_devices(void **state)
{
    (void)state;
    change_every = 40;
    cut_count = uncut_count = 0;
    much(state);
    change_every = 0;
    assert_true(cut_count > 10);
    assert_true(uncut_count < cut_count);
    ends[0].netif.features = ends[1].netif.features = 0;
    fa_flow_abort(client);
    fa_flow_abort(server);
    uncut_count = 0;
    much(state);
    assert_int_equal(uncut_count, 0);
}

static void nobody_there(void **state)
{
    (void)state;
    const uint64_t start_ns = board_now_ns;
    assert_int_equal(fa_net_connect(client_net, "10.0.0.77", 1, &client, fa_after_s(2)), FA_ETIMEDOUT);
    assert_true(board_now_ns - start_ns <= 3 * FA_NS_PER_S);
    const fa_err err = fa_net_connect(client_net, "192.168.1.1", 1, &client, SOON);
    assert_int_equal(err, FA_ENOENT); /* there is no gateway */
}

/* What was written to a connection that is closed arrives before the program ends; a peer that takes
 * nothing is not waited for longer than one likes. */
static void finish(void **state)
{
    (void)state;
    static char bytes[20000];
    size_t len, read_len = 0;
    make_pair();
    assert_int_equal(fa_net_finish(client_net, FA_NOW), FA_OK); /* (open ones do not count) */
    assert_int_equal(fa_flow_write(client, &(fa_slice){bytes, sizeof bytes}, 1, SOON), FA_OK);
    lose_every = 3;
    fa_flow_close(client);
    client = NULL;
    assert_int_equal(fa_net_finish(client_net, FA_NOW), FA_ETIMEDOUT);
    assert_int_equal(fa_net_finish(client_net, SOON), FA_OK);
    lose_every = 0;
    while (fa_flow_read(server, bytes, sizeof bytes, &len, FA_NOW) == FA_OK && len > 0)
        read_len += len;
    assert_int_equal(read_len, sizeof bytes);
    fa_flow_close(server);
    make_pair();
    assert_int_equal(fa_flow_write(client, &(fa_slice){"x", 1}, 1, SOON), FA_OK);
    lose_every = 1;
    fa_flow_close(client);
    client = NULL;
    const uint64_t start_ns = board_now_ns;
    assert_int_equal(fa_net_finish(client_net, fa_after_s(3)), FA_ETIMEDOUT);
    assert_true(board_now_ns - start_ns >= 3 * FA_NS_PER_S);
    lose_every = 0;
}

/* An open connection on which nothing happens, for an hour: a few timers of ARP at most. */
static void idle(void **state)
{
    (void)state;
    make_pair();
    fa_sleep(fa_after_s(120));
    ends[0].turns = ends[1].turns = 0;
    fa_sleep(fa_after_s(3600));
    assert_in_range(ends[0].turns + ends[1].turns, 0, 20);
}

/* Neither TCP nor the receiver starves when a fiber sends datagrams without ever waiting. */
static void flood_of_datagrams(void **state)
{
    (void)state;
    fa_udp *one, *other;
    static uint8_t bytes[1400];
    assert_int_equal(fa_net_udp_open(client_net, 0, &one), FA_OK);
    assert_int_equal(fa_net_udp_open(server_net, 0, &other), FA_OK);
    const fa_endpoint to = {{{10, 0, 0, 2}}, fa_udp_port(other)};
    make_pair();
    for (unsigned i = 0; i < 20000; i++)
        assert_int_equal(fa_udp_send(one, to, bytes, sizeof bytes), FA_OK);
    assert_int_equal(write_text(client, "still there"), FA_OK);
    expect_read(server, "still there");
    fa_net_info info;
    fa_net_info_get(server_net, &info);
    assert_true(info.dropped_packets > 0); /* the queue of a port has a bound */
    fa_udp_close(one);
    fa_udp_close(other);
}

/* More connections than a port's backlog holds, which nobody accepts; then all that there are. */
static void full_backlog(void **state)
{
    (void)state;
    static fa_flow *clients[400], *servers[400];
    size_t client_count = 0, server_count = 0;
    assert_true(fa_listener_connections_max(listener) >= FA_ARRAY_COUNT(clients));
    for (unsigned i = 0; i < FA_ARRAY_COUNT(clients); i++)
        client_count += fa_net_connect(client_net, server_name, fa_listener_port(listener),
                                       &clients[client_count], fa_after_s(1)) == FA_OK;
    assert_true(client_count >= 256);
    fa_sleep(fa_after_s(200)); /* handshakes that were not finished are given up */
    while (fa_listener_accept(listener, &servers[server_count], NULL, fa_after_s(1)) == FA_OK)
        server_count++;
    assert_in_range(server_count, 256, client_count);
    for (size_t i = 0; i < client_count; i++)
        fa_flow_abort(clients[i]);
    for (size_t i = 0; i < server_count; i++)
        fa_flow_abort(servers[i]);
    make_pair(); /* there is room again */
}

static void memory_comes_back(void **state)
{
    (void)state;
    fa_sleep(fa_after_s(600)); /* what waits for an end of its own */
    assert_int_equal(memory_in_use(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_says_what_it_is),
        NETWORK_TESTS,
        TEST(much_over_a_lossy_wire),
        TEST(much_over_changing_devices),
        TEST(nobody_there),
        TEST(finish),
        TEST(one_of_many),
        TEST(idle),
        TEST(flood_of_datagrams),
        TEST(full_backlog),
        TEST(memory_comes_back),
    };
    return cmocka_run_group_tests_name("stack", tests, NULL, NULL);
}
