/* SPDX-License-Identifier: ISC */
/* Fuzzes TLS: our client and our server talk, and somebody between them cuts, changes, repeats and drops records. An input is a byte
 * that says how they meet (HOW_...), and changes of CHANGE_BYTES each: which record (its top bit: the server's), what is done to it
 * (CHANGE_...), where, and by what. With HOW_RAW, the rest of the input is thrown at one of them instead. Nothing that anybody
 * does makes one read what the other has not written, in that order, or leaves anything behind. Randomness is the same in each run. */
#include "../../sdk/tls/handshake.h"
#include "../../sdk/tls/records.h"
#include "../unit/tls_certs.h"
#include "require.h"
#include "tls_machine.h"
#include "tls_world.h"

#define HOW_12 1u       /* TLS 1.2 */
#define HOW_ASKS 2u     /* the server wants a certificate */
#define HOW_AGAIN 4u    /* a session is resumed: that of a first, undisturbed connection */
#define HOW_RAW 8u
#define HOW_TO_CLIENT 16u
#define HOW_RSA 32u
#define HOW_DRIBBLE 64u /* bytes arrive one by one */
#define HOW_UPDATES 128u /* by TLS 1.3, each changes its keys before whatever it says */
#define ROUNDS_MAX 20000u
#define SAYS 3u         /* how often each says something */
#define NAME "fata.example"

static fa_tls_identity *identity, *rsa_identity, *mine;
static fa_tls_trust *trust;

typedef struct side {
    fa_tls_conn *conn;
    bool done, failed, ended, updates;
    unsigned said;
    size_t heard;
} side;

static void begin(void)
{
    static bool begun;
    static cert ca, leaf, rsa_leaf, client;
    if (begun)
        return;
    begun = true;
    require(fa_tls_library_start() == FA_OK);
    cert_make(&ca, &(cert_options){.subject = "CN=Test CA", .ca = true}, NULL);
    cert_make(&leaf, &(cert_options){.subject = "CN=leaf", .dns = NAME}, &ca);
    cert_make(&rsa_leaf, &(cert_options){.subject = "CN=rsa", .dns = NAME, .rsa = true}, &ca);
    cert_make(&client, &(cert_options){.subject = "CN=client", .dns = "client.example"}, &ca);
    identity = cert_identity(&leaf);
    rsa_identity = cert_identity(&rsa_leaf);
    mine = cert_identity(&client);
    trust = cert_trust(&ca);
}

/* One turn of a side: its handshake, then what it says, and hears; true: something happened. */
static bool turn(side *s)
{
    static const char text[] = "what one says, the other hears: ";
    char bytes[16];
    size_t len = 0;
    bool moved = false;
    if (s->failed || s->ended)
        return false;
    if (!s->done) {
        const int ret = fa_tls_handshake_step(s->conn);
        if (ret == MBEDTLS_ERR_SSL_WANT_READ || ret == MBEDTLS_ERR_SSL_WANT_WRITE)
            return false;
        s->failed = ret != 0;
        s->done = ret == 0;
        if (s->done) {
            fa_tls_peer_keep(s->conn);
            fa_tls_conn_forget_identities(s->conn);
            s->conn->why = NULL;
            require(fa_tls_records_settle(s->conn) == FA_OK);
        }
        return true;
    }
    fa_flow *flow = &s->conn->flow;
    s->conn->owes_update |= s->updates && s->said < SAYS && mbedtls_ssl_get_version_number(&s->conn->ssl) == MBEDTLS_SSL_VERSION_TLS1_3;
    if (s->said < SAYS && fa_flow_try_write(flow, &(fa_slice){text, sizeof text - 1}, 1, &len) == FA_OK) {
        require(len == sizeof text - 1);
        s->said++;
        moved = true;
    } else if (s->said == SAYS) {
        s->said++;
        moved = fa_flow_shutdown(flow) == FA_OK;
    }
    const fa_err err = fa_flow_try_read(flow, bytes, sizeof bytes, &len);
    if (err == FA_EAGAIN)
        return moved;
    s->failed = err != FA_OK;
    s->ended = err == FA_OK && len == 0;
    for (size_t i = 0; err == FA_OK && i < len; i++, s->heard++)
        require(bytes[i] == text[s->heard % (sizeof text - 1)] && s->heard < SAYS * (sizeof text - 1));
    require(!s->ended || s->heard == SAYS * (sizeof text - 1)); /* an end is the end of all */
    return true;
}

static void talk(fa_tls_server *server, fa_tls_client *client, unsigned how, const uint8_t *changes, size_t len)
{
    side at_server = {.updates = (how & HOW_UPDATES) != 0}, at_client = at_server;
    fa_tls_reason why_server = {""}, why_client = {""};
    world_begin(changes, len, (how & HOW_DRIBBLE) != 0);
    require(fa_tls_conn_new(&server->config, &world.ends[0].flow, &at_server.conn) == FA_OK);
    require(fa_tls_conn_new((fa_tls_config *)client, &world.ends[1].flow, &at_client.conn) == FA_OK);
    mbedtls_ssl_set_verify(&at_server.conn->ssl, fa_tls_verify, at_server.conn);
    require(fa_tls_client_prepare(client, at_client.conn, NAME, &why_client) == FA_OK);
    at_server.conn->why = &why_server;
    at_client.conn->why = &why_client;
    for (unsigned rounds = 0, idle = 0; rounds < ROUNDS_MAX && idle < 2; rounds++) {
        const size_t before = world_progress();
        const bool server_moved = turn(&at_server), client_moved = turn(&at_client), wire_moved = world_move();
        idle = server_moved || client_moved || wire_moved || world_progress() != before ? 0 : idle + 1;
    }
    if (len == 0) /* nobody between them */
        require(at_server.ended && at_client.ended);
    else if (at_client.done)
        require(strcmp(at_client.conn->subject, how & HOW_RSA ? "CN=rsa" : "CN=leaf") == 0);
    if (len == 0 && at_client.done && (how & HOW_12) != 0)
        fa_tls_client_keep_session(at_client.conn);
    fa_tls_conn_free(at_client.conn, true);
    fa_tls_conn_free(at_server.conn, true);
    require(fa_tls_records_kept() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fa_tls_server *server;
    fa_tls_client *client;
    begin();
    if (len == 0)
        return 0;
    const unsigned how = bytes[0];
    const bool asks = (how & HOW_ASKS) != 0;
    machine_seed();
    require(fa_tls_server_new(&(fa_tls_server_options){.identities = how & HOW_RSA ? &rsa_identity : &identity, .identity_count = 1,
                                                       .asks = asks ? FA_TLS_ASKS_REQUIRED : FA_TLS_ASKS_NONE,
                                                       .trust = asks ? trust : NULL}, &server, NULL) == FA_OK);
    require(fa_tls_client_new(&(fa_tls_client_options){.trust = trust, .identity = asks ? mine : NULL}, &client, NULL) == FA_OK);
    if (how & HOW_12)
        mbedtls_ssl_conf_max_tls_version(&server->config.mbed, MBEDTLS_SSL_VERSION_TLS1_2);
    if (how & HOW_RAW) {
        world_throw(bytes + 1, len - 1, how & HOW_TO_CLIENT ? 1 : 0);
        talk(server, client, how, bytes, 1);
    } else {
        if (how & HOW_AGAIN)
            talk(server, client, how & ~HOW_DRIBBLE, NULL, 0);
        talk(server, client, how, bytes + 1, len - 1);
    }
    fa_tls_client_free(client);
    fa_tls_server_free(server);
    return 0;
}
