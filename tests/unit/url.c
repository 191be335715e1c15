/* SPDX-License-Identifier: ISC */
/* URLs and references to them, by RFC 3986 section 5.4's examples and what must be refused; and heads of
 * responses. */
#include "../../sdk/http/client_head.h"
#include "host.h"
#include "test.h"
#include <fata/http_client.h>
#include <stdio.h>
#include <stdlib.h>

static fa_url url;

static void expect_url(const char *text, bool secure, const char *host, unsigned port,
                       const char *authority, const char *target)
{
    assert_int_equal(fa_url_parse(text, &url), FA_OK);
    assert_int_equal(url.secure, secure);
    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    assert_string_equal(url.authority, authority);
    assert_string_equal(url.target, target);
}

static void parts(void **state)
{
    (void)state;
    expect_url("http://Example.ORG", false, "example.org", 80, "example.org", "/");
    expect_url("HTTPS://a_b.example./x?y=%20#z", true, "a_b.example.", 443, "a_b.example.", "/x?y=%20");
    expect_url("http://h:80?q", false, "h", 80, "h", "/?q");
    expect_url("http://h:/", false, "h", 80, "h", "/");
    expect_url("https://h:80/", true, "h", 80, "h:80", "/");
    expect_url("http://192.0.2.1:8080/a//b", false, "192.0.2.1", 8080, "192.0.2.1:8080", "/a//b");
    expect_url("http://[2001:DB8::1]:81/", false, "2001:db8::1", 81, "[2001:db8::1]:81", "/");
    expect_url("http://[::ffff:192.0.2.1]/", false, "::ffff:192.0.2.1", 80, "[::ffff:192.0.2.1]", "/");
    expect_url("http://[::]/", false, "::", 80, "[::]", "/");
    expect_url("http://[1:2:3:4:5:6:7:8]/", false, "1:2:3:4:5:6:7:8", 80, "[1:2:3:4:5:6:7:8]", "/");
    expect_url("http://h/a/./b/../c/%2e%2e/d/..", false, "h", 80, "h", "/a/c/%2e%2e/");
    expect_url("http://h/../../a?b/../c", false, "h", 80, "h", "/a?b/../c");
}

static void refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "h", "/a", "http", "http:", "http:/h", "http:h", "http://", "http:///a", "http://user@h/",
        "http://h:0/", "http://h:65536/", "http://h:1x/", "http://h /", "http://h/a b", "http://h/a\tb",
        "http://h/\r\nX: y", "http://h/%", "http://h/%2", "http://h/%zz", "http://h/\"", "http://h/\\",
        "http://h/\xc3\xa4", "http://a..b/", "http://.a/", "http://-\xff/", "http://h%41/", "http://[::1/",
        "http://[::1]x/", "http://[]/", "http://[:]/", "http://[:::]/", "http://[1::2::3]/", "http://[12345::]/",
        "http://[1:2:3:4:5:6:7:8:9]/", "http://[1:2:3:4:5:6:7]/", "http://[1:2:3:4:5:6:7::8]/",
        "http://[1:]/", "http://[fe80::1%25eth0]/", "http://[1.2.3.4]/", "http://[::1.2.3]/", "http://::1/"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++)
        if (fa_url_parse(wrong[i], &url) != FA_EFORMAT)
            fail_msg("'%s' is %s", wrong[i], fa_err_name(fa_url_parse(wrong[i], &url)));
    assert_int_equal(fa_url_parse("ftp://h/", &url), FA_ENOTSUP);
    assert_int_equal(fa_url_parse("httpss://h/", &url), FA_ENOTSUP);
}

static void limits(void **state)
{
    (void)state;
    char text[FA_URL_BYTES_MAX + 64] = "http://h/";
    memset(text + 9, 'a', FA_URL_BYTES_MAX - 3);
    assert_int_equal(fa_url_parse(text, &url), FA_OK);
    assert_int_equal(strlen(url.target), FA_URL_BYTES_MAX - 2);
    strcat(text, "a");
    assert_int_equal(fa_url_parse(text, &url), FA_ELIMIT);
    memcpy(text, "http://", 8);
    for (size_t i = 7; i < 7 + FA_URL_HOST_BYTES; i++)
        text[i] = i % 8 == 0 ? '.' : 'a';
    text[7 + FA_URL_HOST_BYTES] = '\0';
    assert_int_equal(fa_url_parse(text, &url), FA_ELIMIT);
    text[7 + FA_URL_HOST_BYTES - 1] = '\0';
    assert_int_equal(fa_url_parse(text, &url), FA_OK);
}

/* RFC 3986 sections 5.4.1 and 5.4.2, but for what is of other schemes. */
static void references(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"g", "/b/c/g"},         {"./g", "/b/c/g"},        {"g/", "/b/c/g/"},      {"/g", "/g"},
        {"?y", "/b/c/d;p?y"},    {"g?y", "/b/c/g?y"},      {"#s", "/b/c/d;p?q"},   {"g#s", "/b/c/g"},
        {"g?y#s", "/b/c/g?y"},   {";x", "/b/c/;x"},        {"g;x", "/b/c/g;x"},    {"", "/b/c/d;p?q"},
        {".", "/b/c/"},          {"./", "/b/c/"},          {"..", "/b/"},          {"../", "/b/"},
        {"../g", "/b/g"},        {"../..", "/"},           {"../../", "/"},        {"../../g", "/g"},
        {"../../../g", "/g"},    {"/./g", "/g"},           {"/../g", "/g"},        {"g.", "/b/c/g."},
        {".g", "/b/c/.g"},       {"g..", "/b/c/g.."},      {"./../g", "/b/g"},     {"./g/.", "/b/c/g/"},
        {"g/./h", "/b/c/g/h"},   {"g/../h", "/b/c/h"},     {"g;x=1/../y", "/b/c/y"},
        {"g?y/../x", "/b/c/g?y/../x"}, {"http://a/x", "/x"},
    };
    fa_url base;
    assert_int_equal(fa_url_parse("http://a/b/c/d;p?q", &base), FA_OK);
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        assert_int_equal(fa_url_resolve(&base, cases[i][0], &url), FA_OK);
        if (strcmp(url.target, cases[i][1]) != 0)
            fail_msg("'%s' is '%s'", cases[i][0], url.target);
        assert_true(fa_url_same_origin(&base, &url));
        fa_url same = base;
        assert_int_equal(fa_url_resolve(&same, cases[i][0], &same), FA_OK);
        assert_string_equal(same.target, url.target);
    }
    assert_int_equal(fa_url_resolve(&base, "//g:8/x", &url), FA_OK);
    assert_string_equal(url.authority, "g:8");
    assert_false(fa_url_same_origin(&base, &url));
    assert_int_equal(fa_url_resolve(&base, "https://a/", &url), FA_OK);
    assert_false(fa_url_same_origin(&base, &url));
    assert_int_equal(fa_url_resolve(&base, "mailto:x", &url), FA_ENOTSUP);
    assert_int_equal(fa_url_resolve(&base, "a b", &url), FA_EFORMAT);
}

static fa_http_head head;
static unsigned status;

static fa_err parse(const char *text)
{
    size_t line_at = 0, head_len;
    const size_t len = strlen(text);
    char *bytes = malloc(len);
    memcpy(bytes, text, len);
    assert_int_equal(fa_http_head_find(bytes, len, &line_at, &head_len), FA_HTTP_DONE);
    static char exact[32768];
    memcpy(exact, bytes, head_len);
    free(bytes);
    return fa_http_response_parse(&head, exact, head_len, &status);
}

static void responses(void **state)
{
    (void)state;
    assert_int_equal(parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n12345"), FA_OK);
    assert_int_equal(status, 200);
    assert_int_equal(head.body_bytes, 5);
    assert_int_equal(head.field_count, 2);
    assert_false(head.close || head.chunked);
    assert_int_equal(parse("HTTP/1.1 404\r\n\r\n"), FA_OK);
    assert_int_equal(parse("HTTP/1.1 404 \r\n\r\n"), FA_OK);
    assert_int_equal(parse("HTTP/1.0 302 Moved \xe4way\tnow\r\n\r\n"), FA_OK);
    assert_true(head.close);
    assert_int_equal(parse("HTTP/1.1 200 OK\r\nconnection: x, Close\r\n\r\n"), FA_OK);
    assert_true(head.close);
    assert_int_equal(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"), FA_OK);
    assert_true(head.chunked);
    assert_int_equal(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), FA_ENOTSUP);
}

static void bad_responses(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.x 200 OK\r\n\r\n", "HTTP/11 200 OK\r\n\r\n", "H\r\n\r\n",
        "ICY 200 OK\r\n\r\n", "HTTP/1.1 200 O\x01K\r\n\r\n", "HTTP/1.1 200 O\rK\r\n\r\n", "HTTP/1.1 200\tOK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\x7f\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++)
        if (parse(wrong[i]) != FA_EFORMAT)
            fail_msg("'%s' is %s", wrong[i], fa_err_name(parse(wrong[i])));
    assert_int_equal(parse("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"), FA_ELIMIT);
    static char many[16384] = "HTTP/1.1 200 OK\r\n";
    for (unsigned i = 0; i <= FA_HTTP_FIELDS_MAX; i++)
        strcat(many, "a: b\r\n");
    assert_int_equal(parse(strcat(many, "\r\n")), FA_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),      cmocka_unit_test(refused),   cmocka_unit_test(limits),
        cmocka_unit_test(references), cmocka_unit_test(responses), cmocka_unit_test(bad_responses),
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
