/* SPDX-License-Identifier: ISC */
/* <fata/sntp.h> over the host's sockets, against servers of this program on 127.0.0.1 whose clocks are
 * what a test says: the first setting, a liar among three, no majority, silence, kisses, forged replies. */
#include "../../sdk/net/sntp.h"
#include "board.h"
#include "test.h"
#include <fata/fiber.h>
#include <fata/sntp.h>
#include <stdio.h>
#include <stdlib.h>

#define SERVERS 3u
#define TRUTH_NS (UINT64_C(1800000000) * FA_NS_PER_S) /* at the monotonic clock's 0 */

static fa_net *net;
static fa_scope scope;
static struct server {
    fa_udp *udp;
    int64_t wrong_ns; /* its clock */
    uint8_t stratum;
    bool silent, forges;
    char kiss[5];
    unsigned asked;
} servers[SERVERS];

static uint64_t ntp_stamp(uint64_t wall_ns)
{
    const uint64_t s = wall_ns / FA_NS_PER_S + FA_SNTP_1970_S;
    return s << 32 | ((wall_ns % FA_NS_PER_S) << 32) / FA_NS_PER_S;
}

static void answer(struct server *s, const fa_sntp_packet *request, fa_endpoint from)
{
    const fa_be64 now = fa_be64_of(ntp_stamp(TRUTH_NS + fa_clock_mono_ns() + (uint64_t)s->wrong_ns));
    fa_sntp_packet reply = {.flags = 4 << 3 | 4, .stratum = s->stratum, .origin = request->sent, .received = now, .sent = now};
    if (s->forges) { /* first by somebody who has not seen the request */
        fa_sntp_packet forged = reply;
        forged.origin = fa_be64_of(fa_be64_get(request->sent) + 1);
        forged.sent = forged.received = fa_be64_of(fa_be64_get(now) + (UINT64_C(100) << 32));
        (void)!fa_udp_send(s->udp, from, &forged, sizeof forged);
        (void)!fa_udp_send(s->udp, from, "?", 1);
    }
    if (s->kiss[0] != '\0') {
        reply.stratum = 0;
        memcpy(reply.reference_id, s->kiss, 4);
    }
    (void)!fa_udp_send(s->udp, from, &reply, sizeof reply);
}

static void serve(void *arg)
{
    struct server *s = arg;
    fa_sntp_packet request;
    size_t len;
    fa_endpoint from;
    while (fa_udp_receive(s->udp, &request, sizeof request, &len, &from, FA_FOREVER) == FA_OK) {
        s->asked++;
        if (!s->silent && len == sizeof request)
            answer(s, &request, from);
    }
}

static int set_up(void **state)
{
    (void)state;
    board_real_time(true);
    fa_clock_set_wall(0 - UINT64_C(1)); /* something that is wrong */
    fa_scope_open(&scope);
    if (fa_net_start(&net, fa_after_s(10)) != FA_OK)
        return -1;
    for (unsigned i = 0; i < SERVERS; i++) {
        servers[i] = (struct server){.stratum = 2};
        if (fa_net_udp_open(net, 0, &servers[i].udp) != FA_OK || fa_scope_spawn(&scope, "server", serve, &servers[i]) != FA_OK)
            return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fa_scope_close(&scope);
    for (unsigned i = 0; i < SERVERS; i++)
        fa_udp_close(servers[i].udp);
    return 0;
}

static const char *list(unsigned count)
{
    static char text[128];
    text[0] = '\0';
    for (unsigned i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s127.0.0.1:%u", i > 0 ? "," : "", fa_udp_port(servers[i].udp));
    return text;
}

static fa_sntp_info info;

/* So long; then what came of it. */
static fa_err run_for(unsigned count, uint64_t ms)
{
    const fa_err err = fa_sntp_run(net, list(count), fa_after_ms(ms));
    fa_sntp_info_get(&info);
    return err;
}

/* The clock against the truth, in ms. */
static int64_t error_ms(void)
{
    return (int64_t)(fa_clock_wall_ns() - fa_clock_mono_ns() - TRUTH_NS) / (int64_t)FA_NS_PER_MS;
}

static void expect_right(void)
{
    if (error_ms() > 20 || error_ms() < -20)
        fail_msg("the clock is wrong by %lld ms", (long long)error_ms());
}

static fa_err waited;
static void wait_for_clock(void *arg)
{
    (void)arg;
    waited = fa_sntp_wait(FA_FOREVER);
}

static void first_time(void **state)
{
    (void)state;
    assert_int_equal(fa_sntp_wait(fa_after_ms(1)), FA_ETIMEDOUT);
    assert_int_equal(fa_scope_spawn(&scope, "waiter", wait_for_clock, NULL), FA_OK);
    waited = FA_EAGAIN;
    assert_int_equal(run_for(1, 300), FA_ETIMEDOUT);
    assert_int_equal(waited, FA_OK);
    assert_true(info.set && info.servers == 1 && info.agreeing == 1 && info.rounds == 1 && info.steps == 1);
    expect_right();
    assert_int_equal(fa_sntp_wait(FA_NOW), FA_OK);
}

static void a_liar(void **state)
{
    (void)state;
    servers[1].wrong_ns = 3600 * (int64_t)FA_NS_PER_S;
    assert_int_equal(run_for(3, 300), FA_ETIMEDOUT);
    assert_int_equal(info.servers, 3);
    assert_int_equal(info.agreeing, 2);
    expect_right();
}

static void no_majority(void **state)
{
    (void)state;
    servers[1].wrong_ns = 3600 * (int64_t)FA_NS_PER_S;
    assert_int_equal(run_for(2, 300), FA_ETIMEDOUT);
    assert_int_equal(info.agreeing, 0);
    assert_true(error_ms() < -1000); /* as it was */
}

static void silence(void **state)
{
    (void)state;
    servers[0].silent = servers[2].silent = true;
    assert_int_equal(run_for(3, 2500), FA_ETIMEDOUT); /* it waits for these in vain */
    assert_int_equal(info.agreeing, 1);
    expect_right();
}

static void asked_again(void **state)
{
    (void)state;
    servers[0].stratum = 16; /* does not know the time yet */
    assert_int_equal(run_for(1, 2500), FA_ETIMEDOUT);
    assert_int_equal(servers[0].asked, 2);
    assert_int_equal(info.agreeing, 0);
}

static void forged(void **state)
{
    (void)state;
    servers[0].forges = true;
    assert_int_equal(run_for(1, 300), FA_ETIMEDOUT);
    expect_right();
}

static void kissed(void **state)
{
    (void)state;
    memcpy(servers[0].kiss, "DENY", 4);
    memcpy(servers[1].kiss, "RATE", 4);
    servers[2].stratum = 16;
    assert_int_equal(run_for(3, 2500), FA_ETIMEDOUT);
    assert_int_equal(servers[0].asked, 1);
    assert_int_equal(servers[1].asked, 1);
    assert_int_equal(servers[2].asked, 2);
}

/* A name's addresses, one after the other, and then the last. */
static const char *const *addresses;

fa_err __real_fa_net_resolve(fa_net *on, const char *name, fa_ip4 *address_out, fa_deadline deadline);
fa_err __wrap_fa_net_resolve(fa_net *on, const char *name, fa_ip4 *address_out, fa_deadline deadline);
fa_err __wrap_fa_net_resolve(fa_net *on, const char *name, fa_ip4 *address_out, fa_deadline deadline)
{
    if (strcmp(name, "pool.example") != 0)
        return __real_fa_net_resolve(on, name, address_out, deadline);
    const fa_err err = fa_ip4_parse(addresses[0], address_out);
    addresses += addresses[1] != NULL;
    return err;
}

/* Of a name that has many servers, one that does not want us is asked no more, and the others are. */
static void kissed_by_one_of_many(void **state)
{
    (void)state;
    static const char *const some[] = {"127.0.0.1", "127.0.0.1", NULL}, *const others[] = {"127.0.0.1", "127.0.0.2", NULL};
    char text[64];
    memcpy(servers[0].kiss, "DENY", 4);
    snprintf(text, sizeof text, "pool.example:%u", fa_udp_port(servers[0].udp));
    for (unsigned i = 0; i < 2; i++) {
        addresses = i == 0 ? some : others; /* (both lead to the same socket) */
        servers[0].asked = 0;
        assert_int_equal(fa_sntp_run(net, text, fa_after_ms(2500)), FA_ETIMEDOUT);
        assert_int_equal(servers[0].asked, i == 0 ? 1 : 2);
        assert_null(addresses[1]);
    }
}

/* Who has two names has one voice. */
static void one_server_twice(void **state)
{
    (void)state;
    char text[128];
    servers[0].wrong_ns = 3600 * (int64_t)FA_NS_PER_S;
    snprintf(text, sizeof text, "127.0.0.1:%u,localhost:%u,127.0.0.1:%u", fa_udp_port(servers[0].udp), fa_udp_port(servers[0].udp),
             fa_udp_port(servers[1].udp));
    assert_int_equal(fa_sntp_run(net, text, fa_after_ms(300)), FA_ETIMEDOUT);
    fa_sntp_info_get(&info);
    assert_int_equal(info.servers, 2);
    assert_int_equal(info.agreeing, 0);
    assert_int_equal(servers[0].asked, 1);
}

static void lists(void **state)
{
    (void)state;
    static const char *const wrong[] = {",", "a,", ":1", "a:", "a:0", "a:65536", "a:1x", "a b", "a,b,c,d,e"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(wrong); i++)
        assert_int_equal(fa_sntp_run(net, wrong[i], fa_after_ms(100)), FA_EINVAL);
    assert_int_equal(fa_sntp_run(net, NULL, fa_after_ms(10)), FA_ETIMEDOUT); /* nobody to ask */
}

static fa_err other;
static void run_too(void *arg)
{
    other = fa_sntp_run(net, arg, FA_FOREVER);
}

static void once_at_a_time(void **state)
{
    (void)state;
    char text[128];
    servers[0].silent = true;
    snprintf(text, sizeof text, "%s", list(1));
    fa_scope inner;
    fa_scope_open(&inner);
    assert_int_equal(fa_scope_spawn(&inner, "keeper", run_too, text), FA_OK);
    assert_int_equal(fa_sleep(fa_after_ms(20)), FA_OK);
    assert_int_equal(run_for(1, 10), FA_EBUSY);
    fa_scope_close(&inner);
    assert_int_equal(other, FA_ECANCELED);
    servers[0].silent = false;
    assert_int_equal(run_for(1, 200), FA_ETIMEDOUT);
    expect_right();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_time), TEST(a_liar), TEST(no_majority), TEST(silence), TEST(asked_again), TEST(forged), TEST(kissed), TEST(kissed_by_one_of_many), TEST(one_server_twice),
        TEST(lists), TEST(once_at_a_time),
    };
    return cmocka_run_group_tests_name("sntp_run", tests, NULL, NULL);
}
