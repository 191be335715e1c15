/* SPDX-License-Identifier: ISC */
/* TLS 1.3 and 1.2 over any flow: a handshake turns a flow into another one, whose bytes are secret and
 * whose peer is known. Below it lie <fata/flow.h> and, for listeners, <fata/net.h>; protocols above need
 * not know of it. Certificates are verified, by names in them (not by their subjects) and by their time,
 * so the wall clock must be set before. mbedTLS does the protocol.
 *
 *     fa_tls_reason why;
 *     err = fa_tls_identity_new(chain, chain_len, key, key_len, &identity, &why);
 *     err = fa_tls_server_new(&(fa_tls_server_options){.identities = &identity, .identity_count = 1},
 *                             &server, &why);
 *     err = fa_tls_accept(server, tcp, &flow, &why, fa_after_s(10));   // tcp is now the new flow's
 *     ... fa_flow_read(flow, ...), fa_flow_write(), fa_flow_close() ...
 *
 * A TLS flow ends by its close_notify: fa_flow_shutdown() and fa_flow_close() send one, and a read is
 * FA_ETRUNCATED if the peer's connection ends without. What a write has not taken (FA_EAGAIN, or some
 * of it) must come again, before anything else: a record with it may be on its way.
 */
#ifndef FATA_TLS_H
#define FATA_TLS_H

#include <fata/net.h>

/* The options' defaults, and limits. */
#define FA_TLS_HANDSHAKE_NS (10 * FA_NS_PER_S)
#define FA_TLS_HANDSHAKES_PER_S 2000u
#define FA_TLS_SESSIONS 16u
#define FA_TLS_TICKET_S 7200u          /* so long can sessions that began with one handshake be resumed */
#define FA_TLS_NAME_BYTES_MAX 254u     /* of a server's name, with its NUL */
#define FA_TLS_CHAIN_BYTES_MAX (64 * FA_KIB) /* of PEM or DER */
#define FA_TLS_IDENTITIES_MAX 64u      /* of a server */
#define FA_TLS_ALPN_MAX 8u

/* What was wrong, for people: which certificate, which name was expected, when it expired. */
#define FA_TLS_REASON_BYTES 256u
typedef struct fa_tls_reason {
    char text[FA_TLS_REASON_BYTES]; /* "": nothing was */
} fa_tls_reason;

/* Who one is: a certificate, those between it and the root, and its private key. */
typedef struct fa_tls_identity fa_tls_identity;
/* Whom one believes: certificates of CAs, and what these have revoked. */
typedef struct fa_tls_trust fa_tls_trust;

/* From PEM or DER (of PEM, what else stands in it is skipped). The bytes stay the caller's, who wipes
 * the key's. `why` may be NULL, in all of these functions. FA_EFORMAT: not a certificate, or not a key;
 * FA_EINVAL: the key is another certificate's; FA_EPERM: too weak (RSA below 2048 bits, SHA-1);
 * FA_ENOTSUP: a kind that is not known, such as a key with a password; FA_ELIMIT; FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_tls_identity_new(const void *chain, size_t chain_len, const void *key,
                                         size_t key_len, fa_tls_identity **identity_out,
                                         fa_tls_reason *why);
/* This one answers those only who offer that protocol by ALPN (RFC 8737: "acme-tls/1"); `alpn` must
 * outlive it, and the servers that have had it, which go on naming it. */
void fa_tls_identity_only_for(fa_tls_identity *identity, const char *alpn);
/* When its certificate begins and ceases to hold, in seconds since 1970. */
void fa_tls_identity_times(const fa_tls_identity *identity, uint64_t *from_s_out, uint64_t *to_s_out);
/* Servers, clients and connections that have it keep it until they end; then its key is wiped. */
void fa_tls_identity_free(fa_tls_identity *identity);

FA_MUST_CHECK fa_err fa_tls_trust_new(fa_tls_trust **trust_out);
/* Adds all certificates, or revocation lists, of some PEM, or one of DER; before the trust is given to
 * anyone. The errors are an identity's. */
FA_MUST_CHECK fa_err fa_tls_trust_add(fa_tls_trust *trust, const void *bytes, size_t len,
                                      fa_tls_reason *why);
FA_MUST_CHECK fa_err fa_tls_trust_add_crl(fa_tls_trust *trust, const void *bytes, size_t len,
                                          fa_tls_reason *why);
void fa_tls_trust_free(fa_tls_trust *trust);

/* Servers. */

typedef enum fa_tls_asks {
    FA_TLS_ASKS_NONE,     /* clients for no certificate */
    FA_TLS_ASKS_OPTIONAL, /* one that is shown must be good */
    FA_TLS_ASKS_REQUIRED,
} fa_tls_asks;

/* Zeroes mean the defaults. What is pointed to is copied or kept, but for the protocols' texts. */
typedef struct fa_tls_server_options {
    /* The one whose names have what the client asks for; the first if none has. */
    fa_tls_identity *const *identities;
    size_t identity_count;
    fa_tls_asks asks;         /* if at all, sessions are not resumed: each shows who it is */
    fa_tls_trust *trust;      /* in whom clients' certificates must be issued by */
    const char *const *alpn;  /* protocols by preference, NULL behind the last; NULL: none */
    bool only_13;             /* not TLS 1.2 */
    bool no_tickets;          /* sessions are not resumed */
    uint64_t handshake_ns;    /* of a listener's handshakes, from a client's first byte on */
    unsigned handshakes_per_s; /* that are begun; more wait */
} fa_tls_server_options;

typedef struct fa_tls_server fa_tls_server;

FA_MUST_CHECK fa_err fa_tls_server_new(const fa_tls_server_options *options,
                                       fa_tls_server **server_out, fa_tls_reason *why);
/* For who comes from now on; no session of before is resumed. FA_EINVAL: none; FA_ELIMIT; FA_ENOENTROPY. */
FA_MUST_CHECK fa_err fa_tls_server_set_identities(fa_tls_server *server,
                                                  fa_tls_identity *const *identities, size_t count);
/* Another one in its place, as when a revocation list is out of date, for whose certificate comes from now on.
 * FA_EINVAL: it was made without, or NULL. */
FA_MUST_CHECK fa_err fa_tls_server_set_trust(fa_tls_server *server, fa_tls_trust *trust);
/* Its connections go on. */
void fa_tls_server_free(fa_tls_server *server);

/* The handshake. Calculations that take long let other fibers run. FA_EPERM: a certificate was refused,
 * by us or by the peer, or none was shown; FA_ENOTSUP: nothing in common (version, cipher, protocol);
 * FA_EFORMAT: what arrives is no TLS, or broken; FA_ENOCLOCK: a certificate must be judged, and the time
 * is not known; FA_ENOENTROPY; FA_EBUSY: it gave way to newer handshakes while it waited for its peer;
 * FA_ETRUNCATED, FA_ECLOSED: the connection ended; FA_ETIMEDOUT, FA_ECANCELED, FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_tls_accept(fa_tls_server *server, fa_flow *flow_take, fa_flow **flow_out,
                                   fa_tls_reason *why, fa_deadline deadline);

/* A listener's connections, after their handshakes, which fibers of its own do: one at a time has the
 * machine for its calculations, others wait for their peers meanwhile, and who has not yet said
 * anything costs next to nothing. When there are too many, the oldest of them give way. */
typedef struct fa_tls_listener fa_tls_listener;

/* The listener stays the caller's and must outlive this. */
FA_MUST_CHECK fa_err fa_tls_listen(fa_tls_server *server, fa_listener *listener,
                                   fa_tls_listener **listener_out);
FA_MUST_CHECK fa_err fa_tls_listener_try_accept(fa_tls_listener *listener, fa_flow **flow_out,
                                                fa_endpoint *peer_out);
FA_MUST_CHECK fa_err fa_tls_listener_accept(fa_tls_listener *listener, fa_flow **flow_out,
                                            fa_endpoint *peer_out, fa_deadline deadline);
void fa_tls_listener_arm(fa_tls_listener *listener, fa_waker *waker);
/* Connections that begin with no handshake of TLS, as of somebody who says "http:" at its port, come from
 * here as they are, once this has been called; without, they are refused. */
FA_MUST_CHECK fa_err fa_tls_listener_try_accept_plain(fa_tls_listener *listener, fa_flow **flow_out,
                                                      fa_endpoint *peer_out);
void fa_tls_listener_arm_plain(fa_tls_listener *listener, fa_waker *waker);
void fa_tls_listener_close(fa_tls_listener *listener);

typedef struct fa_tls_stats {
    uint64_t handshakes, resumed, failed, gave_way; /* complete; of these; the others */
    size_t under_way;                              /* now, of all servers */
    size_t waiting;                                /* now, for a first byte */
    size_t kept_buffers, kept_buffers_max;         /* of all flows: records in part */
} fa_tls_stats;
void fa_tls_server_stats(const fa_tls_server *server, fa_tls_stats *stats_out);

/* Clients. */

typedef struct fa_tls_client_options {
    fa_tls_trust *trust;       /* in whom servers' certificates must be issued by */
    fa_tls_identity *identity; /* for servers that ask; NULL: none */
    const char *const *alpn;
    bool only_13;
    bool unverified;   /* anybody may be the server: for tests only; each connection warns of it */
    unsigned sessions; /* of servers, that are kept to be resumed */
} fa_tls_client_options;

typedef struct fa_tls_client fa_tls_client;

/* FA_EINVAL: neither trust nor unverified. */
FA_MUST_CHECK fa_err fa_tls_client_new(const fa_tls_client_options *options,
                                       fa_tls_client **client_out, fa_tls_reason *why);
/* As fa_tls_server_set_trust(). No session of before is resumed: it stands for a certificate of before. */
FA_MUST_CHECK fa_err fa_tls_client_set_trust(fa_tls_client *client, fa_tls_trust *trust);
void fa_tls_client_free(fa_tls_client *client);
/* `name` is the server's name, or its address in text; its certificate must have it. With a port, as in
 * "example.org:8443", sessions of other ports are not offered. The errors are those of fa_tls_accept();
 * FA_EAGAIN: a session was offered, and refused with the connection: connect anew, without it. */
FA_MUST_CHECK fa_err fa_tls_connect(fa_tls_client *client, fa_flow *flow_take, const char *name,
                                    fa_flow **flow_out, fa_tls_reason *why, fa_deadline deadline);

/* Connections. */

/* The texts live as long as the flow; "": none. */
typedef struct fa_tls_info {
    const char *version; /* "TLSv1.3" */
    const char *cipher;  /* "TLS1-3-AES-128-GCM-SHA256" */
    const char *alpn;
    const char *server_name;  /* that the client asked for */
    const char *peer_subject; /* of its certificate: "CN=sensor-7, O=Works" */
    const char *peer_names;   /* in its certificate, a comma between them: "a.example,192.0.2.1" */
    bool resumed;
} fa_tls_info;

/* FA_ENOTSUP: not a TLS flow. */
FA_MUST_CHECK fa_err fa_tls_info_get(const fa_flow *flow, fa_tls_info *info_out);
/* Why it has failed; "" if it has not, or it is no TLS flow. */
const char *fa_tls_reason_of(const fa_flow *flow);

#endif
