/* SPDX-License-Identifier: ISC */
/* The parsers of HTTP: heads that arrive byte by byte, what they say, what is refused and by which
 * status, attempts to smuggle requests, limits, chunks, and paths. */
#include "../../sdk/http/chunks.h"
#include "../../sdk/http/head.h"
#include "../../sdk/http/text.h"
#include "host.h"
#include "test.h"
#include <ctype.h>
#include <stdlib.h>

/* The status of a whole head, which comes first all at once and then byte by byte. */
static unsigned parse_bytes(fa_http_head *head, char *bytes, size_t len)
{
    size_t line_at = 0, head_len = 0, head_len_slow = 0;
    const unsigned at_once = fa_http_head_find(bytes, len, &line_at, &head_len);
    unsigned slow = FA_HTTP_MORE;
    line_at = 0;
    for (size_t i = 0; i <= len && slow == FA_HTTP_MORE; i++) {
        char *exact = malloc(i + 1); /* so that the sanitizer sees every byte too many */
        memcpy(exact, bytes, i);
        slow = fa_http_head_find(exact, i, &line_at, &head_len_slow);
        free(exact);
    }
    assert_int_equal(slow, at_once);
    assert_int_equal(head_len_slow, head_len);
    return at_once == FA_HTTP_DONE ? fa_http_head_parse(head, bytes, head_len) : at_once;
}

static fa_http_head head;

static unsigned parse(const char *text)
{
    static char bytes[32768];
    const size_t len = strlen(text);
    assert_true(len <= sizeof bytes);
    memcpy(bytes, text, len);
    return parse_bytes(&head, bytes, len);
}

static void a_request(void **state)
{
    (void)state;
    assert_int_equal(parse("GET /a%20b?c=%20 HTTP/1.1\r\nHost: h\r\nX-Two:  two words\t \r\nEmpty:\r\n\r\nrest"),
                     FA_HTTP_DONE);
    assert_string_equal(head.method, "GET");
    assert_string_equal(head.path, "/a b");
    assert_string_equal(head.query, "c=%20");
    assert_int_equal(head.minor, 1);
    assert_int_equal(head.field_count, 3);
    assert_string_equal(head.fields[1].name, "X-Two");
    assert_string_equal(head.fields[1].value, "two words");
    assert_string_equal(head.fields[2].value, "");
    assert_string_equal(head.known[FA_HTTP_HOST], "h");
    assert_null(head.known[FA_HTTP_RANGE]);
    assert_false(head.close || head.chunked || head.expect_continue);
    assert_int_equal(head.body_bytes, 0);
}

static void what_it_says(void **state)
{
    (void)state;
    assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n"), FA_HTTP_DONE);
    assert_true(head.close);
    assert_int_equal(parse("GET / HTTP/1.1\r\nhost:\r\nCONNECTION: x , Close\r\n\r\n"), FA_HTTP_DONE);
    assert_true(head.close);
    assert_int_equal(parse("GET / HTTP/1.1\r\nhost:\r\nconnection: closed\r\nconnection: close\r\n\r\n"),
                     FA_HTTP_DONE);
    assert_true(head.close);
    assert_int_equal(parse("GET / HTTP/1.1\r\nhost:\r\nconnection: closed\r\n\r\n"), FA_HTTP_DONE);
    assert_false(head.close);
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0123\r\n\r\n"), FA_HTTP_DONE);
    assert_int_equal(head.body_bytes, 123);
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"), FA_HTTP_DONE);
    assert_true(head.chunked);
    assert_int_equal(parse("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\r\n"), FA_HTTP_DONE);
    assert_true(head.expect_continue);
    assert_int_equal(parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), FA_HTTP_DONE);
    assert_string_equal(head.path, "*");
}

/* RFC 9112 section 3.2.2: the target says which host is meant, whatever Host says. */
static void absolute_form(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *path, *query;
    } cases[] = {
        {"GET HTTP://u:80/p?q HTTP/1.7\r\nA: b\r\nhost: h\r\n\r\n", "u:80", "/p", "q"},
        {"GET https://u?q HTTP/1.1\r\nA: b\r\nHost: h\r\n\r\n", "u", "/", "q"},
        {"GET http://u HTTP/1.1\r\nA: b\r\nHost:\r\n\r\n", "u", "/", ""},
        {"GET http://[::1]:8080//x HTTP/1.1\r\nA: b\r\nHost: h\r\n\r\n", "[::1]:8080", "/x", ""},
        {"GET http://u:/p HTTP/1.0\r\nA: b\r\n\r\n", "u:", "/p", ""},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        assert_int_equal(parse(cases[i].text), FA_HTTP_DONE);
        assert_string_equal(head.path, cases[i].path);
        assert_string_equal(head.query, cases[i].query);
        assert_string_equal(head.known[FA_HTTP_HOST], cases[i].host);
        assert_int_equal(head.field_count, 2);
        assert_string_equal(head.fields[1].value, cases[i].host);
        assert_true(fa_http_same(head.fields[1].name, 4, "host"));
    }
}

#define LINE "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\nHost: h\r\n"

static const struct {
    const char *text;
    unsigned status;
} refused[] = {
    /* No HTTP, or lines that end otherwise. */
    {"\x16\x03\x01\x02", 400},
    {" GET / HTTP/1.1\r\n\r\n", 400},
    {"GET / HTTP/1.1\nHost: h\n\n", 400},
    {LINE "Host: h\n\r\n", 400},
    {LINE "Host: h\r\n\n", 400},
    {LINE "Host: h\rX: y\r\n\r\n", 400},
    {LINE "Host: h\r\r\n\r\n", 400},
    /* Request lines. */
    {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /  HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400},
    {"GET /\tx HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /#x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET http://h/ HTTP/1.1\r\n\r\n", 400},
    {"GET http://h/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
    {"GET http://me@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET http://h\"/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET http://:80/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET http://h:8o/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET http://h:80:80/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET http://[::1/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET http://[::1]x/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /\r\nHost: h\r\n\r\n", 400},
    {"GET / http/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET / HTTP/11\r\nHost: h\r\n\r\n", 400},
    {"GET / HTTP/1.10\r\nHost: h\r\n\r\n", 400},
    {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"GET / HTTP/0.9\r\n\r\n", 505},
    {"ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
    {"GET /%0g HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /% HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /%4 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /a%0d%0aX:y HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"GET /%7f HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    /* Fields. */
    {LINE "\r\n", 400},
    {LINE "Host: h\r\nHost: h\r\n\r\n", 400},
    {LINE "Host: a b\r\n\r\n", 400},
    {LINE "Host: a/b\r\n\r\n", 400},
    {LINE "Host: a:b\r\n\r\n", 400},
    {LINE "Host: ::1\r\n\r\n", 400},
    {LINE "Host: a,b\r\nHost: c\r\n\r\n", 400},
    {LINE "Host : h\r\n\r\n", 400},
    {LINE "Host\r\n\r\n", 400},
    {LINE ": h\r\n\r\n", 400},
    {LINE " Host: h\r\n\r\n", 400},
    {LINE "Host: h\r\nA: b\r\n c\r\n\r\n", 400},
    {LINE "Host: h\r\nA: b\r\n\tc\r\n\r\n", 400},
    {LINE "Host: h\r\nA(: b\r\n\r\n", 400},
    {LINE "Host: h\r\nA: b\x01\r\n\r\n", 400},
    {LINE "Host: h\r\nA: b\x7f\r\n\r\n", 400},
    {LINE "Host: h\r\nExpect: 200-ok\r\n\r\n", 417},
    {LINE "Host: h\r\nRange: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n", 400},
    /* Framing: attempts to smuggle (RFC 9112 section 11.2). */
    {POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
    {POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
    {POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
    {POST "Content-Length: 5, 5\r\n\r\n", 400},
    {POST "Content-Length: +5\r\n\r\n", 400},
    {POST "Content-Length: -5\r\n\r\n", 400},
    {POST "Content-Length: 0x5\r\n\r\n", 400},
    {POST "Content-Length: 5 5\r\n\r\n", 400},
    {POST "Content-Length:\r\n\r\n", 400},
    {POST "Content-Length : 5\r\n\r\n", 400},
    {POST "Content-Length: 99999999999999999999\r\n\r\n", 413},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {POST "Transfer-Encoding: chunked, chunked\r\n\r\n", 501},
    {POST "Transfer-Encoding: chunked, identity\r\n\r\n", 400},
    {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {POST "Transfer-Encoding: xchunked\r\n\r\n", 400},
    {POST "Transfer-Encoding: \"chunked\"\r\n\r\n", 400},
    {POST "Transfer-Encoding: chunked;q=1\r\n\r\n", 400},
    {POST "Transfer-Encoding: \x0b" "chunked\r\n\r\n", 400},
    {POST "Transfer-Encoding:\r\n\r\n", 400},
    {POST "Transfer-Encoding : chunked\r\n\r\n", 400},
    {POST "Transfer-Encoding\r\n: chunked\r\n\r\n", 400},
    {POST "X: y\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {POST "X: y\rTransfer-Encoding: chunked\r\n\r\n", 400},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
};

static void what_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < FA_ARRAY_COUNT(refused); i++) {
        const unsigned status = parse(refused[i].text);
        if (status != refused[i].status)
            fail_msg("%u, not %u, for:\n%s", status, refused[i].status, refused[i].text);
    }
    /* NUL is no character of anything. */
    for (size_t at = 0; at < sizeof LINE "Host: h" - 1; at++) {
        char bytes[] = LINE "Host: h\r\n\r\n";
        bytes[at] = '\0';
        const unsigned status = parse_bytes(&head, bytes, sizeof bytes - 1);
        assert_true(status >= 400);
    }
}

/* Builds a request: text, `count` times a piece, and an end. */
static const char *built(const char *start, const char *piece, size_t count, const char *end)
{
    static char text[32768];
    size_t len = strlen(start);
    assert_true(len + count * strlen(piece) + strlen(end) < sizeof text);
    memcpy(text, start, len);
    for (size_t i = 0; i < count; i++, len += strlen(piece))
        memcpy(text + len, piece, strlen(piece));
    memcpy(text + len, end, strlen(end) + 1);
    return text;
}

static void limits(void **state)
{
    (void)state;
    const char *end = " HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_int_equal(parse(built("GET /", "a", FA_HTTP_TARGET_BYTES_MAX - 1, end)), FA_HTTP_DONE);
    assert_int_equal(parse(built("GET /", "a", FA_HTTP_TARGET_BYTES_MAX, end)), 414);
    assert_int_equal(parse(built("GET /", "a", FA_HTTP_TARGET_BYTES_MAX + 100, "")), 414);
    assert_int_equal(parse(built(LINE "Host: h\r\n", "A:b\r\n", FA_HTTP_FIELDS_MAX - 1, "\r\n")), FA_HTTP_DONE);
    assert_int_equal(parse(built(LINE "Host: h\r\n", "A:b\r\n", FA_HTTP_FIELDS_MAX, "\r\n")), 431);
    const char *absolute = "GET http://h/ HTTP/1.0\r\n";
    assert_int_equal(parse(built(absolute, "A:b\r\n", FA_HTTP_FIELDS_MAX - 1, "\r\n")), FA_HTTP_DONE);
    assert_int_equal(parse(built(absolute, "A:b\r\n", FA_HTTP_FIELDS_MAX, "\r\n")), 431);
    const size_t rest = FA_HTTP_HEAD_BYTES_MAX - strlen(LINE "Host: h\r\nA: \r\n\r\n");
    assert_int_equal(parse(built(LINE "Host: h\r\nA: ", "x", rest, "\r\n\r\n")), FA_HTTP_DONE);
    assert_int_equal(parse(built(LINE "Host: h\r\nA: ", "x", rest + 1, "\r\n\r\n")), 431);
    assert_int_equal(parse(built(LINE "Host: h\r\nA: ", "x", rest + 4, "")), 431);
    assert_int_equal(parse(built("ABCDEFGHIJKLMNOP", "", 0, " / HTTP/1.1\r\nHost: h\r\n\r\n")), FA_HTTP_DONE);
}

/* The table of characters is what the grammar says. */
static void characters(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        const bool alnum = c < 128 && isalnum(c), visible = c > 0x20 && c < 0x7f;
        const bool token = alnum || (c > 0 && c < 128 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
        assert_int_equal(fa_http_char_is((char)c, FA_HTTP_CHAR_TOKEN), token);
        assert_int_equal(fa_http_char_is((char)c, FA_HTTP_CHAR_TARGET), visible && c != '#');
        assert_int_equal(fa_http_char_is((char)c, FA_HTTP_CHAR_VALUE), visible || c == ' ' || c == '\t' || c > 127);
        assert_int_equal(fa_http_char_is((char)c, FA_HTTP_CHAR_BLANK), c == ' ' || c == '\t');
        assert_int_equal(fa_http_char_is((char)c, FA_HTTP_CHAR_DIGIT), c >= '0' && c <= '9');
        assert_int_equal(fa_http_char_is((char)c, FA_HTTP_CHAR_HEX), c < 128 && isxdigit(c) != 0);
    }
}

static void paths(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"/", "/"},           {"/a/b", "/a/b"},         {"/a/./b", "/a/b"},     {"/a/../b", "/b"},
        {"/..", "/"},         {"/.", "/"},              {"/../../x", "/x"},     {"/a/..", "/"},
        {"/a/b/..", "/a/"},   {"/a/b/.", "/a/b/"},      {"/a/...", "/a/..."},   {"/.a/..b", "/.a/..b"},
        {"/%2e%2e/x", "/x"},  {"/a%2f..%2Fb", "/b"},    {"//a", "/a"},          {"//..", "/"},
        {"/a//../b", "/b"},   {"///a///b//", "/a/b/"},  {"/a%2f%2Fb", "/a/b"},  {"//evil/..//x", "/x"},
        {"/a/.//./b", "/a/b"}, {"/%41%c3%a4", "/A\xc3\xa4"}, {"/%252e", "/%2e"}, {"/a/../../../b/", "/b/"},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        char path[64];
        strcpy(path, cases[i][0]);
        assert_int_equal(fa_http_path_decode(path), FA_OK);
        assert_string_equal(path, cases[i][1]);
    }
}

static void lists(void **state)
{
    (void)state;
    const char *list = ", a ,\tbc,, d e ,";
    size_t len;
    const char *const want[] = {"a", "bc", "d e"};
    for (size_t i = 0; i < 3; i++) {
        const char *element = fa_http_list_next(&list, &len);
        assert_int_equal(len, strlen(want[i]));
        assert_memory_equal(element, want[i], len);
    }
    assert_null(fa_http_list_next(&list, &len));
    assert_null(fa_http_list_next(&list, &len));
    assert_true(fa_http_same("ABC", 3, "abc"));
    assert_false(fa_http_same("ABC", 2, "abc"));
    assert_false(fa_http_same("ABCd", 4, "abc"));
    assert_true(fa_http_is_token("X-A") && !fa_http_is_token("") && !fa_http_is_token("a b"));
    assert_true(fa_http_is_value("") && fa_http_is_value("a b") && !fa_http_is_value("a\r\nb"));
}

/* Decodes in pieces of `step` bytes, of which `take` are data at a time; the status, and how much was used. */
static unsigned decode(const char *text, size_t len, size_t step, size_t take, char *data_out,
                       size_t *used_out)
{
    fa_http_chunks chunks;
    fa_http_chunks_init(&chunks);
    size_t at = 0, data_len = 0, end = 0;
    unsigned status = FA_HTTP_MORE;
    while (status == FA_HTTP_MORE && at < len) {
        if (at == end)
            end = end + step < len ? end + step : len;
        size_t used, count;
        status = fa_http_chunks_next(&chunks, text + at, end - at, &used, &count);
        at += used;
        count = count < take ? count : take;
        if (count > 0) {
            memcpy(data_out + data_len, text + at, count);
            fa_http_chunks_took(&chunks, count);
            at += count;
            data_len += count;
        }
    }
    data_out[data_len] = '\0';
    *used_out = at;
    return status;
}

static void chunked(void **state)
{
    (void)state;
    const char text[] = "5\r\nhello\r\n0006;a=\"b\"\r\n world\r\nA\r\n0123456789\r\n0\r\nT: x\r\nU:\r\n\r\nGET";
    for (size_t step = 1; step < sizeof text; step++)
        for (size_t take = 1; take < 8; take += 3) {
            char data[64];
            size_t used;
            assert_int_equal(decode(text, sizeof text - 1, step, take, data, &used), FA_HTTP_DONE);
            assert_string_equal(data, "hello world0123456789");
            assert_int_equal(used, sizeof text - 1 - 3);
        }
}

static void bad_chunks(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n", "g\r\n", "5\n", "5 \r\n", " 5\r\n", "0x5\r\n", "-1\r\n", "5\r\nhelloX", "5\r\nhello\n", "5\r\nhello\r0",
        "5;a\n", "5;\x01\r\n", "5\rx", "0\r\n\n", "0\r\n\rx", "0\r\nT x\r\n\r\n", "0\r\n: x\r\n\r\n", "0\r\nT: x\n\r\n",
        "0\r\nT: \x01\r\n", "0\r\n x\r\n", "10000000000000000\r\n", "ffffffffffffffff1\r\n",
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(bad); i++) {
        char data[64];
        size_t used;
        if (decode(bad[i], strlen(bad[i]), 100, 100, data, &used) != 400)
            fail_msg("not refused: %s", bad[i]);
    }
    char data[64];
    size_t used;
    const char *text = built("5;", "x", FA_HTTP_CHUNK_LINE_BYTES_MAX - 3, "\r\nhello\r\n0\r\n\r\n");
    assert_int_equal(decode(text, strlen(text), 100, 100, data, &used), FA_HTTP_DONE);
    text = built("5;", "x", FA_HTTP_CHUNK_LINE_BYTES_MAX - 2, "\r\nhello\r\n0\r\n\r\n");
    assert_int_equal(decode(text, strlen(text), 100, 100, data, &used), 400);
    text = built("0\r\n", "T: x\r\n", FA_HTTP_TRAILER_BYTES_MAX / 4, "\r\n");
    assert_int_equal(decode(text, strlen(text), 100, 100, data, &used), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request),  cmocka_unit_test(what_it_says), cmocka_unit_test(what_is_refused),
        cmocka_unit_test(limits),     cmocka_unit_test(characters),   cmocka_unit_test(paths),
        cmocka_unit_test(absolute_form),
        cmocka_unit_test(lists),      cmocka_unit_test(chunked),      cmocka_unit_test(bad_chunks),
    };
    return cmocka_run_group_tests_name("http_head", tests, NULL, NULL);
}
