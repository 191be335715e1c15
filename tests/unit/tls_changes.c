/* SPDX-License-Identifier: ISC */
/* What changes while servers and clients of TLS live, over pipes, as a program of the unix board: who they are and whom
 * they believe. Sessions that were made before let nobody in whom they would refuse now. */
#include "tls_crl.h"
#include "tls_pair.h"

static cert second_leaf;
static fa_tls_identity *second;

static void only_12(void)
{
    mbedtls_ssl_conf_max_tls_version(&server->config.mbed, MBEDTLS_SSL_VERSION_TLS1_2);
}

static void visit(bool resumed, const char *subject)
{
    meet();
    assert_int_equal(info_of(at_client).resumed, resumed);
    assert_int_equal(info_of(at_server).resumed, resumed);
    assert_string_equal(info_of(at_client).peer_subject, subject);
    write_text(at_server, "x"); /* behind the ticket */
    expect_read(at_client, "x");
    part();
}

static void refused(fa_err *err, fa_tls_reason *why, const char *text)
{
    make_pipe(PIPE_BYTES);
    meet_as("fata.example");
    if (*err != FA_EPERM || strstr(why->text, text) == NULL)
        fail_msg("no '%s' in '%s' (%s)", text, why->text, fa_err_text(*err));
    part();
}

/* Of the same CA, whose list names one of its certificates. */
static fa_tls_trust *trust_without(const cert *revoked)
{
    fa_tls_trust *made = cert_trust(&ca);
    mbedtls_x509_crt crt;
    uint8_t der[1024];
    crt_of(revoked, &crt);
    const size_t len = crl_make(&ca, &ca, "260101000000Z", "290101000000Z", &crt, der);
    assert_int_equal(fa_tls_trust_add_crl(made, der, len, NULL), FA_OK);
    mbedtls_x509_crt_free(&crt);
    return made;
}

/* Who comes again sees the one that is shown now; with a ticket as without. */
static void another_identity(void **state)
{
    (void)state;
    for (unsigned version = 0; version < 2; version++) {
        make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1});
        if (version == 0)
            only_12();
        visit(false, "CN=leaf");
        visit(true, "CN=leaf");
        assert_int_equal(fa_tls_server_set_identities(server, &second, 1), FA_OK);
        visit(false, "CN=second");
        visit(true, "CN=second");
    }
}

static void clients_show_who_they_are_each_time(void **state)
{
    (void)state;
    cert mine;
    cert_make(&mine, &(cert_options){.subject = "CN=mine"}, &ca);
    fa_tls_identity *own = cert_identity(&mine);
    fa_tls_trust *without = trust_without(&mine), *others = cert_trust(&other_ca);
    for (unsigned asks = FA_TLS_ASKS_OPTIONAL; asks <= FA_TLS_ASKS_REQUIRED; asks++)
        for (unsigned version = 0; version < 2; version++) {
            make_server(&(fa_tls_server_options){
                .identities = &identity, .identity_count = 1, .asks = (fa_tls_asks)asks, .trust = trust});
            make_client(&(fa_tls_client_options){.trust = trust, .identity = own});
            if (version == 0)
                only_12();
            visit(false, "CN=leaf");
            visit(false, "CN=leaf");
            assert_int_equal(fa_tls_server_set_trust(server, without), FA_OK);
            refused(&server_err, &server_why, "CN=mine: was revoked");
            assert_int_equal(fa_tls_server_set_trust(server, others), FA_OK);
            refused(&server_err, &server_why, "issued by CN=Test CA, O=Fata, who is not trusted");
            assert_int_equal(fa_tls_server_set_trust(server, trust), FA_OK);
            visit(false, "CN=leaf");
        }
    fa_tls_trust_free(without);
    fa_tls_trust_free(others);
    fa_tls_identity_free(own);
    cert_free(&mine);
}

static void another_trust_of_a_client(void **state)
{
    (void)state;
    fa_tls_trust *without = trust_without(&leaf), *others = cert_trust(&other_ca);
    for (unsigned version = 0; version < 2; version++) {
        make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1});
        if (version == 0)
            only_12();
        assert_int_equal(fa_tls_client_set_trust(client, trust), FA_OK);
        visit(false, "CN=leaf");
        visit(true, "CN=leaf");
        assert_int_equal(fa_tls_client_set_trust(client, without), FA_OK);
        refused(&client_err, &client_why, "CN=leaf: was revoked");
        assert_int_equal(fa_tls_client_set_trust(client, others), FA_OK);
        refused(&client_err, &client_why, "who is not trusted");
    }
    fa_tls_trust_free(without);
    fa_tls_trust_free(others);
}

/* A connection of before goes on, but its ticket opens no other one. */
static void a_ticket_that_comes_later(void **state)
{
    (void)state;
    meet();
    fa_tls_trust *without = trust_without(&leaf);
    assert_int_equal(fa_tls_client_set_trust(client, without), FA_OK);
    fa_tls_trust_free(without);
    write_text(at_server, "x");
    expect_read(at_client, "x");
    part();
    refused(&client_err, &client_why, "CN=leaf: was revoked");
}

static void what_is_no_change(void **state)
{
    (void)state;
    visit(false, "CN=leaf");
    assert_int_equal(fa_tls_server_set_trust(server, trust), FA_EINVAL); /* it asks for no certificates */
    assert_int_equal(fa_tls_client_set_trust(client, NULL), FA_EINVAL);
    assert_int_equal(fa_tls_server_set_identities(server, &second, 0), FA_EINVAL);
    visit(true, "CN=leaf");
}

static void make_version(mbedtls_ssl_protocol_version version)
{
    make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1});
    mbedtls_ssl_conf_min_tls_version(&server->config.mbed, version);
    mbedtls_ssl_conf_max_tls_version(&server->config.mbed, version);
}

/* The session's hello is for its version alone. */
static void another_version(void **state)
{
    (void)state;
    static const mbedtls_ssl_protocol_version versions[] = {MBEDTLS_SSL_VERSION_TLS1_2, MBEDTLS_SSL_VERSION_TLS1_3};
    for (size_t i = 0; i < 2; i++) {
        make_client(&(fa_tls_client_options){.trust = trust});
        make_version(versions[i]);
        visit(false, "CN=leaf");
        visit(true, "CN=leaf");
        make_version(versions[1 - i]);
        make_pipe(PIPE_BYTES);
        meet_as("fata.example");
        assert_int_equal(client_err, FA_EAGAIN);
        if (strstr(client_why.text, "the peer refused: no") == NULL)
            fail_msg("%u: %s", (unsigned)i, client_why.text);
        visit(false, "CN=leaf");
        visit(true, "CN=leaf");
    }
    /* Without a session it is what it is. */
    make_client(&(fa_tls_client_options){.trust = trust, .only_13 = true});
    make_version(MBEDTLS_SSL_VERSION_TLS1_2);
    make_pipe(PIPE_BYTES);
    meet_as("fata.example");
    assert_int_equal(client_err, FA_ENOTSUP);
}

static void visit_at(const char *name, bool resumed)
{
    make_pipe(PIPE_BYTES);
    meet_as(name);
    if (client_err != FA_OK)
        fail_msg("%s: %s", name, client_why.text);
    assert_int_equal(info_of(at_client).resumed, resumed);
    write_text(at_server, "x");
    expect_read(at_client, "x");
    part();
}

/* Each port is a server of its own. */
static void ports(void **state)
{
    (void)state;
    static const char *const bad[] = {"fata.example:", "fata.example:0", "fata.example:65536", "fata.example:4a",
                                      "fata.example:18446744073709551617", "fata.example:-1", ":443"};
    make_version(MBEDTLS_SSL_VERSION_TLS1_3);
    visit_at("fata.example", false);
    visit_at("fata.example:8443", false);
    visit_at("fata.example:8444", false);
    visit_at("FATA.example.:8443", true);
    visit_at("fata.example", true);
    visit_at("192.0.2.1:65535", false);
    visit_at("192.0.2.1:65535", true);
    make_version(MBEDTLS_SSL_VERSION_TLS1_2);
    visit_at("fata.example:1", false);
    for (size_t i = 0; i < FA_ARRAY_COUNT(bad); i++) {
        make_pipe(PIPE_BYTES);
        meet_as(bad[i]);
        assert_int_equal(client_err, FA_EINVAL);
        assert_int_not_equal(client_why.text[0], '\0');
    }
}

static int setup_second(void **state)
{
    const int ret = setup_all(state);
    cert_make(&second_leaf, &(cert_options){.subject = "CN=second", .dns = "fata.example"}, &ca);
    second = cert_identity(&second_leaf);
    return ret;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR(another_identity), PAIR(clients_show_who_they_are_each_time), PAIR(another_trust_of_a_client),
        PAIR(a_ticket_that_comes_later), PAIR(what_is_no_change), PAIR(another_version), PAIR(ports),
    };
    return cmocka_run_group_tests_name("tls_changes", tests, setup_second, NULL);
}
