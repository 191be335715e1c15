/* SPDX-License-Identifier: ISC */
/* What the tests of TLS share: a server and a client of ours, certificates, and their meeting over a pipe. */
#ifndef FATA_TESTS_UNIT_TLS_PAIR_H
#define FATA_TESTS_UNIT_TLS_PAIR_H

#include "../../sdk/flow/pipe.h"
#include "../../sdk/tls/handshake.h"
#include "../../sdk/tls/records.h"
#include "fibers.h"
#include "tls_certs.h"

#define PIPE_BYTES 8192u

static cert ca, other_ca, leaf;
static fa_tls_identity *identity;
static fa_tls_trust *trust;
static fa_tls_server *server;
static fa_tls_client *client;
static fa_flow *pipe_a, *pipe_b;       /* below: the server's, the client's */
static fa_flow *at_server, *at_client; /* NULL: not connected */
static fa_tls_reason server_why, client_why;
static fa_err server_err, client_err;

static inline void accept_one(void *arg)
{
    (void)arg;
    server_err = fa_tls_accept(server, pipe_a, &at_server, &server_why, fa_after_s(10));
}

static inline void make_pipe(size_t cap)
{
    assert_int_equal(fa_pipe_open(cap, &pipe_a, &pipe_b), FA_OK);
    at_server = at_client = NULL;
    server_err = client_err = FA_EAGAIN;
}

/* Both sides; a failed one is gone. */
static inline void meet_as(const char *name)
{
    const fa_fiber_options options = {"server", 64 * FA_KIB};
    assert_int_equal(fa_scope_spawn_with(&scope, &options, accept_one, NULL), FA_OK);
    client_err = fa_tls_connect(client, pipe_b, name, &at_client, &client_why, fa_after_s(10));
    join();
}

static inline void meet(void)
{
    make_pipe(PIPE_BYTES);
    meet_as("fata.example");
    if (client_err != FA_OK || server_err != FA_OK)
        fail_msg("client: %s (%s), server: %s (%s)", fa_err_text(client_err), client_why.text,
                 fa_err_text(server_err), server_why.text);
}

static inline void part(void)
{
    if (at_server != NULL)
        fa_flow_close(at_server);
    if (at_client != NULL)
        fa_flow_close(at_client);
    at_server = at_client = NULL;
}

static inline void make_server(const fa_tls_server_options *options)
{
    fa_tls_server_free(server);
    const fa_err err = fa_tls_server_new(options, &server, &server_why);
    if (err != FA_OK)
        fail_msg("%s: %s", fa_err_text(err), server_why.text);
}

static inline void make_client(const fa_tls_client_options *options)
{
    fa_tls_client_free(client);
    const fa_err err = fa_tls_client_new(options, &client, &client_why);
    if (err != FA_OK)
        fail_msg("%s: %s", fa_err_text(err), client_why.text);
}

static inline int setup_all(void **state)
{
    (void)state;
    fa_clock_set_wall(CERT_NOW_S * FA_NS_PER_S);
    assert_int_equal(fa_tls_library_start(), FA_OK);
    cert_make(&ca, &(cert_options){.subject = "CN=Test CA,O=Fata", .ca = true}, NULL);
    cert_make(&other_ca, &(cert_options){.subject = "CN=Another CA", .ca = true}, NULL);
    cert_make(&leaf, &(cert_options){.subject = "CN=leaf", .dns = "fata.example", .other_dns = "*.wild.example",
                                     .ip = {192, 0, 2, 1}}, &ca);
    identity = cert_identity(&leaf);
    trust = cert_trust(&ca);
    return 0;
}

static inline int setup_pair(void **state)
{
    fa_clock_set_wall(CERT_NOW_S * FA_NS_PER_S);
    const int ret = setup(state);
    make_server(&(fa_tls_server_options){.identities = &identity, .identity_count = 1});
    make_client(&(fa_tls_client_options){.trust = trust});
    return ret;
}

static inline int teardown_pair(void **state)
{
    (void)state;
    part();
    fa_tls_server_free(server);
    fa_tls_client_free(client);
    server = NULL;
    client = NULL;
    fa_scope_close(&scope);
    return fa_tls_records_kept() == 0 && fa_tls_handshakes_under_way() == 0 ? 0 : -1;
}

static inline void write_text(fa_flow *flow, const char *text)
{
    assert_int_equal(fa_flow_write(flow, &(fa_slice){text, strlen(text)}, 1, fa_after_s(1)), FA_OK);
}

static inline void expect_read(fa_flow *flow, const char *want)
{
    char text[64];
    size_t len;
    assert_int_equal(fa_flow_read(flow, text, sizeof text - 1, &len, fa_after_s(1)), FA_OK);
    text[len] = '\0';
    assert_string_equal(text, want);
}

static inline fa_tls_info info_of(const fa_flow *flow)
{
    fa_tls_info info;
    assert_int_equal(fa_tls_info_get(flow, &info), FA_OK);
    return info;
}

#define PAIR(name) cmocka_unit_test_setup_teardown(name, setup_pair, teardown_pair)

#endif
