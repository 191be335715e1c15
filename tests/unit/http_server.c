/* SPDX-License-Identifier: ISC */
/* The HTTP server: requests in every form, their bodies, and responses of handlers. */
#include "../../sdk/http/server.h"
#include "http_client.h"

static void one_after_another(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    for (unsigned i = 0; i < 3; i++) {
        get(client, "/small?a=b", "");
        expect_status(200);
        expect("Content-Length: 14\r\n");
        expect("Content-Type: text/plain\r\n");
        expect("\r\nDate: ");
        expect(" GMT\r\n\r\n");
        assert_string_equal(body(), "GET /small?a=b");
        goes_on();
    }
    get(client, "/small", "Connection: close\r\n");
    expect("Connection: close\r\n");
    has_ended();
}

static void pipelined(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    ask(client, "\r\nGET /small?1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n"
                "twoHEAD /small?3 HTTP/1.1\r\nHost: h\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked"
                "\r\n\r\n2\r\nfo\r\n2\r\nur\r\n0\r\n\r\nGET /ten.txt HTTP/1.1\r\nHost: h\r\n\r\nGET /sm");
    assert_int_equal(count_of("HTTP/1.1 200 OK"), 5);
    expect("GET /small?1HTTP");
    expect("\r\n\r\ntwoHTTP");
    expect_not("/small?3");
    expect("\r\n\r\nfourHTTP");
    expect("\r\n\r\n0123456789");
    ask(client, "all HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_string_equal(body(), "GET /small?");
    goes_on();
}

static void many_pipelined(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    char text[40 * 100 + 1] = "";
    for (unsigned i = 0; i < 100; i++)
        strcat(text, "GET /ten.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    ask(client, text);
    assert_int_equal(count_of("HTTP/1.1 200 OK"), 100);
    assert_int_equal(count_of("\r\n\r\n0123456789"), 100);
}

static void byte_by_byte(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    const char *text = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (; *text != '\0'; text++) {
        say_bytes(client, text, 1);
        assert_int_equal(fa_sleep(fa_after_ms(1)), FA_OK);
    }
    hear_for(client, 10);
    expect_status(200);
    assert_string_equal(body(), "abc");
    goes_on();
}

static void old_clients(void **state)
{
    (void)state;
    start();
    ask(connect_one(), "GET /small HTTP/1.0\r\n\r\n");
    expect("Connection: close\r\n");
    assert_string_equal(body(), "GET /small?");
    has_ended();
    ask(connect_one(), "GET /pieces?5 HTTP/1.0\r\n\r\n");
    expect_not("chunked");
    expect_not("Content-Length");
    assert_int_equal(strlen(body()), 5000);
    has_ended();
}

static void methods(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    ask(client, "HEAD /small HTTP/1.1\r\nHost: h\r\n\r\n");
    expect("Content-Length: 12\r\n"); /* HEAD /small? */
    assert_string_equal(body(), "");
    ask(client, "HEAD /pieces?5 HTTP/1.1\r\nHost: h\r\n\r\n");
    expect("Transfer-Encoding: chunked\r\n");
    assert_string_equal(body(), "");
    ask(client, "HEAD /sized?5 HTTP/1.1\r\nHost: h\r\n\r\n");
    expect("Content-Length: 5000\r\n");
    assert_string_equal(body(), "");
    ask(client, "HEAD /nothing-here HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_status(404);
    assert_string_equal(body(), "");
    ask(connect_one(), "HEAD /small HTTP/1.1\r\n\r\n"); /* nor does a refusal have one */
    expect_status(400);
    assert_string_equal(body(), "");
    ask(connect_one(), "HEAD /small HTTP/1.1\n");
    expect_status(400);
    assert_string_equal(body(), "");
    ask(client, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_status(204);
    expect("Allow: OPTIONS, GET, HEAD, POST");
    expect_not("Content-Length");
    ask(client, "OPTIONS /echo HTTP/1.1\r\nHost: h\r\n\r\n");
    expect("Allow: OPTIONS, GET, HEAD, POST\r\n"); /* the site's GET too */
    ask(client, "DELETE /small HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_status(405);
    expect("Allow: OPTIONS, GET, HEAD\r\n");
    ask(client, "BREW /small HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_status(501);
    goes_on();
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned status;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/3.0\r\n\r\n", 505},
        {"\x16\x03\x01", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n", 413},
        {"GET / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n", 417},
    };
    start();
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        fa_flow *client = connect_one();
        ask(client, cases[i].text);
        expect_status(cases[i].status);
        expect("Connection: close\r\n");
        assert_int_equal(count_of("HTTP/1.1"), 1); /* nothing behind it was taken for a request */
        has_ended();
        /* It lingers, so that the answer is not lost to a reset; then it is gone. */
        say(client, "more");
        assert_int_equal(fa_sleep(fa_after_s(3)), FA_OK);
        assert_int_equal(fa_flow_write(client, &(fa_slice){"x", 1}, 1, FA_NOW), FA_ECLOSED);
    }
}

static void lingers_for_so_much(void **state)
{
    (void)state;
    static const char bytes[8192];
    start();
    fa_flow *client = connect_one();
    ask(client, "GET\r\n\r\n");
    expect_status(400);
    size_t sent = 0;
    while (fa_flow_write(client, &(fa_slice){bytes, sizeof bytes}, 1, fa_after_ms(1)) == FA_OK)
        sent += sizeof bytes;
    assert_in_range(sent, FA_HTTP_LINGERING_BYTES_MAX / 2, 4 * FA_HTTP_LINGERING_BYTES_MAX);
}

/* Bodies of requests. */

static void expectations(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    ask(client, "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_string_equal(heard, "HTTP/1.1 100 Continue\r\n\r\n");
    ask(client, "abc");
    expect_status(200);
    assert_string_equal(body(), "abc");
    goes_on();
    ask(client, "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
    expect_status(200); /* it did not wait */
    /* Nobody wants the body: whether it comes is not known, so the connection ends. */
    ask(client, "POST /ignore HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    expect_status(201);
    expect("Connection: close\r\n");
    has_ended();
}

static void unwanted_bodies(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    ask(client, "POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcdeGET /small HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_status(201);
    expect("GET /small?");
    ask(client, "POST /ignore HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n");
    expect_status(201);
    goes_on();
    ask(client, "POST /ignore HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nabcde");
    expect_status(201);
    expect("Connection: close\r\n");
    has_ended();
}

/* Bodies that do not come, and clients that do not read: none of them keeps one of the two fibers. */
static void fibers_wait_for_nobody(void **state)
{
    (void)state;
    options.fibers = 2;
    start();
    for (unsigned i = 0; i < 4; i++) {
        fa_flow *client = connect_one();
        ask(client, "GET /small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
        expect_status(200);
        assert_int_equal(heard_err, FA_OK); /* where the next request begins nobody knows */
    }
    get(connect_one(), "/small", "");
    const size_t response_len = heard_len;
    fa_flow *client[4];
    for (unsigned i = 0; i < 4; i++) {
        client[i] = *connect_cap(2 * response_len);
        for (unsigned j = 0; j < 4; j++)
            say(client[i], "GET /small HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    get(connect_one(), "/small", "");
    expect_status(200);
    for (unsigned i = 0; i < 4; i++) {
        hear_for(client[i], 10);
        assert_int_equal(count_of("HTTP/1.1 200 OK"), 4);
        goes_on();
    }
}

static void long_chunked_body(void **state)
{
    (void)state;
    options.body_bytes = 1000;
    start();
    fa_flow *client = connect_one();
    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (unsigned i = 0; i < 10; i++)
        say(client, "64\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
                    "456789\r\n");
    ask(client, "0\r\n\r\n"); /* 1,000 bytes are not too many */
    expect_status(200);
    assert_int_equal(strlen(body()), 1000);
    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
    for (unsigned i = 0; i < 1001; i++)
        say(client, "x");
    hear_for(client, 10);
    expect_status(413);
    has_ended();
    ask(connect_one(), "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
    expect_status(413);
}

static void bodies_that_break_off(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc");
    assert_int_equal(fa_flow_shutdown(client), FA_OK);
    hear_for(client, 10);
    expect_status(400);
    client = connect_one();
    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc");
    hear_for(client, 61000); /* the request's deadline */
    expect_status(408);
    has_ended();
}

/* Responses. */

static void lengths(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    get(client, "/pieces?2", "");
    expect("Content-Length: 2000\r\n");
    get(client, "/pieces?5", "");
    expect("Transfer-Encoding: chunked\r\n");
    expect_not("Content-Length");
    /* Two pieces are kept, a third sends them. */
    expect("\r\n\r\nbb8\r\np");
    assert_string_equal(heard + heard_len - 7, "\r\n0\r\n\r\n");
    get(client, "/sized?5", "");
    expect("Content-Length: 5000\r\n");
    assert_int_equal(strlen(body()), 5000);
    get(client, "/print?100", "");
    expect("Content-Length: 10000\r\n");
    assert_int_equal(strlen(body()), 10000);
    goes_on();
    get(client, "/print?1000", ""); /* more than an arena has */
    expect_status(500);
    get(client, "/small", "");
    expect_status(200);
    /* More than was announced: not a byte of it would be this response's. (A pipe's abort loses what it
     * holds, so it is a small one.) */
    get(*connect_cap(300), "/sized?6", "");
    assert_in_range(strlen(body()), 2000, 5000);
    assert_int_equal(heard_err, FA_ECLOSED);
    get(connect_one(), "/sized?4", "");
    assert_int_equal(heard_err, FA_ECLOSED);
}

static void failures(void **state)
{
    (void)state;
    static const struct {
        fa_err err;
        unsigned status;
    } cases[] = {{FA_ENOENT, 404}, {FA_EPERM, 403},  {FA_EFORMAT, 400}, {FA_ELIMIT, 413},
                 {FA_ENOMEM, 503}, {FA_ENOTSUP, 501}, {FA_EIO, 500}};
    start();
    fa_flow *client = connect_one();
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        char path[20];
        snprintf(path, sizeof path, "/fail?%u", (unsigned)cases[i].err);
        get(client, path, "");
        expect_status(cases[i].status);
        expect_not("not to be seen");
        goes_on();
    }
    get(client, "/inject", "");
    expect_status(500);
    expect_not("Set-Cookie");
    expect_not("Good");
    get(client, "/late", "");
    expect_not("0\r\n\r\n");
    assert_int_equal(heard_err, FA_ECLOSED); /* not the end of a whole response */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_after_another),
        TEST(pipelined),
        TEST(many_pipelined),
        TEST(byte_by_byte),
        TEST(old_clients),
        TEST(methods),
        TEST(refusals),
        TEST(lingers_for_so_much),
        TEST(expectations),
        TEST(unwanted_bodies),
        TEST(fibers_wait_for_nobody),
        TEST(long_chunked_body),
        TEST(bodies_that_break_off),
        TEST(lengths),
        TEST(failures),
    };
    return cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
}
