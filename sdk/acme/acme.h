/* SPDX-License-Identifier: ISC */
/* ACME's inside: an account at a CA, and one order at a time. order.c speaks with the CA; acme.c keeps keys and
 * certificates, and says when. Limits and timers of the protocol (RFC 8555) stand here. */
#ifndef FATA_ACME_ACME_H
#define FATA_ACME_ACME_H

#include "certificates.h"
#include "jose.h"
#include "json.h"
#include <fata/acme.h>
#include <fata/http_client.h>

#define FA_ACME_BODY_BYTES_MAX FA_ACME_KEPT_BYTES_MAX /* of a response of the CA */
#define FA_ACME_URL_BYTES 512u
#define FA_ACME_NONCE_BYTES 256u
#define FA_ACME_TOKEN_BYTES 129u /* with its NUL; RFC 8555, 8.1: 128 bits at least */
#define FA_ACME_REQUEST_NS (60 * FA_NS_PER_S)
#define FA_ACME_TRIES 6u         /* of a request whose nonce is refused, or whose connection ends */
/* How often the CA is asked whether it is done: after 1 s, doubled up to 30 s, or when it says; so many times. */
#define FA_ACME_POLL_NS FA_NS_PER_S
#define FA_ACME_POLL_MAX_NS (30 * FA_NS_PER_S)
#define FA_ACME_POLLS 40u
/* RFC 8555, 6.6: when it has given too much already, and does not say for how long. */
#define FA_ACME_LIMITED_NS (3600 * FA_NS_PER_S)

struct fa_acme {
    fa_acme_options options;
    bool runs, has_looked; /* for a certificate that is kept */
    fa_http_agent *agent;  /* while there is an order */
    mbedtls_pk_context account;
    bool has_account;
    char thumbprint[FA_JOSE_THUMBPRINT_BYTES];
    fa_tls_identity *certificate, *challenge; /* NULL: none */
    fa_tls_identity *placeholder;             /* is shown with a challenge while there is no certificate */
    /* What the CA has said. */
    char new_nonce[FA_ACME_URL_BYTES], new_account[FA_ACME_URL_BYTES], new_order[FA_ACME_URL_BYTES];
    char account_url[FA_ACME_URL_BYTES]; /* "": not asked yet */
    char nonce[FA_ACME_NONCE_BYTES];     /* "": a new one is needed */
    unsigned status;
    char location[FA_ACME_URL_BYTES];
    uint64_t retry_after_ns; /* 0: it has not said */
    char *body;              /* FA_ACME_BODY_BYTES_MAX + 1, with a NUL behind it */
    size_t body_len;
    /* What it looks for: "": nothing. */
    char token[FA_ACME_TOKEN_BYTES];
    char key_authorization[FA_ACME_TOKEN_BYTES + FA_JOSE_THUMBPRINT_BYTES];
    fa_acme_info info;
};

/* Gets a certificate for the key: its chain, in PEM, is then in acme->body. A failure is in info.problem. */
FA_MUST_CHECK fa_err fa_acme_order(fa_acme *acme, mbedtls_pk_context *key, fa_deadline deadline);
/* Says what was wrong, and returns `err`. */
fa_err fa_acme_problem(fa_acme *acme, fa_err err, const char *fmt, ...) FA_PRINTF(3, 4);
/* Tells the application what to be. FA_ENOMEM, FA_ENOENTROPY: there was to be a placeholder. */
FA_MUST_CHECK fa_err fa_acme_tell(fa_acme *acme);

#endif
