/* SPDX-License-Identifier: ISC */
/* SNTP without waiting: what replies say and which are refused, on what servers agree, what is done to the
 * clock; and the NTP servers that DHCP names. */
#include "../../sdk/net/dhcp.h"
#include "../../sdk/net/sntp.h"
#include "host.h"
#include "test.h"
#include <stdlib.h>

#define MS ((int64_t)FA_NS_PER_MS)
#define COOKIE UINT64_C(0x0123456789abcdef)
#define SENT_NS (100 * FA_NS_PER_S)
#define NOW_S UINT64_C(1800000000) /* in 2027 */

static fa_sntp_packet reply;
static fa_sntp_sample sample;

static fa_be64 stamp(uint64_t s, uint64_t ms)
{
    return fa_be64_of((s + FA_SNTP_1970_S) << 32 | (ms << 32) / 1000);
}

static int set_up(void **state)
{
    (void)state;
    reply = (fa_sntp_packet){.flags = 4 << 3 | 4, .stratum = 2, .origin = fa_be64_of(COOKIE),
                             .received = stamp(NOW_S, 0), .sent = stamp(NOW_S, 0)};
    return 0;
}

/* The reply comes so long after the request. */
static fa_sntp_verdict parse_after(uint64_t ns)
{
    uint8_t *exact = malloc(sizeof reply);
    memcpy(exact, &reply, sizeof reply);
    const fa_sntp_verdict verdict = fa_sntp_parse(exact, sizeof reply, COOKIE, SENT_NS, SENT_NS + ns, &sample);
    free(exact);
    return verdict;
}

static fa_sntp_verdict parse(void)
{
    return parse_after(20 * FA_NS_PER_MS);
}

/* Between so many nanoseconds. */
static void expect_wall(int64_t want_ns, int64_t slack_ns)
{
    const int64_t error_ns = sample.wall_ns - want_ns;
    assert_true(error_ns <= slack_ns && error_ns >= -slack_ns);
}

static void requests(void **state)
{
    (void)state;
    uint8_t bytes[sizeof(fa_sntp_packet)];
    assert_int_equal(fa_sntp_write_request(COOKIE, bytes), 48);
    assert_int_equal(bytes[0], 0x23);
    for (size_t i = 1; i < 40; i++)
        assert_int_equal(bytes[i], 0);
    assert_memory_equal(bytes + 40, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
}

static void a_reply(void **state)
{
    (void)state;
    assert_int_equal(parse(), FA_SNTP_GOOD); /* 10 ms each way */
    expect_wall((int64_t)(NOW_S * FA_NS_PER_S - SENT_NS) - 10 * MS, 1000);
    assert_int_equal(sample.distance_ns, 11 * MS);
    reply.sent = stamp(NOW_S, 10); /* the server took half of it */
    reply.root_delay = fa_be32_of(0x00010000 / 50);
    reply.root_dispersion = fa_be32_of(0x00010000 / 4);
    assert_int_equal(parse(), FA_SNTP_GOOD);
    expect_wall((int64_t)(NOW_S * FA_NS_PER_S - SENT_NS) - 5 * MS, 1000);
    assert_int_equal(sample.distance_ns / FA_NS_PER_MS, 1 + 5 + 9 + 250); /* (a delay of 19.99 ms) */
    reply.flags = 1 << 6 | 3 << 3 | 4; /* a leap second is announced, by version 3 */
    assert_int_equal(parse(), FA_SNTP_GOOD);
    reply.stratum = 15;
    assert_int_equal(parse(), FA_SNTP_GOOD);
}

static void eras(void **state)
{
    (void)state;
    const uint64_t first_of_1 = UINT64_C(4294967296) - FA_SNTP_1970_S; /* 2036-02-07 06:28:16 */
    for (uint64_t s = first_of_1 - 1; s <= first_of_1 + 1; s++) {
        reply.received = stamp(s, 0);
        reply.sent = stamp(s, 1);
        assert_int_equal(parse_after(FA_NS_PER_MS), FA_SNTP_GOOD);
        expect_wall((int64_t)(s * FA_NS_PER_S - SENT_NS), MS);
    }
    reply.received = reply.sent = stamp(FA_SNTP_EARLIEST_S, 0);
    assert_int_equal(parse(), FA_SNTP_GOOD);
    reply.received = reply.sent = stamp(FA_SNTP_EARLIEST_S - 1, 999);
    assert_int_equal(parse(), FA_SNTP_UNUSABLE);
    reply.received = reply.sent = stamp(FA_SNTP_EARLIEST_S + FA_SNTP_RANGE_S, 0);
    assert_int_equal(parse(), FA_SNTP_UNUSABLE);
}

static void foreign(void **state)
{
    (void)state;
    assert_int_equal(fa_sntp_parse((const uint8_t *)&reply, sizeof reply - 1, COOKIE, 0, 0, &sample), FA_SNTP_FOREIGN);
    assert_int_equal(fa_sntp_parse((const uint8_t *)&reply, sizeof reply, COOKIE + 1, 0, 0, &sample), FA_SNTP_FOREIGN);
    for (unsigned flags = 0; flags < 64; flags++) {
        reply.flags = (uint8_t)flags;
        const bool good = (flags & 7) == 4 && (flags >> 3 == 3 || flags >> 3 == 4);
        assert_int_equal(parse(), good ? FA_SNTP_GOOD : FA_SNTP_FOREIGN);
    }
    reply.flags = 4 << 3 | 4;
    reply.stratum = 0;
    reply.origin = fa_be64_of(1); /* a kiss from somebody else */
    memcpy(reply.reference_id, "DENY", 4);
    assert_int_equal(parse(), FA_SNTP_FOREIGN);
}

static void unusable(void **state)
{
    (void)state;
    reply.flags |= 3 << 6;
    assert_int_equal(parse(), FA_SNTP_UNUSABLE);
    set_up(NULL);
    reply.stratum = 16;
    assert_int_equal(parse(), FA_SNTP_UNUSABLE);
    set_up(NULL);
    reply.sent = fa_be64_of(0);
    assert_int_equal(parse(), FA_SNTP_UNUSABLE);
    set_up(NULL);
    reply.sent = stamp(NOW_S - 1, 0); /* before it has come */
    assert_int_equal(parse(), FA_SNTP_UNUSABLE);
    set_up(NULL);
    reply.sent = stamp(NOW_S, 22); /* took longer than we have waited */
    assert_int_equal(parse(), FA_SNTP_UNUSABLE);
    set_up(NULL);
    reply.root_dispersion = fa_be32_of(0x00018000);
    assert_int_equal(parse(), FA_SNTP_UNUSABLE);
    set_up(NULL);
    reply.root_delay = fa_be32_of(UINT32_MAX);
    assert_int_equal(parse(), FA_SNTP_UNUSABLE);
    set_up(NULL);
    assert_int_equal(parse_after(3000 * FA_NS_PER_MS), FA_SNTP_UNUSABLE);
}

static void kisses(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        fa_sntp_verdict verdict;
    } cases[] = {{"RATE", FA_SNTP_TOO_OFTEN}, {"DENY", FA_SNTP_UNWELCOME}, {"RSTR", FA_SNTP_UNWELCOME}, {"INIT", FA_SNTP_UNUSABLE}, {"XXXX", FA_SNTP_UNUSABLE}};
    reply.stratum = 0;
    for (size_t i = 0; i < FA_ARRAY_COUNT(cases); i++) {
        memcpy(reply.reference_id, cases[i].code, 4);
        assert_int_equal(parse(), cases[i].verdict);
    }
}

static unsigned agree(const int64_t (*values_ms)[2], unsigned count)
{
    fa_sntp_sample samples[8];
    for (unsigned i = 0; i < count; i++)
        samples[i] = (fa_sntp_sample){values_ms[i][0] * MS, (uint64_t)(values_ms[i][1] * MS)};
    return fa_sntp_agree(samples, count, &sample);
}

static void agreement(void **state)
{
    (void)state;
    assert_int_equal(agree(NULL, 0), 0);
    assert_int_equal(agree((const int64_t[][2]){{5, 1}}, 1), 1);
    assert_int_equal(sample.wall_ns, 5 * MS);
    assert_int_equal(agree((const int64_t[][2]){{100, 10}, {108, 2}}, 2), 2);
    assert_int_equal(sample.wall_ns, 108 * MS); /* the more exact one */
    assert_int_equal(agree((const int64_t[][2]){{100, 10}, {200, 10}}, 2), 0); /* who is right? */
    assert_int_equal(agree((const int64_t[][2]){{100, 10}, {9000, 1}, {105, 5}}, 3), 2);
    assert_int_equal(sample.wall_ns, 105 * MS);
    assert_int_equal(agree((const int64_t[][2]){{100, 1}, {200, 1}, {300, 1}}, 3), 0);
    assert_int_equal(agree((const int64_t[][2]){{100, 5}, {101, 5}, {300, 5}, {301, 5}}, 4), 0);
    assert_int_equal(agree((const int64_t[][2]){{-100, 5}, {-101, 5}, {300, 5}, {-98, 5}}, 4), 3);
    assert_int_equal(agree((const int64_t[][2]){{100, 10}, {120, 10}}, 2), 2); /* they touch */
}

static void the_clock(void **state)
{
    (void)state;
    fa_sntp_discipline d = {0};
    for (uint64_t s = 2; s < 200; s *= 2) {
        fa_sntp_judge_silence(&d);
        assert_int_equal(d.interval_ns, (s < 64 ? s : 64) * FA_NS_PER_S);
    }
    assert_true(fa_sntp_judge(&d, 3 * MS)); /* the first time it is set, by however little */
    assert_int_equal(d.slew_ns, 0);
    assert_int_equal(d.interval_ns, FA_SNTP_POLL_MIN_NS);
    for (uint64_t s = 128; s < 4000; s *= 2) {
        assert_false(fa_sntp_judge(&d, -9 * MS));
        assert_int_equal(d.slew_ns, -9 * MS);
        assert_int_equal(d.interval_ns, (s < 1024 ? s : 1024) * FA_NS_PER_S);
    }
    fa_sntp_judge_silence(&d);
    assert_int_equal(d.interval_ns, FA_SNTP_POLL_MAX_NS);
    assert_false(fa_sntp_judge(&d, 127 * MS));
    assert_int_equal(d.slew_ns, 127 * MS);
    assert_int_equal(d.interval_ns, FA_SNTP_POLL_MIN_NS);
    assert_false(fa_sntp_judge(&d, 5000 * MS)); /* is that so? */
    assert_int_equal(d.slew_ns, 0);
    assert_false(fa_sntp_judge(&d, -5000 * MS)); /* rather not */
    assert_false(fa_sntp_judge(&d, 2 * MS));
    assert_false(fa_sntp_judge(&d, 5000 * MS));
    assert_true(fa_sntp_judge(&d, 5010 * MS));
    assert_false(fa_sntp_judge(&d, 5010 * MS)); /* each time anew */
    assert_false(fa_sntp_judge(&d, INT64_MIN / 2));
    assert_false(fa_sntp_judge(&d, INT64_MAX / 2));
}

static void wearing_off(void **state)
{
    (void)state;
    fa_sntp_discipline d = {.slew_ns = 120 * 1000};
    assert_int_equal(fa_sntp_slew_next(&d), FA_SNTP_SLEW_NS);
    assert_int_equal(fa_sntp_slew_next(&d), FA_SNTP_SLEW_NS);
    assert_int_equal(fa_sntp_slew_next(&d), 20 * 1000);
    assert_int_equal(fa_sntp_slew_next(&d), 0);
    d.slew_ns = -60 * 1000;
    assert_int_equal(fa_sntp_slew_next(&d), -FA_SNTP_SLEW_NS);
    assert_int_equal(fa_sntp_slew_next(&d), -10 * 1000);
}

/* A clock that runs wrong by `ppm` parts in a million, kept for two days by three servers over ways that are longer in one
 * direction; one of the servers begins to lie. The largest error of the second day. */
static int64_t keep_for_two_days(int64_t ppm, unsigned *steps_out)
{
    fa_sntp_discipline d = {0};
    uint64_t seed = TEST_SEED, now_ns = FA_NS_PER_S; /* true time, of which the clock has a part too much or too little */
    int64_t worst_ns = 0, moved_ns = 0; /* (its first error is none: the first round sets it in any case) */
    *steps_out = 0;
    while (now_ns < 2 * 86400 * FA_NS_PER_S) {
        const int64_t drift_ns = (int64_t)(now_ns / 1000000) * ppm;
        fa_sntp_sample samples[3], agreed;
        for (unsigned i = 0; i < 3; i++) {
            const int64_t there_ns = (int64_t)test_random_below(&seed, 8 * FA_NS_PER_MS);
            const int64_t back_ns = (int64_t)test_random_below(&seed, 2 * FA_NS_PER_MS);
            const int64_t lie_ns = i == 2 && now_ns > 40000 * FA_NS_PER_S ? 7 * (int64_t)FA_NS_PER_S : 0;
            samples[i] = (fa_sntp_sample){(back_ns - there_ns) / 2 + lie_ns, (uint64_t)(there_ns + back_ns) / 2 + FA_SNTP_DISTANCE_MIN_NS};
        }
        assert_true(fa_sntp_agree(samples, 3, &agreed) >= 2);
        const int64_t error_ns = drift_ns + moved_ns;
        if (now_ns > 86400 * FA_NS_PER_S && (error_ns > worst_ns || -error_ns > worst_ns))
            worst_ns = error_ns < 0 ? -error_ns : error_ns;
        if (fa_sntp_judge(&d, agreed.wall_ns - error_ns)) {
            moved_ns += agreed.wall_ns - error_ns;
            ++*steps_out;
        }
        for (uint64_t worn_ns = 0; worn_ns < d.interval_ns && d.slew_ns != 0; worn_ns += FA_SNTP_SLEW_EVERY_NS)
            moved_ns += fa_sntp_slew_next(&d);
        now_ns += d.interval_ns;
    }
    return worst_ns;
}

static void two_days(void **state)
{
    (void)state;
    unsigned steps;
    for (int64_t ppm = -200; ppm <= 200; ppm += 50) {
        const int64_t worst_ns = keep_for_two_days(ppm, &steps);
        assert_int_equal(steps, 1); /* the first time */
        if (worst_ns > 40 * MS)
            fail_msg("at %d ppm: wrong by %d us", (int)ppm, (int)(worst_ns / 1000));
    }
}

static fa_err by_dhcp(unsigned count, unsigned bytes_more, fa_dhcp_reply *out)
{
    static const fa_mac mac = {{2, 0, 0, 0, 0, 1}};
    uint8_t bytes[400] = {0};
    fa_dhcp_header header = {.op = FA_DHCP_BOOTREPLY, .htype = 1, .hlen = 6, .xid = fa_be32_of(7), .yiaddr = {{10, 0, 0, 2}}, .cookie = fa_be32_of(FA_DHCP_COOKIE)};
    memcpy(header.chaddr, mac.byte, sizeof mac.byte);
    memcpy(bytes, &header, sizeof header);
    uint8_t *at = bytes + sizeof header;
    const uint8_t type_and_lease[] = {FA_DHCP_TYPE, 1, FA_DHCP_ACK, FA_DHCP_LEASE, 4, 0, 0, 1, 0};
    memcpy(at, type_and_lease, sizeof type_and_lease);
    at += sizeof type_and_lease;
    *at++ = FA_DHCP_NTP;
    *at++ = (uint8_t)(count * 4 + bytes_more);
    for (unsigned i = 0; i < count * 4; i++)
        *at++ = (uint8_t)(i + 1);
    at += bytes_more;
    *at++ = FA_DHCP_END;
    return fa_dhcp_parse(bytes, (size_t)(at - bytes), 7, mac, out);
}

static void dhcp_option(void **state)
{
    (void)state;
    fa_dhcp_reply out;
    assert_int_equal(by_dhcp(1, 0, &out), FA_OK);
    assert_memory_equal(out.ntp, "\1\2\3\4\0\0\0\0\0\0\0\0", 12);
    assert_int_equal(by_dhcp(5, 0, &out), FA_OK); /* more than there is room for */
    assert_memory_equal(out.ntp, "\1\2\3\4\5\6\7\10\11\12\13\14", 12);
    assert_int_equal(by_dhcp(0, 0, &out), FA_EFORMAT);
    assert_int_equal(by_dhcp(1, 2, &out), FA_EFORMAT);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests), TEST(a_reply), TEST(eras), TEST(foreign), TEST(unusable), TEST(kisses), TEST(agreement),
        TEST(the_clock), TEST(wearing_off), TEST(two_days), TEST(dhcp_option),
    };
    return cmocka_run_group_tests_name("sntp", tests, NULL, NULL);
}
