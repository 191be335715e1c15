/* SPDX-License-Identifier: ISC */
/* The DNS stub resolver (RFC 1034, 1035, 2308, 5452, 7766): addresses of names, asked of the servers
 * that DHCP or the configuration gave, with a small cache, of names that are not there too. Each
 * question goes out from a port and with a number that nobody can guess; one whose answer is too long
 * for a datagram, over TCP again. Wire format, limits and timers stand here.
 *
 *     err = fa_dns_start(&host, &query, "example.org");
 *     while ((query = fa_dns_take_changed(&host)) != NULL)      // later: query->result, ->addresses
 */
#ifndef FATA_NET_DNS_H
#define FATA_NET_DNS_H

#include "tcp.h"
#include "udp.h"

typedef struct fa_dns_header { /* RFC 1035, 4.1.1 */
    fa_be16 id, flags, questions, answers, authorities, additionals;
} fa_dns_header;
_Static_assert(sizeof(fa_dns_header) == 12, "no padding");

#define FA_DNS_PORT 53u
#define FA_DNS_RESPONSE 0x8000u
#define FA_DNS_OPCODE_MASK 0x7800u
#define FA_DNS_TRUNCATED 0x0200u
#define FA_DNS_RECURSION_DESIRED 0x0100u
#define FA_DNS_RCODE_MASK 0x000fu
#define FA_DNS_NXDOMAIN 3u
#define FA_DNS_A 1u
#define FA_DNS_CNAME 5u
#define FA_DNS_SOA 6u
#define FA_DNS_IN 1u

#define FA_DNS_BYTES_MAX 512u /* of a message over UDP without EDNS */
#define FA_DNS_NAME_BYTES 254u /* as text, with its NUL (RFC 1035, 2.3.4) */
#define FA_DNS_LABEL_BYTES_MAX 63u
#define FA_DNS_POINTERS_MAX 32u /* in one name; each must point backwards, too */
#define FA_DNS_RECORDS_MAX 128u /* of a reply that are looked at */
#define FA_DNS_CNAMES_MAX 8u
#define FA_DNS_ADDRESSES_MAX 8u
#define FA_DNS_SERVERS_MAX 3u
/* Each server is asked in turn. */
#define FA_DNS_TRY_NS (2 * FA_NS_PER_S)
#define FA_DNS_TRIES 5u
#define FA_DNS_TCP_NS (5 * FA_NS_PER_S) /* to connect, ask and be answered */
#define FA_DNS_TCP_BYTES_MAX 16384u     /* of a message: hundreds of addresses */
#define FA_DNS_CACHE_ENTRIES 16u
#define FA_DNS_TTL_MAX_S 86400u
#define FA_DNS_NEGATIVE_TTL_MAX_S 900u /* RFC 2308, 5 */

typedef struct fa_dns_query {
    struct fa_dns_query *next; /* of those that run */
    struct fa_dns_query *next_changed;
    fa_wheel_timer timer;
    fa_udp_socket socket;
    char name[FA_DNS_NAME_BYTES];
    uint16_t id;
    fa_ip4 server; /* that was asked last */
    uint8_t tries;
    bool running;
    /* Over TCP: */
    fa_tcp *tcp; /* NULL: not */
    bool asked;
    fa_be16 reply_prefix;
    uint8_t *reply; /* NULL: its length is not known yet */
    uint32_t reply_len, reply_at; /* so much of it, or of the prefix, is here */
    void *user;
    /* FA_EAGAIN: not yet. FA_OK; FA_ENOENT: there is no such host, or it has no address; FA_EIO: the
     * servers cannot tell; FA_ETIMEDOUT: they do not answer; FA_ETRUNCATED: the answer is too long, and
     * they do not give it over TCP either. */
    fa_err result;
    fa_ip4 addresses[FA_DNS_ADDRESSES_MAX];
    unsigned address_count;
} fa_dns_query;

/* The addresses that a reply gives to a name, and how long that is so; or that there are none. */
typedef struct fa_dns_answer {
    fa_ip4 addresses[FA_DNS_ADDRESSES_MAX];
    unsigned address_count;
    uint32_t ttl_s;
} fa_dns_answer;

typedef struct fa_dns_cached {
    char name[FA_DNS_NAME_BYTES]; /* empty: unused */
    uint64_t until_ns;
    fa_ip4 addresses[FA_DNS_ADDRESSES_MAX];
    unsigned address_count; /* 0: there is no such host, or it has no address */
} fa_dns_cached;

typedef struct fa_dns {
    fa_ip4 servers[FA_DNS_SERVERS_MAX];
    unsigned server_count;
    fa_dns_query *queries, *changed;
    fa_dns_cached cache[FA_DNS_CACHE_ENTRIES];
} fa_dns;

void fa_dns_set_servers(fa_host *host, const fa_ip4 *servers, unsigned count);
/* Begins to ask; the query is the caller's memory, and in use until it has changed or was cancelled.
 * FA_EINVAL: not a name; FA_ENOENT: there is no server; FA_ELIMIT: no port is left. */
FA_MUST_CHECK fa_err fa_dns_start(fa_host *host, fa_dns_query *query, const char *name);
void fa_dns_cancel(fa_host *host, fa_dns_query *query);
/* A query that has a result since the last call; NULL: none. */
fa_dns_query *fa_dns_take_changed(fa_host *host);
/* For fa_host_run(): looks after the connections of queries over TCP. */
void fa_dns_run(fa_host *host);
void fa_dns_free(fa_host *host);
/* For dns.c: asks the query's server over TCP; what fa_tcp_connect() says. Then looks for the reply,
 * which is whole in query->reply with FA_OK; FA_EAGAIN: not yet; else it will not come. */
FA_MUST_CHECK fa_err fa_dns_tcp_start(fa_host *host, fa_dns_query *query);
FA_MUST_CHECK fa_err fa_dns_tcp_take(fa_host *host, fa_dns_query *query);
void fa_dns_tcp_stop(fa_host *host, fa_dns_query *query, bool abort);

/* The name in the form that questions, replies and the cache have: lower case, no dot at the end.
 * false: it is not a host's name. */
bool fa_dns_normalize(const char *name, char name_out[FA_DNS_NAME_BYTES]);
/* Writes a question for the addresses of a normal name; its length. */
size_t fa_dns_write_question(uint16_t id, const char *name, uint8_t bytes_out[FA_DNS_BYTES_MAX]);
/* Reads the reply to that question. FA_EAGAIN: it is not one, and another may come; else what
 * fa_dns_query's result says. With FA_ENOENT *answer_out has no address, and ttl_s of the zone (RFC
 * 2308, 5), 0: it does not say. */
fa_err fa_dns_parse(const uint8_t *bytes, size_t len, uint16_t id, const char *name,
                    fa_dns_answer *answer_out);

#endif
