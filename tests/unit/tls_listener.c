/* SPDX-License-Identifier: ISC */
/* Listeners of TLS over pipes: clients of each kind, which wait as little records until they say something, and
 * how many may; who speaks something else; the end in all stages. */
#include "../../sdk/net/backend.h"
#include "../../sdk/tls/closing.h"
#include "tls_pair.h"

#define CLIENTS_MAX 1100u
#define WAITING_MAX 1024u /* of sdk/tls/listener.c */

static struct test_listener {
    fa_listener listener; /* its first member */
    fa_flow *flows[CLIENTS_MAX];
    size_t first, count;
    fa_waker *waker;
} below;

static fa_err try_accept(fa_listener *listener, fa_flow **flow_out, fa_endpoint *peer_out)
{
    (void)listener;
    if (below.first == below.count)
        return FA_EAGAIN;
    *flow_out = below.flows[below.first++];
    *peer_out = (fa_endpoint){{{192, 0, 2, 1}}, 1234};
    return FA_OK;
}

static void arm(fa_listener *listener, fa_waker *waker)
{
    (void)listener;
    below.waker = waker;
}

static fa_tls_listener *listener;
static fa_flow *theirs[CLIENTS_MAX]; /* the clients' ends */

static void begin(void)
{
    static const fa_listener_ops ops = {try_accept, arm, NULL};
    below = (struct test_listener){.listener = {.ops = &ops}};
    assert_int_equal(fa_tls_listen(server, &below.listener, &listener), FA_OK);
    yield();
}

static void end(void)
{
    fa_tls_listener_close(listener);
    for (unsigned i = 0; i < 20; i++)
        fa_sleep(fa_after_s(1));
}

/* One more client; its end. */
static fa_flow *come(void)
{
    fa_flow *client_end;
    assert_int_equal(fa_pipe_open(PIPE_BYTES, &below.flows[below.count], &client_end), FA_OK);
    theirs[below.count++] = client_end;
    fa_waker *waker = below.waker;
    below.waker = NULL;
    if (waker != NULL)
        waker->wake(waker);
    return client_end;
}

static size_t waiting(void)
{
    fa_tls_stats stats;
    fa_tls_server_stats(server, &stats);
    return stats.waiting;
}

static bool is_gone(fa_flow *end_of_client)
{
    uint8_t byte;
    size_t len = 1;
    const fa_err err = fa_flow_try_read(end_of_client, &byte, 1, &len);
    return err == FA_ECLOSED || (err == FA_OK && len == 0);
}

static void a_good_client(void **state)
{
    (void)state;
    fa_endpoint peer;
    begin();
    assert_int_equal(fa_tls_listener_try_accept(listener, &at_server, &peer), FA_EAGAIN);
    client_err = fa_tls_connect(client, come(), "fata.example", &at_client, &client_why, fa_after_s(10));
    assert_int_equal(client_err, FA_OK);
    assert_int_equal(fa_tls_listener_accept(listener, &at_server, &peer, fa_after_s(10)), FA_OK);
    assert_int_equal(peer.port, 1234);
    write_text(at_client, "hello");
    expect_read(at_server, "hello");
    assert_int_equal(fa_tls_listener_accept(listener, &at_server, &peer, fa_after_s(1)), FA_ETIMEDOUT);
    end();
}

static void a_client_that_says_nothing(void **state)
{
    (void)state;
    begin();
    fa_flow *silent = come();
    yield();
    assert_int_equal(waiting(), 1);
    assert_int_equal(fa_tls_handshakes_under_way(), 0);
    fa_sleep(fa_after_s(9));
    assert_int_equal(waiting(), 1);
    fa_sleep(fa_after_s(2));
    assert_int_equal(waiting(), 0);
    assert_true(is_gone(silent));
    fa_flow_close(silent);
    end();
}

static void many_that_say_nothing(void **state)
{
    (void)state;
    begin();
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        come();
    for (unsigned i = 0; i < 200; i++)
        yield();
    assert_int_equal(waiting(), WAITING_MAX);
    assert_true(is_gone(theirs[0])); /* the oldest gave way */
    assert_false(is_gone(theirs[CLIENTS_MAX - 1]));
    end();
    assert_int_equal(waiting(), 0);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        assert_true(is_gone(theirs[i]));
        fa_flow_close(theirs[i]);
    }
}

static void who_speaks_something_else(void **state)
{
    (void)state;
    static const char hello[] = "GET / HTTP/1.1";
    fa_flow *plain;
    fa_endpoint peer;
    begin();
    fa_flow *first = come();
    write_text(first, hello);
    fa_sleep(fa_after_s(1));
    assert_int_equal(fa_tls_listener_try_accept(listener, &plain, &peer), FA_EAGAIN);
    fa_flow_close(first);
    /* From now on it is let in, by its own door. */
    assert_int_equal(fa_tls_listener_try_accept_plain(listener, &plain, &peer), FA_EAGAIN);
    fa_flow *second = come();
    write_text(second, hello);
    fa_sleep(fa_after_ms(1));
    assert_int_equal(fa_tls_listener_try_accept(listener, &plain, &peer), FA_EAGAIN);
    assert_int_equal(fa_tls_listener_try_accept_plain(listener, &plain, &peer), FA_OK);
    expect_read(plain, "GET /");
    expect_read(plain, " HTTP/1.1");
    fa_tls_info info;
    assert_int_equal(fa_tls_info_get(plain, &info), FA_ENOTSUP);
    write_text(plain, "yes");
    expect_read(second, "yes");
    fa_flow_close(plain);
    fa_flow_close(second);
    end();
}

static void the_end_in_all_stages(void **state)
{
    (void)state;
    begin();
    fa_flow *silent = come(), *half = come(), *done = come();
    write_text(half, "\x16\x03\x01");
    client_err = fa_tls_connect(client, done, "fata.example", &at_client, &client_why, fa_after_s(10));
    assert_int_equal(client_err, FA_OK);
    assert_int_equal(waiting(), 1);
    assert_in_range(fa_tls_handshakes_under_way(), 1, 2);
    end();
    assert_true(is_gone(silent));
    assert_true(is_gone(half));
    assert_int_equal(fa_tls_handshakes_under_way(), 0);
    fa_flow_close(silent);
    fa_flow_close(half);
}

/* Who was refused is waited for, so that it learns why; not by those who have others to serve. */
static void a_flood_of_bad_ones(void **state)
{
    (void)state;
    fa_endpoint peer;
    size_t none;
    const size_t fibers = 2 + 8, each_s = 10 * 2 * fibers;
    fa_tls_handshakes_limit(2);
    begin();
    for (size_t i = 0; i < 2 * each_s; i++) {
        write_text(come(), "no hello of any kind");
        fa_sleep(fa_after_ns(FA_NS_PER_S / each_s));
    }
    const uint64_t start_ns = board_now_ns;
    client_err = fa_tls_connect(client, come(), "fata.example", &at_client, &client_why, fa_after_s(10));
    fa_tls_handshakes_limit(0);
    assert_int_equal(client_err, FA_OK);
    assert_int_equal(fa_tls_listener_accept(listener, &at_server, &peer, fa_after_s(1)), FA_OK);
    assert_in_range(board_now_ns - start_ns, 0, 20 * FA_NS_PER_MS);
    /* The last are still listened to, the others were given up for them; each was told. */
    const size_t first = 2 * each_s - FA_TLS_LINGERING_MAX;
    for (size_t i = 0; i < 2 * each_s; i++) {
        uint8_t alert[16];
        assert_int_equal(fa_flow_try_write(theirs[i], &(fa_slice){"x", 1}, 1, &none), i < first ? FA_ECLOSED : FA_OK);
        assert_int_equal(fa_flow_try_read(theirs[i], alert, sizeof alert, &none), FA_OK);
        assert_int_equal(none, 7);
        assert_int_equal(alert[0], MBEDTLS_SSL_MSG_ALERT);
    }
    fa_sleep(fa_after_s(1));
    assert_int_equal(fa_flow_try_write(theirs[2 * each_s - 1], &(fa_slice){"x", 1}, 1, &none), FA_ECLOSED);
    for (size_t i = 0; i < 2 * each_s; i++)
        fa_flow_close(theirs[i]);
    end();
}

/* Who goes on to send, or ends its half, is left before that. */
static void who_is_refused_and_stays(void **state)
{
    (void)state;
    static const uint8_t much[4096];
    size_t len, total = 0;
    begin();
    fa_flow *sends = come(), *ends = come();
    write_text(sends, "no hello");
    write_text(ends, "no hello");
    fa_sleep(fa_after_ms(1));
    assert_int_equal(fa_flow_shutdown(ends), FA_OK);
    fa_sleep(fa_after_ms(1));
    fa_err err = FA_OK;
    for (; err == FA_OK && total < FA_MIB; total += len) {
        err = fa_flow_try_write(sends, &(fa_slice){much, sizeof much}, 1, &len);
        len = err == FA_OK ? len : 0;
        fa_sleep(fa_after_ns(1000));
    }
    assert_int_equal(err, FA_ECLOSED);
    assert_in_range(total, 64 * FA_KIB, 64 * FA_KIB + PIPE_BYTES + sizeof much);
    fa_flow_close(sends);
    fa_flow_close(ends);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR(a_good_client), PAIR(a_client_that_says_nothing), PAIR(many_that_say_nothing),
        PAIR(who_speaks_something_else), PAIR(the_end_in_all_stages),
        PAIR(a_flood_of_bad_ones), PAIR(who_is_refused_and_stays),
    };
    return cmocka_run_group_tests_name("tls_listener", tests, setup_all, NULL);
}
