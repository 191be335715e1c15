/* SPDX-License-Identifier: ISC */
/* The HTTP client over pipes, against a peer that says texts: what is sent, bodies in all framings, what
 * is refused, when the connection is free again, deadlines and cancellation. */
#include "../../sdk/flow/pipe.h"
#include "fibers.h"
#include <fata/http_client.h>
#include <stdio.h>
#include <stdlib.h>

static fa_http_client *client;
static fa_flow *peer;
static const fa_http_response *response;

static int set_up(void **state)
{
    setup(state);
    fa_flow *ours;
    return fa_pipe_open(65536, &ours, &peer) == FA_OK &&
                   fa_http_client_open_take(ours, &client) == FA_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    fa_http_client_close(client);
    if (peer != NULL)
        fa_flow_close(peer);
    return teardown(state);
}

static void say(const char *text)
{
    assert_int_equal(fa_flow_write(peer, &(fa_slice){text, strlen(text)}, 1, fa_after_s(1)), FA_OK);
}

static void hang_up(void)
{
    fa_flow_close(peer);
    peer = NULL;
}

static void expect_heard(const char *want)
{
    static char heard[70000];
    size_t len = 0, all_len = 0;
    while (fa_flow_try_read(peer, heard + all_len, sizeof heard - 1 - all_len, &len) == FA_OK && len > 0)
        all_len += len;
    heard[all_len] = '\0';
    assert_string_equal(heard, want);
}

static fa_err send(const fa_http_request *request)
{
    return fa_http_client_send(client, request, fa_after_s(1));
}

static const fa_http_request plain = {.target = "/", .host = "h"};

static fa_err receive(void)
{
    return fa_http_client_receive(client, &response, fa_after_s(1));
}

static fa_err ask(const char *answer)
{
    assert_int_equal(send(&plain), FA_OK);
    expect_heard("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    say(answer);
    return receive();
}

static char body[70000];
static size_t body_len;

static fa_err read_body(void)
{
    size_t len;
    fa_err err;
    body_len = 0;
    while ((err = fa_http_client_read(client, body + body_len, 7, &len, fa_after_s(1))) == FA_OK && len > 0)
        body_len += len;
    body[body_len] = '\0';
    return err;
}

static void expect_body(const char *want)
{
    assert_int_equal(read_body(), FA_OK);
    assert_string_equal(body, want);
}

static void requests(void **state)
{
    (void)state;
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const fa_http_field fields[] = {{"User-Agent", "fata"}, {"X-Empty", ""}};
    assert_int_equal(send(&(fa_http_request){.method = "POST", .target = "/a?b", .host = "h:81", .fields = fields,
                                             .field_count = 2, .body = "four", .body_len = 4}), FA_OK);
    expect_heard("POST /a?b HTTP/1.1\r\nHost: h:81\r\nUser-Agent: fata\r\nX-Empty: \r\nContent-Length: 4\r\n\r\nfour");
    say(ok);
    assert_int_equal(receive(), FA_OK);
    assert_true(fa_http_client_is_free(client));
    assert_int_equal(send(&(fa_http_request){.method = "PUT", .target = "/", .host = "h"}), FA_OK);
    expect_heard("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    say(ok);
    assert_int_equal(receive(), FA_OK);
    assert_int_equal(send(&(fa_http_request){.method = "OPTIONS", .target = "*", .host = "h"}), FA_OK);
    expect_heard("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
}

static void streamed(void **state)
{
    (void)state;
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const fa_http_request chunked = {.method = "POST", .target = "/", .host = "h", .body_len = FA_HTTP_CHUNKED};
    assert_int_equal(send(&chunked), FA_OK);
    assert_int_equal(fa_http_client_write(client, "abcdefghijklmnopq", 17, fa_after_s(1)), FA_OK);
    assert_int_equal(fa_http_client_write(client, "", 0, fa_after_s(1)), FA_OK);
    assert_int_equal(fa_http_client_write(client, "r", 1, fa_after_s(1)), FA_OK);
    say(ok);
    assert_int_equal(receive(), FA_OK);
    expect_heard("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n11\r\nabcdefghijklmnopq\r\n1\r\nr\r\n0\r\n\r\n");
    const fa_http_request sized = {.method = "POST", .target = "/", .host = "h", .body_len = 5};
    assert_int_equal(send(&sized), FA_OK);
    assert_int_equal(fa_http_client_write(client, "abc", 3, fa_after_s(1)), FA_OK);
    assert_int_equal(receive(), FA_EINVAL); /* two are missing */
    assert_int_equal(fa_http_client_write(client, "def", 3, fa_after_s(1)), FA_EINVAL); /* one too many */
    assert_int_equal(fa_http_client_write(client, "de", 2, fa_after_s(1)), FA_OK);
    assert_int_equal(fa_http_client_write(client, "f", 1, fa_after_s(1)), FA_EINVAL);
    say(ok);
    assert_int_equal(receive(), FA_OK);
    expect_heard("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde");
}

static void not_sent(void **state)
{
    (void)state;
    static const fa_http_field bad[] = {{"A b", "c"}, {"A", "b\r\nC: d"}, {"Content-Length", "5"}, {"host", "x"},
                                        {"Transfer-Encoding", "chunked"}, {"", "a"}, {"Connection", "close"}, {"Expect", "100-continue"}};
    for (size_t i = 0; i < FA_ARRAY_COUNT(bad); i++)
        assert_int_equal(send(&(fa_http_request){.target = "/", .host = "h", .fields = &bad[i], .field_count = 1}), FA_EINVAL);
    static const char *const targets[] = {"", "a", "/ b", "/\r\n", "/a#b", "**", "http://h/"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(targets); i++)
        assert_int_equal(send(&(fa_http_request){.target = targets[i], .host = "h"}), FA_EINVAL);
    assert_int_equal(send(&(fa_http_request){.target = "/", .host = "h\r\nX: y"}), FA_EINVAL);
    assert_int_equal(send(&(fa_http_request){.method = "POST", .target = "/", .host = "h", .body = "b", .body_len = FA_HTTP_CHUNKED}), FA_EINVAL);
    assert_int_equal(send(&(fa_http_request){.method = "G T", .target = "/", .host = "h"}), FA_EINVAL);
    assert_int_equal(send(&(fa_http_request){.method = "", .target = "/", .host = "h"}), FA_EINVAL);
    assert_int_equal(send(&(fa_http_request){.method = "CONNECT", .target = "/", .host = "h"}), FA_EINVAL);
    static char longest[FA_HTTP_REQUEST_HEAD_BYTES_MAX + 1];
    memset(longest, 'a', sizeof longest - 1);
    longest[0] = '/';
    assert_int_equal(send(&(fa_http_request){.target = longest, .host = "h"}), FA_ELIMIT);
    expect_heard("");
    assert_true(fa_http_client_is_free(client));
}

static void bodies(void **state)
{
    (void)state;
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX: y\r\n\r\ntwelve bytes"), FA_OK);
    assert_int_equal(response->status, 200);
    assert_true(response->length_known);
    assert_int_equal(response->length, 12);
    assert_string_equal(fa_http_response_field(response, "x"), "y");
    assert_null(fa_http_response_field(response, "z"));
    assert_false(fa_http_client_is_free(client));
    assert_int_equal(send(&plain), FA_EBUSY);
    expect_body("twelve bytes");
    expect_body("");
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nchunk\r\n3\r\ned!\r\n0\r\nTrailer: x\r\n\r\n"), FA_OK);
    assert_false(response->length_known);
    expect_body("chunked!");
    assert_true(fa_http_client_is_free(client));
    assert_int_equal(ask("HTTP/1.1 200 OK\r\n\r\nto the"), FA_OK);
    say(" end");
    hang_up();
    expect_body("to the end");
    assert_false(fa_http_client_is_free(client));
}

static void no_bodies(void **state)
{
    (void)state;
    assert_int_equal(ask("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"), FA_OK);
    expect_body("");
    assert_int_equal(ask("HTTP/1.1 204 No Content\r\n\r\n"), FA_OK);
    expect_body("");
    assert_int_equal(ask("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"), FA_OK);
    assert_int_equal(response->status, 200);
    assert_null(fa_http_response_field(response, "Link"));
    expect_body("x");
    assert_int_equal(send(&(fa_http_request){.method = "HEAD", .target = "/", .host = "h"}), FA_OK);
    say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    assert_int_equal(receive(), FA_OK);
    assert_int_equal(response->length, 100);
    expect_body("");
    assert_true(fa_http_client_is_free(client));
}

/* Whoever said these meant to have them taken for the answer to the next request. */
static void unasked(void **state)
{
    (void)state;
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n"), FA_OK);
    expect_body("x");
    assert_false(fa_http_client_is_free(client));
    assert_int_equal(send(&plain), FA_EBUSY);
}

static void unasked_later(void **state)
{
    (void)state;
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"), FA_OK);
    expect_body("x");
    say("HTTP/1.1 200 OK\r\n\r\n");
    assert_false(fa_http_client_is_free(client));
}

static void unasked_body(void **state)
{
    (void)state;
    assert_int_equal(ask("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nbody"), FA_OK);
    expect_body("");
    assert_false(fa_http_client_is_free(client));
}

static void closing(void **state)
{
    (void)state;
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"), FA_OK);
    expect_body("x");
    assert_false(fa_http_client_is_free(client));
}

static void ended_meanwhile(void **state)
{
    (void)state;
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"), FA_OK);
    expect_body("x");
    hang_up();
    assert_false(fa_http_client_is_free(client));
}

static void no_answer(void **state)
{
    (void)state;
    assert_int_equal(send(&plain), FA_OK);
    hang_up();
    assert_int_equal(receive(), FA_ECLOSED);
    assert_int_equal(receive(), FA_EINVAL);
}

/* TLS whose peer ends the connection without its close_notify. */
static fa_flow *below_cut;

static fa_err cut_read(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out)
{
    (void)flow;
    const fa_err err = fa_flow_try_read(below_cut, bytes_out, cap, len_out);
    return err == FA_OK && *len_out == 0 ? FA_ETRUNCATED : err;
}

static fa_err cut_write(fa_flow *flow, const fa_slice *slices, size_t count, size_t *len_out)
{
    (void)flow;
    return fa_flow_try_write(below_cut, slices, count, len_out);
}

static void cut_arm(fa_flow *flow, unsigned events, fa_waker *waker)
{
    (void)flow;
    fa_flow_arm(below_cut, events, waker);
}

static void cut_close(fa_flow *flow, bool abort)
{
    (void)flow;
    (abort ? fa_flow_abort : fa_flow_close)(below_cut);
}

/* As if it had ended before the first byte, after which a request may be repeated; in a head and in a body something is missing. */
static void cut_without_a_word(void **state)
{
    (void)state;
    static const fa_flow_ops ops = {cut_read, cut_write, cut_arm, NULL, cut_close};
    static fa_flow flow = {&ops};
    static const char *const said[] = {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n\r\nbody"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(said); i++) {
        fa_http_client *other;
        fa_flow *end;
        assert_int_equal(fa_pipe_open(65536, &below_cut, &end), FA_OK);
        assert_int_equal(fa_http_client_open_take(&flow, &other), FA_OK);
        assert_int_equal(fa_http_client_send(other, &plain, fa_after_s(1)), FA_OK);
        assert_int_equal(fa_flow_write(end, &(fa_slice){said[i], strlen(said[i])}, 1, fa_after_s(1)), FA_OK);
        assert_int_equal(fa_flow_shutdown(end), FA_OK);
        const fa_err err = fa_http_client_receive(other, &response, fa_after_s(1));
        assert_int_equal(err, i == 0 ? FA_ECLOSED : i == 1 ? FA_ETRUNCATED : FA_OK);
        size_t len;
        char bytes[8];
        if (i == 2) {
            assert_int_equal(fa_http_client_read(other, bytes, sizeof bytes, &len, fa_after_s(1)), FA_OK);
            assert_int_equal(len, 4);
            assert_int_equal(fa_http_client_read(other, bytes, sizeof bytes, &len, fa_after_s(1)), FA_ETRUNCATED);
        }
        fa_http_client_close(other);
        fa_flow_close(end);
    }
}

static void cut_head(void **state)
{
    (void)state;
    assert_int_equal(send(&plain), FA_OK);
    say("HTTP/1.1 200 OK\r\nContent-Le");
    hang_up();
    assert_int_equal(receive(), FA_ETRUNCATED);
}

static void cut_body(void **state)
{
    (void)state;
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc"), FA_OK);
    hang_up();
    assert_int_equal(read_body(), FA_ETRUNCATED);
    assert_string_equal(body, "abc");
    assert_int_equal(read_body(), FA_ETRUNCATED); /* that is no end */
    assert_false(fa_http_client_is_free(client));
}

static void cut_chunks(void **state)
{
    (void)state;
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), FA_OK);
    hang_up();
    assert_int_equal(read_body(), FA_ETRUNCATED);
}

static void bad_chunks(void **state)
{
    (void)state;
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"), FA_OK);
    assert_int_equal(read_body(), FA_EFORMAT);
    assert_int_equal(read_body(), FA_EFORMAT);
}

static void too_many_interim(void **state)
{
    (void)state;
    assert_int_equal(send(&plain), FA_OK);
    for (unsigned i = 0; i <= FA_HTTP_INTERIM_MAX; i++)
        say("HTTP/1.1 102 Processing\r\n\r\n");
    say("HTTP/1.1 200 OK\r\n\r\n");
    assert_int_equal(receive(), FA_ELIMIT);
}

static void endless_head(void **state)
{
    (void)state;
    assert_int_equal(send(&plain), FA_OK);
    say("HTTP/1.1 200 OK\r\n");
    for (size_t i = 0; i < FA_HTTP_HEAD_BYTES_MAX; i += 10)
        say("a: 45678\r\n");
    assert_int_equal(receive(), FA_ELIMIT);
}

static void other_protocols(void **state)
{
    (void)state;
    assert_int_equal(ask("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), FA_EFORMAT);
}

static void no_http(void **state)
{
    (void)state;
    assert_int_equal(ask("\x15\x03\x01"), FA_EFORMAT);
}

/* It refuses before it has all, and goes: what it said is heard. */
static void early_refusal(void **state)
{
    (void)state;
    const fa_http_request chunked = {.method = "POST", .target = "/", .host = "h", .body_len = FA_HTTP_CHUNKED};
    assert_int_equal(send(&chunked), FA_OK);
    say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!");
    hang_up();
    assert_int_equal(fa_http_client_write(client, "body", 4, fa_after_s(1)), FA_ECLOSED);
    assert_int_equal(fa_http_client_write(client, "body", 4, fa_after_s(1)), FA_ECLOSED);
    assert_int_equal(receive(), FA_OK);
    assert_int_equal(response->status, 413);
    expect_body("no!");
    assert_false(fa_http_client_is_free(client));
}

static void deadlines(void **state)
{
    (void)state;
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"), FA_OK);
    size_t len;
    assert_int_equal(fa_http_client_read(client, body, 10, &len, fa_after_ms(5)), FA_OK);
    assert_int_equal(fa_http_client_read(client, body, 10, &len, fa_after_ms(5)), FA_ETIMEDOUT);
    say("cd"); /* it can go on */
    expect_body("cd");
    assert_true(fa_http_client_is_free(client));
    assert_int_equal(send(&plain), FA_OK);
    assert_int_equal(fa_http_client_receive(client, &response, fa_after_ms(5)), FA_ETIMEDOUT);
    assert_false(fa_http_client_is_free(client));
}

static fa_err canceled_with;

static void wait_for_answer(void *arg)
{
    (void)arg;
    canceled_with = fa_http_client_receive(client, &response, FA_FOREVER);
}

static void canceled(void **state)
{
    (void)state;
    assert_int_equal(send(&plain), FA_OK);
    spawn(wait_for_answer, NULL);
    yield();
    fa_scope_cancel(&scope);
    join();
    assert_int_equal(canceled_with, FA_ECANCELED);
}

static void byte_by_byte(void **state)
{
    (void)state;
    assert_int_equal(send(&plain), FA_OK);
    static const char text[] = "HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nchunk\r\n0\r\n\r\n";
    spawn(wait_for_answer, NULL);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        assert_int_equal(fa_flow_write(peer, &(fa_slice){text + i, 1}, 1, fa_after_s(1)), FA_OK);
        yield();
    }
    join();
    assert_int_equal(canceled_with, FA_OK);
    expect_body("chunk");
    assert_true(fa_http_client_is_free(client));
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests),      TEST(streamed),         TEST(not_sent),     TEST(bodies),          TEST(no_bodies),
        TEST(unasked),       TEST(unasked_later),    TEST(unasked_body), TEST(closing),         TEST(ended_meanwhile),
        TEST(no_answer),     TEST(cut_without_a_word), TEST(cut_head),         TEST(cut_body),     TEST(cut_chunks),      TEST(bad_chunks),
        TEST(too_many_interim), TEST(endless_head),  TEST(other_protocols), TEST(no_http),      TEST(early_refusal),
        TEST(deadlines),     TEST(canceled),         TEST(byte_by_byte),
    };
    return cmocka_run_group_tests_name("http_requests", tests, NULL, NULL);
}
