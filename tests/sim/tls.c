/* SPDX-License-Identifier: ISC */
/* TLS over TCP over a bad link: handshakes, much data both ways, both ends and resumption, while segments are lost, repeated, changed
 * and come in another order. All arrives, once and in order; nothing is left behind. */
#include "../../sdk/tls/handshake.h"
#include "../../sdk/tls/records.h"
#include "../fuzz/tls_machine.h"
#include "../unit/tls_certs.h"
#include "tcp_couple.h"

#define NAME "fata.example"
#define PIECE_MAX 40000u

typedef struct side {
    fa_flow flow; /* below TLS: its first member */
    fa_host *host;
    fa_tcp *tcp;
    fa_tls_conn *conn;
    bool done, shut, ended, resumed;
    size_t to_send, sent, heard, piece; /* the piece comes again until it is taken */
    uint8_t key;
} side;

typedef struct meeting {
    couple both;
    side server, client;
} meeting;

static fa_tls_identity *identity;
static fa_tls_trust *trust;
static fa_tls_server *server;
static fa_tls_client *client;

/* The flow. */

static fa_err read_tcp(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out)
{
    side *s = (side *)flow;
    return fa_tcp_read(s->host, s->tcp, bytes_out, cap, len_out);
}

static fa_err write_tcp(fa_flow *flow, const fa_slice *slices, size_t count, size_t *len_out)
{
    side *s = (side *)flow;
    return fa_tcp_write(s->host, s->tcp, slices, count, len_out);
}

static void arm_tcp(fa_flow *flow, unsigned events, fa_waker *waker)
{
    (void)flow, (void)events, (void)waker; /* each instant looks */
}

static fa_err shut_tcp(fa_flow *flow)
{
    side *s = (side *)flow;
    fa_tcp_shutdown(s->host, s->tcp);
    return FA_OK;
}

static void close_tcp(fa_flow *flow, bool abort)
{
    side *s = (side *)flow;
    fa_tcp_close(s->host, s->tcp, abort);
}

static void side_init(side *s, fa_host *host, fa_tcp *tcp, fa_tls_config *config, size_t to_send, uint8_t key)
{
    static const fa_flow_ops ops = {read_tcp, write_tcp, arm_tcp, shut_tcp, close_tcp};
    *s = (side){.flow = {&ops}, .host = host, .tcp = tcp, .to_send = to_send, .key = key};
    require(fa_tls_conn_new(config, &s->flow, &s->conn) == FA_OK);
    mbedtls_ssl_set_verify(&s->conn->ssl, fa_tls_verify, s->conn);
}

/* What they say. */

static uint8_t byte_at(size_t at, uint8_t key)
{
    return (uint8_t)(at * 31 + at / 251 + key);
}

static void shake(side *s)
{
    s->conn->resumed = true; /* unless a certificate is seen */
    const int ret = fa_tls_handshake_step(s->conn);
    require(ret == 0 || ret == MBEDTLS_ERR_SSL_WANT_READ || ret == MBEDTLS_ERR_SSL_WANT_WRITE);
    if (ret != 0)
        return;
    s->done = true;
    s->resumed = s->conn->ssl.session->peer_cert == NULL;
    fa_tls_peer_keep(s->conn);
    fa_tls_conn_forget_identities(s->conn);
    require(fa_tls_records_settle(s->conn) == FA_OK);
}

static void speak(tcp_world *world, side *s)
{
    static uint8_t bytes[PIECE_MAX];
    fa_err err = FA_OK;
    while (err == FA_OK && s->sent < s->to_send) {
        size_t len;
        if (s->piece == 0)
            s->piece = 1 + world_random(world, PIECE_MAX - 1);
        s->piece = s->piece < s->to_send - s->sent ? s->piece : s->to_send - s->sent;
        for (size_t i = 0; i < s->piece; i++)
            bytes[i] = byte_at(s->sent + i, s->key);
        err = fa_flow_try_write(&s->conn->flow, &(fa_slice){bytes, s->piece}, 1, &len);
        require(err == FA_OK || err == FA_EAGAIN);
        if (err == FA_OK) {
            s->sent += len;
            s->piece -= len;
        }
    }
    if (s->sent == s->to_send && !s->shut && fa_tls_conn_say_end(s->conn) == FA_OK)
        s->shut = true;
}

static void listen(side *s, const side *other)
{
    static uint8_t bytes[5000];
    size_t len = 1;
    while (!s->ended && fa_flow_try_read(&s->conn->flow, bytes, sizeof bytes, &len) == FA_OK) {
        for (size_t i = 0; i < len; i++)
            require(bytes[i] == byte_at(s->heard + i, other->key));
        s->heard += len;
        s->ended = len == 0;
        require(!s->ended || s->heard == other->to_send);
    }
    require(s->conn->err == FA_OK);
}

static bool step(tcp_world *world, void *arg)
{
    meeting *m = arg;
    side *sides[] = {&m->server, &m->client};
    unsigned events;
    machine_now_ns = world->now_ns;
    for (unsigned i = 0; i < 2; i++) {
        while (fa_tcp_take_changed(sides[i]->host, &events) != NULL) {
        }
        if (!sides[i]->done)
            shake(sides[i]);
        if (sides[i]->done) {
            speak(world, sides[i]);
            listen(sides[i], sides[1 - i]);
        }
    }
    return m->server.ended && m->server.shut && m->client.ended && m->client.shut;
}

static bool meet(meeting *m, size_t to_server, size_t to_client)
{
    fa_tls_reason why_server = {""}, why_client = {""};
    couple_connect(&m->both);
    machine_now_ns = m->both.world.now_ns;
    side_init(&m->server, m->both.server, m->both.b, (fa_tls_config *)server, to_client, 1);
    side_init(&m->client, m->both.client, m->both.a, (fa_tls_config *)client, to_server, 2);
    require(fa_tls_client_prepare(client, m->client.conn, NAME, &why_client) == FA_OK);
    m->server.conn->why = &why_server;
    m->client.conn->why = &why_client;
    const bool in_time = world_run(&m->both.world, 600 * S, step, m);
    require(in_time);
    if (m->client.conn->ssl.tls_version == MBEDTLS_SSL_VERSION_TLS1_2)
        fa_tls_client_keep_session(m->client.conn);
    const bool resumed = m->client.resumed;
    fa_tls_conn_free(m->client.conn, false);
    fa_tls_conn_free(m->server.conn, false);
    require(fa_tls_records_kept() == 0);
    return resumed;
}

static void begin(bool old)
{
    static cert ca, leaf;
    machine_now_ns = S;
    machine_seed();
    require(fa_tls_library_start() == FA_OK);
    if (identity == NULL) {
        cert_make(&ca, &(cert_options){.subject = "CN=Test CA", .ca = true}, NULL);
        cert_make(&leaf, &(cert_options){.subject = "CN=leaf", .dns = NAME}, &ca);
        identity = cert_identity(&leaf);
        trust = cert_trust(&ca);
    }
    require(fa_tls_server_new(&(fa_tls_server_options){.identities = &identity, .identity_count = 1}, &server, NULL) == FA_OK);
    require(fa_tls_client_new(&(fa_tls_client_options){.trust = trust}, &client, NULL) == FA_OK);
    if (old)
        mbedtls_ssl_conf_max_tls_version(&server->config.mbed, MBEDTLS_SSL_VERSION_TLS1_2);
}

static void finish(meeting *m)
{
    couple_free(&m->both);
    fa_tls_client_free(client);
    fa_tls_server_free(server);
}

static void begin_bad(meeting *m, uint64_t seed)
{
    begin(seed % 2 == 0);
    couple_init(&m->both, seed);
    m->both.world.link.delay_ns = 10 * MS;
    m->both.world.link.jitter_ns = 5 * MS;
    m->both.world.link.loss = 50000;
    m->both.world.link.duplicate = 20000;
    m->both.world.link.corrupt = 10000;
    m->both.world.link.reorder = 50000;
}

static void handshakes(uint64_t seed)
{
    meeting m;
    begin_bad(&m, seed);
    for (unsigned i = 0; i < 3; i++)
        require(meet(&m, 1, 1000) == (i > 0)); /* the first is full, the others are resumed */
    finish(&m);
}

static void bulk(uint64_t seed)
{
    meeting m;
    begin_bad(&m, seed);
    (void)meet(&m, 300000, 500000);
    finish(&m);
}

/* The keys of tickets are changed: one of an hour ago is good, one of long ago is not. */
static void tickets_of_long_ago(uint64_t seed)
{
    meeting m;
    begin(seed % 2 == 0);
    couple_init(&m.both, seed);
    require(!meet(&m, 10, 10));
    couple_run(&m.both, FA_TLS_TICKET_S / 2 * S);
    require(meet(&m, 10, 10));
    couple_run(&m.both, (FA_TLS_TICKET_S + 1) * S);
    require(!meet(&m, 10, 10));
    require(meet(&m, 10, 10));
    finish(&m);
}

int main(int argc, char **argv)
{
    static const couple_test tests[] = {
        {"handshakes, full and resumed, over a bad link", handshakes, 10},
        {"much data both ways over a bad link", bulk, 4},
        {"tickets of long ago are not resumed", tickets_of_long_ago, 2},
    };
    const int status = couple_main(argc, argv, tests, FA_ARRAY_COUNT(tests));
    fa_tls_identity_free(identity);
    fa_tls_trust_free(trust);
    return status;
}
