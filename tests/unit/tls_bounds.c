/* SPDX-License-Identifier: ISC */
/* TLS's bounds, over pipes, as a program of the unix board: changed, long and slow records, peers that say
 * nothing or something else, and how many handshakes and parts of records there may be. */
#include "tls_pair.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR(a_changed_record), PAIR(too_long_a_record), PAIR(the_same_record_twice), PAIR(bytes_one_by_one),
        PAIR(parts_of_records_end), PAIR(parts_of_records_give_way), PAIR(no_tls), PAIR(a_silent_client), PAIR(canceling),
        PAIR(silent_clients_give_way), PAIR(handshakes_have_a_rate),
    };
    return cmocka_run_group_tests_name("tls_bounds", tests, setup_all, NULL);
}
