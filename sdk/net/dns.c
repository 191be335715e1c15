/* SPDX-License-Identifier: ISC */
/* The stub resolver: see dns.h. */
#include "host.h"
#include <string.h>

void fa_dns_set_servers(fa_host *host, const fa_ip4 *servers, unsigned count)
{
    fa_dns *dns = &host->dns_resolver;
    dns->server_count = count < FA_DNS_SERVERS_MAX ? count : FA_DNS_SERVERS_MAX;
    for (unsigned i = 0; i < dns->server_count; i++)
        dns->servers[i] = servers[i];
    host->dns = dns->server_count > 0 ? servers[0] : (fa_ip4){{0}};
}

/* The cache. */

static const fa_dns_cached *look_up(const fa_host *host, const char *name)
{
    for (unsigned i = 0; i < FA_DNS_CACHE_ENTRIES; i++) {
        const fa_dns_cached *cached = &host->dns_resolver.cache[i];
        if (cached->until_ns > host->now_ns && strcmp(cached->name, name) == 0)
            return cached;
    }
    return NULL;
}

/* In the place of the same name, or else of what ends first. */
static void remember(fa_host *host, const char *name, const fa_dns_answer *answer)
{
    const uint32_t most_s = answer->address_count > 0 ? FA_DNS_TTL_MAX_S : FA_DNS_NEGATIVE_TTL_MAX_S;
    const uint32_t ttl_s = answer->ttl_s < most_s ? answer->ttl_s : most_s;
    fa_dns_cached *place = &host->dns_resolver.cache[0];
    for (unsigned i = 0; i < FA_DNS_CACHE_ENTRIES; i++) {
        fa_dns_cached *cached = &host->dns_resolver.cache[i];
        if (strcmp(cached->name, name) == 0) {
            place = cached;
            break;
        }
        if (cached->until_ns < place->until_ns)
            place = cached;
    }
    memcpy(place->name, name, sizeof place->name);
    memcpy(place->addresses, answer->addresses, sizeof place->addresses);
    place->address_count = answer->address_count;
    place->until_ns = host->now_ns + ttl_s * FA_NS_PER_S;
}

/* Queries. */

static void tell(fa_host *host, fa_dns_query *query, fa_err result)
{
    fa_dns_query **last = &host->dns_resolver.changed;
    while (*last != NULL)
        last = &(*last)->next_changed;
    *last = query;
    query->next_changed = NULL;
    query->result = result;
}

static void stop(fa_host *host, fa_dns_query *query)
{
    if (!query->running)
        return;
    fa_dns_query **link = &host->dns_resolver.queries;
    while (*link != query)
        link = &(*link)->next;
    *link = query->next;
    query->running = false;
    fa_wheel_disarm(&host->wheel, &query->timer);
    fa_udp_unbind(host, &query->socket);
    fa_dns_tcp_stop(host, query, query->reply == NULL);
}

static void finish(fa_host *host, fa_dns_query *query, fa_err result)
{
    stop(host, query);
    tell(host, query, result);
}

static void receive(fa_host *host, fa_udp_socket *socket, fa_packet *packet, fa_endpoint from);

/* Each time from another port and with another number (RFC 5452, 9.2), to the next server. */
static fa_err ask(fa_host *host, fa_dns_query *query)
{
    const fa_dns *dns = &host->dns_resolver;
    uint8_t bytes[FA_DNS_BYTES_MAX];
    fa_udp_unbind(host, &query->socket);
    query->socket = (fa_udp_socket){.take = receive, .user = query};
    fa_err err = fa_udp_bind(host, &query->socket, 0);
    if (err != FA_OK)
        return err;
    query->id = (uint16_t)fa_host_random(host);
    fa_wheel_arm(&host->wheel, &query->timer, host->now_ns + FA_DNS_TRY_NS);
    const unsigned turn = query->tries++;
    if (dns->server_count == 0)
        return FA_OK; /* there may be one when the time is over */
    query->server = dns->servers[turn % dns->server_count];
    const size_t len = fa_dns_write_question(query->id, query->name, bytes);
    err = fa_udp_send_bytes(host, &query->socket, (fa_endpoint){query->server, FA_DNS_PORT}, bytes,
                            len);
    (void)err; /* what is lost is asked again */
    return FA_OK;
}

static void ask_next(fa_host *host, fa_dns_query *query, fa_err otherwise)
{
    fa_dns_tcp_stop(host, query, true);
    const fa_err err = query->tries < FA_DNS_TRIES ? ask(host, query) : otherwise;
    if (err != FA_OK)
        finish(host, query, err);
}

static void no_answer(fa_wheel_timer *timer, void *owner)
{
    fa_dns_query *query =
        (fa_dns_query *)(void *)((char *)timer - offsetof(fa_dns_query, timer));
    ask_next(owner, query, query->tcp != NULL ? FA_ETRUNCATED : FA_ETIMEDOUT);
}

/* What the server that was asked last has said. */
static void conclude(fa_host *host, fa_dns_query *query, fa_err err, const fa_dns_answer *answer)
{
    if (err == FA_ETRUNCATED && query->tcp == NULL && fa_dns_tcp_start(host, query) == FA_OK)
        return;
    if (err == FA_EIO || err == FA_ETRUNCATED) {
        ask_next(host, query, err);
        return;
    }
    if (err == FA_OK) {
        memcpy(query->addresses, answer->addresses, sizeof query->addresses);
        query->address_count = answer->address_count;
    }
    if (answer->ttl_s > 0)
        remember(host, query->name, answer);
    finish(host, query, err);
}

void fa_dns_run(fa_host *host)
{
    for (fa_dns_query *query = host->dns_resolver.queries, *next; query != NULL; query = next) {
        next = query->next;
        if (query->tcp == NULL)
            continue;
        fa_dns_answer answer;
        fa_err err = fa_dns_tcp_take(host, query);
        if (err == FA_EAGAIN)
            continue;
        if (err == FA_OK)
            err = fa_dns_parse(query->reply, query->reply_len, query->id, query->name, &answer);
        else
            err = FA_ETRUNCATED; /* as before */
        conclude(host, query, err == FA_EAGAIN ? FA_EIO : err, &answer);
    }
}

static void receive(fa_host *host, fa_udp_socket *socket, fa_packet *packet, fa_endpoint from)
{
    fa_dns_query *query = socket->user;
    uint8_t bytes[FA_DNS_BYTES_MAX];
    fa_dns_answer answer;
    const size_t len = packet->len;
    const bool whole = len <= sizeof bytes && fa_packet_copy(packet, 0, bytes, len);
    fa_packet_free(packet);
    if (!whole || from.port != FA_DNS_PORT || !fa_ip4_is(from.address, query->server))
        return;
    const fa_err err = fa_dns_parse(bytes, len, query->id, query->name, &answer);
    if (err != FA_EAGAIN)
        conclude(host, query, err, &answer);
}

fa_err fa_dns_start(fa_host *host, fa_dns_query *query, const char *name)
{
    fa_dns *dns = &host->dns_resolver;
    void *user = query->user;
    *query = (fa_dns_query){.result = FA_EAGAIN, .user = user, .timer.fire = no_answer};
    if (!fa_dns_normalize(name, query->name))
        return FA_EINVAL;
    const fa_dns_cached *cached = look_up(host, query->name);
    if (cached != NULL) {
        memcpy(query->addresses, cached->addresses, sizeof query->addresses);
        query->address_count = cached->address_count;
        tell(host, query, cached->address_count > 0 ? FA_OK : FA_ENOENT);
        return FA_OK;
    }
    if (dns->server_count == 0)
        return FA_ENOENT;
    const fa_err err = ask(host, query);
    if (err != FA_OK)
        return err;
    query->running = true;
    query->next = dns->queries;
    dns->queries = query;
    return FA_OK;
}

void fa_dns_cancel(fa_host *host, fa_dns_query *query)
{
    stop(host, query);
    for (fa_dns_query **link = &host->dns_resolver.changed; *link != NULL;
         link = &(*link)->next_changed)
        if (*link == query) {
            *link = query->next_changed;
            break;
        }
}

fa_dns_query *fa_dns_take_changed(fa_host *host)
{
    fa_dns_query *query = host->dns_resolver.changed;
    if (query != NULL)
        host->dns_resolver.changed = query->next_changed;
    return query;
}

void fa_dns_free(fa_host *host)
{
    while (host->dns_resolver.queries != NULL)
        stop(host, host->dns_resolver.queries);
    host->dns_resolver.changed = NULL;
}
