/* SPDX-License-Identifier: ISC */
/* A question over TCP (RFC 1035, 4.2.2; RFC 7766), as its answer was too long for a datagram: one
 * connection, one question, one reply behind its length. The connection is the host's own: what is new
 * about it is looked for in each of the host's turns. */
#include "host.h"
#include <stdlib.h>

fa_err fa_dns_tcp_start(fa_host *host, fa_dns_query *query)
{
    const fa_err err = fa_tcp_connect(host, (fa_endpoint){query->server, FA_DNS_PORT}, NULL, &query->tcp);
    if (err != FA_OK)
        return err;
    fa_udp_unbind(host, &query->socket);
    query->id = (uint16_t)fa_host_random(host);
    query->asked = false;
    query->reply_len = 0;
    query->reply_at = 0;
    fa_wheel_arm(&host->wheel, &query->timer, host->now_ns + FA_DNS_TCP_NS);
    return FA_OK;
}

void fa_dns_tcp_stop(fa_host *host, fa_dns_query *query, bool abort)
{
    if (query->tcp == NULL)
        return;
    fa_tcp_close(host, query->tcp, abort);
    query->tcp = NULL;
    free(query->reply);
    query->reply = NULL;
}

static fa_err ask(fa_host *host, fa_dns_query *query)
{
    uint8_t bytes[FA_DNS_BYTES_MAX];
    const size_t len = fa_dns_write_question(query->id, query->name, bytes);
    const fa_be16 prefix = fa_be16_of((uint16_t)len);
    const fa_slice slices[] = {{&prefix, sizeof prefix}, {bytes, len}};
    size_t done;
    const fa_err err = fa_tcp_write(host, query->tcp, slices, FA_ARRAY_COUNT(slices), &done);
    if (err != FA_OK)
        return err; /* FA_EAGAIN: there is no page now */
    query->asked = true;
    return done == sizeof prefix + len ? FA_OK : FA_ENOMEM;
}

/* Reads until there are `len` bytes; FA_EIO: the server has said its last before. */
static fa_err fill(fa_host *host, fa_dns_query *query, uint8_t *bytes, uint32_t len)
{
    while (query->reply_at < len) {
        size_t got;
        const fa_err err =
            fa_tcp_read(host, query->tcp, bytes + query->reply_at, len - query->reply_at, &got);
        if (err != FA_OK)
            return err;
        if (got == 0)
            return FA_EIO;
        query->reply_at += (uint32_t)got;
    }
    return FA_OK;
}

fa_err fa_dns_tcp_take(fa_host *host, fa_dns_query *query)
{
    fa_err err = fa_tcp_status(query->tcp);
    if (err == FA_OK && !query->asked)
        err = ask(host, query);
    if (err == FA_OK && query->reply == NULL) {
        err = fill(host, query, query->reply_prefix.byte, sizeof query->reply_prefix);
        if (err != FA_OK)
            return err;
        query->reply_len = fa_be16_get(query->reply_prefix);
        query->reply_at = 0;
        if (query->reply_len < sizeof(fa_dns_header) || query->reply_len > FA_DNS_TCP_BYTES_MAX)
            return FA_EIO;
        query->reply = malloc(query->reply_len);
        err = query->reply != NULL ? FA_OK : FA_ENOMEM;
    }
    return err == FA_OK ? fill(host, query, query->reply, query->reply_len) : err;
}
