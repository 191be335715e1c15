/* SPDX-License-Identifier: ISC */
/* KeyUpdate (RFC 8446 section 4.6.3), over pipes, as a program of the unix board: both sides change their keys as often
 * as they like, within bounds; and what is none of it ends the connection, and tells so. */
#include "../../sdk/tls/update.h"
#include "tls_pair.h"

#define HANDSHAKE 22u
#define KEY_UPDATE 24u

int mbedtls_ssl_write_record(mbedtls_ssl_context *ssl, int force_flush);

static fa_tls_conn *conn_of(fa_flow *flow)
{
    return fa_tls_conn_of(flow);
}

/* A record of handshake messages, as one side would send it. */
static void send_record(fa_flow *flow, const void *bytes, size_t len)
{
    mbedtls_ssl_context *ssl = &conn_of(flow)->ssl;
    assert_int_equal(fa_tls_records_lend(conn_of(flow)), FA_OK);
    memcpy(ssl->out_msg, bytes, len);
    ssl->out_msgtype = HANDSHAKE;
    ssl->out_msglen = len;
    assert_int_equal(mbedtls_ssl_write_record(ssl, 1), 0);
    assert_int_equal(fa_tls_records_return(conn_of(flow)), FA_OK);
}

static void next_keys(fa_flow *flow)
{
    assert_int_equal(mbedtls_fata_next_keys(&conn_of(flow)->ssl, 1), 0);
}

static void update(fa_flow *flow, uint8_t wants)
{
    send_record(flow, (const uint8_t[]){KEY_UPDATE, 0, 0, 1, wants}, 5);
    next_keys(flow);
}

static fa_err reads(fa_flow *flow)
{
    char bytes[64];
    size_t len;
    return fa_flow_try_read(flow, bytes, sizeof bytes, &len);
}

static void talk(void)
{
    write_text(at_client, "from the client");
    expect_read(at_server, "from the client");
    write_text(at_server, "from the server");
    expect_read(at_client, "from the server");
}

static uint8_t key_byte(fa_flow *flow, bool of_server)
{
    const mbedtls_ssl_tls13_application_secrets *s = &conn_of(flow)->ssl.session->app_secrets;
    return of_server ? s->server_application_traffic_secret_N[7] : s->client_application_traffic_secret_N[7];
}

static void both_ways(void **state)
{
    (void)state;
    static const int ciphers[][2] = {
        {MBEDTLS_TLS1_3_AES_128_GCM_SHA256, 0}, {MBEDTLS_TLS1_3_AES_256_GCM_SHA384, 0}, {MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256, 0}};
    for (size_t c = 0; c < FA_ARRAY_COUNT(ciphers); c++) {
        make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1});
        mbedtls_ssl_conf_ciphersuites(&server->config.mbed, ciphers[c]);
        meet();
        talk();
        for (unsigned i = 0; i < 12; i++) {
            fa_flow *from = i % 2 == 0 ? at_client : at_server, *to = i % 2 == 0 ? at_server : at_client;
            const uint8_t wants = i / 2 % 2;
            update(from, wants);
            assert_int_equal(reads(to), FA_EAGAIN);
            assert_int_equal(conn_of(to)->owes_update, wants);
            talk();
            assert_false(conn_of(to)->owes_update);
            for (unsigned side = 0; side < 2; side++) /* they have come to the same secrets, and no record waits */
                assert_int_equal(key_byte(at_client, side), key_byte(at_server, side));
            assert_int_equal(fa_tls_records_kept(), 0);
        }
        part();
        meet(); /* and the ticket is good */
        assert_true(info_of(at_client).resumed);
        update(at_client, 1);
        talk();
        part();
    }
}

/* One answer is enough for several that want one (section 4.6.3), and nobody answers an answer. */
static void one_answer(void **state)
{
    (void)state;
    meet();
    talk();
    for (unsigned i = 0; i < 5; i++)
        update(at_client, 1);
    assert_int_equal(reads(at_server), FA_EAGAIN);
    talk();
    assert_int_equal(conn_of(at_client)->updates, 1);
    assert_int_equal(conn_of(at_server)->updates, 5);
    talk();
    assert_int_equal(conn_of(at_client)->updates, 1);
}

static void set_count(uint64_t count)
{
    const fa_be64 n = fa_be64_of(count);
    memcpy(conn_of(at_client)->ssl.cur_out_ctr, &n, sizeof n);
    memcpy(conn_of(at_server)->counter, &n, sizeof n);
}

static void worn_keys_are_changed(void **state)
{
    (void)state;
    meet();
    talk();
    set_count((UINT64_C(1) << FA_TLS_RECORDS_OF_A_KEY_LOG2) - 2);
    const uint8_t before[] = {key_byte(at_client, false), key_byte(at_client, true)};
    talk();
    talk();
    assert_int_equal(conn_of(at_server)->updates, 0);
    for (unsigned i = 0; i < 3; i++)
        talk();
    assert_int_equal(conn_of(at_server)->updates, 1);
    assert_int_equal(conn_of(at_client)->updates, 0);
    assert_int_equal(conn_of(at_client)->ssl.cur_out_ctr[7], 3);
    assert_int_not_equal(key_byte(at_server, false), before[0]);
    assert_int_equal(key_byte(at_server, true), before[1]);
    part();
    /* TLS 1.2 has no other keys. */
    mbedtls_ssl_conf_max_tls_version(&server->config.mbed, MBEDTLS_SSL_VERSION_TLS1_2);
    make_client(&(fa_tls_client_options){.trust = trust});
    meet();
    set_count((UINT64_C(1) << FA_TLS_RECORDS_OF_A_KEY_LOG2) + 2);
    talk();
}

/* The update does not fit: what is written after it waits, and comes. */
static void without_room(void **state)
{
    (void)state;
    static const uint8_t bytes[575]; /* 597 in a record: mbedTLS pads it */
    size_t len;
    make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1, .no_tickets = true});
    for (size_t room = 0; room < 60; room++) { /* an update has 37, and data behind it */
        make_pipe(597 + room);
        meet_as("fata.example");
        assert_int_equal(fa_flow_try_write(at_client, &(fa_slice){bytes, sizeof bytes}, 1, &len), FA_OK);
        update(at_server, 1);
        assert_int_equal(reads(at_client), FA_EAGAIN);
        assert_int_equal(fa_flow_try_write(at_client, &(fa_slice){"after", 5}, 1, &len), FA_EAGAIN);
        size_t got = 0;
        while (got < sizeof bytes) {
            uint8_t in[600];
            assert_int_equal(fa_flow_try_read(at_server, in, sizeof in, &len), FA_OK);
            got += len;
        }
        write_text(at_client, "after");
        expect_read(at_server, "after");
        part();
    }
}

/* A peer that does what it must not is told by an alert, and why is known. */
static void refused(const uint8_t *bytes, size_t len, const char *text, const char *told)
{
    meet();
    talk();
    send_record(at_client, bytes, len);
    assert_int_equal(reads(at_server), FA_EFORMAT);
    if (strstr(fa_tls_reason_of(at_server), text) == NULL)
        fail_msg("no '%s' in '%s'", text, fa_tls_reason_of(at_server));
    assert_int_equal(reads(at_client), FA_EFORMAT);
    if (strstr(fa_tls_reason_of(at_client), told) == NULL)
        fail_msg("no '%s' in '%s'", told, fa_tls_reason_of(at_client));
    assert_int_equal(fa_tls_records_kept(), 0);
    part();
}

static void illegal_ones(void **state)
{
    (void)state;
    static const uint8_t two[] = {KEY_UPDATE, 0, 0, 1, 0, KEY_UPDATE, 0, 0, 1, 0};
    const char *const out_of_turn = "a message came out of turn", *const broken = "a message is broken";
    refused((const uint8_t[]){KEY_UPDATE, 0, 0, 1, 2}, 5, "illegal parameter", "alert 47");
    refused((const uint8_t[]){KEY_UPDATE, 0, 0, 1, 255}, 5, "illegal parameter", "alert 47");
    refused((const uint8_t[]){KEY_UPDATE, 0, 0, 0}, 4, broken, "alert 50");
    refused((const uint8_t[]){KEY_UPDATE, 0, 0, 2, 0, 0}, 6, broken, "alert 50");
    refused(two, sizeof two, out_of_turn, "alert 10");
    refused((const uint8_t[]){KEY_UPDATE, 0, 0, 1, 0, 4}, 6, out_of_turn, "alert 10"); /* the begin of another one */
    refused((const uint8_t[]){13, 0, 0, 1, 0}, 5, out_of_turn, "alert 10");
    mbedtls_ssl_conf_max_tls_version(&server->config.mbed, MBEDTLS_SSL_VERSION_TLS1_2);
    make_client(&(fa_tls_client_options){.trust = trust});
    refused((const uint8_t[]){KEY_UPDATE, 0, 0, 1, 0}, 5, out_of_turn, "alert 10");
}

/* Cut into two records it is a message as any other. */
static void in_two_records(void **state)
{
    (void)state;
    meet();
    talk();
    send_record(at_client, (const uint8_t[]){KEY_UPDATE, 0, 0, 1}, 4);
    assert_int_equal(reads(at_server), FA_EAGAIN);
    send_record(at_client, (const uint8_t[]){1}, 1);
    next_keys(at_client);
    assert_int_equal(reads(at_server), FA_EAGAIN);
    talk();
    assert_int_equal(conn_of(at_server)->updates, 1);
    assert_int_equal(conn_of(at_client)->updates, 1);
    /* But nothing may come between. */
    send_record(at_client, (const uint8_t[]){KEY_UPDATE, 0, 0, 1}, 4);
    write_text(at_client, "x");
    assert_int_equal(reads(at_server), FA_EFORMAT);
}

static void old_keys_are_no_good(void **state)
{
    (void)state;
    meet();
    talk();
    send_record(at_client, (const uint8_t[]){KEY_UPDATE, 0, 0, 1, 0}, 5);
    write_text(at_client, "x");
    assert_int_equal(reads(at_server), FA_EFORMAT);
    assert_non_null(strstr(fa_tls_reason_of(at_server), "changed"));
}

static void a_flood(void **state)
{
    (void)state;
    meet();
    talk();
    for (unsigned second = 0; second < 3; second++) {
        for (unsigned i = 0; i < FA_TLS_UPDATES_PER_S; i++)
            update(at_client, 1);
        talk();
        fa_sleep(fa_after_s(1));
    }
    fa_err err = FA_EAGAIN;
    for (unsigned i = 0; i <= FA_TLS_UPDATES_PER_S && err == FA_EAGAIN; i++) {
        update(at_client, 1);
        err = reads(at_server);
        assert_int_equal(err, i < FA_TLS_UPDATES_PER_S ? FA_EAGAIN : FA_ELIMIT);
    }
    assert_non_null(strstr(fa_tls_reason_of(at_server), "too often"));
}

/* In the place of a client's Finished. */
static void within_the_handshake(void **state)
{
    (void)state;
    fa_tls_conn *conn;
    fa_tls_reason why = {""};
    const fa_fiber_options options = {"server", 64 * FA_KIB};
    make_pipe(PIPE_BYTES);
    assert_int_equal(fa_scope_spawn_with(&scope, &options, accept_one, NULL), FA_OK);
    assert_int_equal(fa_tls_conn_new((fa_tls_config *)client, pipe_b, &conn), FA_OK);
    conn->why = &why;
    assert_int_equal(fa_tls_client_prepare(client, conn, "fata.example", &why), FA_OK);
    while (conn->ssl.state != MBEDTLS_SSL_CLIENT_FINISHED) {
        const int ret = mbedtls_ssl_handshake_step(&conn->ssl);
        assert_true(ret == 0 || ret == MBEDTLS_ERR_SSL_WANT_READ);
        yield();
    }
    memcpy(conn->ssl.out_msg, (const uint8_t[]){KEY_UPDATE, 0, 0, 1, 0}, 5);
    conn->ssl.out_msgtype = HANDSHAKE;
    conn->ssl.out_msglen = 5;
    assert_int_equal(mbedtls_ssl_write_record(&conn->ssl, 1), 0);
    join();
    assert_int_equal(server_err, FA_EFORMAT);
    assert_non_null(strstr(server_why.text, "out of turn"));
    fa_tls_conn_free(conn, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR(both_ways), PAIR(one_answer), PAIR(worn_keys_are_changed), PAIR(without_room), PAIR(illegal_ones),
        PAIR(in_two_records), PAIR(old_keys_are_no_good), PAIR(a_flood), PAIR(within_the_handshake),
    };
    return cmocka_run_group_tests_name("tls_update", tests, setup_all, NULL);
}
