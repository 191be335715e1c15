/* SPDX-License-Identifier: ISC */
/* TLS over pipes, our client against our server, as a program of the unix board: who is believed and who
 * is not, and why; data in records of any size; both ends; resumption; what an idle connection keeps. */
#include "tls_pair.h"
#include <malloc.h>

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
    /* A server that asks for no certificate goes on; one that does cannot. */
    make_client(&(fa_tls_client_options){.unverified = true, .identity = identity});
    meet();
    part();
    for (unsigned asks = FA_TLS_ASKS_OPTIONAL; asks <= FA_TLS_ASKS_REQUIRED; asks++) {
        make_server(&(fa_tls_server_options){
            .identities = &identity, .identity_count = 1, .asks = (fa_tls_asks)asks, .trust = trust});
        make_pipe(PIPE_BYTES);
        meet_as("fata.example");
        assert_int_equal(server_err, FA_ENOCLOCK);
        assert_non_null(strstr(server_why.text, "clock"));
        part();
    }
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

/* As much as there is room for; how much that was. The last record may be on its way in part. */
static size_t fill(fa_flow *flow)
{
    static const uint8_t bytes[100];
    size_t len, total = 0;
    while (fa_flow_try_write(flow, &(fa_slice){bytes, sizeof bytes}, 1, &len) == FA_OK)
        total += len;
    return total;
}

static void an_end_without_room(void **state)
{
    (void)state;
    make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1, .no_tickets = true});
    for (unsigned closes = 0; closes < 2; closes++) {
        make_pipe(600);
        meet_as("fata.example");
        const size_t sent = fill(at_client);
        if (closes) {
            fa_flow_close(at_client);
            at_client = NULL;
        } else {
            assert_int_equal(fa_flow_shutdown(at_client), FA_OK);
        }
        size_t len = 1, got = 0;
        uint8_t bytes[64];
        for (; len > 0; got += len)
            assert_int_equal(fa_flow_read(at_server, bytes, sizeof bytes, &len, fa_after_s(1)), FA_OK);
        assert_in_range(got, sent, sent + 100);
        part();
    }
    fa_sleep(fa_after_ms(1));
}

static void an_end_that_nobody_takes(void **state)
{
    (void)state;
    make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1, .no_tickets = true});
    make_pipe(600);
    meet_as("fata.example");
    fill(at_client);
    fa_flow_close(at_client);
    at_client = NULL;
    fa_sleep(fa_after_s(11));
    uint8_t byte;
    size_t len;
    assert_int_equal(fa_flow_try_read(at_server, &byte, 1, &len), FA_ECLOSED);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR(a_conversation), PAIR(names), PAIR(bad_certificates), PAIR(the_clock_must_be_set), PAIR(unverified),
        PAIR(rsa), PAIR(resumption), PAIR(several_identities), PAIR(client_certificates), PAIR(what_is_no_identity),
        PAIR(much), PAIR(halves), PAIR(an_end_without_room), PAIR(an_end_that_nobody_takes), PAIR(truncation), PAIR(idle), PAIR(an_idle_pair_is_small),
        PAIR(buffers_are_large_enough),
    };
    return cmocka_run_group_tests_name("tls", tests, setup_all, NULL);
}
