/* SPDX-License-Identifier: ISC */
/* The embedded site, which is tests/unit/http-site here: files, gzip, conditions and ranges. */
#include "http_client.h"

static void site(void **state)
{
    (void)state;
    start();
    fa_flow *client = connect_one();
    get(client, "/ten.txt", "Accept-Encoding: gzip\r\n");
    expect_status(200);
    expect("Content-Length: 10\r\nContent-Type: text/plain; charset=utf-8\r\nAccept-Ranges: bytes\r\nETag: \"");
    expect("Cache-Control: no-cache\r\nDate: ");
    assert_string_equal(body(), "0123456789");
    get(client, "/", "");
    expect("<title>Index</title>");
    expect("Vary: Accept-Encoding\r\n");
    get(client, "/empty.txt", "Range: bytes=0-\r\n");
    expect_status(416);
    get(client, "/empty.txt", "");
    expect("Content-Length: 0\r\n");
    get(client, "/app.3f2a9c1b.js", "");
    expect("Cache-Control: public, max-age=31536000, immutable\r\n");
    get(client, "/sub%20dir", "");
    expect_status(301);
    expect("Content-Length: 0\r\nLocation: /sub%20dir/\r\nDate: ");
    get(client, "/sub%20dir?a=b&c=%0d%0a?d", "");
    expect_status(301);
    expect("Location: /sub%20dir/?a=b&c=%0d%0a?d\r\nDate: ");
    get(client, "//sub%20dir", ""); /* and not to a host */
    expect_status(301);
    expect("Location: /sub%20dir/\r\n");
    get(client, "http://evil.example//sub%20dir", "");
    expect("Location: /sub%20dir/\r\n");
    get(client, "/sub%20dir/", "");
    expect("<title>Sub</title>");
    get(client, "/x/../sub%20dir/./index.html", "");
    expect("<title>Sub</title>");
    get(client, "//sub%20dir///index.html", "");
    expect_status(200);
    expect("<title>Sub</title>");
    static const char *const missing[] = {"/none", "/sub%20dir/none", "/ten.txt/", "//ten.txt/x", "/.hidden/secret.txt", "/TEN.TXT"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(missing); i++) {
        get(client, missing[i], "");
        expect_status(404);
        expect("<title>Nothing</title>");
        expect("Content-Length: 39\r\n");
    }
    goes_on();
}

static void packed(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        bool packed;
    } cases[] = {
        {"gzip", true}, {"x-gzip", true}, {"GZip, deflate, br", true}, {"br;q=1, gzip;q=0.1", true}, {"*", true},
        {"identity;q=0.5, gzip ; q=0.8", true}, {"gzip;q=1.000", true}, {"", false}, {"br", false}, {"gzip;q=0", false},
        {"gzip;q=0.000", false}, {"*;q=0", false}, {"gzip;q=0, *", false}, {"identity, gzip;q=0.5", false},
        {"gzip;q=2", false}, {"gzip;q=", false}, {"gzip;q=0.1234", false}, {"gzipped", false},
    };
    start();
    fa_flow *client = connect_one();
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        char field[64];
        snprintf(field, sizeof field, "Accept-Encoding: %s\r\n", cases[i].accept);
        get(client, "/", field);
        expect_status(200);
        if ((strstr(heard, "Content-Encoding: gzip\r\n") != NULL) != cases[i].packed)
            fail_msg("wrong for '%s'", cases[i].accept);
        assert_int_equal((uint8_t)body()[0] == 0x1f, cases[i].packed);
        expect("Vary: Accept-Encoding\r\n");
    }
}

static void conditions(void **state)
{
    (void)state;
    char tag[40], field[200];
    start();
    fa_flow *client = connect_one();
    get(client, "/ten.txt", "");
    assert_int_equal(sscanf(strstr(heard, "ETag: "), "ETag: %39s", tag), 1);
    static const struct {
        const char *format;
        unsigned status;
    } cases[] = {
        {"If-None-Match: %s\r\n", 304}, {"If-None-Match: \"x\", W/%s\r\n", 304}, {"If-None-Match: *\r\n", 304},
        {"If-None-Match: \"x\"\r\n", 200}, {"If-Match: %s\r\n", 200}, {"If-Match: W/%s\r\n", 412},
        {"If-Match: \"x\"\r\n", 412}, {"If-Modified-Since: Sat, 01 Jan 2050 00:00:00 GMT\r\n", 200},
        {"Range: bytes=2-4\r\nIf-Range: %s\r\n", 206}, {"Range: bytes=2-4\r\nIf-Range: \"x\"\r\n", 200},
        {"Range: bytes=2-4\r\nIf-Range: W/%s\r\n", 200}, {"Range: bytes=2-4\r\nIf-None-Match: %s\r\n", 304},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        snprintf(field, sizeof field, cases[i].format, tag);
        get(client, "/ten.txt", field);
        expect_status(cases[i].status);
        if (cases[i].status == 304) {
            assert_string_equal(body(), "");
            expect(tag);
            expect("Cache-Control");
            expect_not("Content-");
        }
        goes_on();
    }
    /* The packed variant is another representation, with its own tag. */
    get(client, "/", "Accept-Encoding: gzip\r\n");
    assert_int_equal(sscanf(strstr(heard, "ETag: "), "ETag: %39s", tag), 1);
    snprintf(field, sizeof field, "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n", tag);
    get(client, "/", field);
    expect_status(304);
    snprintf(field, sizeof field, "If-None-Match: %s\r\n", tag);
    get(client, "/", field);
    expect_status(200);
    snprintf(field, sizeof field, "Accept-Encoding: gzip\r\nRange: bytes=0-1\r\nIf-Range: %s\r\n", tag);
    get(client, "/", field);
    expect_status(206); /* a download of it goes on */
    assert_int_equal((uint8_t)body()[0], 0x1f);
    get(client, "/", "Accept-Encoding: gzip\r\nRange: bytes=0-1\r\n");
    assert_string_equal(body(), "<!");
    static const struct {
        const char *format;
        unsigned status;
        uint8_t first; /* of the body: of gzip's, or of the page */
    } variants[] = {
        {"Accept-Encoding: gzip\r\nIf-Match: %s\r\n", 200, 0x1f},
        {"Accept-Encoding: gzip\r\nIf-Match: \"x\", %s\r\n", 200, 0x1f},
        {"Accept-Encoding: gzip\r\nIf-Match: %s\r\nRange: bytes=0-1\r\n", 206, 0x1f},
        {"Accept-Encoding: gzip\r\nIf-Match: W/%s\r\n", 412, '4'},
        {"If-Match: %s\r\n", 412, '4'}, /* who does not take it is not given it */
        {"Accept-Encoding: gzip\r\nIf-Range: %s\r\n", 200, 0x1f},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(variants); i++) {
        snprintf(field, sizeof field, variants[i].format, tag);
        get(client, "/", field);
        expect_status(variants[i].status);
        assert_int_equal((uint8_t)body()[0], variants[i].first);
    }
    get(client, "/", "");
    assert_int_equal(sscanf(strstr(heard, "ETag: "), "ETag: %39s", tag), 1);
    snprintf(field, sizeof field, "Accept-Encoding: gzip\r\nIf-Match: %s\r\nRange: bytes=0-1\r\n", tag);
    get(client, "/", field);
    expect_status(206);
    assert_string_equal(body(), "<!");
}

static void ranges(void **state)
{
    (void)state;
    static const struct {
        const char *range;
        unsigned status;
        const char *body, *content_range;
    } cases[] = {
        {"bytes=0-0", 206, "0", "bytes 0-0/10"},
        {"bytes=2-4", 206, "234", "bytes 2-4/10"},
        {"Bytes=7-", 206, "789", "bytes 7-9/10"},
        {"bytes=8-99999999999999999999999", 206, "89", "bytes 8-9/10"},
        {"bytes=-3", 206, "789", "bytes 7-9/10"},
        {"bytes=-30", 206, "0123456789", "bytes 0-9/10"},
        {"bytes=10-", 416, "", "bytes */10"},
        {"bytes=99999999999999999999999-", 416, "", "bytes */10"},
        {"bytes=-0", 416, "", "bytes */10"},
        {"bytes=4-2", 200, "0123456789", ""},
        {"bytes=0-1,3-4", 200, "0123456789", ""},
        {"bytes=", 200, "0123456789", ""},
        {"bytes=-", 200, "0123456789", ""},
        {"bytes", 200, "0123456789", ""},
        {"lines=1-2", 200, "0123456789", ""},
        {"bytes=a-b", 200, "0123456789", ""},
        {"bytes=1 - 2", 200, "0123456789", ""},
    };
    start();
    fa_flow *client = connect_one();
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        char field[100];
        snprintf(field, sizeof field, "Range: %s\r\n", cases[i].range);
        get(client, "/ten.txt", field);
        expect_status(cases[i].status);
        assert_string_equal(body(), cases[i].body);
        expect(cases[i].content_range);
        goes_on();
    }
    ask(client, "HEAD /ten.txt HTTP/1.1\r\nHost: h\r\nRange: bytes=2-4\r\n\r\n");
    expect_status(200); /* RFC 9110 section 14.2: GET's alone */
    expect("Content-Length: 10\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(site),
        TEST(packed),
        TEST(conditions),
        TEST(ranges),
    };
    return cmocka_run_group_tests_name("http_site", tests, NULL, NULL);
}
