/* SPDX-License-Identifier: ISC */
/* Servers: which identity a client is shown, tickets, and how often handshakes begin. */
#include "conn.h"
#include "handshake.h"
#include "plain.h"
#include "records.h"
#include <mbedtls/oid.h>
#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 9525 section 6.3: a star stands for the whole first label, and for one alone. */
static bool name_fits(const mbedtls_x509_buf *pattern, const char *name, size_t len)
{
    const char *text = (const char *)pattern->p;
    if (pattern->len == len && strncasecmp(text, name, len) == 0)
        return true;
    if (pattern->len < 3 || text[0] != '*' || text[1] != '.')
        return false;
    const char *dot = memchr(name, '.', len);
    const size_t label = dot == NULL ? len : (size_t)(dot - name);
    return label > 0 && len - label == pattern->len - 1 && strncasecmp(text + 1, dot, len - label) == 0;
}

static bool is_named(const fa_tls_identity *identity, const char *name, size_t len)
{
    const mbedtls_x509_crt *crt = &identity->chain;
    if (len == 0 || !mbedtls_x509_crt_has_ext_type(crt, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        return false;
    for (const mbedtls_x509_sequence *at = &crt->subject_alt_names; at != NULL; at = at->next)
        if (((unsigned)at->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_DNS_NAME &&
            name_fits(&at->buf, name, len))
            return true;
    return false;
}

static int show(fa_tls_conn *conn, fa_tls_identity *identity)
{
    for (size_t i = 0; i < FA_TLS_KINDS; i++) {
        if (conn->identities[i] != NULL)
            continue;
        conn->identities[i] = fa_tls_identity_keep(identity);
        return mbedtls_ssl_set_hs_own_cert(&conn->ssl, &identity->chain, &identity->key);
    }
    return 0;
}

static bool is_only_for(const fa_tls_identity *identity, const char *alpn)
{
    return identity->only_for != NULL && alpn != NULL && strcmp(identity->only_for, alpn) == 0;
}

/* Called when the client's hello has been read. */
static int choose(mbedtls_ssl_context *ssl)
{
    fa_tls_conn *conn = ssl->p_bio;
    const fa_tls_server *server = (fa_tls_server *)conn->config;
    const char *alpn = mbedtls_ssl_get_alpn_protocol(ssl);
    size_t len = 0;
    const char *name = (const char *)mbedtls_ssl_get_hs_sni(ssl, &len);
    int ret = 0;
    if (conn->identities[0] != NULL)
        return 0; /* a second hello, after HelloRetryRequest */
    if (name != NULL && len < FA_TLS_NAME_BYTES_MAX && memchr(name, '\0', len) == NULL)
        conn->name = strndup(name, len);
    for (size_t i = 0; i < server->identity_count && ret == 0; i++)
        if (is_only_for(server->identities[i], alpn) && is_named(server->identities[i], name, len))
            ret = show(conn, server->identities[i]);
    if (conn->identities[0] != NULL)
        return ret;
    for (size_t i = 0; i < server->identity_count && ret == 0; i++)
        if (server->identities[i]->only_for == NULL && is_named(server->identities[i], name, len))
            ret = show(conn, server->identities[i]);
    for (size_t i = 0; i < server->identity_count && ret == 0 && conn->identities[0] == NULL; i++)
        if (server->identities[i]->only_for == NULL)
            ret = show(conn, server->identities[i]);
    return ret;
}

static void drop_identities(fa_tls_server *server)
{
    for (size_t i = 0; i < server->identity_count; i++)
        fa_tls_identity_free(server->identities[i]);
    server->identity_count = 0;
}

/* The protocol of an identity for that alone is offered as well. */
static void add_protocol(fa_tls_server *server, const char *alpn)
{
    const char **list = server->config.alpn;
    if (list[0] == NULL)
        return; /* who offers any other would be refused */
    for (; *list != NULL; list++)
        if (strcmp(*list, alpn) == 0)
            return;
    if (list < server->config.alpn + FA_TLS_SERVER_PROTOCOLS)
        *list = alpn;
}

/* Sessions of before end: they stand for what is shown no more. */
static fa_err change_ticket_keys(fa_tls_server *server)
{
    unsigned char name[MBEDTLS_SSL_TICKET_KEY_NAME_BYTES], key[MBEDTLS_SSL_TICKET_MAX_KEY_BYTES];
    int ret = 0;
    if (server->config.mbed.f_ticket_write == NULL)
        return FA_OK;
    for (unsigned i = 0; i < 2 && ret == 0; i++) { /* the one before is still taken otherwise */
        ret = fa_tls_draw(NULL, name, sizeof name);
        if (ret == 0)
            ret = fa_tls_draw(NULL, key, sizeof key);
        if (ret == 0)
            ret = mbedtls_ssl_ticket_rotate(&server->tickets, name, sizeof name, key, sizeof key, FA_TLS_TICKET_S);
    }
    mbedtls_platform_zeroize(key, sizeof key);
    return ret == 0 ? FA_OK : FA_ENOENTROPY;
}

fa_err fa_tls_server_set_identities(fa_tls_server *server, fa_tls_identity *const *identities,
                                    size_t count)
{
    if (count == 0 || count > FA_TLS_IDENTITIES_MAX)
        return count == 0 ? FA_EINVAL : FA_ELIMIT;
    const fa_err err = change_ticket_keys(server);
    if (err != FA_OK)
        return err;
    for (size_t i = 0; i < count; i++)
        fa_tls_identity_keep(identities[i]);
    drop_identities(server);
    memcpy(server->identities, identities, count * sizeof *identities);
    server->identity_count = count;
    for (size_t i = 0; i < count; i++)
        if (identities[i]->only_for != NULL)
            add_protocol(server, identities[i]->only_for);
    return FA_OK;
}

fa_err fa_tls_server_set_trust(fa_tls_server *server, fa_tls_trust *trust)
{
    return fa_tls_config_set_trust(&server->config, trust); /* no session stands for a client's certificate */
}

static void end(fa_tls_config *config)
{
    fa_tls_server *server = (fa_tls_server *)config;
    drop_identities(server);
    mbedtls_ssl_ticket_free(&server->tickets);
    fa_tls_config_free(config);
    free(server);
}

static fa_err set_up(fa_tls_server *server, const fa_tls_server_options *options, fa_tls_reason *why)
{
    mbedtls_ssl_config *mbed = &server->config.mbed;
    static const int modes[] = {MBEDTLS_SSL_VERIFY_NONE, MBEDTLS_SSL_VERIFY_OPTIONAL,
                                MBEDTLS_SSL_VERIFY_REQUIRED};
    if (options->asks != FA_TLS_ASKS_NONE && options->trust == NULL) {
        fa_tls_say(why, "clients' certificates are asked for, but there is nobody to trust");
        return FA_EINVAL;
    }
    server->asks = options->asks;
    server->handshake_ns = options->handshake_ns == 0 ? FA_TLS_HANDSHAKE_NS : options->handshake_ns;
    server->per_s = options->handshakes_per_s == 0 ? FA_TLS_HANDSHAKES_PER_S : options->handshakes_per_s;
    mbedtls_ssl_conf_authmode(mbed, modes[options->asks]);
    mbedtls_ssl_conf_cert_cb(mbed, choose);
    if (options->asks == FA_TLS_ASKS_NONE && !options->no_tickets) {
        if (mbedtls_ssl_ticket_setup(&server->tickets, fa_tls_draw, NULL, MBEDTLS_CIPHER_AES_256_GCM,
                                     FA_TLS_TICKET_S) != 0)
            return FA_ENOMEM;
        mbedtls_ssl_conf_session_tickets_cb(mbed, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                            &server->tickets);
    } else {
        mbedtls_ssl_conf_new_session_tickets(mbed, 0);
    }
    const fa_err err =
        fa_tls_server_set_identities(server, options->identities, options->identity_count);
    if (err == FA_EINVAL)
        fa_tls_say(why, "a server needs an identity: a certificate and its key (`fata cert new`)");
    return err;
}

fa_err fa_tls_server_new(const fa_tls_server_options *options, fa_tls_server **server_out,
                         fa_tls_reason *why)
{
    fa_tls_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return FA_ENOMEM;
    server->config.end = end;
    mbedtls_ssl_ticket_init(&server->tickets);
    fa_err err = fa_tls_config_init(&server->config, MBEDTLS_SSL_IS_SERVER, options->only_13,
                                    options->alpn, options->trust, why);
    if (err == FA_OK)
        err = set_up(server, options, why);
    if (err == FA_OK)
        *server_out = server;
    else
        fa_tls_server_free(server);
    return err;
}

void fa_tls_server_free(fa_tls_server *server)
{
    if (server != NULL)
        fa_tls_config_release(&server->config);
}

void fa_tls_server_stats(const fa_tls_server *server, fa_tls_stats *stats_out)
{
    *stats_out = (fa_tls_stats){
        .handshakes = server->handshakes,
        .resumed = server->resumed,
        .failed = server->failed,
        .gave_way = server->gave_way,
        .under_way = fa_tls_handshakes_under_way(),
        .waiting = server->waiting,
        .kept_buffers = fa_tls_records_kept(),
        .kept_buffers_max = fa_tls_records_kept_max(),
    };
}

/* No more than so many begin in a second; a tenth of them at once. */
static fa_err take_token(fa_tls_server *server, fa_deadline deadline)
{
    const uint64_t each_ns = server->per_s < FA_NS_PER_S ? FA_NS_PER_S / server->per_s : 1;
    const unsigned burst = server->per_s / 10 + 1;
    for (;;) {
        const uint64_t now_ns = fa_clock_mono_ns();
        const uint64_t more = (now_ns - server->allowed_at_ns) / each_ns;
        if (server->allowed + more >= burst) {
            server->allowed = burst;
            server->allowed_at_ns = now_ns;
        } else {
            server->allowed += (unsigned)more;
            server->allowed_at_ns += more * each_ns;
        }
        if (server->allowed > 0) {
            server->allowed--;
            return FA_OK;
        }
        const fa_deadline next = server->allowed_at_ns + each_ns;
        const fa_err err = fa_sleep(next < deadline ? next : deadline);
        if (err != FA_OK)
            return err;
        if (fa_clock_mono_ns() >= deadline)
            return FA_ETIMEDOUT;
    }
}

fa_err fa_tls_accept(fa_tls_server *server, fa_flow *flow_take, fa_flow **flow_out,
                     fa_tls_reason *why, fa_deadline deadline)
{
    return fa_tls_accept_head(server, flow_take, &(fa_tls_head){.len = 0}, flow_out, why, deadline);
}

fa_err fa_tls_accept_head(fa_tls_server *server, fa_flow *flow_take, const fa_tls_head *head,
                          fa_flow **flow_out, fa_tls_reason *why, fa_deadline deadline)
{
    fa_tls_conn *conn;
    fa_tls_say(why, "%s", "");
    fa_err err = fa_tls_conn_new(&server->config, flow_take, &conn);
    if (err != FA_OK) {
        fa_tls_say(why, "%s", fa_err_text(err));
        return err;
    }
    memcpy(conn->head, head->bytes, head->len);
    conn->head_len = head->len;
    mbedtls_ssl_set_verify(&conn->ssl, fa_tls_verify, conn);
    err = take_token(server, deadline);
    if (err == FA_OK)
        err = fa_tls_handshake(conn, why, deadline);
    server->handshakes += err == FA_OK;
    server->resumed += err == FA_OK && conn->resumed;
    server->gave_way += err == FA_EBUSY;
    server->failed += err != FA_OK && err != FA_EBUSY;
    if (err == FA_OK)
        *flow_out = &conn->flow;
    else
        fa_tls_conn_end_failed(conn, err);
    return err;
}
