/* SPDX-License-Identifier: ISC */
/* The resolver against servers that answer, are silent, refuse, lie, or send what no parser should
 * believe. */
#include "sim.h"
#include <stdio.h>

static uint64_t seed;
static sim_world world;
static sim_host *client, *servers[2];

typedef enum behaviour {
    ANSWERS, SILENT, FAILS, NO_NAME, NO_ADDRESS, TRUNCATES, WRONG_ID, WRONG_NAME, GARBAGE
} behaviour;
/* What it does over TCP, when it has said that an answer is too long. */
typedef enum over_tcp {
    REFUSES, TELLS, TELLS_IN_PARTS, IS_SILENT, CLOSES, CLOSES_WITHIN, TOO_LONG, TOO_SHORT, TRUNCATES_AGAIN, IS_WRONG
} over_tcp;

/* A server's application. */
typedef struct server {
    fa_udp_socket socket;
    behaviour does;
    unsigned asked;
    unsigned aliases; /* before the address; the last one is the first again if `ring` */
    bool ring;
    uint32_t ttl_s, zone_ttl_s, minimum_s; /* zone_ttl_s 0: it does not say */
    over_tcp by_tcp;
    unsigned asked_by_tcp;
    fa_tcp_listener *listener;
    fa_tcp *tcp;
    uint8_t to_say[4000];
    size_t say_len, said;
    uint16_t last_port, last_id;
    unsigned same; /* questions with the port or the number of the one before */
} server;
static server records[2];

static void write_name(fa_writer *w, const char *name)
{
    while (*name != '\0') {
        const size_t len = strcspn(name, ".");
        fa_write_u8(w, (uint8_t)len);
        fa_write_bytes(w, name, len);
        name += len + (name[len] == '.');
    }
    fa_write_u8(w, 0);
}

static void write_record(fa_writer *w, uint16_t type, uint32_t ttl_s, const void *data, size_t len)
{
    fa_write_be16(w, type);
    fa_write_be16(w, FA_DNS_IN);
    fa_write_be32(w, ttl_s);
    fa_write_be16(w, (uint16_t)len);
    fa_write_bytes(w, data, len);
}

/* The zone's record, with names that are not there: behind the question, a compressed one. */
static void write_zone(fa_writer *w, const server *s)
{
    uint8_t data[64];
    fa_writer d = fa_writer_of(data, sizeof data);
    write_name(&d, "ns.test");
    write_name(&d, "you.ns.test");
    for (unsigned i = 0; i < 4; i++)
        fa_write_be32(&d, 7);
    fa_write_be32(&d, s->minimum_s);
    write_name(w, "test");
    write_record(w, FA_DNS_SOA, s->zone_ttl_s, data, d.len);
}

static size_t make_answer(const server *s, const uint8_t *question, size_t len, uint8_t *bytes)
{
    fa_writer w = fa_writer_of(bytes, FA_DNS_BYTES_MAX);
    fa_dns_header header;
    memcpy(&header, question, sizeof header);
    uint16_t flags = FA_DNS_RESPONSE | FA_DNS_RECURSION_DESIRED;
    flags |= s->does == FAILS ? 2 : s->does == NO_NAME ? FA_DNS_NXDOMAIN : 0;
    flags |= s->does == TRUNCATES ? FA_DNS_TRUNCATED : 0;
    header.flags = fa_be16_of(flags);
    const bool is_negative = s->does == NO_NAME || s->does == NO_ADDRESS;
    header.answers = fa_be16_of((uint16_t)(is_negative ? 0 : s->aliases + 1));
    header.authorities = fa_be16_of(is_negative && s->zone_ttl_s > 0);
    if (s->does == WRONG_ID)
        header.id.byte[0] ^= 1;
    fa_write_bytes(&w, &header, sizeof header);
    fa_write_bytes(&w, question + sizeof header, len - sizeof header);
    if (s->does == WRONG_NAME)
        bytes[sizeof header + 1] ^= 1;
    if (s->does == GARBAGE)
        fa_write_bytes(&w, "\xc0\x1c\xc0\x1d\xff\xff", 6);
    if (is_negative && s->zone_ttl_s > 0)
        write_zone(&w, s);
    if (s->does != ANSWERS && s->does != WRONG_ID && s->does != WRONG_NAME)
        return w.len;
    for (unsigned i = 0; i < s->aliases; i++) {
        char alias[32];
        uint8_t data[40];
        fa_writer d = fa_writer_of(data, sizeof data);
        snprintf(alias, sizeof alias, "alias%u.test", i);
        if (i == 0)
            fa_write_be16(&w, 0xc00c); /* the question's name */
        else
            write_name(&w, alias);
        snprintf(alias, sizeof alias, "alias%u.test", s->ring && i + 1 == s->aliases ? 1 : i + 1);
        write_name(&d, alias);
        write_record(&w, FA_DNS_CNAME, s->ttl_s, data, d.len);
    }
    char last[32];
    snprintf(last, sizeof last, "alias%u.test", s->aliases);
    if (s->aliases == 0)
        fa_write_be16(&w, 0xc00c);
    else
        write_name(&w, last);
    write_record(&w, FA_DNS_A, s->ttl_s + 1, "\x01\x02\x03\x04", 4);
    return w.len;
}

/* 200 addresses of the name that is asked for, behind their length. */
static void make_long_answer(server *s, const uint8_t *question, size_t len)
{
    fa_writer w = fa_writer_of(s->to_say, sizeof s->to_say);
    fa_dns_header header;
    memcpy(&header, question, sizeof header);
    header.flags = fa_be16_of(FA_DNS_RESPONSE | (s->by_tcp == TRUNCATES_AGAIN ? FA_DNS_TRUNCATED : 0));
    header.answers = fa_be16_of(200);
    if (s->by_tcp == IS_WRONG)
        header.id.byte[0] ^= 1;
    fa_write_be16(&w, (uint16_t)(s->by_tcp == TOO_LONG ? FA_DNS_TCP_BYTES_MAX + 1 : len + 200 * 16));
    fa_write_bytes(&w, &header, sizeof header);
    fa_write_bytes(&w, question + sizeof header, len - sizeof header);
    for (uint8_t i = 0; i < 200; i++) {
        const uint8_t address[4] = {2, 2, 2, i};
        fa_write_be16(&w, 0xc00c);
        write_record(&w, FA_DNS_A, s->ttl_s, address, sizeof address);
    }
    assert_false(w.failed);
    s->say_len = s->by_tcp == CLOSES_WITHIN ? 1000 : w.len;
    if (s->by_tcp == TOO_SHORT)
        s->to_say[0] = 0, s->to_say[1] = 11;
}

static void serve_by_tcp(fa_host *host, server *s)
{
    uint8_t question[2 + FA_DNS_BYTES_MAX];
    size_t len;
    if (s->tcp == NULL && (s->tcp = fa_tcp_accept(s->listener, NULL)) != NULL)
        s->say_len = s->said = 0;
    if (s->tcp == NULL)
        return;
    fa_err err = fa_tcp_status(s->tcp);
    if (err == FA_OK && s->say_len == 0) {
        err = fa_tcp_read(host, s->tcp, question, sizeof question, &len);
        if (err == FA_OK && len > 2) {
            assert_int_equal(len, 2 + (question[0] << 8 | question[1]));
            s->asked_by_tcp++;
            make_long_answer(s, question + 2, len - 2);
        }
    }
    if (err == FA_OK && s->say_len > s->said && s->by_tcp != IS_SILENT && s->by_tcp != CLOSES) {
        const size_t left = s->say_len - s->said;
        const size_t most = s->by_tcp == TELLS_IN_PARTS && left > 99 ? (s->said == 0 ? 1 : 99) : left;
        err = fa_tcp_write(host, s->tcp, &(fa_slice){s->to_say + s->said, most}, 1, &len);
        s->said += len;
    }
    const bool ends = s->said == s->say_len && s->by_tcp == CLOSES_WITHIN;
    const bool closed = s->said == s->say_len && fa_tcp_readable(s->tcp);
    if ((err != FA_OK && err != FA_EAGAIN) || (s->say_len > 0 && (ends || closed || s->by_tcp == CLOSES))) {
        fa_tcp_close(host, s->tcp, false);
        s->tcp = NULL;
    }
}

static void serve(sim_host *host, void *user)
{
    server *s = user;
    fa_endpoint from;
    if (s->by_tcp != REFUSES)
        serve_by_tcp(&host->host, s);
    for (fa_packet *packet; (packet = fa_udp_take(&host->host, &s->socket, &from)) != NULL;) {
        uint8_t question[FA_DNS_BYTES_MAX], bytes[FA_DNS_BYTES_MAX];
        const size_t len = packet->len;
        assert_true(fa_packet_copy(packet, 0, question, len));
        fa_packet_free(packet);
        const uint16_t id = (uint16_t)(question[0] << 8 | question[1]);
        s->same += from.port == s->last_port || id == s->last_id;
        s->last_port = from.port;
        s->last_id = id;
        s->asked++;
        if (s->does == SILENT)
            continue;
        const size_t answer_bytes = make_answer(s, question, len, bytes);
        assert_int_equal(fa_udp_send_bytes(&host->host, &s->socket, from, bytes, answer_bytes), FA_OK);
    }
}

static void start(void)
{
    sim_init(&world, seed);
    client = sim_add(&world, &(sim_options){.address = "10.0.0.1"});
    for (unsigned i = 0; i < 2; i++) {
        servers[i] = sim_add(&world, &(sim_options){.address = i == 0 ? "10.0.0.2" : "10.0.0.3"});
        records[i] = (server){.ttl_s = 300};
        assert_int_equal(fa_udp_bind(&servers[i]->host, &records[i].socket, FA_DNS_PORT), FA_OK);
        servers[i]->app = serve;
        servers[i]->user = &records[i];
    }
    const fa_ip4 addresses[] = {sim_ip4("10.0.0.2"), sim_ip4("10.0.0.3")};
    fa_dns_set_servers(&client->host, addresses, 2);
}

static void listen_by_tcp(unsigned number, over_tcp does)
{
    records[number].by_tcp = does;
    fa_host *host = &servers[number]->host;
    if (does != REFUSES)
        assert_int_equal(fa_tcp_listen(host, FA_DNS_PORT, 1, NULL, &records[number].listener), FA_OK);
}

static bool has_result(void *arg)
{
    return ((const fa_dns_query *)arg)->result != FA_EAGAIN;
}

static fa_err resolve(const char *name, fa_dns_query *query)
{
    *query = (fa_dns_query){.user = &world};
    const fa_err err = fa_dns_start(&client->host, query, name);
    if (err != FA_OK)
        return err;
    assert_true(sim_run(&world, 60 * FA_NS_PER_S, has_result, query));
    assert_ptr_equal(fa_dns_take_changed(&client->host), query);
    assert_null(fa_dns_take_changed(&client->host));
    assert_ptr_equal(query->user, &world);
    sim_run(&world, FA_NS_PER_S, NULL, NULL);
    return query->result;
}

static void answers(void **state)
{
    (void)state;
    start();
    fa_dns_query query;
    assert_int_equal(resolve("Example.ORG.", &query), FA_OK);
    assert_int_equal(query.address_count, 1);
    assert_true(fa_ip4_is(query.addresses[0], sim_ip4("1.2.3.4")));
    assert_int_equal(records[0].asked, 1);
    /* From the cache, until its time is over. */
    assert_int_equal(resolve("example.org", &query), FA_OK);
    assert_int_equal(query.address_count, 1);
    assert_int_equal(records[0].asked, 1);
    sim_run(&world, 300 * FA_NS_PER_S, NULL, NULL);
    assert_int_equal(resolve("example.org", &query), FA_OK);
    assert_int_equal(records[0].asked, 2);
    /* More names than the cache has room for. */
    for (unsigned i = 0; i < 3 * FA_DNS_CACHE_ENTRIES; i++) {
        char name[32];
        snprintf(name, sizeof name, "host%u.test", i);
        assert_int_equal(resolve(name, &query), FA_OK);
    }
    assert_int_equal(records[0].asked, 2 + 3 * FA_DNS_CACHE_ENTRIES);
    assert_in_range(records[0].same, 0, 1); /* by chance */
    static const char *const bad[] = {"", ".", "a..b", ".a", "a b", "\xc3\xa4.de", "-..",
        "0123456789012345678901234567890123456789012345678901234567890123.de"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(bad); i++)
        assert_int_equal(resolve(bad[i], &query), FA_EINVAL);
    char longest[300];
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = i % 50 == 49 ? '.' : 'x';
    longest[253] = '\0';
    assert_int_equal(resolve(longest, &query), FA_OK);
    longest[253] = 'x';
    longest[254] = '\0';
    assert_int_equal(resolve(longest, &query), FA_EINVAL);
    sim_free(&world);
}

static void aliases(void **state)
{
    (void)state;
    start();
    fa_dns_query query;
    records[0].aliases = FA_DNS_CNAMES_MAX;
    assert_int_equal(resolve("a.test", &query), FA_OK);
    records[0].aliases = records[1].aliases = FA_DNS_CNAMES_MAX + 1;
    assert_int_equal(resolve("b.test", &query), FA_EIO);
    records[0].aliases = records[1].aliases = 3;
    records[0].ring = records[1].ring = true;
    assert_int_equal(resolve("c.test", &query), FA_EIO);
    sim_free(&world);
}

static void bad_servers(void **state)
{
    (void)state;
    static const struct {
        behaviour first, second;
        fa_err result;
        unsigned asked_first, asked_second;
    } cases[] = {
        {SILENT, ANSWERS, FA_OK, 1, 1},     {FAILS, ANSWERS, FA_OK, 1, 1},
        {SILENT, SILENT, FA_ETIMEDOUT, 3, 2}, {FAILS, FAILS, FA_EIO, 3, 2},
        {NO_NAME, ANSWERS, FA_ENOENT, 1, 0}, {TRUNCATES, ANSWERS, FA_OK, 1, 1},
        {TRUNCATES, TRUNCATES, FA_ETRUNCATED, 3, 2},
        {WRONG_ID, ANSWERS, FA_OK, 1, 1},   {WRONG_NAME, ANSWERS, FA_OK, 1, 1},
        {GARBAGE, ANSWERS, FA_OK, 1, 1},    {SILENT, NO_NAME, FA_ENOENT, 1, 1},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        start();
        fa_dns_query query;
        records[0].does = cases[i].first;
        records[1].does = cases[i].second;
        assert_int_equal(resolve("example.org", &query), cases[i].result);
        assert_int_equal(records[0].asked, cases[i].asked_first);
        assert_int_equal(records[1].asked, cases[i].asked_second);
        sim_free(&world);
    }
}

/* A name, or an address, that is not there: known for as long as the zone says, within a bound. */
static void not_there(void **state)
{
    (void)state;
    static const struct {
        uint32_t zone_ttl_s, minimum_s, known_s;
    } cases[] = {{0, 0, 0},      {300, 60, 60},     {60, 300, 60},
                 {100000, 100000, FA_DNS_NEGATIVE_TTL_MAX_S}, {300, 0, 0}, {UINT32_MAX, UINT32_MAX, 0}};
    for (size_t i = 0; i < 2 * FA_ARRAY_COUNT(cases); i++) {
        start();
        fa_dns_query query;
        const uint32_t known_s = cases[i / 2].known_s;
        records[0].does = i % 2 == 0 ? NO_NAME : NO_ADDRESS;
        records[0].zone_ttl_s = cases[i / 2].zone_ttl_s;
        records[0].minimum_s = cases[i / 2].minimum_s;
        assert_int_equal(resolve("no.test", &query), FA_ENOENT);
        if (known_s > 2) { /* (resolve() takes a second) */
            sim_run(&world, (known_s - 2) * FA_NS_PER_S, NULL, NULL);
            assert_int_equal(resolve("no.test", &query), FA_ENOENT);
            assert_int_equal(query.address_count, 0);
            assert_int_equal(records[0].asked, 1);
        }
        sim_run(&world, FA_NS_PER_S, NULL, NULL);
        records[0].does = ANSWERS;
        assert_int_equal(resolve("no.test", &query), FA_OK);
        assert_int_equal(records[0].asked, 2);
        sim_free(&world);
    }
}

/* An answer that is too long for a datagram is asked for over TCP; a server that does not give it there
 * is as good as one that fails. */
static void too_long(void **state)
{
    (void)state;
    static const struct {
        over_tcp first, second;
        fa_err result;
        unsigned asked_first, asked_second;
    } cases[] = {
        {TELLS, TELLS, FA_OK, 1, 0},           {TELLS_IN_PARTS, TELLS, FA_OK, 1, 0},
        {REFUSES, TELLS, FA_OK, 0, 1},         {IS_SILENT, TELLS, FA_OK, 1, 1},
        {CLOSES, TELLS, FA_OK, 1, 1},          {CLOSES_WITHIN, TELLS, FA_OK, 1, 1},
        {TOO_LONG, TELLS, FA_OK, 1, 1},        {TOO_SHORT, TELLS, FA_OK, 1, 1},
        {TRUNCATES_AGAIN, TELLS, FA_OK, 1, 1}, {IS_WRONG, TELLS, FA_OK, 1, 1},
        {IS_SILENT, CLOSES, FA_ETRUNCATED, 3, 2}, {IS_WRONG, IS_WRONG, FA_EIO, 3, 2},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        start();
        fa_dns_query query;
        records[0].does = records[1].does = TRUNCATES;
        listen_by_tcp(0, cases[i].first);
        listen_by_tcp(1, cases[i].second);
        assert_int_equal(resolve("many.test", &query), cases[i].result);
        assert_int_equal(records[0].asked_by_tcp, cases[i].asked_first);
        assert_int_equal(records[1].asked_by_tcp, cases[i].asked_second);
        if (cases[i].result == FA_OK) {
            assert_int_equal(query.address_count, FA_DNS_ADDRESSES_MAX);
            assert_true(fa_ip4_is(query.addresses[7], sim_ip4("2.2.2.7")));
            const unsigned asked = records[0].asked;
            assert_int_equal(resolve("many.test", &query), FA_OK);
            assert_int_equal(records[0].asked, asked);
        }
        sim_run(&world, 120 * FA_NS_PER_S, NULL, NULL);
        unsigned events;
        assert_null(fa_tcp_take_changed(&client->host, &events)); /* all are closed */
        assert_int_equal(client->host.tcp.connection_count, 0);
        assert_int_equal(client->host.tcp.memory_bytes, 0);
        if (records[0].tcp != NULL)
            fa_tcp_close(&servers[0]->host, records[0].tcp, true);
        sim_free(&world);
    }
}

/* Cancelled, with the host freed, or with its address taken away, in the middle of it. */
static void too_long_and_cut(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        start();
        fa_dns_query query = {0};
        records[0].does = records[1].does = TRUNCATES;
        listen_by_tcp(0, TELLS_IN_PARTS);
        assert_int_equal(fa_dns_start(&client->host, &query, "many.test"), FA_OK);
        const unsigned enough = i / 4 * 300;
        for (unsigned k = 0; k < 10000 && records[0].said < enough; k++)
            sim_run(&world, 10000, NULL, NULL);
        assert_true(records[0].said >= enough && query.result == FA_EAGAIN);
        if (i % 4 == 0) {
            fa_dns_cancel(&client->host, &query);
        } else if (i % 4 == 1) { /* the next server has a short one */
            records[1].does = ANSWERS;
            fa_host_set_address(&client->host, sim_ip4("10.0.0.9"), sim_ip4("255.255.255.0"), (fa_ip4){{0}},
                                sim_ip4("10.0.0.3"), "static");
            assert_true(sim_run(&world, 20 * FA_NS_PER_S, has_result, &query));
            assert_int_equal(query.result, FA_OK);
            assert_int_equal(query.address_count, 1);
        } else if (i % 4 == 2) { /* no server, no way there, for ever */
            fa_host_set_address(&client->host, (fa_ip4){{0}}, (fa_ip4){{0}}, (fa_ip4){{0}}, (fa_ip4){{0}}, NULL);
            assert_true(sim_run(&world, 20 * FA_NS_PER_S, has_result, &query));
            assert_int_equal(query.result, FA_ETIMEDOUT);
        }
        if (records[0].tcp != NULL)
            fa_tcp_close(&servers[0]->host, records[0].tcp, true);
        records[0].tcp = NULL;
        sim_free(&world);
    }
}

/* From another address or port than was asked, an answer is none. */
static void strangers(void **state)
{
    (void)state;
    start();
    records[0].does = records[1].does = SILENT;
    fa_dns_query query = {0};
    assert_int_equal(fa_dns_start(&client->host, &query, "example.org"), FA_OK);
    sim_run(&world, FA_NS_PER_S, NULL, NULL);
    uint8_t question[FA_DNS_BYTES_MAX], bytes[FA_DNS_BYTES_MAX];
    const size_t len = fa_dns_write_question(records[0].last_id, "example.org", question);
    const server answering = {.ttl_s = 300};
    const size_t answer_bytes = make_answer(&answering, question, len, bytes);
    const fa_endpoint to = {client->host.address, records[0].last_port};
    fa_udp_socket other = {0};
    assert_int_equal(fa_udp_bind(&servers[0]->host, &other, 0), FA_OK);
    assert_int_equal(fa_udp_send_bytes(&servers[0]->host, &other, to, bytes, answer_bytes), FA_OK);
    assert_int_equal(fa_udp_send_bytes(&servers[1]->host, &records[1].socket, to, bytes, answer_bytes), FA_OK);
    sim_run(&world, FA_NS_PER_S / 2, NULL, NULL);
    assert_int_equal(query.result, FA_EAGAIN);
    assert_int_equal(fa_udp_send_bytes(&servers[0]->host, &records[0].socket, to, bytes, answer_bytes), FA_OK);
    sim_run(&world, FA_NS_PER_S / 4, NULL, NULL);
    assert_int_equal(query.result, FA_OK);
    /* Cancelled, a query is nobody's any more. */
    fa_dns_cancel(&client->host, &query);
    assert_null(fa_dns_take_changed(&client->host));
    assert_int_equal(fa_dns_start(&client->host, &query, "example.net"), FA_OK);
    fa_dns_cancel(&client->host, &query);
    sim_run(&world, 60 * FA_NS_PER_S, NULL, NULL);
    assert_null(fa_dns_take_changed(&client->host));
    assert_int_equal(fa_dns_start(&client->host, &query, "example.com"), FA_OK);
    fa_dns_set_servers(&client->host, NULL, 0);
    sim_run(&world, 60 * FA_NS_PER_S, NULL, NULL);
    assert_int_equal(query.result, FA_ETIMEDOUT);
    fa_dns_cancel(&client->host, &query);
    assert_int_equal(fa_dns_start(&client->host, &query, "example.com"), FA_ENOENT);
    sim_free(&world);
}

int main(void)
{
    seed = sim_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(aliases),
        cmocka_unit_test(bad_servers),
        cmocka_unit_test(not_there),
        cmocka_unit_test(too_long),
        cmocka_unit_test(too_long_and_cut),
        cmocka_unit_test(strangers),
    };
    return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
