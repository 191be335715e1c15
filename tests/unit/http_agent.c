/* SPDX-License-Identifier: ISC */
/* The HTTP client by URL, against our server, both over the host's sockets on 127.0.0.1: connections that
 * are kept, redirects by their rules, other hosts, and what is not followed. */
#include "board.h"
#include "test.h"
#include <fata/fiber.h>
#include <fata/http_client.h>
#include <stdio.h>
#include <stdlib.h>

#define SOON fa_after_s(20) /* only what goes wrong takes so long */

static fa_net *net;
static fa_scope scope;
static fa_listener *listeners[2];
static unsigned accepted[2]; /* connections of each */
static fa_http_agent *agent;
static const fa_http_response *response;

static fa_err show(fa_http *http, void *arg, fa_deadline deadline)
{
    const char *secret = fa_http_field_of(http, "Authorization");
    char bytes[64];
    size_t len;
    fa_http_stats stats;
    fa_http_stats_get(http, &stats);
    accepted[*(const unsigned *)arg] = (unsigned)stats.accepted;
    fa_http_printf(http, "%s %s?%s %s ", http->method, http->path, http->query, secret == NULL ? "-" : secret);
    const fa_err err = fa_http_read(http, bytes, sizeof bytes, &len, deadline);
    fa_http_printf(http, "%.*s", (int)len, bytes);
    return err;
}

/* /go/STATUS?WHERE */
static fa_err go(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    (void)deadline;
    fa_http_status(http, (unsigned)strtoul(http->path + strlen("/go/"), NULL, 10));
    if (http->query[0] != '\0')
        (void)fa_http_field_add(http, "Location", http->query);
    fa_http_printf(http, "look there");
    return FA_OK;
}

static fa_err huge(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    static const char bytes[100000];
    return fa_http_write(http, bytes, sizeof bytes, deadline);
}

/* What is told of a body, and something else. */
static fa_err kind(fa_http *http, void *arg, fa_deadline deadline)
{
    static const char *const names[] = {"Content-Type", "content-encoding", "Digest", "Last-Modified", "X-Other"};
    (void)arg;
    (void)deadline;
    for (size_t i = 0; i < FA_ARRAY_COUNT(names); i++) {
        const char *value = fa_http_field_of(http, names[i]);
        fa_http_printf(http, "%s ", value == NULL ? "-" : value);
    }
    return FA_OK;
}

/* A byte now and then, behind a status of the query's and a redirect. */
static fa_err trickle(fa_http *http, void *arg, fa_deadline deadline)
{
    (void)arg;
    fa_err err = FA_OK;
    fa_http_status(http, (unsigned)strtoul(http->query, NULL, 10));
    (void)fa_http_field_add(http, "Location", "/show");
    while (err == FA_OK) {
        fa_http_printf(http, ".");
        err = fa_http_flush(http, deadline);
        if (err == FA_OK)
            err = fa_sleep(fa_after_ms(20));
    }
    return err;
}

static const unsigned numbers[2] = {0, 1};
#define ROUTES(number) {{NULL, "/show", show, (void *)(uintptr_t)&numbers[number]}, {NULL, "/go/", go, NULL}, \
                        {NULL, "/huge", huge, NULL}, {NULL, "/kind", kind, NULL}, {NULL, "/trickle", trickle, NULL}}
static const fa_http_route routes[2][5] = {ROUTES(0), ROUTES(1)};

static void serve(void *arg)
{
    const unsigned i = *(const unsigned *)arg;
    const fa_http_options options = {.routes = routes[i], .route_count = 5, .idle_ns = 200 * FA_NS_PER_MS};
    const fa_err err = fa_http_serve(listeners[i], &options, FA_FOREVER);
    (void)err;
}

static int set_up(void **state)
{
    (void)state;
    board_real_time(true);
    accepted[0] = accepted[1] = 0;
    fa_scope_open(&scope);
    if (fa_net_start(&net, SOON) != FA_OK || fa_http_agent_open(net, &agent) != FA_OK)
        return -1;
    for (unsigned i = 0; i < 2; i++)
        if (fa_net_listen(net, 0, &listeners[i]) != FA_OK ||
            fa_scope_spawn_with(&scope, &(fa_fiber_options){.name = "server", .stack_bytes = 32 * FA_KIB}, serve, (void *)(uintptr_t)&numbers[i]) != FA_OK)
            return -1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fa_http_agent_close(agent);
    fa_scope_close(&scope);
    for (unsigned i = 0; i < 2; i++)
        fa_listener_close(listeners[i]);
    return 0;
}

static const char *at(unsigned server, const char *path)
{
    static char text[4][512];
    static unsigned next;
    char *to = text[next++ % 4];
    snprintf(to, sizeof text[0], "http://127.0.0.1:%u%s", fa_listener_port(listeners[server]), path);
    return to;
}

static const char *body(void)
{
    static char bytes[200001];
    size_t len, all_len = 0;
    do {
        assert_int_equal(fa_http_agent_read(agent, bytes + all_len, sizeof bytes - 1 - all_len, &len, SOON), FA_OK);
        all_len += len;
    } while (len > 0);
    bytes[all_len] = '\0';
    return bytes;
}

static fa_err get(const char *url)
{
    return fa_http_agent_get(agent, url, &response, SOON);
}

static const char *got(const char *url)
{
    assert_int_equal(get(url), FA_OK);
    return body();
}

static void one_connection(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_string_equal(got(at(0, "/show?a")), "GET /show?a - ");
    assert_int_equal(get(at(0, "/show")), FA_OK); /* its body is not wanted */
    assert_string_equal(got(at(0, "/show")), "GET /show? - ");
    assert_int_equal(accepted[0], 1);
    assert_string_equal(got(at(1, "/show")), "GET /show? - ");
    assert_string_equal(got(at(0, "/show")), "GET /show? - ");
    assert_int_equal(accepted[0], 2);
    assert_int_equal(get(at(0, "/huge")), FA_OK); /* too much to be skipped */
    assert_string_equal(got(at(0, "/show")), "GET /show? - ");
    assert_int_equal(accepted[0], 3);
}

static void ended_meanwhile(void **state)
{
    (void)state;
    assert_string_equal(got(at(0, "/show")), "GET /show? - ");
    assert_int_equal(fa_sleep(fa_after_ms(600)), FA_OK); /* the server's patience is over */
    assert_string_equal(got(at(0, "/show")), "GET /show? - ");
    assert_int_equal(accepted[0], 2);
}

static void redirected(void **state)
{
    (void)state;
    static const char *const paths[] = {"/go/301?../show", "/go/302?/show", "/go/303?../show",
                                        "/go/307?../a/../show", "/go/308?/show#x"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(paths); i++) {
        assert_int_equal(get(at(0, paths[i])), FA_OK);
        assert_int_equal(response->status, 200);
        assert_string_equal(body(), "GET /show? - ");
        assert_string_equal(fa_http_agent_url(agent)->target, "/show");
    }
    assert_int_equal(accepted[0], 1);
    assert_int_equal(get(at(0, "/go/304?/show")), FA_OK);
    assert_int_equal(response->status, 304);
    assert_int_equal(get(at(0, "/go/300?/show")), FA_OK);
    assert_int_equal(response->status, 300);
    assert_int_equal(get(at(0, "/go/302")), FA_OK); /* nowhere */
    assert_int_equal(response->status, 302);
    assert_string_equal(body(), "look there");
}

static void redirected_methods(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *want;
    } cases[] = {
        {"POST", "/go/301?/show", "GET /show? - "},     {"POST", "/go/302?/show", "GET /show? - "},
        {"POST", "/go/303?/show", "GET /show? - "},     {"POST", "/go/307?/show", "POST /show? - text"},
        {"POST", "/go/308?/show", "POST /show? - text"}, {"PUT", "/go/301?/show", "PUT /show? - text"},
        {"PUT", "/go/303?/show", "GET /show? - "},      {"DELETE", "/go/302?/show", "DELETE /show? - text"},
    };
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        const fa_http_request request = {.method = cases[i].method, .body = "text", .body_len = 4};
        assert_int_equal(fa_http_agent_request(agent, at(0, cases[i].path), &request, &response, SOON), FA_OK);
        assert_string_equal(body(), cases[i].want);
    }
    const fa_http_request head = {.method = "HEAD"};
    assert_int_equal(fa_http_agent_request(agent, at(0, "/go/303?/show"), &head, &response, SOON), FA_OK);
    assert_int_equal(response->status, 200);
    assert_string_equal(body(), "");
}

/* A body that is left out takes what is told of it along; one that is sent again does not. */
static void redirected_kinds(void **state)
{
    (void)state;
    static const fa_http_field fields[] = {{"content-type", "a"}, {"Content-Encoding", "b"}, {"X-Other", "c"}, {"Digest", "d"}, {"Last-Modified", "e"}};
    const fa_http_request request = {.method = "POST", .body = "text", .body_len = 4, .fields = fields, .field_count = FA_ARRAY_COUNT(fields)};
    assert_int_equal(fa_http_agent_request(agent, at(0, "/go/307?/kind"), &request, &response, SOON), FA_OK);
    assert_string_equal(body(), "a b d e c ");
    assert_int_equal(fa_http_agent_request(agent, at(0, "/go/303?/kind"), &request, &response, SOON), FA_OK);
    assert_string_equal(body(), "- - - - c ");
    assert_int_equal(fa_http_agent_request(agent, at(0, "/go/302?/go/308?/kind"), &request, &response, SOON), FA_OK);
    assert_string_equal(body(), "- - - - c ");
}

/* What nobody wants to read keeps the next request for a moment only. */
static void trickling(void **state)
{
    (void)state;
    const uint64_t begin_ns = fa_clock_mono_ns();
    assert_int_equal(get(at(0, "/trickle?200")), FA_OK);
    assert_int_equal(fa_http_agent_get(agent, at(0, "/show"), &response, SOON), FA_OK);
    assert_string_equal(body(), "GET /show? - ");
    assert_int_equal(fa_http_agent_get(agent, at(0, "/trickle?302"), &response, SOON), FA_OK);
    assert_string_equal(body(), "GET /show? - ");
    assert_true(fa_clock_mono_ns() - begin_ns < 20 * FA_NS_PER_S);
    assert_int_equal(get(at(0, "/trickle?200")), FA_OK); /* a deadline that is earlier than that moment is one */
    assert_int_equal(fa_http_agent_get(agent, at(0, "/show"), &response, fa_after_ms(100)), FA_ETIMEDOUT);
}

static void to_another_host(void **state)
{
    (void)state;
    const fa_http_field secret = {"authorization", "x"};
    const fa_http_request request = {.fields = &secret, .field_count = 1};
    char path[256];
    assert_int_equal(fa_http_agent_request(agent, at(0, "/go/302?/show"), &request, &response, SOON), FA_OK);
    assert_string_equal(body(), "GET /show? x ");
    snprintf(path, sizeof path, "/go/302?%s", at(1, "/show"));
    assert_int_equal(fa_http_agent_request(agent, at(0, path), &request, &response, SOON), FA_OK);
    assert_string_equal(body(), "GET /show? - ");
    assert_int_equal(fa_http_agent_url(agent)->port, fa_listener_port(listeners[1]));
}

static void not_followed(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "/go/302?/go/302?/go/302?/go/302?/go/302?/go/302?/go/302?/go/302?/show");
    assert_string_equal(got(at(0, path)), "GET /show? - ");
    snprintf(path, sizeof path, "/go/302?/go/302?/go/302?/go/302?/go/302?/go/302?/go/302?/go/302?/go/302?/show");
    assert_int_equal(get(at(0, path)), FA_ELIMIT);
    assert_int_equal(get(at(0, "/go/302?ftp://127.0.0.1/")), FA_ENOTSUP);
    assert_int_equal(get(at(0, "/go/302?http://u@127.0.0.1/")), FA_EFORMAT);
    assert_int_equal(get(at(0, "/go/302?https://127.0.0.1/")), FA_ENOTSUP); /* there is no TLS here */
    assert_int_equal(get("https://127.0.0.1/"), FA_ENOTSUP);
    assert_int_equal(fa_http_agent_request(agent, at(0, "/show"), &(fa_http_request){.body_len = 5}, &response, SOON), FA_EINVAL);
}

/* TLS that hides nothing: it says that it was there. */
static unsigned secured, refusals;
static char authority[32];

static fa_err secure(void *arg, fa_flow *flow, const char *host, fa_flow **flow_out, fa_deadline deadline)
{
    (void)deadline;
    assert_ptr_equal(arg, &secured);
    assert_string_equal(host, authority);
    secured++;
    if (refusals > 0) {
        refusals--;
        fa_flow_close(flow);
        return FA_EAGAIN;
    }
    *flow_out = flow;
    return FA_OK;
}

static void begin_https(void)
{
    secured = 0;
    snprintf(authority, sizeof authority, "127.0.0.1:%u", fa_listener_port(listeners[0]));
    fa_http_agent_set_secure(agent, secure, &secured);
}

static void https_once_more(void **state)
{
    (void)state;
    char url[256];
    begin_https();
    snprintf(url, sizeof url, "https://%s/show", authority);
    refusals = 1;
    assert_string_equal(got(url), "GET /show? - ");
    assert_int_equal(secured, 2);
    fa_http_agent_close(agent);
    assert_int_equal(fa_http_agent_open(net, &agent), FA_OK);
    begin_https();
    refusals = 2;
    assert_int_equal(get(url), FA_EAGAIN);
    assert_int_equal(secured, 2);
}

static void no_way_back_from_https(void **state)
{
    (void)state;
    char url[256];
    begin_https();
    snprintf(url, sizeof url, "https://127.0.0.1:%u/show", fa_listener_port(listeners[0]));
    assert_string_equal(got(url), "GET /show? - ");
    assert_string_equal(got(url), "GET /show? - ");
    assert_int_equal(secured, 1);
    assert_string_equal(got(at(0, "/show")), "GET /show? - "); /* a connection of its own */
    assert_int_equal(accepted[0], 2);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/go/302?%s", fa_listener_port(listeners[0]), at(0, "/show"));
    assert_int_equal(get(url), FA_EPERM);
}

static void nobody_there(void **state)
{
    (void)state;
    fa_listener *none;
    assert_int_equal(fa_net_listen(net, 0, &none), FA_OK);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", fa_listener_port(none));
    fa_listener_close(none);
    assert_int_equal(get(url), FA_ECLOSED);
    size_t len;
    char byte;
    assert_int_equal(fa_http_agent_read(agent, &byte, 1, &len, SOON), FA_ECLOSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_connection), TEST(ended_meanwhile), TEST(redirected), TEST(redirected_methods), TEST(redirected_kinds), TEST(trickling),
        TEST(to_another_host), TEST(not_followed), TEST(https_once_more), TEST(no_way_back_from_https), TEST(nobody_there),
    };
    return cmocka_run_group_tests_name("http_agent", tests, NULL, NULL);
}
