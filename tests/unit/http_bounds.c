/* SPDX-License-Identifier: ISC */
/* The bounds of the HTTP server: time-outs, connections, fibers, what is kept, clients that are slow or
 * leave; and its end. */
#include "../../sdk/http/server.h"
#include "http_client.h"

static void idle_connections_end(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    get(client, "/small", "");
    const uint64_t since_ns = board_now_ns;
    hear_for(client, 100000);
    has_ended();
    assert_int_equal(heard_len, 0);
    assert_in_range(board_now_ns - since_ns, FA_HTTP_IDLE_NS - FA_NS_PER_S, FA_HTTP_IDLE_NS + FA_NS_PER_S);
}

static void slow_heads_end(void **state)
{
    (void)state;
    start();
    fa_flow *silent = connect_one(), *client = connect_one();
    const uint64_t since_ns = board_now_ns;
    fa_err err = FA_OK;
    say(client, "GET / HTTP/1.1\r\n");
    /* A field now and then does not put it off. */
    while (err == FA_OK && board_now_ns - since_ns < 2 * FA_HTTP_HEAD_NS) {
        err = fa_flow_write(client, &(fa_slice){"A: b\r\n", 6}, 1, FA_NOW);
        assert_int_equal(fa_sleep(fa_after_ms(500)), FA_OK);
    }
    assert_int_equal(err, FA_ECLOSED);
    assert_in_range(board_now_ns - since_ns, FA_HTTP_HEAD_NS, FA_HTTP_HEAD_NS + 2 * FA_NS_PER_S);
    hear_for(client, 10);
    expect_status(408);
    hear_for(silent, 10);
    has_ended();
    assert_int_equal(heard_len, 0);
}

static void the_oldest_idle_one_gives_way(void **state)
{
    (void)state;
    options.connections = 3;
    start();
    fa_flow *first = connect_one();
    get(first, "/small", "");
    fa_flow *second = connect_one();
    get(second, "/small", "");
    fa_flow *unfinished = connect_one();
    say(unfinished, "GET /small");
    get(first, "/small", ""); /* now the second is the oldest */
    get(connect_one(), "/stats", "");
    expect_status(200);
    assert_int_equal(stats.connections, 3);
    assert_int_equal(stats.accepted, 4);
    hear_for(second, 1);
    assert_int_equal(heard_err, FA_ECLOSED);
    get(first, "/small", "");
    goes_on();
    ask(unfinished, " HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_status(200);
}

static void unfinished_ones_give_way(void **state)
{
    (void)state;
    options.connections = 3;
    start();
    fa_flow *lories[3];
    for (size_t i = 0; i < 3; i++) {
        lories[i] = connect_one();
        say(lories[i], "GET /");
        yield();
    }
    get(connect_one(), "/small", "");
    expect_status(200);
    hear_for(lories[0], 1);
    assert_int_equal(heard_err, FA_ECLOSED);
}

static void what_is_kept_is_bounded(void **state)
{
    (void)state;
    static char field[10001];
    memset(field, 'x', sizeof field - 1);
    start();
    unsigned refused = 0;
    for (unsigned i = 0; i < FA_HTTP_KEPT_BYTES_MAX / 10000 + 10; i++) {
        fa_flow *client = connect_one();
        say(client, "GET / HTTP/1.1\r\nA: ");
        ask(client, field);
        refused += heard_err != FA_ETIMEDOUT;
    }
    assert_in_range(refused, 9, 12);
    get(connect_one(), "/small", ""); /* a whole one still gets through */
    expect_status(200);
}

static void fibers_are_bounded(void **state)
{
    (void)state;
    options.fibers = 3;
    start();
    fa_flow *slow_ones[10];
    for (size_t i = 0; i < 10; i++) {
        slow_ones[i] = connect_one();
        say(slow_ones[i], "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    for (size_t i = 0; i < 10; i++) {
        hear_for(slow_ones[i], 5000);
        expect("slept");
    }
    assert_int_equal(slow_most, 3);
    get(connect_one(), "/stats", "");
    assert_true(stats.fibers <= 3);
    assert_int_equal(fa_sleep(fa_after_s(30)), FA_OK);
    get(connect_one(), "/stats", "");
    assert_int_equal(stats.fibers, 1); /* the others have ended */
    assert_int_equal(stats.responses[2], 11);
}

/* Requests that do not wait need one fiber, however many come at once. */
static void a_burst_needs_one_fiber(void **state)
{
    (void)state;
    start();
    fa_flow *many[40];
    for (size_t i = 0; i < FA_ARRAY_COUNT(many); i++)
        many[i] = connect_one();
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < FA_ARRAY_COUNT(many); i++)
            say(many[i], "GET /ten.txt HTTP/1.1\r\nHost: h\r\n\r\n");
        for (size_t i = 0; i < FA_ARRAY_COUNT(many); i++) {
            hear_for(many[i], 1);
            assert_string_equal(body(), "0123456789");
        }
    }
    get(many[0], "/stats", "");
    assert_int_equal(stats.fibers, 1);
}

/* A file goes to who reads slowly without a fiber. */
static void slow_readers(void **state)
{
    (void)state;
    options.fibers = 1;
    start();
    fa_flow *slow_one = *connect_cap(64);
    say(slow_one, "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /ten.txt");
    assert_int_equal(fa_sleep(fa_after_ms(1)), FA_OK);
    /* The head has waited for room; the rest waits for more. */
    char some[300];
    size_t len, got = 0;
    while (got < sizeof some) {
        assert_int_equal(fa_flow_read(slow_one, some + got, sizeof some - got, &len, fa_after_ms(5)), FA_OK);
        got += len;
    }
    get(connect_one(), "/small", "");
    expect_status(200);
    hear_for(slow_one, 10);
    expect("The same again.");
    ask(slow_one, " HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(body(), "0123456789");
}

static void readers_that_stop(void **state)
{
    (void)state;
    start();
    fa_flow *client = *connect_cap(400);
    say(client, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(fa_sleep(fa_after_ns(FA_HTTP_SENDING_NS - FA_NS_PER_S)), FA_OK);
    get(connect_one(), "/stats", "");
    assert_int_equal(stats.connections, 2);
    assert_int_equal(fa_sleep(fa_after_s(2)), FA_OK);
    get(connect_one(), "/stats", "");
    assert_int_equal(stats.connections, 2);
    hear_for(client, 1);
    assert_int_equal(heard_err, FA_ECLOSED);
}

static void clients_that_leave(void **state)
{
    (void)state;
    start();
    static const char *const texts[] = {"", "GET", "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n", "POST /echo HTTP/1.1\r\nHost: h\r\n"
                                        "Content-Length: 9\r\n\r\nabc", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"};
    for (size_t i = 0; i < 2 * FA_ARRAY_COUNT(texts); i++) {
        fa_flow **client = connect_cap(256);
        say(*client, texts[i / 2]);
        assert_int_equal(fa_sleep(fa_after_ms(1)), FA_OK);
        if (i % 2)
            fa_flow_abort(*client);
        else
            fa_flow_close(*client);
        *client = NULL;
    }
    assert_int_equal(fa_sleep(fa_after_s(2)), FA_OK);
    get(connect_one(), "/stats", "");
    assert_int_equal(stats.connections, 1);
}

static void metrics(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    get(client, "/small", "");
    get(client, "/none", "");
    get(client, "/metrics", "");
    expect("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    expect("\nfata_http_requests_total{status=\"2xx\"} 1\n");
    expect("\nfata_http_requests_total{status=\"4xx\"} 1\n");
    expect("\n# TYPE fata_http_connections gauge\nfata_http_connections 1\n");
    expect("\nfata_uptime_seconds ");
    expect_not("fata_net_");
}

/* The end. */

static void ends_gracefully(void **state)
{
    (void)state;
    server_deadline = fa_after_ms(100);
    start();
    fa_flow *idle = connect_one(), *busy = connect_one();
    get(idle, "/small", "");
    say(busy, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    hear_for(idle, 500);
    has_ended();
    hear_for(busy, 2000);
    expect_status(200);
    expect("Connection: close\r\n");
    expect("slept");
    has_ended();
    join();
    assert_true(server_ended);
    assert_true(board_now_ns < server_deadline + 2 * FA_NS_PER_S); /* it knows when all are gone */
    assert_int_equal(server_err, FA_OK);
}

/* A response that has promised a connection that goes on. */
static void ends_after_a_promise(void **state)
{
    (void)state;
    server_deadline = fa_after_ms(100);
    start();
    fa_flow *stream = connect_one();
    say(stream, "GET /slow-stream HTTP/1.1\r\nHost: h\r\n\r\n");
    hear_for(stream, 2000);
    expect_not("Connection: close");
    expect("last\r\n0\r\n\r\n");
    has_ended();
    join();
    assert_true(board_now_ns < server_deadline + 2 * FA_NS_PER_S);
}

static void does_not_wait_for_ever(void **state)
{
    (void)state;
    server_deadline = fa_after_ms(100);
    start();
    fa_flow *client = connect_one();
    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc");
    assert_int_equal(fa_sleep(fa_after_ns(FA_HTTP_GRACE_NS + FA_NS_PER_S)), FA_OK);
    assert_true(server_ended);
}

static void canceled(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    say(client, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(fa_sleep(fa_after_ms(1)), FA_OK);
    fa_scope_cancel(&scope);
    join();
    assert_true(server_ended);
    assert_int_equal(server_err, FA_ECANCELED);
}

static void listener_fails(void **state)
{
    (void)state;
    start();
    source.err = FA_ECLOSED;
    call_source();
    join();
    assert_true(server_ended);
    assert_int_equal(server_err, FA_ECLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(idle_connections_end),
        TEST(slow_heads_end),
        TEST(the_oldest_idle_one_gives_way),
        TEST(unfinished_ones_give_way),
        TEST(what_is_kept_is_bounded),
        TEST(fibers_are_bounded),
        TEST(a_burst_needs_one_fiber),
        TEST(slow_readers),
        TEST(readers_that_stop),
        TEST(clients_that_leave),
        TEST(metrics),
        TEST(ends_gracefully),
        TEST(ends_after_a_promise),
        TEST(does_not_wait_for_ever),
        TEST(canceled),
        TEST(listener_fails),
    };
    return cmocka_run_group_tests_name("http_bounds", tests, NULL, NULL);
}
