/* SPDX-License-Identifier: ISC */
/* What the files of this room share: mbedTLS's settings with their owners, and a connection.
 *
 * A connection lies in mbedTLS's context, which wants two buffers for records, 17 KB each. It has them
 * during its handshake. Later they are lent to it for the time of a call, and are its own only as long
 * as a record is there in part (records.h): an idle connection has none. */
#ifndef FATA_TLS_CONN_H
#define FATA_TLS_CONN_H

#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* for the pointers into the buffers */
#include "trust.h"
#include <fata/fiber.h>
#include <fata/tls.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>

/* At least what mbedTLS reads and writes in one (MBEDTLS_SSL_IN_BUFFER_LEN): a counter, a header, a
 * record's 16,384 bytes and what ciphers add to them. tests/unit/tls.c compares. */
#define FA_TLS_BUFFER_BYTES ((size_t)(16384 + 64))
#define FA_TLS_HEADER_BYTES 5u
#define FA_TLS_KINDS 2u /* of keys, of one name: RSA and ECDSA */
#define FA_TLS_COUNTER_BYTES 8u

struct fa_tls_identity {
    unsigned refs;
    const char *only_for; /* a protocol; NULL: for all */
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
};

/* A server's or a client's part that its connections share. */
typedef struct fa_tls_config {
    unsigned refs; /* the owner's, and one for each connection */
    void (*end)(struct fa_tls_config *config); /* when there are none */
    mbedtls_ssl_config mbed;
    fa_tls_trust *trust;
    const char *alpn[FA_TLS_ALPN_MAX + 2]; /* NULL behind the last */
} fa_tls_config;

#define FA_TLS_SERVER_PROTOCOLS (FA_TLS_ALPN_MAX + 1) /* one is for identities of that alone */

struct fa_tls_server {
    fa_tls_config config; /* its first member */
    fa_tls_identity *identities[FA_TLS_IDENTITIES_MAX];
    size_t identity_count;
    fa_tls_asks asks;
    mbedtls_ssl_ticket_context tickets;
    uint64_t handshake_ns;
    /* Handshakes that may begin: `allowed` of them, at `allowed_at_ns`. */
    unsigned per_s, allowed;
    uint64_t allowed_at_ns;
    uint64_t handshakes, resumed, failed, gave_way;
    size_t waiting; /* connections of its listeners that have not said anything yet */
};

typedef struct fa_tls_link {
    struct fa_tls_link *before, *after;
} fa_tls_link;

typedef struct fa_tls_conn {
    fa_flow flow; /* its first member */
    fa_flow *below; /* NULL, at its end: it went on without */
    fa_tls_config *config;
    mbedtls_ssl_context ssl;
    /* Those of the flow's user, and ours below, which call them. */
    fa_waker *reader, *writer;
    fa_waker on_readable, on_writable;
    /* Records in part. */
    uint8_t *own_in, *own_out; /* buffers; NULL: none */
    fa_tls_link in_kept;
    uint64_t kept_since_ns; /* since when it has a part of that record, or when a byte last moved */
    uint8_t counter[FA_TLS_COUNTER_BYTES]; /* mbedTLS keeps it in the buffer */
    uint8_t head[FA_TLS_HEADER_BYTES];     /* of a record, as far as it is there */
    uint8_t head_len, head_used;
    uint16_t held_len; /* bytes of a record that is sent in part, which the user does not know to be taken */
    size_t in_peak; /* bytes of the in-buffer that were used */
    bool busy;      /* between lend and return: nobody takes its buffers */
    bool in_part;   /* a peer's record is there in part */
    bool owes_update;     /* it must change its keys before it sends data: update.h */
    unsigned updates;     /* of the peer's, in the second that began then */
    uint64_t updates_since_ns;
    /* The end. */
    bool handshaking, peer_ended;
    bool ended, said_end; /* the user has ended its half; that is on its way */
    fa_err below_err; /* that the flow below has failed with */
    fa_err err;       /* that this one has failed with */
    char *reason;
    fa_tls_link in_closing; /* {NULL}: it is not */
    fa_deadline closing_by;
    bool closing_ready, closes;
    /* Who the peer is. */
    bool checks_name, checks_address, offers_session, resumed, no_clock;
    uint16_t port; /* of the server whose session this is; 0: not said */
    fa_ip4 address;
    uint32_t flags; /* what was wrong with its certificates, of mbedTLS's */
    /* A client's: so long its server's sessions can be resumed, and so long the one could that it offers. */
    uint64_t trusted_until_s, session_until_s;
    unsigned trusts_before; /* how often its client's trust had been replaced when it began */
    char *name;    /* the server's */
    char *subject; /* of the peer's certificate */
    char *names;
    /* During the handshake. */
    fa_tls_identity *identities[FA_TLS_KINDS]; /* ours, that it may show */
    fa_tls_reason *why;
} fa_tls_conn;

static inline fa_tls_conn *fa_tls_conn_of(fa_flow *flow)
{
    return (fa_tls_conn *)flow;
}

/* NULL: not a TLS flow. */
const fa_tls_conn *fa_tls_conn_check(const fa_flow *flow);

/* Takes the flow, also on failure. */
FA_MUST_CHECK fa_err fa_tls_conn_new(fa_tls_config *config, fa_flow *flow_take,
                                     fa_tls_conn **conn_out);
/* Ends it without a word, the flow below as well. */
void fa_tls_conn_free(fa_tls_conn *conn, bool abort);
/* Ends it after a handshake that has failed so. If the peer was refused it is to learn why: a TCP that is
 * closed while bytes are unread sends a reset (RFC 1122, 4.2.2.13), at which the peer's drops our alert. So
 * what still comes is read, for a while: by the fiber of closing.h. */
void fa_tls_conn_end_failed(fa_tls_conn *conn, fa_err failed);
/* Sends what is left, and a close_notify. FA_EAGAIN: not all of it could be sent now. */
FA_MUST_CHECK fa_err fa_tls_conn_say_end(fa_tls_conn *conn);
/* For mbedTLS, as mbedtls_ssl_send_t and mbedtls_ssl_recv_t. */
int fa_tls_conn_send(void *arg, const unsigned char *bytes, size_t len);
int fa_tls_conn_recv(void *arg, unsigned char *bytes_out, size_t cap);
/* Tells the peer by an alert, where mbedTLS would be silent about that error of its own. */
void fa_tls_conn_tell(fa_tls_conn *conn, int mbed);
/* It has failed, for a reason of mbedTLS's, or of the flow below; returns which error that is. */
fa_err fa_tls_conn_fail(fa_tls_conn *conn, int mbed);
void fa_tls_conn_fail_as(fa_tls_conn *conn, fa_err err, const char *reason);

/* The handshake, on either side. Does not take the connection. `why` may be NULL. */
FA_MUST_CHECK fa_err fa_tls_handshake(fa_tls_conn *conn, fa_tls_reason *why, fa_deadline deadline);
/* It needs the identities no more. */
void fa_tls_conn_forget_identities(fa_tls_conn *conn);

/* mbedTLS itself: made ready at the first call. FA_ENOENTROPY, FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_tls_library_start(void);
int fa_tls_draw(void *arg, unsigned char *bytes_out, size_t len);
/* Long calculations of this fiber let others run, from now on. */
void fa_tls_library_steps(bool on);

/* Settings. */
FA_MUST_CHECK fa_err fa_tls_config_init(fa_tls_config *config, int endpoint, bool only_13,
                                        const char *const *alpn, fa_tls_trust *trust,
                                        fa_tls_reason *why);
/* FA_EINVAL: there was none, or is none now. */
FA_MUST_CHECK fa_err fa_tls_config_set_trust(fa_tls_config *config, fa_tls_trust *trust);
void fa_tls_config_release(fa_tls_config *config);
void fa_tls_config_free(fa_tls_config *config); /* what init has made */
fa_tls_identity *fa_tls_identity_keep(fa_tls_identity *identity);
fa_tls_trust *fa_tls_trust_keep(fa_tls_trust *trust);

/* What mbedTLS calls for each certificate of a chain, the leaf's last: completes the judgement and says
 * in words what is wrong. */
int fa_tls_verify(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags);
/* Remembers who the peer is, and frees its certificate. */
void fa_tls_peer_keep(fa_tls_conn *conn);
/* Before a client's handshake: whom it wants, and a session if there is one. FA_EINVAL, FA_ENOCLOCK, FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_tls_client_prepare(fa_tls_client *client, fa_tls_conn *conn, const char *name,
                                           fa_tls_reason *why);
/* A client has got a ticket. */
void fa_tls_client_keep_session(fa_tls_conn *conn);

/* Texts. */
void fa_tls_say(fa_tls_reason *why, const char *fmt, ...) FA_PRINTF(2, 3);
/* An error of mbedTLS's, and what it means to people; `ssl` may be NULL. */
fa_err fa_tls_err_of(int mbed, const mbedtls_ssl_context *ssl, fa_tls_reason *why);

#endif
