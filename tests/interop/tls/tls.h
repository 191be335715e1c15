/* SPDX-License-Identifier: ISC */
/* What the two sides of this program share: its embedded certificates, and how a connection is described. */
#ifndef TESTS_INTEROP_TLS_H
#define TESTS_INTEROP_TLS_H

#include <fata/fata.h>
#include <fata/tls.h>

#define WAIT_S 20 /* for a peer */
#define LINE_BYTES 512u

/* From files/NAME.pem, NAME.key; "" or no such file: ends the run, saying why. */
fa_tls_identity *identity_of(const char *name);
/* The CA of the tests, and what it has revoked. */
fa_tls_trust *trust(void);
/* "TLSv1.3 TLS1-3-... alpn=h2 name=a.example peer=CN=x resumed=0" */
void describe(const fa_flow *flow, char line_out[LINE_BYTES]);

/* The server: a listener for each kind, until the machine is to stop. */
FA_MUST_CHECK fa_err serve(fa_net *net);

/* The client: "4501=a.example,4502=10.9.1.1": each port of `host` is asked, as if its name were that. */
typedef struct ask_options {
    const char *host, *targets, *identity, *alpn;
    bool only_13, unverified;
    uint64_t times, talks;
} ask_options;
FA_MUST_CHECK fa_err ask_all(fa_net *net, const ask_options *options);

#endif
