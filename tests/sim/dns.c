/* SPDX-License-Identifier: ISC */
/* The resolver against servers that answer, are silent, refuse, lie, or send what no parser should
 * believe. */
#include "sim.h"
#include <stdio.h>

static uint64_t seed;
static sim_world world;
static sim_host *client, *servers[2];

typedef enum behaviour { ANSWERS, SILENT, FAILS, NO_NAME, TRUNCATES, WRONG_ID, WRONG_NAME, GARBAGE } behaviour;

/* A server's application. */
typedef struct server {
    fa_udp_socket socket;
    behaviour does;
    unsigned asked;
    unsigned aliases; /* before the address; the last one is the first again if `ring` */
    bool ring;
    uint32_t ttl_s;
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

static size_t make_answer(const server *s, const uint8_t *question, size_t len, uint8_t *bytes)
{
    fa_writer w = fa_writer_of(bytes, FA_DNS_BYTES_MAX);
    fa_dns_header header;
    memcpy(&header, question, sizeof header);
    uint16_t flags = FA_DNS_RESPONSE | FA_DNS_RECURSION_DESIRED;
    flags |= s->does == FAILS ? 2 : s->does == NO_NAME ? FA_DNS_NXDOMAIN : 0;
    flags |= s->does == TRUNCATES ? FA_DNS_TRUNCATED : 0;
    header.flags = fa_be16_of(flags);
    header.answers = fa_be16_of((uint16_t)(s->aliases + 1));
    if (s->does == WRONG_ID)
        header.id.byte[0] ^= 1;
    fa_write_bytes(&w, &header, sizeof header);
    fa_write_bytes(&w, question + sizeof header, len - sizeof header);
    if (s->does == WRONG_NAME)
        bytes[sizeof header + 1] ^= 1;
    if (s->does == GARBAGE)
        fa_write_bytes(&w, "\xc0\x1c\xc0\x1d\xff\xff", 6);
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

static void serve(sim_host *host, void *user)
{
    server *s = user;
    fa_endpoint from;
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
        {NO_NAME, ANSWERS, FA_ENOENT, 1, 0}, {TRUNCATES, ANSWERS, FA_ETRUNCATED, 1, 0},
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
        cmocka_unit_test(strangers),
    };
    return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
