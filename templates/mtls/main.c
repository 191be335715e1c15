/* SPDX-License-Identifier: ISC */
/* Two appliances that know each other: each shows a certificate, and takes no other's that the same CA has not
 * issued, or has revoked. One image has both parts: it answers, or with --connect it asks. */
#include <fata/fata.h>
#include <fata/keys.h>
#include <fata/net.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("mtls");
FA_PARAM_STRING(identity, "identity", "", "show the certificate of tls/NAME.pem (the first)");
FA_PARAM_STRING(host, "connect", "", "the appliance to ask, by name or address; none: answer");
FA_PARAM_STRING(peer, "peer", "", "the name that its certificate must have (as in --connect)");
FA_PARAM_UINT(port, "port", 4443, 1, 65535, "the TCP port to answer, or ask, on");
FA_PARAM_FLAG(from_disk, "keys-on-disk", "take certificates and keys from the first disk (`fata cert disk`)");

#define TALK_S 20           /* for a connection's handshake, and for each line */
#define DISK_S 30
#define FINISH_S 3          /* for what is on its way, when the machine is to stop */
#define LINE_BYTES 300u
#define CONNECTIONS_MAX 64u /* each has a fiber; the next one is turned away */
#define STACK_BYTES (32 * FA_KIB)

typedef struct appliance {
    fa_net *net;
    fa_tls_identity *identity;
    fa_tls_trust *trust;
    fa_tls_server *server;
    fa_listener *listener;
    fa_scope scope;
    unsigned connections;
} appliance;

static appliance self;

/* A line, without its end. */
static fa_err read_line(fa_flow *flow, char line_out[LINE_BYTES])
{
    size_t len = 0, got = 1;
    fa_err err = FA_OK;
    while (err == FA_OK && got > 0 && len < LINE_BYTES - 1 && memchr(line_out, '\n', len) == NULL) {
        err = fa_flow_read(flow, line_out + len, LINE_BYTES - 1 - len, &got, fa_after_s(TALK_S));
        len += err == FA_OK ? got : 0;
    }
    line_out[len] = '\0';
    line_out[strcspn(line_out, "\r\n")] = '\0';
    return err;
}

static fa_err write_line(fa_flow *flow, const char *line)
{
    return fa_flow_write(flow, (fa_slice[]){{line, strlen(line)}, {"\n", 1}}, 2, fa_after_s(TALK_S));
}

/* Who the peer is stands in its certificate: what it says itself is only text. */
static const char *peer_of(const fa_flow *flow)
{
    fa_tls_info info;
    return fa_tls_info_get(flow, &info) == FA_OK ? info.peer_names : "";
}

static void answer(void *tcp)
{
    fa_tls_reason why;
    fa_flow *flow;
    char line[LINE_BYTES], reply[LINE_BYTES + 100];
    fa_err err = fa_tls_accept(self.server, tcp, &flow, &why, fa_after_s(TALK_S));
    if (err == FA_EFORMAT) { /* nobody who has keys: a scan of ports, or `fata run`, see README.md */
        fa_log_info("refused: %s", why.text);
    } else if (err != FA_OK) {
        fa_log_warn("refused: %s", why.text[0] != '\0' ? why.text : fa_err_text(err));
    } else {
        err = read_line(flow, line);
        if (err == FA_OK) {
            printf("%s asks: %s\n", peer_of(flow), line);
            snprintf(reply, sizeof reply, "%s, you asked: %s", peer_of(flow), line);
            err = write_line(flow, reply);
        }
        if (err == FA_OK)
            fa_flow_close(flow);
        else
            fa_flow_abort(flow);
    }
    self.connections--;
}

static void accept_all(void *arg)
{
    const fa_fiber_options options = {"connection", STACK_BYTES};
    fa_flow *flow;
    (void)arg;
    while (fa_listener_accept(self.listener, &flow, NULL, FA_FOREVER) == FA_OK)
        if (self.connections < CONNECTIONS_MAX &&
            fa_scope_spawn_with(&self.scope, &options, answer, flow) == FA_OK)
            self.connections++;
        else
            fa_flow_abort(flow);
    fa_listener_close(self.listener);
}

/* Until the machine is to stop. */
static fa_err serve(fa_tls_reason *why)
{
    const fa_tls_server_options options = {.identities = &self.identity, .identity_count = 1,
                                           .asks = FA_TLS_ASKS_REQUIRED, .trust = self.trust};
    fa_err err = fa_tls_server_new(&options, &self.server, why);
    if (err == FA_OK)
        err = fa_net_listen(self.net, (uint16_t)port, &self.listener);
    if (err != FA_OK)
        return err;
    fa_scope_open(&self.scope);
    err = fa_scope_spawn(&self.scope, "listener", accept_all, NULL);
    if (err == FA_OK) {
        fa_log_info("answering on port %" PRIu64, port);
        err = fa_stop_wait(NULL, FA_FOREVER);
    }
    fa_scope_close(&self.scope);
    fa_tls_server_free(self.server);
    return err;
}

static fa_err ask(fa_tls_reason *why)
{
    const fa_tls_client_options options = {.identity = self.identity, .trust = self.trust};
    const char *name = peer[0] != '\0' ? peer : host;
    fa_tls_client *client;
    fa_flow *flow;
    char line[LINE_BYTES];
    fa_err err = fa_tls_client_new(&options, &client, why);
    if (err != FA_OK)
        return err;
    err = fa_net_connect(self.net, host, (uint16_t)port, &flow, fa_after_s(TALK_S));
    if (err != FA_OK)
        snprintf(why->text, sizeof why->text, "cannot reach %s at port %" PRIu64 ": %s", host, port,
                 fa_err_text(err));
    else
        err = fa_tls_connect(client, flow, name, &flow, why, fa_after_s(TALK_S));
    if (err == FA_OK) {
        err = write_line(flow, "how are you?");
        if (err == FA_OK)
            err = read_line(flow, line);
        if (err == FA_OK)
            printf("%s answers: %s\n", peer_of(flow), line);
        else
            snprintf(why->text, sizeof why->text, "%s", fa_tls_reason_of(flow));
        fa_flow_close(flow);
    }
    fa_tls_client_free(client);
    return err;
}

static fa_err find_keys(fa_tls_reason *why)
{
    fa_tls_keys *keys;
    fa_block *disk;
    size_t count;
    fa_err err;
    if (from_disk) {
        err = fa_block_open(0, &disk, fa_after_s(DISK_S));
        if (err != FA_OK) {
            snprintf(why->text, sizeof why->text, "there is no disk (DISK=FILE): %s", fa_err_text(err));
        } else {
            err = fa_tls_keys_from_block(disk, 0, &keys, why, fa_after_s(DISK_S));
            fa_block_close(disk);
        }
    } else {
        err = fa_tls_keys_embedded(&keys, why);
    }
    if (err != FA_OK)
        return err;
    fa_tls_identity *const *all = fa_tls_keys_identities(keys, &count);
    self.identity = identity[0] != '\0' ? fa_tls_keys_identity(keys, identity) : count > 0 ? all[0] : NULL;
    self.trust = fa_tls_keys_trust(keys);
    if (self.identity != NULL && self.trust != NULL)
        return FA_OK;
    snprintf(why->text, sizeof why->text, self.trust == NULL ? "there is no CA: `fata cert ca`"
                                                             : "there is no such identity: `fata cert new`");
    return FA_ENOENT;
}

int main(void)
{
    fa_tls_reason why = {""};
    fa_err err = find_keys(&why);
    if (err == FA_OK)
        err = fa_net_start(&self.net, fa_after_s(30));
    if (err == FA_OK)
        err = host[0] != '\0' ? ask(&why) : serve(&why);
    if (err == FA_OK) {
        if (fa_net_finish(self.net, fa_after_s(FINISH_S)) != FA_OK)
            fa_log_warn("not all of what was sent has arrived");
        return EXIT_SUCCESS;
    }
    fa_log_error("%s", why.text[0] != '\0' ? why.text : fa_err_text(err));
    return EXIT_FAILURE;
}
