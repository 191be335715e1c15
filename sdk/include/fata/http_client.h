/* SPDX-License-Identifier: ISC */
/* An HTTP/1.1 client (RFC 9110, RFC 9112). An agent fetches what URLs name: it connects, goes where it
 * is redirected to, and keeps its last connection for the next request. A client is one connection, over
 * a flow of any kind, for who has the flow. https wants <fata/tls.h>: see fa_http_agent_use_tls().
 *
 *     fa_http_agent *agent;
 *     const fa_http_response *response;
 *     err = fa_http_agent_open(net, &agent);
 *     err = fa_http_agent_get(agent, "http://example.org/", &response, deadline);
 *     while ((err = fa_http_agent_read(agent, bytes, sizeof bytes, &len, deadline)) == FA_OK && len > 0)
 *         ... use them ...
 *     fa_http_agent_close(agent);
 */
#ifndef FATA_HTTP_CLIENT_H
#define FATA_HTTP_CLIENT_H

#include <fata/http.h>

struct fa_tls_client;

/* What a response may have is what a request may: FA_HTTP_HEAD_BYTES_MAX and those behind it. */
#define FA_HTTP_INTERIM_MAX 8u                        /* responses of 1xx before the one that counts */
#define FA_HTTP_REQUEST_HEAD_BYTES_MAX (12 * FA_KIB)
#define FA_HTTP_REDIRECTS_MAX 8u
#define FA_HTTP_SKIP_BYTES_MAX (16 * FA_KIB) /* of a body that is not wanted, to keep its connection; */
#define FA_HTTP_SKIP_NS FA_NS_PER_S          /* so long */

/* URLs (RFC 3986), those of http and https. */

#define FA_URL_BYTES_MAX 2048u
#define FA_URL_HOST_BYTES 254u /* with its NUL */

typedef struct fa_url {
    bool secure; /* https */
    uint16_t port;
    char host[FA_URL_HOST_BYTES];         /* in lower case; an IPv6 address without its brackets */
    char authority[FA_URL_HOST_BYTES + 8]; /* as Host has it: with them, and with an unusual port */
    char target[FA_URL_BYTES_MAX];         /* path and query; begins with a slash */
} fa_url;

/* FA_EFORMAT: not a URL, or one with a user in it; FA_ENOTSUP: of another scheme; FA_ELIMIT: too long. */
FA_MUST_CHECK fa_err fa_url_parse(const char *text, fa_url *url_out);
/* What a reference means where `base` is (RFC 3986 section 5.2). *url_out may be the base. */
FA_MUST_CHECK fa_err fa_url_resolve(const fa_url *base, const char *reference, fa_url *url_out);
/* Whether a connection for the one serves the other: scheme, host and port. */
bool fa_url_same_origin(const fa_url *a, const fa_url *b);

/* Requests and responses. */

#define FA_HTTP_CHUNKED UINT64_MAX

typedef struct fa_http_request {
    const char *method; /* NULL: GET */
    const char *target; /* "/path?query"; an agent has it of the URL */
    const char *host;   /* of the field Host; an agent has it of the URL */
    /* Others than Host, Content-Length, Transfer-Encoding, Connection, Upgrade, TE, Trailer and Expect,
     * which are the client's. */
    const fa_http_field *fields;
    size_t field_count;
    /* NULL: body_len bytes are to be written, or as many as come (FA_HTTP_CHUNKED); not to an agent. */
    const void *body;
    uint64_t body_len;
} fa_http_request;

/* It lives until the next request. */
typedef struct fa_http_response {
    unsigned status;
    const fa_http_field *fields;
    size_t field_count;
    bool length_known;
    uint64_t length; /* what Content-Length says; of a body that is not sent too (HEAD) */
} fa_http_response;

/* The value of the first field of that name, in any case; NULL: there is none. */
const char *fa_http_response_field(const fa_http_response *response, const char *name);

/* A connection. */

typedef struct fa_http_client fa_http_client;

/* The flow is the client's then, on failure too. FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_http_client_open_take(fa_flow *flow, fa_http_client **client_out);
/* Sends a request, with its body if it has the bytes. FA_EINVAL: it is not one that may be sent;
 * FA_ELIMIT: its head is too long; FA_EBUSY: the connection is not free, see below; what the flow fails
 * with. After a failure of the flow the server may still have said why: fa_http_client_receive(). */
FA_MUST_CHECK fa_err fa_http_client_send(fa_http_client *client, const fa_http_request *request,
                                         fa_deadline deadline);
/* Part of the body. FA_EINVAL: more than was told. */
FA_MUST_CHECK fa_err fa_http_client_write(fa_http_client *client, const void *bytes, size_t len,
                                          fa_deadline deadline);
/* Ends a chunked body, and waits for the head of the response. FA_EINVAL: parts of the body are missing;
 * FA_EFORMAT: it is not HTTP/1, or could be understood in two ways; FA_ELIMIT: it is too long; FA_ECLOSED:
 * the server has ended the connection before its first byte, FA_ETRUNCATED: in the head; FA_ENOTSUP: a
 * transfer coding that was not asked for. */
FA_MUST_CHECK fa_err fa_http_client_receive(fa_http_client *client,
                                            const fa_http_response **response_out,
                                            fa_deadline deadline);
/* The next bytes of the body, at least one; FA_OK with *len_out 0: its end. FA_ETRUNCATED, FA_EFORMAT. */
FA_MUST_CHECK fa_err fa_http_client_read(fa_http_client *client, void *bytes_out, size_t cap,
                                         size_t *len_out, fa_deadline deadline);
/* Whether another request can be sent: the body was read to its end, and the server has neither ended the
 * connection nor said something that it was not asked. Never waits. */
bool fa_http_client_is_free(fa_http_client *client);
void fa_http_client_close(fa_http_client *client);

/* By URL. */

typedef struct fa_http_agent fa_http_agent;

/* FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_http_agent_open(fa_net *net, fa_http_agent **agent_out);
void fa_http_agent_close(fa_http_agent *agent);
/* How https is spoken: makes a flow of TLS over one of TCP, which is its own then, on failure too. Without
 * it, https is FA_ENOTSUP. `host` is a URL's authority: an unusual port stands behind it. FA_EAGAIN: another
 * flow may do better, once. */
typedef fa_err fa_http_secure(void *arg, fa_flow *flow, const char *host, fa_flow **flow_out,
                              fa_deadline deadline);
void fa_http_agent_set_secure(fa_http_agent *agent, fa_http_secure *secure, void *arg);
/* https by <fata/tls.h>, whose client must outlive the agent. What is wrong with a server is logged. */
void fa_http_agent_use_tls(fa_http_agent *agent, struct fa_tls_client *client);
/* Sends a request to where the URL leads, and waits for the head of the response. Redirects are followed
 * by the rules of RFC 9110 section 15.4, to other hosts without Authorization and Cookie. A request that
 * can be repeated is, once, if a kept connection has ended meanwhile. FA_ELIMIT: too many redirects;
 * FA_EPERM: one leads from https to http. Others: fa_url_parse(), fa_net_connect(), the client's. */
FA_MUST_CHECK fa_err fa_http_agent_request(fa_http_agent *agent, const char *url,
                                           const fa_http_request *request,
                                           const fa_http_response **response_out,
                                           fa_deadline deadline);
FA_MUST_CHECK fa_err fa_http_agent_get(fa_http_agent *agent, const char *url,
                                       const fa_http_response **response_out, fa_deadline deadline);
/* As fa_http_client_read(). What is not read is skipped by the next request. */
FA_MUST_CHECK fa_err fa_http_agent_read(fa_http_agent *agent, void *bytes_out, size_t cap,
                                        size_t *len_out, fa_deadline deadline);
/* Where the response is from, behind all redirects. */
const fa_url *fa_http_agent_url(const fa_http_agent *agent);

#endif
