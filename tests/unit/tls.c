/* SPDX-License-Identifier: ISC */
/* TLS over pipes, our client against our server, as a program of the unix board: who is believed and who
 * is not, and why; data in records of any size; both ends; resumption; what an idle connection keeps. */
#include "../../sdk/flow/pipe.h"
#include "../../sdk/tls/handshake.h"
#include "../../sdk/tls/records.h"
#include "fibers.h"
#include "tls_certs.h"
#include <malloc.h>

#define PIPE_BYTES 8192u

static cert ca, other_ca, leaf;
static fa_tls_identity *identity;
static fa_tls_trust *trust;
static fa_tls_server *server;
static fa_tls_client *client;
static fa_flow *pipe_a, *pipe_b;       /* below: the server's, the client's */
static fa_flow *at_server, *at_client; /* NULL: not connected */
static fa_tls_reason server_why, client_why;
static fa_err server_err, client_err;

static void accept_one(void *arg)
{
    (void)arg;
    server_err = fa_tls_accept(server, pipe_a, &at_server, &server_why, fa_after_s(10));
}

static void make_pipe(size_t cap)
{
    assert_int_equal(fa_pipe_open(cap, &pipe_a, &pipe_b), FA_OK);
    at_server = at_client = NULL;
    server_err = client_err = FA_EAGAIN;
}

/* Both sides; a failed one is gone. */
static void meet_as(const char *name)
{
    const fa_fiber_options options = {"server", 64 * FA_KIB};
    assert_int_equal(fa_scope_spawn_with(&scope, &options, accept_one, NULL), FA_OK);
    client_err = fa_tls_connect(client, pipe_b, name, &at_client, &client_why, fa_after_s(10));
    join();
}

static void meet(void)
{
    make_pipe(PIPE_BYTES);
    meet_as("fata.example");
    if (client_err != FA_OK || server_err != FA_OK)
        fail_msg("client: %s (%s), server: %s (%s)", fa_err_text(client_err), client_why.text,
                 fa_err_text(server_err), server_why.text);
}

static void part(void)
{
    if (at_server != NULL)
        fa_flow_close(at_server);
    if (at_client != NULL)
        fa_flow_close(at_client);
    at_server = at_client = NULL;
}

static void make_server(const fa_tls_server_options *options)
{
    fa_tls_server_free(server);
    const fa_err err = fa_tls_server_new(options, &server, &server_why);
    if (err != FA_OK)
        fail_msg("%s: %s", fa_err_text(err), server_why.text);
}

static void make_client(const fa_tls_client_options *options)
{
    fa_tls_client_free(client);
    const fa_err err = fa_tls_client_new(options, &client, &client_why);
    if (err != FA_OK)
        fail_msg("%s: %s", fa_err_text(err), client_why.text);
}

static int setup_all(void **state)
{
    (void)state;
    fa_clock_set_wall(CERT_NOW_S * FA_NS_PER_S);
    assert_int_equal(fa_tls_library_start(), FA_OK);
    cert_make(&ca, &(cert_options){.subject = "CN=Test CA,O=Fata", .ca = true}, NULL);
    cert_make(&other_ca, &(cert_options){.subject = "CN=Another CA", .ca = true}, NULL);
    cert_make(&leaf, &(cert_options){.subject = "CN=leaf", .dns = "fata.example", .other_dns = "*.wild.example",
                                     .ip = {192, 0, 2, 1}}, &ca);
    identity = cert_identity(&leaf);
    trust = cert_trust(&ca);
    return 0;
}

static int setup_pair(void **state)
{
    fa_clock_set_wall(CERT_NOW_S * FA_NS_PER_S);
    const int ret = setup(state);
    make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1});
    make_client(&(fa_tls_client_options){.trust = trust});
    return ret;
}

static int teardown_pair(void **state)
{
    (void)state;
    part();
    fa_tls_server_free(server);
    fa_tls_client_free(client);
    server = NULL;
    client = NULL;
    fa_scope_close(&scope);
    return fa_tls_records_kept() == 0 && fa_tls_handshakes_under_way() == 0 ? 0 : -1;
}

static void write_text(fa_flow *flow, const char *text)
{
    assert_int_equal(fa_flow_write(flow, &(fa_slice){text, strlen(text)}, 1, fa_after_s(1)), FA_OK);
}

static void expect_read(fa_flow *flow, const char *want)
{
    char text[64];
    size_t len;
    assert_int_equal(fa_flow_read(flow, text, sizeof text - 1, &len, fa_after_s(1)), FA_OK);
    text[len] = '\0';
    assert_string_equal(text, want);
}

static fa_tls_info info_of(const fa_flow *flow)
{
    fa_tls_info info;
    assert_int_equal(fa_tls_info_get(flow, &info), FA_OK);
    return info;
}

/* Tests. */

static void a_conversation(void **state)
{
    (void)state;
    meet();
    write_text(at_client, "hello");
    expect_read(at_server, "hello");
    write_text(at_server, "and you");
    expect_read(at_client, "and you");
    const fa_tls_info c = info_of(at_client), s = info_of(at_server);
    assert_string_equal(c.version, "TLSv1.3");
    assert_string_equal(c.cipher, s.cipher);
    assert_string_equal(s.server_name, "fata.example");
    assert_string_equal(c.peer_subject, "CN=leaf");
    assert_string_equal(c.peer_names, "192.0.2.1,*.wild.example,fata.example");
    assert_string_equal(s.peer_subject, "");
    assert_string_equal(s.alpn, "");
    assert_false(c.resumed);
    assert_string_equal(fa_tls_reason_of(at_client), "");
}

static void names(void **state)
{
    (void)state;
    static const char *const good[] = {"FATA.example", "fata.example.", "a.wild.example", "192.0.2.1"};
    static const char *const bad[] = {"example", "wild.example", "a.b.wild.example", "192.0.2.2", "leaf",
                                      "xfata.example"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(good); i++) {
        make_pipe(PIPE_BYTES);
        meet_as(good[i]);
        if (client_err != FA_OK)
            fail_msg("%s: %s", good[i], client_why.text);
        part();
    }
    for (size_t i = 0; i < FA_ARRAY_COUNT(bad); i++) {
        make_pipe(PIPE_BYTES);
        meet_as(bad[i]);
        assert_int_equal(client_err, FA_EPERM);
        assert_non_null(strstr(client_why.text, "is for 192.0.2.1,*.wild.example,fata.example, not for"));
        assert_non_null(strstr(client_why.text, bad[i]));
        if (server_err != FA_EPERM)
            fail_msg("%s: %s", fa_err_text(server_err), server_why.text);
    }
}

static void refused(const cert_options *options, const cert *issuer, fa_err err, const char *text)
{
    cert bad;
    cert_make(&bad, options, issuer);
    fa_tls_identity *bad_identity = cert_identity(&bad);
    make_server(&(fa_tls_server_options){.identities = &bad_identity, .identity_count = 1});
    make_pipe(PIPE_BYTES);
    meet_as("fata.example");
    if (client_err != err || strstr(client_why.text, text) == NULL)
        fail_msg("no '%s' in '%s' (%s)", text, client_why.text, fa_err_text(client_err));
    part();
    fa_tls_identity_free(bad_identity);
    cert_free(&bad);
}

static void bad_certificates(void **state)
{
    (void)state;
    refused(&(cert_options){.subject = "CN=old", .dns = "fata.example", .to = "20261231120000"}, &ca, FA_EPERM,
            "CN=old: expired on 2026-12-31 12:00");
    refused(&(cert_options){.subject = "CN=new", .dns = "fata.example", .from = "20280101000000"}, &ca, FA_EPERM,
            "CN=new: is valid only from 2028-01-01");
    refused(&(cert_options){.subject = "CN=alien", .dns = "fata.example"}, &other_ca, FA_EPERM,
            "issued by CN=Another CA, who is not trusted");
    refused(&(cert_options){.subject = "CN=fata.example"}, &ca, FA_EPERM, "no name at all");
    refused(&(cert_options){.subject = "CN=clerk", .dns = "fata.example", .usage = MBEDTLS_OID_CLIENT_AUTH}, &ca,
            FA_ENOTSUP, "handshake_failure"); /* the server has none that is fit */
    /* One by itself is no CA, whoever it says it is. */
    refused(&(cert_options){.subject = "CN=Test CA,O=Fata", .dns = "fata.example"}, NULL, FA_EPERM, "not trusted");
}

static void the_clock_must_be_set(void **state)
{
    (void)state;
    fa_clock_set_wall(board_now_ns); /* unknown */
    make_pipe(PIPE_BYTES);
    meet_as("fata.example");
    assert_int_equal(client_err, FA_ENOCLOCK);
    assert_non_null(strstr(client_why.text, "clock"));
}

static void unverified(void **state)
{
    (void)state;
    fa_tls_client *none;
    assert_int_equal(fa_tls_client_new(&(fa_tls_client_options){.trust = NULL}, &none, &client_why), FA_EINVAL);
    make_client(&(fa_tls_client_options){.unverified = true});
    fa_clock_set_wall(board_now_ns);
    make_pipe(PIPE_BYTES);
    meet_as("who.example");
    assert_int_equal(client_err, FA_OK);
}

static void rsa(void **state)
{
    (void)state;
    cert c;
    cert_make(&c, &(cert_options){.subject = "CN=rsa", .dns = "fata.example", .rsa = true}, &ca);
    fa_tls_identity *rsa_identity = cert_identity(&c);
    make_server(&(fa_tls_server_options){.identities = &rsa_identity, .identity_count = 1});
    meet();
    write_text(at_client, "hello");
    expect_read(at_server, "hello");
    fa_tls_identity_free(rsa_identity);
    cert_free(&c);
}

static void resumption(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        meet();
        write_text(at_server, "x"); /* behind the ticket */
        expect_read(at_client, "x");
        const fa_tls_info c = info_of(at_client);
        assert_int_equal(c.resumed, i > 0);
        assert_int_equal(info_of(at_server).resumed, i > 0);
        assert_string_equal(c.peer_subject, "CN=leaf");
        part();
    }
    fa_tls_stats stats;
    fa_tls_server_stats(server, &stats);
    assert_int_equal(stats.handshakes, 3);
    assert_int_equal(stats.resumed, 2);
}

static void several_identities(void **state)
{
    (void)state;
    static const char *const protocols[] = {"http/1.1", NULL}, *const acme[] = {"acme-tls/1", NULL};
    cert second, third;
    cert_make(&second, &(cert_options){.subject = "CN=second", .dns = "second.example"}, &ca);
    cert_make(&third, &(cert_options){.subject = "CN=third", .dns = "fata.example"}, &ca);
    fa_tls_identity *list[] = {identity, cert_identity(&second), cert_identity(&third)};
    fa_tls_identity_only_for(list[2], "acme-tls/1");
    make_server(&(fa_tls_server_options){.identities = list, .identity_count = 3, .alpn = protocols});
    meet();
    assert_string_equal(info_of(at_client).peer_subject, "CN=leaf");
    part();
    make_pipe(PIPE_BYTES);
    meet_as("second.example");
    assert_string_equal(info_of(at_client).peer_subject, "CN=second");
    part();
    make_client(&(fa_tls_client_options){.trust = trust, .alpn = acme});
    meet();
    assert_string_equal(info_of(at_client).peer_subject, "CN=third");
    assert_string_equal(info_of(at_client).alpn, "acme-tls/1");
    part();
    fa_tls_identity_free(list[1]);
    fa_tls_identity_free(list[2]);
    cert_free(&second);
    cert_free(&third);
}

static void client_certificates(void **state)
{
    (void)state;
    cert mine, alien;
    cert_make(&mine, &(cert_options){.subject = "CN=client", .dns = "client.example",
                                       .other_dns = "a.example,root.example"}, &ca);
    cert_make(&alien, &(cert_options){.subject = "CN=alien"}, &other_ca);
    fa_tls_identity *good = cert_identity(&mine), *bad = cert_identity(&alien);
    for (unsigned asks = FA_TLS_ASKS_OPTIONAL; asks <= FA_TLS_ASKS_REQUIRED; asks++) {
        make_server(&(fa_tls_server_options){
            .identities = &identity, .identity_count = 1, .asks = (fa_tls_asks)asks, .trust = trust});
        make_client(&(fa_tls_client_options){.trust = trust, .identity = good});
        meet();
        assert_string_equal(info_of(at_server).peer_subject, "CN=client");
        assert_string_equal(info_of(at_server).peer_names, "client.example"); /* the other is no host's name */
        part();
        make_client(&(fa_tls_client_options){.trust = trust, .identity = bad});
        make_pipe(PIPE_BYTES);
        meet_as("fata.example");
        assert_int_equal(server_err, FA_EPERM);
        assert_non_null(strstr(server_why.text, "issued by CN=Another CA, who is not trusted"));
        part();
        make_client(&(fa_tls_client_options){.trust = trust});
        make_pipe(PIPE_BYTES);
        meet_as("fata.example");
        assert_int_equal(server_err, asks == FA_TLS_ASKS_OPTIONAL ? FA_OK : FA_EPERM);
        part();
    }
    fa_tls_identity_free(good);
    fa_tls_identity_free(bad);
    cert_free(&mine);
    cert_free(&alien);
}

static void what_is_no_identity(void **state)
{
    (void)state;
    fa_tls_identity *none;
    fa_tls_reason why;
    assert_int_equal(fa_tls_identity_new("no", 2, leaf.key_pem, strlen(leaf.key_pem), &none, &why), FA_EFORMAT);
    assert_non_null(strstr(why.text, "neither PEM"));
    assert_int_equal(fa_tls_identity_new(leaf.pem, strlen(leaf.pem), "no", 2, &none, &why), FA_EFORMAT);
    assert_non_null(strstr(why.text, "no private key that can be read"));
    assert_int_equal(fa_tls_identity_new(leaf.pem, strlen(leaf.pem), ca.key_pem, strlen(ca.key_pem), &none, &why),
                     FA_EINVAL);
    assert_non_null(strstr(why.text, "CN=leaf"));
    assert_int_equal(fa_tls_identity_new(leaf.pem, 0, ca.key_pem, 1, &none, &why), FA_EFORMAT);
}

/* Data. */

static uint8_t out[200000], in[200000];
static size_t in_len;

static void read_all(void *arg)
{
    (void)arg;
    uint64_t seed = TEST_SEED;
    size_t len = 1;
    for (in_len = 0; len > 0; in_len += len)
        if ((server_err = fa_flow_read(at_server, in + in_len, 1 + test_random_below(&seed, 20000), &len,
                                       fa_after_s(60))) != FA_OK)
            return;
}

static void much(void **state)
{
    (void)state;
    static const size_t caps[] = {1, 7, 1000, 8192, 100000};
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < FA_ARRAY_COUNT(caps); i++) {
        const size_t len = caps[i] < 100 ? 20000 : sizeof out - 20000;
        if (caps[i] < 100) /* a ticket is part of the server's handshake, and the client reads later */
            make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1, .no_tickets = true});
        make_pipe(caps[i]);
        meet_as("fata.example");
        assert_int_equal(client_err, FA_OK);
        assert_int_equal(server_err, FA_OK);
        memset(in, 0, sizeof in);
        const fa_fiber_options options = {"reader", 64 * FA_KIB};
        assert_int_equal(fa_scope_spawn_with(&scope, &options, read_all, NULL), FA_OK);
        const fa_slice slices[] = {{out, 3}, {NULL, 0}, {out + 3, len / 2}, {out + 3 + len / 2, len - 3 - len / 2}};
        assert_int_equal(fa_flow_write(at_client, slices, 4, fa_after_s(60)), FA_OK);
        assert_int_equal(fa_flow_shutdown(at_client), FA_OK);
        join();
        if (server_err != FA_OK)
            fail_msg("%s: %s", fa_err_text(server_err), fa_tls_reason_of(at_server));
        assert_memory_equal(in, out, in_len);
        assert_int_equal(in_len, len);
        assert_memory_equal(in, out, len);
        part();
        fa_sleep(fa_after_ms(1));
        assert_int_equal(fa_tls_records_kept(), 0);
    }
}

static void halves(void **state)
{
    (void)state;
    meet();
    write_text(at_client, "last");
    assert_int_equal(fa_flow_shutdown(at_client), FA_OK);
    expect_read(at_server, "last");
    expect_read(at_server, "");
    expect_read(at_server, "");
    write_text(at_server, "answer");
    expect_read(at_client, "answer");
    size_t len;
    assert_int_equal(fa_flow_try_write(at_client, &(fa_slice){"x", 1}, 1, &len), FA_ECLOSED);
}

static void truncation(void **state)
{
    (void)state;
    meet();
    write_text(at_client, "part of");
    const fa_tls_conn *conn = fa_tls_conn_check(at_client);
    assert_int_equal(fa_flow_shutdown(conn->below), FA_OK); /* an attacker's FIN */
    expect_read(at_server, "part of");
    char byte;
    size_t len;
    assert_int_equal(fa_flow_read(at_server, &byte, 1, &len, fa_after_s(1)), FA_ETRUNCATED);
    assert_non_null(strstr(fa_tls_reason_of(at_server), "close_notify"));
    assert_int_equal(fa_flow_read(at_server, &byte, 1, &len, fa_after_s(1)), FA_ETRUNCATED);
}

/* Bad peers. */

static fa_flow *wire; /* what the server reads comes from here now */

static void tap_server(void)
{
    fa_tls_conn *conn = fa_tls_conn_of(at_server);
    fa_flow_close(conn->below);
    assert_int_equal(fa_pipe_open(40000, &wire, &conn->below), FA_OK);
}

static void cut_wire(void)
{
    part();
    fa_sleep(fa_after_ms(1));
    fa_flow_close(wire);
}

static fa_err server_reads(void)
{
    char bytes[64];
    size_t len;
    return fa_flow_try_read(at_server, bytes, sizeof bytes, &len);
}

/* The next record of the client's, as it goes over the wire. */
static size_t next_record(uint8_t bytes_out[64])
{
    size_t len = 0;
    fa_flow *old = fa_tls_conn_of(at_client)->below, *mine;
    assert_int_equal(fa_pipe_open(4096, &mine, &fa_tls_conn_of(at_client)->below), FA_OK);
    fa_flow_close(old);
    write_text(at_client, "secret");
    assert_int_equal(fa_flow_try_read(mine, bytes_out, 64, &len), FA_OK);
    fa_flow_close(mine);
    return len;
}

static void send_bytes(const void *bytes, size_t len)
{
    assert_int_equal(fa_flow_write(wire, &(fa_slice){bytes, len}, 1, fa_after_s(1)), FA_OK);
}

static void a_changed_record(void **state)
{
    (void)state;
    uint8_t record[64];
    meet();
    tap_server();
    const size_t len = next_record(record);
    record[len - 1] ^= 1;
    send_bytes(record, len);
    assert_int_equal(server_reads(), FA_EFORMAT);
    assert_non_null(strstr(fa_tls_reason_of(at_server), "changed"));
    assert_int_equal(server_reads(), FA_EFORMAT);
    size_t none;
    assert_int_equal(fa_flow_try_write(at_server, &(fa_slice){"x", 1}, 1, &none), FA_ECLOSED);
    cut_wire();
}

static void too_long_a_record(void **state)
{
    (void)state;
    static const uint8_t header[] = {23, 3, 3, 0x41, 0x01}; /* 2^14 + 257 */
    meet();
    tap_server();
    send_bytes(header, sizeof header);
    assert_int_equal(server_reads(), FA_EFORMAT);
    cut_wire();
}

static void the_same_record_twice(void **state)
{
    (void)state;
    uint8_t record[64];
    meet();
    tap_server();
    const size_t len = next_record(record);
    send_bytes(record, len);
    expect_read(at_server, "secret");
    send_bytes(record, len);
    assert_int_equal(server_reads(), FA_EFORMAT);
    cut_wire();
}

static void bytes_one_by_one(void **state)
{
    (void)state;
    uint8_t record[64];
    meet();
    tap_server();
    const size_t len = next_record(record);
    for (size_t i = 0; i + 1 < len; i++) {
        send_bytes(record + i, 1);
        assert_int_equal(server_reads(), FA_EAGAIN);
        /* A header takes no buffer yet. */
        assert_int_equal(fa_tls_records_kept(), i < FA_TLS_HEADER_BYTES - 1 ? 0 : 1);
    }
    send_bytes(record + len - 1, 1);
    expect_read(at_server, "secret");
    assert_int_equal(fa_tls_records_kept(), 0);
    cut_wire();
}

static void parts_of_records_end(void **state)
{
    (void)state;
    uint8_t record[64];
    meet();
    tap_server();
    const size_t len = next_record(record);
    send_bytes(record, len - 1);
    assert_int_equal(server_reads(), FA_EAGAIN);
    assert_int_equal(fa_tls_records_kept(), 1);
    fa_sleep(fa_after_ns(FA_TLS_PART_NS / 2));
    assert_int_equal(fa_tls_records_kept(), 1);
    fa_sleep(fa_after_ns(FA_TLS_PART_NS));
    assert_int_equal(fa_tls_records_kept(), 0);
    assert_int_equal(server_reads(), FA_ETIMEDOUT);
    cut_wire();
}

static void parts_of_records_give_way(void **state)
{
    (void)state;
    fa_flow *servers[3], *clients[3], *wires[3];
    uint8_t record[64];
    fa_tls_records_limit(2);
    for (size_t i = 0; i < 3; i++) {
        meet();
        tap_server();
        const size_t len = next_record(record);
        send_bytes(record, len - 1);
        assert_int_equal(server_reads(), FA_EAGAIN);
        servers[i] = at_server;
        clients[i] = at_client;
        wires[i] = wire;
        fa_sleep(fa_after_ms(1));
        assert_int_equal(fa_tls_records_kept(), i < 2 ? i + 1 : 2);
    }
    fa_tls_records_limit(0);
    at_server = servers[0];
    assert_int_equal(server_reads(), FA_EBUSY);
    for (size_t i = 0; i < 3; i++) {
        at_server = servers[i];
        at_client = clients[i];
        wire = wires[i];
        assert_int_equal(server_reads(), i == 0 ? FA_EBUSY : FA_EAGAIN);
        cut_wire();
    }
}

/* Handshakes that come to nothing. */

static void no_tls(void **state)
{
    (void)state;
    static const char hello[] = "GET / HTTP/1.1\r\n\r\n";
    make_pipe(PIPE_BYTES);
    assert_int_equal(fa_flow_write(pipe_b, &(fa_slice){hello, sizeof hello}, 1, FA_NOW), FA_OK);
    accept_one(NULL);
    assert_int_equal(server_err, FA_EFORMAT);
    assert_non_null(strstr(server_why.text, "no TLS"));
    fa_flow_close(pipe_b);
}

static void a_silent_client(void **state)
{
    (void)state;
    make_pipe(PIPE_BYTES);
    const uint64_t start_ns = board_now_ns;
    accept_one(NULL);
    assert_int_equal(server_err, FA_ETIMEDOUT);
    assert_true(board_now_ns - start_ns >= 10 * FA_NS_PER_S);
    fa_flow_close(pipe_b);
    make_pipe(PIPE_BYTES);
    fa_flow_close(pipe_b);
    accept_one(NULL);
    assert_int_equal(server_err, FA_ETRUNCATED);
}

static void canceling(void **state)
{
    (void)state;
    fa_scope inner;
    make_pipe(PIPE_BYTES);
    fa_scope_open(&inner);
    const fa_fiber_options options = {"server", 64 * FA_KIB};
    assert_int_equal(fa_scope_spawn_with(&inner, &options, accept_one, NULL), FA_OK);
    yield();
    assert_int_equal(fa_tls_handshakes_under_way(), 1);
    fa_scope_close(&inner);
    assert_int_equal(server_err, FA_ECANCELED);
    assert_int_equal(fa_tls_handshakes_under_way(), 0);
    fa_flow_close(pipe_b);
}

static fa_err errs[3];

static void accept_nth(void *arg)
{
    fa_tls_reason why;
    fa_flow *flow;
    fa_err *err = arg;
    *err = fa_tls_accept(server, pipe_a, &flow, &why, fa_after_s(10));
}

/* The third takes the place of the first, and a good pair, which wants two, those of the others. */
static void silent_clients_give_way(void **state)
{
    (void)state;
    fa_flow *silent[3];
    fa_tls_handshakes_limit(2);
    const fa_fiber_options options = {"server", 64 * FA_KIB};
    for (size_t i = 0; i < 3; i++) {
        errs[i] = FA_EAGAIN;
        make_pipe(PIPE_BYTES);
        silent[i] = pipe_b;
        assert_int_equal(fa_scope_spawn_with(&scope, &options, accept_nth, &errs[i]), FA_OK);
        yield();
        assert_true(fa_tls_handshakes_under_way() <= 2);
    }
    assert_int_equal(errs[0], FA_EAGAIN); /* for a while, all are patient */
    const uint64_t start_ns = board_now_ns;
    meet();
    assert_true(board_now_ns - start_ns < 3 * FA_NS_PER_S);
    assert_int_equal(errs[0], FA_EBUSY);
    assert_int_equal(errs[1], FA_EBUSY);
    assert_int_equal(errs[2], FA_EBUSY);
    part();
    fa_tls_stats stats;
    fa_tls_server_stats(server, &stats);
    assert_int_equal(stats.gave_way, 3);
    assert_int_equal(stats.under_way, 0);
    fa_tls_handshakes_limit(0);
    for (size_t i = 0; i < 3; i++)
        fa_flow_close(silent[i]);
}

static void handshakes_have_a_rate(void **state)
{
    (void)state;
    make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1, .handshakes_per_s = 5});
    const uint64_t start_ns = board_now_ns;
    for (unsigned i = 0; i < 11; i++) {
        meet();
        part();
    }
    assert_in_range(board_now_ns - start_ns, FA_NS_PER_S, 3 * FA_NS_PER_S);
}

size_t __sanitizer_get_current_allocated_bytes(void);

/* All that a pair of connections has, the pipe's bytes left out. */
static void an_idle_pair_is_small(void **state)
{
    (void)state;
    fa_flow *servers[8], *clients[8];
    meet();
    part();
    const size_t before = __sanitizer_get_current_allocated_bytes();
    for (size_t i = 0; i < 8; i++) {
        meet();
        write_text(at_client, "hello");
        expect_read(at_server, "hello");
        servers[i] = at_server;
        clients[i] = at_client;
    }
    const size_t each = (__sanitizer_get_current_allocated_bytes() - before) / 8 - 2 * PIPE_BYTES;
    if (each > 2 * 6 * FA_KIB)
        fail_msg("%zu bytes", each);
    for (size_t i = 0; i < 8; i++) {
        at_server = servers[i];
        at_client = clients[i];
        part();
    }
}

static void idle(void **state)
{
    (void)state;
    meet();
    const fa_tls_conn *conn = fa_tls_conn_check(at_server);
    assert_null(conn->own_in);
    assert_null(conn->own_out);
    assert_null(conn->ssl.in_buf);
    assert_null(conn->ssl.out_buf);
    assert_int_equal(fa_tls_records_kept(), 0);
    write_text(at_client, "x");
    expect_read(at_server, "x");
    assert_null(conn->own_in);
}

static void buffers_are_large_enough(void **state)
{
    (void)state;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_init(&ssl);
    assert_int_equal(mbedtls_ssl_setup(&ssl, &server->config.mbed), 0);
    assert_true(malloc_usable_size(ssl.in_buf) <= FA_TLS_BUFFER_BYTES);
    assert_true(malloc_usable_size(ssl.out_buf) <= FA_TLS_BUFFER_BYTES);
    mbedtls_ssl_free(&ssl);
}

#define PAIR(name) cmocka_unit_test_setup_teardown(name, setup_pair, teardown_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR(a_conversation), PAIR(names), PAIR(bad_certificates), PAIR(the_clock_must_be_set), PAIR(unverified),
        PAIR(rsa), PAIR(resumption), PAIR(several_identities), PAIR(client_certificates), PAIR(what_is_no_identity),
        PAIR(much), PAIR(halves), PAIR(truncation), PAIR(idle), PAIR(an_idle_pair_is_small),
        PAIR(a_changed_record), PAIR(too_long_a_record), PAIR(the_same_record_twice), PAIR(bytes_one_by_one),
        PAIR(parts_of_records_end), PAIR(parts_of_records_give_way), PAIR(no_tls), PAIR(a_silent_client), PAIR(canceling),
        PAIR(silent_clients_give_way), PAIR(handshakes_have_a_rate), PAIR(buffers_are_large_enough),
    };
    return cmocka_run_group_tests_name("tls", tests, setup_all, NULL);
}
