/* SPDX-License-Identifier: ISC */
/* <fata/sntp.h>: asks the servers, waits for them, and moves the clock as sntp.c says. */
#include "sntp.h"
#include <fata/fiber.h>
#include <fata/log.h>
#include <fata/param.h>
#include <fata/random.h>
#include <fata/sntp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("sntp");

#define NAME_BYTES 254u /* a host's name, with its NUL */
#define WRONG_LIST                                                                                 \
    "not at most 4 names or addresses, separated by commas, each maybe with :PORT behind it"
_Static_assert(FA_NET_NTP_MAX <= FA_SNTP_SERVERS_MAX, "all that DHCP names");

typedef struct server {
    char name[NAME_BYTES]; /* "": an address by DHCP */
    fa_endpoint at;
    uint64_t cookie, sent_ns;
    uint64_t rests_until_ns, rest_ns; /* FA_FOREVER: it does not want us: */
    fa_ip4 rests_at;                  /* others of that name may */
    bool asked;                       /* in this round, and has not answered */
} server;

typedef struct run {
    fa_net *net;
    bool by_dhcp;
    server servers[FA_SNTP_SERVERS_MAX];
    unsigned server_count;
    fa_sntp_discipline discipline;
    bool warned; /* that there is no server */
} run;

static bool is_running;
static fa_sntp_info news;
static fa_waitq for_news;

void fa_sntp_info_get(fa_sntp_info *info_out)
{
    *info_out = news;
}

fa_err fa_sntp_wait(fa_deadline deadline)
{
    fa_err err = FA_OK;
    while (!news.set && err == FA_OK)
        err = fa_waitq_wait(&for_news, deadline);
    return err;
}

/* Which servers. */

static bool parse_server(const char *text, size_t len, server *to)
{
    const char *colon = memchr(text, ':', len);
    const size_t name_len = colon == NULL ? len : (size_t)(colon - text);
    unsigned long port = FA_SNTP_PORT;
    if (colon != NULL) {
        char *end;
        port = strtoul(colon + 1, &end, 10);
        if (colon[1] < '0' || colon[1] > '9' || end != text + len)
            return false;
    }
    if (name_len == 0 || name_len >= sizeof to->name || port == 0 || port > UINT16_MAX ||
        memchr(text, ' ', len) != NULL)
        return false;
    memcpy(to->name, text, name_len);
    to->name[name_len] = '\0';
    to->at.port = (uint16_t)port;
    return true;
}

static bool parse_list(const char *text, run *r)
{
    for (r->server_count = 0; r->server_count < FA_SNTP_SERVERS_MAX;) {
        const size_t len = strcspn(text, ",");
        if (!parse_server(text, len, &r->servers[r->server_count++]))
            return false;
        if (text[len] == '\0')
            return true;
        text += len + 1;
    }
    return false;
}

static const char *check_list(const char *text)
{
    run *r = calloc(1, sizeof *r);
    const bool good = *text == '\0' || (r != NULL && parse_list(text, r));
    free(r);
    return good ? NULL : WRONG_LIST;
}

static const char *ntp = "";
FA_PARAM_DEFINE(ntp, "ntp", "servers of time, such as a.example,10.0.0.1:123; none: those that DHCP names",
                FA_PARAM_KIND_STRING, &ntp, 0, 0, check_list);

static bool same_address(const fa_ip4 *a, const fa_ip4 *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* What DHCP says may change; who is not named any more is forgotten, with its wishes. */
static void take_from_dhcp(run *r)
{
    fa_net_info info;
    fa_net_info_get(r->net, &info);
    unsigned count = 0;
    for (unsigned i = 0; i < FA_NET_NTP_MAX; i++) {
        static const fa_ip4 none;
        if (same_address(&info.ntp[i], &none))
            break;
        server *s = &r->servers[count++];
        if (!same_address(&s->at.address, &info.ntp[i]))
            *s = (server){.at = {info.ntp[i], FA_SNTP_PORT}};
    }
    r->server_count = count;
}

/* A round. */

static const char *name_of(const server *s, char text_out[FA_ENDPOINT_TEXT_BYTES])
{
    return s->name[0] != '\0' ? s->name : fa_endpoint_text(s->at, text_out);
}

/* Each time anew: a name may have moved, or stand for many. */
static fa_err find(run *r, server *s, fa_deadline deadline)
{
    fa_err err = FA_OK;
    if (s->name[0] != '\0')
        err = fa_net_resolve(r->net, s->name, &s->at.address, deadline);
    s->asked = err == FA_OK &&
               (s->rests_until_ns <= fa_clock_mono_ns() || !same_address(&s->rests_at, &s->at.address));
    if (err == FA_OK || err == FA_ECANCELED)
        return err;
    fa_log_debug("%s: %s", s->name, fa_err_text(err));
    return FA_OK;
}

/* Whether it is asked already, by another name: it has one voice. */
static bool is_asked(const run *r, const server *s)
{
    for (const server *other = r->servers; other < s; other++)
        if (other->asked && other->at.port == s->at.port && same_address(&other->at.address, &s->at.address))
            return true;
    return false;
}

static fa_err ask(server *s, fa_udp *udp)
{
    uint8_t bytes[sizeof(fa_sntp_packet)];
    const fa_err err = fa_random_bytes(&s->cookie, sizeof s->cookie);
    if (err != FA_OK)
        return err;
    const size_t len = fa_sntp_write_request(s->cookie, bytes);
    s->sent_ns = fa_clock_mono_ns();
    s->asked = fa_udp_send(udp, s->at, bytes, len) == FA_OK;
    return FA_OK;
}

/* All at once, when all are known: a reply that waits for us would seem to have been on its way. */
static fa_err ask_all(run *r, fa_udp *udp)
{
    fa_err err = FA_OK;
    for (unsigned i = 0; i < r->server_count && err == FA_OK; i++)
        err = find(r, &r->servers[i], fa_after_ns(FA_SNTP_REPLY_NS));
    for (unsigned i = 0; i < r->server_count && err == FA_OK; i++)
        if (is_asked(r, &r->servers[i]))
            r->servers[i].asked = false;
        else if (r->servers[i].asked)
            err = ask(&r->servers[i], udp);
    return err;
}

static void rest(server *s, fa_sntp_verdict verdict)
{
    char text[FA_ENDPOINT_TEXT_BYTES];
    s->rests_at = s->at.address;
    if (verdict == FA_SNTP_TOO_OFTEN) { /* RFC 5905, 7.4 */
        s->rest_ns = s->rest_ns == 0 ? FA_SNTP_REST_NS : s->rest_ns * 2;
        if (s->rest_ns > FA_SNTP_REST_MAX_NS)
            s->rest_ns = FA_SNTP_REST_MAX_NS;
        s->rests_until_ns = fa_after_ns(s->rest_ns);
    } else {
        s->rests_until_ns = FA_FOREVER;
    }
    fa_log_warn("%s asks not to be asked %s", name_of(s, text),
                verdict == FA_SNTP_TOO_OFTEN ? "so often" : "at all");
}

/* One reply, whose it may be. True: it has a time. */
static bool take(run *r, const uint8_t *bytes, size_t len, fa_endpoint from, uint64_t now_ns,
                 fa_sntp_sample *sample_out)
{
    for (unsigned i = 0; i < r->server_count; i++) {
        server *s = &r->servers[i];
        char text[FA_ENDPOINT_TEXT_BYTES];
        if (!s->asked || from.port != s->at.port ||
            !same_address(&from.address, &s->at.address))
            continue;
        const fa_sntp_verdict verdict =
            fa_sntp_parse(bytes, len, s->cookie, s->sent_ns, now_ns, sample_out);
        if (verdict == FA_SNTP_FOREIGN)
            continue;
        s->asked = false;
        if (verdict == FA_SNTP_TOO_OFTEN || verdict == FA_SNTP_UNWELCOME)
            rest(s, verdict);
        else if (verdict == FA_SNTP_UNUSABLE)
            fa_log_debug("%s does not know the time", name_of(s, text));
        return verdict == FA_SNTP_GOOD;
    }
    return false;
}

static unsigned asked_count(const run *r)
{
    unsigned count = 0;
    for (unsigned i = 0; i < r->server_count; i++)
        count += r->servers[i].asked;
    return count;
}

/* Until all have answered, or the time is over. */
static fa_err gather(run *r, fa_udp *udp, fa_sntp_sample samples_out[FA_SNTP_SERVERS_MAX],
                     unsigned *count_out, fa_deadline deadline)
{
    *count_out = 0;
    for (unsigned i = 0; i < FA_SNTP_PACKETS_MAX && asked_count(r) > 0; i++) {
        uint8_t bytes[FA_SNTP_BYTES_MAX];
        size_t len;
        fa_endpoint from;
        const fa_err err = fa_udp_receive(udp, bytes, sizeof bytes, &len, &from, deadline);
        const uint64_t now_ns = fa_clock_mono_ns();
        if (err == FA_ECANCELED)
            return err;
        if (err != FA_OK)
            break;
        if (len <= sizeof bytes && *count_out < FA_SNTP_SERVERS_MAX &&
            take(r, bytes, len, from, now_ns, &samples_out[*count_out]))
            (*count_out)++;
    }
    return FA_OK;
}

static void set_clock(const fa_sntp_sample *agreed, int64_t error_ns)
{
    fa_clock_set_wall((uint64_t)agreed->wall_ns + fa_clock_mono_ns());
    news.steps++;
    if (news.set) {
        fa_log_warn("the clock was wrong by %lld ms; it is set", (long long)(error_ns / (int64_t)FA_NS_PER_MS));
        return;
    }
    news.set = true;
    fa_waitq_wake_all(&for_news);
    fa_log_info("the clock is set, right within %llu ms: %u of %u servers agree",
                (unsigned long long)(agreed->distance_ns / FA_NS_PER_MS), news.agreeing, news.servers);
}

static void conclude(run *r, const fa_sntp_sample *samples, unsigned count)
{
    fa_sntp_sample agreed;
    news.rounds++;
    news.agreeing = fa_sntp_agree(samples, count, &agreed);
    if (news.agreeing == 0) {
        if (count > 0)
            fa_log_warn("%u servers answer, and no majority of them agrees on a time", count);
        fa_sntp_judge_silence(&r->discipline);
        return;
    }
    const uint64_t wall_ns = fa_clock_wall_ns();
    const int64_t ours_ns = wall_ns == 0 ? 0 : (int64_t)(wall_ns - fa_clock_mono_ns());
    news.error_ns = agreed.wall_ns - ours_ns;
    news.bound_ns = agreed.distance_ns;
    if (fa_sntp_judge(&r->discipline, news.error_ns))
        set_clock(&agreed, news.error_ns);
}

static fa_err do_round(run *r)
{
    fa_udp *udp;
    fa_sntp_sample samples[FA_SNTP_SERVERS_MAX];
    unsigned count = 0;
    if (r->by_dhcp)
        take_from_dhcp(r);
    if (r->server_count == 0 && !r->warned) {
        r->warned = true;
        fa_log_warn("nobody to ask for the time: DHCP names no server, and there is no --ntp=SERVER");
    }
    /* Another port each time, which who sends false replies does not know. */
    fa_err err = fa_net_udp_open(r->net, 0, &udp);
    if (err != FA_OK)
        return err;
    err = ask_all(r, udp);
    news.servers = asked_count(r);
    if (err == FA_OK)
        err = gather(r, udp, samples, &count, fa_after_ns(FA_SNTP_REPLY_NS));
    fa_udp_close(udp);
    if (err == FA_OK)
        conclude(r, samples, count);
    return err;
}

/* Up to the next round; meanwhile the error is worn off. */
static fa_err rest_until(run *r, fa_deadline until)
{
    fa_err err = FA_OK;
    while (err == FA_OK && r->discipline.slew_ns != 0 && fa_clock_mono_ns() < until) {
        const fa_deadline next = fa_after_ns(FA_SNTP_SLEW_EVERY_NS);
        fa_clock_set_wall(fa_clock_wall_ns() + (uint64_t)fa_sntp_slew_next(&r->discipline));
        err = fa_sleep(next < until ? next : until);
    }
    return err == FA_OK ? fa_sleep(until) : err;
}

static fa_err keep(run *r, fa_deadline deadline)
{
    for (;;) {
        fa_err err = do_round(r);
        if (err != FA_OK)
            return err;
        const fa_deadline next = fa_after_ns(r->discipline.interval_ns);
        err = rest_until(r, next < deadline ? next : deadline);
        if (err != FA_OK)
            return err;
        if (deadline <= next)
            return FA_ETIMEDOUT;
    }
}

fa_err fa_sntp_run(fa_net *net, const char *servers, fa_deadline deadline)
{
    if (is_running)
        return FA_EBUSY;
    run *r = calloc(1, sizeof *r);
    if (r == NULL)
        return FA_ENOMEM;
    const char *list = servers != NULL ? servers : ntp;
    r->net = net;
    r->by_dhcp = *list == '\0';
    fa_err err = r->by_dhcp || parse_list(list, r) ? FA_OK : FA_EINVAL;
    is_running = true;
    if (err == FA_OK)
        err = keep(r, deadline);
    is_running = false;
    free(r);
    return err;
}
