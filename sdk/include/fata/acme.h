/* SPDX-License-Identifier: ISC */
/* An ACME client (RFC 8555): a server gets its certificate of a CA such as Let's Encrypt, and a new one in time.
 * The CA looks whether the names lead here: by http (http-01: at port 80), or by a handshake
 * (tls-alpn-01, RFC 8737: at port 443). Below it lie <fata/http_client.h> and <fata/tls.h>.
 *
 *     const fa_acme_options options = {
 *         .directory = "https://acme.example/directory", .names = names, .name_count = 1,
 *         .agrees = true, .client = client, .use = fa_acme_use_server, .use_arg = server};
 *     err = fa_acme_open(&options, &acme);
 *     ... {"GET", FA_ACME_HTTP_PATH, fa_acme_http, acme} among the routes of port 80 ...
 *     err = fa_acme_run(acme, net, FA_FOREVER);                   // in a fiber of its own
 */
#ifndef FATA_ACME_H
#define FATA_ACME_H

#include <fata/http.h>
#include <fata/tls.h>

#define FA_ACME_NAMES_MAX 8u
#define FA_ACME_STACK_BYTES (48 * FA_KIB) /* of the fiber that runs it */
#define FA_ACME_HTTP_PATH "/.well-known/acme-challenge/"
#define FA_ACME_ALPN "acme-tls/1"
#define FA_ACME_KEPT_BYTES_MAX (32 * FA_KIB) /* of what is kept under one name */

/* After a failure it is tried again after a minute, doubled up to a day, or to an eighth of the time that the certificate
 * still has; or when the CA says, if that is later. */
#define FA_ACME_RETRY_NS (60 * FA_NS_PER_S)
#define FA_ACME_RETRY_MAX_NS (24 * 3600 * FA_NS_PER_S)
#define FA_ACME_ISSUE_NS (1800 * FA_NS_PER_S) /* for a certificate, with the CA's looking */

/* Where things are kept: "account" (a private key) and "certificate" (one, with its chain and its private
 * key), both in PEM. A store must be whole or not at all. Without any, each start asks for a new
 * certificate, of which CAs give a few a week. */
typedef struct fa_acme_storage {
    /* FA_ENOENT: there is none. */
    fa_err (*load)(void *arg, const char *name, void *bytes_out, size_t cap, size_t *len_out,
                   fa_deadline deadline);
    fa_err (*store)(void *arg, const char *name, const void *bytes, size_t len, fa_deadline deadline);
    void *arg;
} fa_acme_storage;

/* Told what to be from now on: the certificate, or one that signs itself as long as there is none; and
 * besides what answers the CA's handshakes (NULL: it looks in no such way now). They live until it returns
 * from the next call; a server keeps what it is given. */
typedef void fa_acme_use(void *arg, fa_tls_identity *certificate, fa_tls_identity *challenge);
/* The same for a server, `arg`, that has no other identities. Its options must have FA_ACME_ALPN among
 * their `alpn` for tls-alpn-01, if it has any. */
fa_acme_use fa_acme_use_server;

typedef enum fa_acme_challenge { FA_ACME_HTTP_01, FA_ACME_TLS_ALPN_01 } fa_acme_challenge;

typedef struct fa_acme_options {
    const char *directory;    /* its URL; https */
    const char *const *names; /* of hosts, all in one certificate */
    size_t name_count;
    const char *contact; /* such as "mailto:a@b.example"; NULL: none */
    bool agrees;         /* to the CA's terms of service: somebody must have read them */
    /* What a CA gives its customers to have an account (RFC 8555, 7.3.4): the key's name, and the key in base64url.
     * NULL: none, as with CAs that are open to everybody; an account that is there already needs none. */
    const char *binding_id, *binding_key;
    fa_acme_challenge challenge;
    fa_tls_client *client; /* with trust in the CA's own certificate */
    fa_acme_storage storage; /* zeroed: none */
    fa_acme_use *use;
    void *use_arg;
} fa_acme_options;

typedef struct fa_acme fa_acme;

/* The options' texts must live as long. FA_EINVAL: they are not right, a log line says why; FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_acme_open(const fa_acme_options *options, fa_acme **acme_out);
/* Uses the kept certificate, gets one where there is none, and a new one when two thirds of its time
 * have passed; until the deadline. Failures are logged and tried again, the storage's too. It asks for none
 * before the wall clock is known. FA_EBUSY: it runs already. */
FA_MUST_CHECK fa_err fa_acme_run(fa_acme *acme, fa_net *net, fa_deadline deadline);
/* The handler that shows the CA what it looks for, for a route of GET to FA_ACME_HTTP_PATH; its argument is
 * the fa_acme. */
fa_http_handler fa_acme_http;
/* Not while it runs. */
void fa_acme_close(fa_acme *acme);

typedef struct fa_acme_info {
    bool has_certificate;
    uint64_t expires_s, renews_s; /* since 1970 */
    uint64_t issued, failed;      /* tries, since the start */
    char problem[256];            /* of the last that failed, in the CA's words or ours; "": none has */
} fa_acme_info;
void fa_acme_info_get(const fa_acme *acme, fa_acme_info *info_out);

/* A certificate that signs itself, for a server that must have one before the first: nobody believes it. */
FA_MUST_CHECK fa_err fa_acme_placeholder(const char *name, fa_tls_identity **identity_out);

#endif
