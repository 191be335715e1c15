/* SPDX-License-Identifier: ISC */
/* Certificates over months of virtual time, from a CA that is slow, down, strict or odd (acme_ca.c), kept on a disk that may
 * fail: what is shown when, how often the CA is asked, and what is left in memory. */
#include "../../sdk/core/log.h"
#include "../../sdk/tls/secret.h"
#include "acme_ca.h"
#include "board.h"
#include "test.h"
#include <fata/panic.h>
#include <mbedtls/x509_crt.h>
#include <stdlib.h>

#define HOUR_S 3600u
#define DAY_S (24u * HOUR_S)
#define START_S UINT64_C(1800000000)

static fa_acme *acme;

/* What is kept. */
static struct thing {
    char bytes[FA_ACME_KEPT_BYTES_MAX];
    size_t len; /* 0: nothing */
    unsigned stored;
} account, certificate;
static fa_err disk_err;
static bool disk_hangs;

static fa_err disk(fa_deadline deadline)
{
    if (!disk_hangs)
        return disk_err;
    const fa_err err = fa_sleep(deadline);
    return err == FA_OK ? FA_ETIMEDOUT : err;
}

static struct thing *thing_of(const char *name)
{
    return strcmp(name, "account") == 0 ? &account : &certificate;
}

static fa_err load(void *arg, const char *name, void *bytes_out, size_t cap, size_t *len_out, fa_deadline deadline)
{
    const struct thing *thing = thing_of(name);
    const fa_err err = disk(deadline);
    (void)arg;
    if (err != FA_OK || thing->len == 0)
        return err != FA_OK ? err : FA_ENOENT;
    fa_assert(thing->len <= cap);
    memcpy(bytes_out, thing->bytes, thing->len);
    *len_out = thing->len;
    return FA_OK;
}

static fa_err store(void *arg, const char *name, const void *bytes, size_t len, fa_deadline deadline)
{
    struct thing *thing = thing_of(name);
    const fa_err err = disk(deadline);
    (void)arg;
    if (err != FA_OK)
        return err;
    memcpy(thing->bytes, bytes, len);
    thing->len = len;
    thing->stored++;
    return FA_OK;
}

/* What is shown. */
static fa_tls_identity *shown;
static uint64_t shown_since_ns;
static unsigned uses;

static void use(void *arg, fa_tls_identity *now, fa_tls_identity *challenge)
{
    (void)arg;
    (void)challenge;
    shown = now;
    shown_since_ns = fa_clock_mono_ns();
    uses++;
}

static const char *names[CA_NAMES_MAX] = {"a.example", "b.example"};
static int nobody;
static fa_acme_options options;

static int set_up(void **state)
{
    (void)state;
    account = certificate = (struct thing){.len = 0};
    disk_err = FA_OK;
    disk_hangs = false;
    shown = NULL;
    uses = 0;
    acme_ca_begin();
    (void)fa_log_set_levels("error");
    fa_clock_set_wall(START_S * FA_NS_PER_S);
    options = (fa_acme_options){.directory = CA_DIRECTORY, .names = names, .name_count = 1, .agrees = true,
                                .client = (fa_tls_client *)(void *)&nobody, .storage = {load, store, NULL}, .use = use};
    return fa_acme_open(&options, &acme) == FA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fa_acme_close(acme);
    return ca.agents_now == 0 && fa_tls_secret_used_bytes() == 0 ? 0 : -1;
}

static void again(void)
{
    fa_acme_close(acme);
    shown = NULL;
    assert_int_equal(fa_acme_open(&options, &acme), FA_OK);
}

static fa_acme_info info;

static void run_for(uint64_t s)
{
    assert_int_equal(fa_acme_run(acme, NULL, fa_after_s(s)), FA_ETIMEDOUT);
    fa_acme_info_get(acme, &info);
}

static uint64_t now_s(void)
{
    return fa_clock_wall_ns() / FA_NS_PER_S;
}

static bool holds(const char *what, size_t len)
{
    return memmem(acme->body, FA_ACME_BODY_BYTES_MAX, what, len) != NULL;
}

static void a_year(void **state)
{
    (void)state;
    run_for(365 * DAY_S);
    assert_int_equal(info.issued, 7); /* each 60 days, from the first */
    assert_int_equal(info.failed, 0);
    assert_int_equal(certificate.stored, 7);
    assert_int_equal(account.stored, 1);
    assert_true(info.has_certificate && info.renews_s > now_s());
    assert_int_equal(ca.orders, 7);
    again();
    run_for(HOUR_S);
    assert_int_equal(info.issued, 0);
    assert_int_equal(ca.orders, 7);
    assert_non_null(shown);
}

/* No connection to the CA lies there for months. */
static void no_connection_is_kept(void **state)
{
    (void)state;
    run_for(70 * DAY_S);
    assert_int_equal(ca.orders, 2);
    assert_int_equal(ca.agents, 2);
}

static void nothing_secret_is_left(void **state)
{
    (void)state;
    run_for(HOUR_S);
    assert_false(holds("PRIVATE KEY", 11));
    again();
    ca.down = true;
    run_for(HOUR_S);
    assert_false(holds("PRIVATE KEY", 11));
    again();
    options.names = names + 1; /* the kept one is for another */
    again();
    run_for(HOUR_S);
    options.names = names;
    assert_false(info.has_certificate);
    assert_false(holds("PRIVATE KEY", 11));
}

static bool account_is_apart(void)
{
    const mbedtls_ecp_keypair *pair = mbedtls_pk_ec(acme->account);
    return fa_tls_secret_holds(pair) && fa_tls_secret_holds(pair->MBEDTLS_PRIVATE(d).MBEDTLS_PRIVATE(p));
}

/* Keys lie in pages of their own, whether they were made or read. */
static void keys_lie_apart(void **state)
{
    (void)state;
    run_for(HOUR_S);
    assert_true(account_is_apart());
    again();
    ca.certificate = "";
    certificate.len = 0;
    run_for(30);
    assert_true(account_is_apart());
}

/* Peers judge a certificate by their clocks: what is kept is shown before ours is known. */
static void what_is_kept_needs_no_clock(void **state)
{
    (void)state;
    run_for(HOUR_S);
    again();
    fa_clock_set_wall(fa_clock_mono_ns()); /* not known */
    assert_int_equal(fa_clock_wall_ns(), 0);
    run_for(10);
    assert_non_null(shown);
    assert_true(info.has_certificate);
    assert_int_equal(ca.orders, 1);
}

static void the_disk_fails(void **state)
{
    (void)state;
    disk_err = FA_EIO;
    run_for(HOUR_S); /* an account that cannot be kept is none */
    assert_int_equal(ca.requests, 0);
    assert_true(info.failed >= 5 && !info.has_certificate);
    assert_non_null(strstr(info.problem, "what is kept"));
    disk_err = FA_OK; /* it comes back */
    run_for(2 * HOUR_S);
    assert_true(info.has_certificate && certificate.stored == 1);
    disk_err = FA_ENOSPC;
    run_for(61 * DAY_S); /* a new one is used, although it cannot be kept */
    assert_int_equal(ca.issued, 2);
    assert_int_equal(certificate.stored, 1);
    assert_true(info.renews_s > now_s());
    disk_err = FA_OK;
    again();
    run_for(HOUR_S); /* what is kept is old */
    assert_int_equal(ca.issued, 3);
    assert_int_equal(certificate.stored, 2);
    disk_hangs = true;
    run_for(70 * DAY_S);
    assert_int_equal(ca.issued, 4);
    again();
    run_for(HOUR_S); /* nothing can be read: nothing is asked for */
    assert_int_equal(ca.issued, 4);
    assert_true(info.failed > 0);
}

static void what_is_kept_is_damaged(void **state)
{
    (void)state;
    run_for(HOUR_S);
    account.bytes[100] ^= 1; /* a certificate is still shown */
    again();
    run_for(HOUR_S);
    assert_true(info.has_certificate && info.failed == 0);
    account.bytes[100] ^= 1;
    certificate.bytes[100] ^= 1;
    again();
    run_for(HOUR_S);
    assert_int_equal(ca.issued, 2);
    assert_true(info.has_certificate);
}

static void down_for_days(void **state)
{
    (void)state;
    ca.down_until_ns = fa_after_s(10 * DAY_S);
    run_for(11 * DAY_S + 7 * HOUR_S);
    assert_true(info.failed >= 15 && info.failed <= 25); /* 1, 2, 4 ... minutes, then each day */
    assert_true(info.has_certificate);
}

/* A certificate of a day, with eight hours left when its renewal begins, and a CA that is away for most of them. */
static void back_in_time(void **state)
{
    (void)state;
    ca.life_s = DAY_S;
    ca.from_s = 0;
    run_for(HOUR_S);
    const uint64_t expires_s = info.expires_s;
    ca.down_until_ns = fa_after_s(21 * HOUR_S);
    run_for(expires_s - now_s());
    assert_true(info.expires_s > expires_s);
    assert_true(info.failed > 5 && info.failed < 40);
}

/* The clock is wrong, or the CA's: no certificate would be better than the last. */
static void old_at_once(void **state)
{
    (void)state;
    ca.from_s = -100 * (int64_t)DAY_S;
    run_for(10 * DAY_S);
    assert_true(ca.issued > 3 && ca.issued <= 25);
    ca.from_s = -3600;
    run_for(31 * HOUR_S);
    assert_true(info.renews_s > now_s());
    const unsigned before = ca.issued;
    run_for(50 * DAY_S);
    assert_int_equal(ca.issued, before);
}

static void not_valid_yet(void **state)
{
    (void)state;
    ca.from_s = 2 * (int64_t)DAY_S;
    run_for(50 * DAY_S); /* who has issued it thinks that it is */
    assert_int_equal(ca.issued, 1);
    assert_true(info.renews_s > START_S + 60 * DAY_S && info.renews_s < START_S + 63 * DAY_S);
}

static void slow(void **state)
{
    (void)state;
    ca.pending = 12;
    ca.processing = 12; /* a quarter of an hour in all */
    ca.retry_after_s = 40;
    run_for(HOUR_S);
    assert_int_equal(ca.orders, 1);
    assert_int_equal(ca.issued, 1);
    assert_true(info.has_certificate && info.failed == 0);
}

static void never_done(void **state)
{
    (void)state;
    ca.processing = UINT32_MAX;
    run_for(DAY_S);
    assert_non_null(strstr(info.problem, "the order takes too long"));
    assert_true(ca.orders > 3 && ca.orders < 15);
    assert_true(ca.requests < 15 * 60);
}

/* No answer at all: one request does not take the time of them all. */
static void silent(void **state)
{
    (void)state;
    ca.hangs = true;
    run_for(2 * HOUR_S);
    assert_true(info.failed >= 5);
    ca.hangs = false;
    run_for(3 * HOUR_S);
    assert_true(info.has_certificate);
}

static void stale_nonces(void **state)
{
    (void)state;
    ca.stale_nonces = FA_ACME_TRIES - 1;
    run_for(30);
    assert_true(info.has_certificate);
    assert_int_equal(info.failed, 0);
    again();
    certificate.len = 0;
    ca.stale_nonces = UINT32_MAX;
    run_for(30);
    assert_non_null(strstr(info.problem, "badNonce"));
    assert_int_equal(UINT32_MAX - ca.stale_nonces, FA_ACME_TRIES);
}

static void no_nonces(void **state)
{
    (void)state;
    ca.no_nonces = true;
    ca.retry_after_s = HOUR_S;
    run_for(HOUR_S / 2);
    assert_int_equal(info.failed, 1);
    assert_non_null(strstr(info.problem, "no nonce, but status 503"));
}

static void limits(void **state)
{
    (void)state;
    ca.refuses = "rateLimited";
    ca.refuses_status = 429;
    run_for(HOUR_S / 2);
    assert_int_equal(info.failed, 1); /* it has not said for how long */
    run_for(10 * HOUR_S);
    const unsigned before = ca.requests;
    ca.retry_after_s = 7 * DAY_S; /* a day is believed */
    run_for(30 * HOUR_S);
    assert_true(ca.requests > before);
    ca.refuses = NULL;
    run_for(30 * HOUR_S);
    assert_true(info.has_certificate);
    assert_non_null(shown);
}

static void customers_only(void **state)
{
    (void)state;
    ca.wants_binding = true;
    run_for(30);
    assert_non_null(strstr(info.problem, "externalAccountRequired"));
    static char longest[255];
    memset(longest, 'i', sizeof longest - 1);
    options.binding_id = longest;
    options.binding_key = "AAAAAAAAAAAAAAAAAAAAAA";
    options.contact = "mailto:a@b.example";
    again();
    run_for(30);
    assert_true(info.has_certificate);
    fa_json document, value;
    assert_int_equal(fa_json_parse(ca.account, strlen(ca.account), &document), FA_OK);
    assert_true(fa_json_member(document, "contact", &value) && fa_json_member(document, "externalAccountBinding", &value));
    assert_true(fa_json_member(value, "signature", &value));
}

static void odd_words(void **state)
{
    (void)state;
    ca.refuses = "\\nfata: exit 0\\n\\u001b[2J\\u0085";
    ca.refuses_status = 403;
    run_for(30);
    for (const char *c = info.problem; *c != '\0'; c++)
        assert_true((uint8_t)*c >= ' ' && *c != 0x7f);
}

static void odd_certificates(void **state)
{
    (void)state;
    static const char *const certificates[] = {"", "{}", "<html>", "-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
    run_for(HOUR_S);
    fa_tls_identity *const good = shown;
    const uint64_t expires_s = info.expires_s;
    for (size_t i = 0; i < FA_ARRAY_COUNT(certificates); i++) {
        ca.certificate = certificates[i];
        run_for(i == 0 ? 60 * DAY_S : DAY_S);
        assert_true(info.failed > 0);
        assert_ptr_equal(shown, good);
        assert_int_equal(info.expires_s, expires_s);
        assert_false(holds("PRIVATE KEY", 11));
    }
    ca.certificate = NULL;
    ca.names[0] = "b.example";
    run_for(2 * DAY_S);
    assert_non_null(strstr(info.problem, "other names"));
    assert_ptr_equal(shown, good);
    ca.names[0] = "a.example";
    ca.names[1] = "b.example";
    run_for(2 * DAY_S);
    assert_true(info.expires_s > expires_s);
    assert_int_equal(certificate.stored, 2);
    assert_ptr_not_equal(memmem(certificate.bytes, certificate.len, "PRIVATE KEY", 11), NULL);
}

/* A CA that says anything does no harm, and one that has come to its senses is dealt with. */
static void garbled(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        ca.garbles = seed * TEST_SEED;
        run_for(HOUR_S);
        assert_false(holds("PRIVATE KEY", 11));
        for (const char *c = info.problem; *c != '\0'; c++)
            assert_true((uint8_t)*c >= ' ' && *c != 0x7f);
        ca.garbles = 0;
        if (!info.has_certificate)
            run_for(26 * HOUR_S);
        assert_true(info.has_certificate);
        certificate.len = 0;
        again();
    }
    assert_true(ca.issued >= 40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_year), TEST(no_connection_is_kept), TEST(nothing_secret_is_left), TEST(keys_lie_apart), TEST(what_is_kept_needs_no_clock), TEST(the_disk_fails),
        TEST(what_is_kept_is_damaged), TEST(down_for_days), TEST(back_in_time), TEST(old_at_once), TEST(not_valid_yet), TEST(slow),
        TEST(never_done), TEST(silent), TEST(stale_nonces), TEST(no_nonces), TEST(limits), TEST(customers_only), TEST(odd_words), TEST(odd_certificates), TEST(garbled),
    };
    return cmocka_run_group_tests_name("acme", tests, NULL, NULL);
}
