/* SPDX-License-Identifier: ISC */
/* Clients: the server's name, and sessions that are kept to be resumed. */
#include "conn.h"
#include <ctype.h>
#include <fata/log.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("tls");

typedef struct session {
    char *server; /* NULL: free */
    uint16_t port;
    char *subject, *names;
    uint64_t used_ns, until_s;
    mbedtls_ssl_session mbed;
} session;

struct fa_tls_client {
    fa_tls_config config; /* its first member */
    fa_tls_identity *identity;
    bool unverified;
    unsigned trusts; /* how often it was replaced */
    size_t session_count;
    session *sessions;
};

static void drop_session(session *s)
{
    mbedtls_ssl_session_free(&s->mbed);
    free(s->server);
    free(s->subject);
    free(s->names);
    *s = (session){.server = NULL};
}

static void end(fa_tls_config *config)
{
    fa_tls_client *client = (fa_tls_client *)config;
    for (size_t i = 0; i < client->session_count; i++)
        drop_session(&client->sessions[i]);
    free(client->sessions);
    fa_tls_config_free(config);
    fa_tls_identity_free(client->identity);
    free(client);
}

static session *session_of(const fa_tls_client *client, const fa_tls_conn *conn)
{
    for (size_t i = 0; i < client->session_count; i++)
        if (client->sessions[i].server != NULL && client->sessions[i].port == conn->port &&
            strcmp(client->sessions[i].server, conn->name) == 0)
            return &client->sessions[i];
    return NULL;
}

static session *free_session(const fa_tls_client *client)
{
    session *oldest = &client->sessions[0];
    for (size_t i = 0; i < client->session_count; i++) {
        session *s = &client->sessions[i];
        if (s->server == NULL)
            return s;
        if (s->used_ns < oldest->used_ns)
            oldest = s;
    }
    return oldest;
}

void fa_tls_client_keep_session(fa_tls_conn *conn)
{
    fa_tls_client *client = (fa_tls_client *)conn->config;
    if (conn->trusts_before != client->trusts)
        return;
    session *s = session_of(client, conn);
    if (s == NULL)
        s = free_session(client);
    drop_session(s);
    mbedtls_ssl_session_init(&s->mbed);
    if (mbedtls_ssl_get_session(&conn->ssl, &s->mbed) != 0)
        return;
    mbedtls_platform_zeroize(&s->mbed.app_secrets, sizeof s->mbed.app_secrets); /* this connection's alone */
    s->server = strdup(conn->name);
    s->port = conn->port;
    s->subject = conn->subject == NULL ? NULL : strdup(conn->subject);
    s->names = conn->names == NULL ? NULL : strdup(conn->names);
    s->used_ns = fa_clock_mono_ns();
    s->until_s = conn->trusted_until_s;
    if (s->server == NULL)
        drop_session(s);
}

/* A ticket is shown once: seen twice, it would tell an observer who comes again (RFC 8446, C.4). Returns until
 * when the session stands for a certificate. */
static uint64_t resume(const fa_tls_client *client, fa_tls_conn *conn)
{
    session *s = session_of(client, conn);
    if (s == NULL)
        return 0;
    const uint64_t until_s = s->until_s;
    if (fa_clock_wall_ns() / FA_NS_PER_S < until_s && mbedtls_ssl_set_session(&conn->ssl, &s->mbed) == 0) {
        conn->subject = s->subject;
        conn->names = s->names;
        s->subject = s->names = NULL;
        conn->offers_session = true;
    }
    drop_session(s);
    return until_s;
}

fa_err fa_tls_client_new(const fa_tls_client_options *options, fa_tls_client **client_out,
                         fa_tls_reason *why)
{
    if (options->trust == NULL && !options->unverified) {
        fa_tls_say(why, "there is nobody to trust");
        return FA_EINVAL;
    }
    fa_tls_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return FA_ENOMEM;
    client->config.end = end;
    client->unverified = options->unverified;
    client->identity = fa_tls_identity_keep(options->identity);
    const size_t count = options->sessions == 0 ? FA_TLS_SESSIONS : options->sessions;
    client->sessions = calloc(count, sizeof *client->sessions);
    client->session_count = client->sessions == NULL ? 0 : count;
    fa_err err = fa_tls_config_init(&client->config, MBEDTLS_SSL_IS_CLIENT, options->only_13,
                                    options->alpn, options->trust, why);
    mbedtls_ssl_config *mbed = &client->config.mbed;
    if (err == FA_OK && client->sessions == NULL)
        err = FA_ENOMEM;
    if (err == FA_OK && client->identity != NULL &&
        mbedtls_ssl_conf_own_cert(mbed, &client->identity->chain, &client->identity->key) != 0)
        err = FA_ENOMEM;
    if (err != FA_OK) {
        fa_tls_client_free(client);
        return err;
    }
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        mbed, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    if (options->unverified)
        mbedtls_ssl_conf_authmode(mbed, MBEDTLS_SSL_VERIFY_NONE);
    *client_out = client;
    return FA_OK;
}

fa_err fa_tls_client_set_trust(fa_tls_client *client, fa_tls_trust *trust)
{
    const fa_err err = fa_tls_config_set_trust(&client->config, trust);
    if (err != FA_OK)
        return err;
    client->trusts++;
    for (size_t i = 0; i < client->session_count; i++)
        drop_session(&client->sessions[i]);
    return FA_OK;
}

void fa_tls_client_free(fa_tls_client *client)
{
    if (client != NULL)
        fa_tls_config_release(&client->config);
}

/* Of "example.org:8443", what stands behind the colon; false: that is no port. */
static bool take_port(const char *name, size_t *len, uint16_t *port_out)
{
    const char *colon = strrchr(name, ':');
    unsigned long port = 0;
    if (colon == NULL)
        return true;
    for (const char *at = colon + 1; *at != '\0' && port <= UINT16_MAX; at++)
        port = isdigit((unsigned char)*at) ? port * 10 + (unsigned long)(*at - '0') : UINT16_MAX + 1ul;
    if (port == 0 || port > UINT16_MAX)
        return false;
    *port_out = (uint16_t)port;
    *len = (size_t)(colon - name);
    return true;
}

/* The name as certificates have it: in small letters, without a dot at the end. An address is not told
 * to the server (RFC 6066 section 3), and compared here. */
static fa_err set_name(fa_tls_conn *conn, const char *name, fa_tls_reason *why)
{
    size_t len = strlen(name);
    if (!take_port(name, &len, &conn->port)) {
        fa_tls_say(why, "behind the server's name and a colon stands no port");
        return FA_EINVAL;
    }
    len -= len > 1 && name[len - 1] == '.';
    if (len == 0 || len >= FA_TLS_NAME_BYTES_MAX) {
        fa_tls_say(why, "the server's name has no or too many bytes");
        return FA_EINVAL;
    }
    conn->name = strndup(name, len);
    if (conn->name == NULL)
        return FA_ENOMEM;
    for (char *at = conn->name; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    conn->checks_address = fa_ip4_parse(conn->name, &conn->address) == FA_OK;
    conn->checks_name = !conn->checks_address;
    return mbedtls_ssl_set_hostname(&conn->ssl, conn->checks_name ? conn->name : NULL) == 0 ? FA_OK
                                                                                           : FA_ENOMEM;
}

fa_err fa_tls_client_prepare(fa_tls_client *client, fa_tls_conn *conn, const char *name, fa_tls_reason *why)
{
    fa_err err = set_name(conn, name, why);
    if (err != FA_OK)
        return err;
    if (client->unverified) {
        fa_log_warn("%s may be anybody: its certificate is not verified", conn->name);
    } else if (fa_clock_wall_ns() == 0) {
        fa_tls_say(why, "the wall clock is not set, so no certificate can be judged: set it by SNTP, or "
                        "by fa_clock_set_wall()");
        return FA_ENOCLOCK;
    }
    mbedtls_ssl_set_verify(&conn->ssl, fa_tls_verify, conn);
    conn->trusted_until_s = fa_clock_wall_ns() / FA_NS_PER_S + FA_TLS_TICKET_S;
    conn->trusts_before = client->trusts;
    conn->session_until_s = resume(client, conn);
    return FA_OK;
}

static fa_err connect_as(fa_tls_client *client, fa_tls_conn *conn, const char *name, fa_tls_reason *why,
                         fa_deadline deadline)
{
    fa_err err = fa_tls_client_prepare(client, conn, name, why);
    if (err == FA_OK)
        err = fa_tls_handshake(conn, why, deadline);
    if (err == FA_OK && conn->resumed) /* no certificate was seen: a new ticket is as good as the old one */
        conn->trusted_until_s = conn->session_until_s;
    if (err == FA_OK && mbedtls_ssl_get_version_number(&conn->ssl) == MBEDTLS_SSL_VERSION_TLS1_2)
        fa_tls_client_keep_session(conn);
    return err;
}

/* A hello with a session offers that session's version of TLS alone, so a server that has another one now
 * refuses it as a whole. */
static fa_err end_failed(fa_tls_conn *conn, fa_err err)
{
    const bool again = conn->offers_session && (err == FA_ENOTSUP || err == FA_EFORMAT);
    fa_tls_conn_end_failed(conn, err);
    return again ? FA_EAGAIN : err;
}

fa_err fa_tls_connect(fa_tls_client *client, fa_flow *flow_take, const char *name, fa_flow **flow_out,
                      fa_tls_reason *why, fa_deadline deadline)
{
    fa_tls_conn *conn;
    fa_tls_say(why, "%s", "");
    fa_err err = fa_tls_conn_new(&client->config, flow_take, &conn);
    if (err == FA_OK) {
        err = connect_as(client, conn, name, why, deadline);
        if (err == FA_OK)
            *flow_out = &conn->flow;
        else
            err = end_failed(conn, err);
    }
    if (err != FA_OK && why != NULL && why->text[0] == '\0')
        fa_tls_say(why, "%s", fa_err_text(err));
    return err;
}
