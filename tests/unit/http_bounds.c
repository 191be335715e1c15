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

/* Empty lines are no request, and do not put the end of an idle connection off. */
static void empty_lines_end(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    get(client, "/small", "");
    const uint64_t since_ns = board_now_ns;
    fa_err err = FA_OK;
    while (err == FA_OK && board_now_ns - since_ns < 2 * FA_HTTP_IDLE_NS) {
        err = fa_flow_write(client, &(fa_slice){"\r\n", 2}, 1, FA_NOW);
        assert_int_equal(fa_sleep(fa_after_s(5)), FA_OK);
    }
    assert_int_equal(err, FA_ECLOSED);
    assert_in_range(board_now_ns - since_ns, FA_HTTP_IDLE_NS, FA_HTTP_IDLE_NS + 12 * FA_NS_PER_S);
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

/* Sends half a request, which is kept, and then the other half. */
static void ask_in_halves(fa_flow *client, unsigned status)
{
    ask(client, "GET /small HTTP/1.1\r\nHost:");
    assert_int_equal(heard_err, FA_ETIMEDOUT);
    ask(client, " h\r\n\r\n");
    expect_status(status);
}

static const char *filler(size_t len)
{
    static char text[10001];
    assert_true(len < sizeof text);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

/* Who sends half a head and waits gives way to who goes on. */
static void stalled_heads_give_way(void **state)
{
    (void)state;
    const unsigned fit = FA_HTTP_KEPT_BYTES_MAX / 10000;
    fa_flow *stalled[FA_HTTP_KEPT_BYTES_MAX / 10000 + 10];
    start();
    fa_flow *silent = connect_one();
    for (unsigned i = 0; i < fit + 10; i++) {
        stalled[i] = connect_one();
        say(stalled[i], "GET / HTTP/1.1\r\nA: ");
        ask(stalled[i], filler(10000));
        assert_int_equal(heard_err, FA_ETIMEDOUT); /* the newest is not the one that goes */
    }
    ask_in_halves(connect_one(), 200);
    for (unsigned i = 0; i < fit + 10; i++) {
        hear_for(stalled[i], 1);
        if (i < 9 || i > 12) /* the oldest have gone, and no more of them than that */
            assert_int_equal(heard_err, i < 11 ? FA_ECLOSED : FA_ETIMEDOUT);
    }
    ask_in_halves(silent, 200); /* it kept nothing: older, and not in the way */
}

/* So do those that send and do not read. */
static void stalled_readers_give_way(void **state)
{
    (void)state;
    const unsigned fit = FA_HTTP_KEPT_BYTES_MAX / 10000;
    start();
    for (unsigned i = 0; i < fit + 10; i++) {
        fa_flow *client = *connect_cap(12000);
        say(client, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
        say(client, filler(10000));
        assert_int_equal(fa_sleep(fa_after_ms(1)), FA_OK);
    }
    get(connect_one(), "/stats", "");
    assert_in_range(stats.connections, fit, fit + 2);
    ask_in_halves(connect_one(), 200);
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

/* A request that no fiber had time for is told so, and the connection ends. */
static void requests_that_wait(void **state)
{
    (void)state;
    options.fibers = 1;
    options.head_ns = 500 * FA_NS_PER_MS;
    start();
    fa_flow *busy = connect_one(), *waits = connect_one();
    say(busy, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    yield();
    ask(waits, "GET /small HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(heard_len, 0);
    hear_for(waits, 600);
    expect_status(503);
    expect("Connection: close\r\n");
    has_ended();
    hear_for(busy, 1000);
    expect("slept");
    assert_int_equal(fa_sleep(fa_after_s(3)), FA_OK);
    get(busy, "/stats", "");
    assert_int_equal(stats.connections, 1);
    assert_int_equal(stats.responses[5], 1);
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
    assert_int_equal(fa_sleep(fa_after_ns(FA_HTTP_PATIENCE_NS - FA_NS_PER_S)), FA_OK);
    get(connect_one(), "/stats", "");
    assert_int_equal(stats.connections, 2);
    assert_int_equal(fa_sleep(fa_after_s(2)), FA_OK);
    get(connect_one(), "/stats", "");
    assert_int_equal(stats.connections, 2);
    hear_for(client, 1);
    assert_int_equal(heard_err, FA_ECLOSED);
}

/* Takes `bytes` each second until the end; the seconds that went by. */
static unsigned read_slowly(fa_flow *client, size_t bytes)
{
    static char some[2000];
    assert_true(bytes <= sizeof some);
    size_t len = 1;
    unsigned seconds = 0;
    heard_len = 0;
    while ((heard_err = fa_flow_read(client, some, bytes, &len, fa_after_ms(1))) == FA_OK && len > 0) {
        heard_len += len;
        seconds++;
        assert_int_equal(fa_sleep(fa_after_s(1)), FA_OK);
    }
    return seconds;
}

/* A file's reader has a least rate; bytes now and then do not help. */
static void readers_that_crawl(void **state)
{
    (void)state;
    start();
    fa_flow *slow_one = *connect_cap(400);
    say(slow_one, "GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    read_slowly(slow_one, 2 * FA_HTTP_RATE_BYTES_PER_S); /* (of a pipe that holds 400) */
    assert_int_equal(heard_err, FA_ECLOSED);
    fa_flow *telephone = *connect_cap(4000);
    say(telephone, "GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_in_range(read_slowly(telephone, FA_HTTP_RATE_BYTES_PER_S + 50), 180, 200);
    assert_int_equal(heard_err, FA_OK);
    assert_true(heard_len > BIG_BYTES);
    fa_flow *crawler = *connect_cap(4000);
    say(crawler, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    const uint64_t since_ns = board_now_ns;
    read_slowly(crawler, FA_HTTP_RATE_BYTES_PER_S - 150);
    assert_int_equal(heard_err, FA_ECLOSED);
    assert_in_range(board_now_ns - since_ns, FA_HTTP_PATIENCE_NS, FA_HTTP_PATIENCE_NS + 2 * FA_NS_PER_S);
}

/* A flow that never tells of room, as TCP's does not before there is a good part of a large window. */
typedef struct late_flow {
    fa_flow flow;
    fa_flow *pipe;
} late_flow;

static fa_err late_read(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out)
{
    return fa_flow_try_read(((late_flow *)flow)->pipe, bytes_out, cap, len_out);
}

static fa_err late_write(fa_flow *flow, const fa_slice *slices, size_t count, size_t *len_out)
{
    return fa_flow_try_write(((late_flow *)flow)->pipe, slices, count, len_out);
}

static void late_arm(fa_flow *flow, unsigned events, fa_waker *waker)
{
    fa_flow_arm(((late_flow *)flow)->pipe, waker == NULL ? events : events & FA_FLOW_READABLE, waker);
}

static void late_close(fa_flow *flow, bool abort)
{
    (abort ? fa_flow_abort : fa_flow_close)(((late_flow *)flow)->pipe);
}

/* What they take counts, told or not. */
static void readers_told_of_late(void **state)
{
    static const fa_flow_ops ops = {late_read, late_write, late_arm, NULL, late_close};
    static const char *const paths[] = {"/big", "/pieces?50"};
    (void)state;
    options.request_ns = 200 * FA_NS_PER_S;
    start();
    for (size_t i = 0; i < FA_ARRAY_COUNT(paths); i++) {
        fa_flow *client = *connect_cap(20000);
        late_flow late = {{&ops}, source.flows[source.count - 1]};
        source.flows[source.count - 1] = &late.flow;
        char text[100];
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", paths[i]);
        say(client, text);
        read_slowly(client, FA_HTTP_RATE_BYTES_PER_S + 50);
        assert_int_equal(heard_err, FA_OK);
        assert_true(heard_len > 50000);
    }
}

/* A body of 30,000 bytes, so many of them each second; the seconds until there is an answer. */
static unsigned post_slowly(fa_flow *client, size_t bytes, unsigned pause_at)
{
    unsigned seconds = 0;
    say(client, "POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 30000\r\n\r\n");
    for (size_t left = 30000; left > 0 && seconds < 200; seconds++) {
        const size_t len = left < bytes ? left : bytes;
        if (fa_flow_write(client, &(fa_slice){filler(len), len}, 1, FA_NOW) != FA_OK)
            break;
        left -= len;
        hear_for(client, seconds == pause_at ? 25000 : 1000);
        if (heard_len > 0)
            break;
    }
    return seconds;
}

static void bodies_that_crawl(void **state)
{
    (void)state;
    options.request_ns = 200 * FA_NS_PER_S;
    start();
    fa_flow *client = connect_one();
    assert_int_equal(post_slowly(client, 600, 10), 49);
    expect_status(200);
    assert_string_equal(body(), "30000");
    client = connect_one();
    assert_in_range(post_slowly(client, 10, 1000), 25, 35);
    expect_status(408);
    has_ended();
    client = connect_one();
    assert_in_range(post_slowly(client, 250, 1000), 55, 65); /* half the rate: behind by half the time */
    expect_status(408);
}

/* All fibers wait for bodies that do not come, or for readers that do not read. Another request has its
 * turn soon, and no more of them have to go for it than that. */
static void starved(const char *hog)
{
    fa_flow *hogs[FA_HTTP_FIBERS];
    start();
    for (size_t i = 0; i < FA_HTTP_FIBERS; i++) {
        hogs[i] = *connect_cap(4096);
        say(hogs[i], hog);
        assert_int_equal(fa_sleep(fa_after_ms(10)), FA_OK);
    }
    assert_int_equal(fa_sleep(fa_after_s(10)), FA_OK); /* nobody else is there: there is time */
    const uint64_t since_ns = board_now_ns;
    fa_flow *honest = connect_one();
    say(honest, "GET /stats HTTP/1.1\r\nHost: h\r\n\r\n");
    do
        hear_for(honest, 100);
    while (heard_len == 0 && heard_err == FA_ETIMEDOUT);
    expect_status(200);
    assert_in_range(board_now_ns - since_ns, 0, 3 * FA_HTTP_LOOK_NS);
    assert_int_equal(stats.fibers, FA_HTTP_FIBERS);
    assert_int_equal(fa_sleep(fa_after_s(3)), FA_OK);
    get(honest, "/stats", "");
    assert_int_equal(stats.connections, FA_HTTP_FIBERS); /* one has given way */
}

static void bodies_give_way(void **state)
{
    (void)state;
    starved("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
}

static void readers_give_way(void **state)
{
    (void)state;
    starved("GET /pieces?1000 HTTP/1.1\r\nHost: h\r\n\r\n");
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

/* The rules of Prometheus' text format, and those of its linter: what a metric is stands before it, once;
 * no two say the same; counters, and they alone, end with _total. */
static size_t check_metrics(const char *text)
{
    char line[256], name[100], kind[20], current[100] = "";
    const char *help;
    size_t count = 0;
    for (int used = 0; sscanf(text, "%255[^\n]%n", line, &used) == 1; text += used + 1) {
        assert_int_equal(text[used], '\n');
        if (sscanf(line, "# HELP %99s", name) == 1) {
            strcpy(current, name);
            help = line + strlen("# HELP ") + strlen(name);
            if (help[0] != ' ' || strlen(help) < 10 || count_of(help) != 1)
                fail_msg("no help of its own: %s", line);
            snprintf(line, sizeof line, "# HELP %s ", name);
            assert_int_equal(count_of(line), 1);
            snprintf(line, sizeof line, "\n# TYPE %s ", name);
            assert_ptr_equal(strstr(text, line), text + used);
            count++;
        } else if (sscanf(line, "# TYPE %99s %19s", name, kind) == 2) {
            const bool is_total = strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
            assert_int_equal(strcmp(kind, "counter") == 0, is_total);
            assert_true(is_total || strcmp(kind, "gauge") == 0);
        } else if (sscanf(line, "%99[a-z_]", name) != 1 || strcmp(name, current) != 0) {
            fail_msg("not of %s: %s", current, line);
        }
    }
    assert_string_equal(text, "");
    return count;
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
    const size_t count = check_metrics(body());
    get(client, "/metrics-net", "");
    assert_int_equal(check_metrics(body()), count + 8);
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
        TEST(empty_lines_end),
        TEST(slow_heads_end),
        TEST(the_oldest_idle_one_gives_way),
        TEST(unfinished_ones_give_way),
        TEST(stalled_heads_give_way),
        TEST(stalled_readers_give_way),
        TEST(fibers_are_bounded),
        TEST(requests_that_wait),
        TEST(a_burst_needs_one_fiber),
        TEST(slow_readers),
        TEST(readers_that_stop),
        TEST(readers_that_crawl),
        TEST(readers_told_of_late),
        TEST(bodies_that_crawl),
        TEST(bodies_give_way),
        TEST(readers_give_way),
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
