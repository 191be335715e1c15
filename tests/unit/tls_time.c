/* SPDX-License-Identifier: ISC */
/* TLS over time, over pipes, as a program of the unix board: how long a session stands for a certificate, peers
 * that send just enough to seem alive, records that say nothing, and TLS over TLS where room is short. */
#include "tls_pair.h"

#define HOUR_S UINT64_C(3600)

size_t __sanitizer_get_current_allocated_bytes(void);

/* Sessions. */

static void visit(bool resumed)
{
    meet();
    assert_int_equal(info_of(at_client).resumed, resumed);
    assert_string_equal(info_of(at_client).peer_subject, "CN=leaf");
    write_text(at_server, "x"); /* behind the ticket */
    expect_read(at_client, "x");
    part();
}

static void a_refused_ticket_leaves_nothing(void **state)
{
    (void)state;
    size_t before = 0;
    for (unsigned i = 0; i < 6; i++) {
        make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1});
        visit(false);
        if (i == 1)
            before = __sanitizer_get_current_allocated_bytes();
    }
    assert_int_equal(__sanitizer_get_current_allocated_bytes(), before);
}

static void at_hour_tenths(unsigned tenths)
{
    fa_clock_set_wall((CERT_NOW_S + tenths * HOUR_S / 10) * FA_NS_PER_S);
}

static void a_session_ends_with_its_certificate(void **state)
{
    (void)state;
    cert brief;
    cert_make(&brief, &(cert_options){.subject = "CN=leaf", .dns = "fata.example", .to = "20270115090000"}, &ca);
    fa_tls_identity *brief_identity = cert_identity(&brief);
    make_server(&(fa_tls_server_options){.identities = &brief_identity, .identity_count = 1});
    visit(false);
    at_hour_tenths(9);
    visit(true);
    at_hour_tenths(11);
    make_pipe(PIPE_BYTES);
    meet_as("fata.example");
    assert_int_equal(client_err, FA_EPERM);
    assert_non_null(strstr(client_why.text, "expired on 2027-01-15"));
    fa_tls_identity_free(brief_identity);
    cert_free(&brief);
}

/* Each resumption brings a ticket, but only a certificate can say again who the server is. */
static void sessions_do_not_last_by_being_resumed(void **state)
{
    (void)state;
    visit(false);
    at_hour_tenths(15);
    visit(true);
    at_hour_tenths(25);
    visit(false);
}

/* A ticket for whom nothing else comes is read at once, and no buffer waits for more. */
static void a_ticket_alone(void **state)
{
    (void)state;
    char byte;
    size_t len;
    meet();
    assert_int_equal(fa_flow_try_read(at_client, &byte, 1, &len), FA_EAGAIN);
    assert_int_equal(fa_tls_records_kept(), 0);
    fa_sleep(fa_after_ns(2 * FA_TLS_PART_NS));
    write_text(at_server, "x");
    expect_read(at_client, "x");
}

/* Records. */

static void send_empty_record(fa_flow *flow)
{
    fa_tls_conn *conn = fa_tls_conn_of(flow);
    assert_int_equal(fa_tls_records_lend(conn), FA_OK);
    assert_int_equal(mbedtls_ssl_write(&conn->ssl, (const unsigned char *)"", 0), 0);
    assert_int_equal(fa_tls_records_return(conn), FA_OK);
}

static void empty_records(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 3; count++) {
        meet();
        for (unsigned i = 0; i < count; i++)
            send_empty_record(at_client);
        write_text(at_client, "x");
        expect_read(at_server, "x");
        part();
    }
}

/* A byte from time to time makes no record. */
static void a_record_in_drops(void **state)
{
    (void)state;
    static const uint8_t record[] = {23, 3, 3, 0x10, 0x00};
    fa_flow *wire;
    char byte;
    size_t len;
    meet();
    fa_tls_conn *conn = fa_tls_conn_of(at_server);
    fa_flow_close(conn->below);
    assert_int_equal(fa_pipe_open(PIPE_BYTES, &wire, &conn->below), FA_OK);
    assert_int_equal(fa_flow_write(wire, &(fa_slice){record, sizeof record}, 1, FA_NOW), FA_OK);
    const fa_deadline due = fa_after_ns(FA_TLS_PART_NS);
    fa_err err = FA_EAGAIN;
    while (err == FA_EAGAIN && fa_clock_mono_ns() < due + FA_TLS_PART_NS) {
        assert_int_equal(fa_flow_write(wire, &(fa_slice){"x", 1}, 1, FA_NOW), FA_OK);
        err = fa_flow_try_read(at_server, &byte, 1, &len);
        fa_sleep(fa_after_ns(FA_TLS_PART_NS / 4));
    }
    assert_int_equal(err, FA_ETIMEDOUT);
    assert_int_equal(fa_tls_records_kept(), 0);
    part();
    fa_flow_close(wire);
}

/* But who reads a record slowly has its bytes. */
static void a_record_is_read_slowly(void **state)
{
    (void)state;
    static const char text[] = "12345678";
    meet();
    write_text(at_client, text);
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        char byte;
        size_t len;
        assert_int_equal(fa_flow_try_read(at_server, &byte, 1, &len), FA_OK);
        assert_int_equal(byte, text[i]);
        fa_sleep(fa_after_ns(FA_TLS_PART_NS / 2));
    }
}

/* Handshakes. */

static fa_flow *drops[2];
static fa_err drop_errs[2];

static void accept_drops(void *arg)
{
    fa_tls_reason why;
    fa_flow *flow;
    fa_err *err = arg;
    *err = fa_tls_accept(server, pipe_a, &flow, &why, fa_after_s(10));
}

static void send_drops(void *arg)
{
    static const uint8_t head[] = {22, 3, 1, 0x10, 0x00, 1, 0, 0x0f, 0xfc, 3, 3};
    fa_err err = FA_OK;
    for (size_t i = 0; i < 200 && err == FA_OK; i++) {
        err = fa_flow_write(arg, &(fa_slice){i < sizeof head ? &head[i] : head, 1}, 1, FA_NOW);
        fa_sleep(fa_after_ns(FA_TLS_PATIENCE_NS / 2));
    }
}

static void hellos_in_drops_give_way(void **state)
{
    (void)state;
    const fa_fiber_options options = {"server", 64 * FA_KIB};
    fa_tls_handshakes_limit(2);
    for (size_t i = 0; i < 2; i++) {
        make_pipe(PIPE_BYTES);
        drops[i] = pipe_b;
        assert_int_equal(fa_scope_spawn_with(&scope, &options, accept_drops, &drop_errs[i]), FA_OK);
        assert_int_equal(fa_scope_spawn_with(&scope, &options, send_drops, drops[i]), FA_OK);
        fa_sleep(fa_after_ms(10));
    }
    const uint64_t start_ns = board_now_ns;
    make_pipe(PIPE_BYTES);
    assert_int_equal(fa_scope_spawn_with(&scope, &options, accept_one, NULL), FA_OK);
    client_err = fa_tls_connect(client, pipe_b, "fata.example", &at_client, &client_why, fa_after_s(10));
    const uint64_t took_ns = board_now_ns - start_ns;
    join();
    fa_tls_handshakes_limit(0);
    assert_int_equal(client_err, FA_OK);
    assert_int_equal(server_err, FA_OK);
    assert_in_range(took_ns, 0, 3 * FA_NS_PER_S);
    assert_int_equal(drop_errs[0], FA_EBUSY);
    assert_int_equal(drop_errs[1], FA_EBUSY);
    for (size_t i = 0; i < 2; i++)
        fa_flow_close(drops[i]);
}

static void any_rate_is_one(void **state)
{
    (void)state;
    make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1, .handshakes_per_s = UINT32_MAX});
    meet();
}

/* TLS over TLS: what the lower one needs for a moment is not taken from the upper one, which calls it. */
static void a_flow_over_another(void **state)
{
    (void)state;
    static uint8_t bytes[16384], got[sizeof bytes];
    size_t done = 0, len;
    make_pipe(sizeof bytes + 30); /* the lower one's first record, and no more */
    meet_as("fata.example");
    fa_flow *const lower_server = at_server, *const lower_client = at_client;
    assert_non_null(lower_server);
    pipe_a = lower_server;
    pipe_b = lower_client;
    at_server = at_client = NULL;
    meet_as("fata.example");
    assert_int_equal(client_err, FA_OK);
    assert_int_equal(server_err, FA_OK);
    (void)!fa_flow_try_read(at_client, got, sizeof got, &len); /* the ticket */
    assert_int_equal(fa_flow_try_write(at_client, &(fa_slice){bytes, sizeof bytes}, 1, &len), FA_EAGAIN);
    assert_int_equal(fa_flow_try_read(at_server, got, sizeof got, &len), FA_EAGAIN);
    assert_non_null(fa_tls_conn_check(at_server)->own_in);
    assert_int_equal(fa_flow_try_write(at_client, &(fa_slice){bytes, sizeof bytes}, 1, &done), FA_OK);
    fa_tls_records_limit(fa_tls_records_kept());
    const fa_err err = fa_flow_try_read(at_server, got, sizeof got, &len);
    if (err != FA_ENOMEM)
        fail_msg("%s: %s / %s", fa_err_text(err), fa_tls_reason_of(at_server), fa_tls_reason_of(lower_server));
    fa_tls_records_limit(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR(a_refused_ticket_leaves_nothing), PAIR(a_session_ends_with_its_certificate),
        PAIR(sessions_do_not_last_by_being_resumed), PAIR(a_ticket_alone), PAIR(empty_records),
        PAIR(a_record_in_drops), PAIR(a_record_is_read_slowly),
        PAIR(hellos_in_drops_give_way), PAIR(any_rate_is_one), PAIR(a_flow_over_another),
    };
    return cmocka_run_group_tests_name("tls_time", tests, setup_all, NULL);
}
