/* SPDX-License-Identifier: ISC */
/* Has a certificate of an ACME server, which is trusted by the file /ca.pem, and shows it at port 443; what is kept lies in
 * memory. With --rounds=2 it begins anew, with what was kept the first time. For tests/interop. */
#include <fata/acme.h>
#include <fata/fata.h>
#include <fata/file.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_PARAM_STRING(directory, "directory", "", "the URL of the ACME server's directory");
FA_PARAM_STRING(name, "name", "a.example", "whose certificate");
FA_PARAM_STRING(second, "second", "", "another name in it");
FA_PARAM_STRING(binding_id, "binding-id", "", "the name of a key that the ACME server has given out");
FA_PARAM_STRING(binding_key, "binding-key", "", "the key, in base64url");
FA_PARAM_FLAG(by_tls, "by-tls", "the challenge is tls-alpn-01, not http-01");
FA_PARAM_FLAG(wrong, "wrong", "the challenge is not answered");
FA_PARAM_FLAG(renews, "renews", "it waits for a second certificate");
FA_PARAM_UINT(rounds, "rounds", 1, 1, 3, "how often it begins");

#define LIMIT_S 120
#define LOOK_S 20 /* for somebody to look at the certificate, who need not wait for our side of the handshake */

/* What is kept. */

static struct kept {
    const char *name;
    char *bytes;
    size_t len;
} kept[2] = {{.name = "account"}, {.name = "certificate"}};

static struct kept *find(const char *wanted)
{
    for (size_t i = 0; i < FA_ARRAY_COUNT(kept); i++)
        if (strcmp(kept[i].name, wanted) == 0)
            return &kept[i];
    abort();
}

static fa_err load(void *arg, const char *wanted, void *bytes_out, size_t cap, size_t *len_out, fa_deadline deadline)
{
    (void)arg;
    (void)deadline;
    const struct kept *k = find(wanted);
    if (k->bytes == NULL)
        return FA_ENOENT;
    if (k->len > cap)
        return FA_ELIMIT;
    memcpy(bytes_out, k->bytes, k->len);
    *len_out = k->len;
    printf("loaded %s\n", wanted);
    return FA_OK;
}

static fa_err store(void *arg, const char *wanted, const void *bytes, size_t len, fa_deadline deadline)
{
    (void)arg;
    (void)deadline;
    struct kept *k = find(wanted);
    free(k->bytes);
    k->bytes = malloc(len);
    if (k->bytes == NULL)
        return FA_ENOMEM;
    memcpy(k->bytes, bytes, len);
    k->len = len;
    printf("stored %s, %zu bytes\n", wanted, len);
    return FA_OK;
}

/* The servers. */

static fa_net *net;
static fa_tls_server *server;
static fa_acme *acme;
static unsigned shown;

static void serve_http(void *arg)
{
    const fa_http_route routes[] = {{"GET", FA_ACME_HTTP_PATH, fa_acme_http, acme}};
    const fa_http_options options = {.routes = routes, .route_count = wrong ? 0 : 1};
    const fa_err err = fa_http_serve(arg, &options, FA_FOREVER);
    if (err != FA_ECANCELED)
        printf("http: %s\n", fa_err_text(err));
}

static void serve_tls(void *arg)
{
    fa_flow *flow;
    while (fa_tls_listener_accept(arg, &flow, NULL, FA_FOREVER) == FA_OK) {
        static const char hello[] = "hello\n";
        const fa_err err = fa_flow_write(flow, &(fa_slice){hello, sizeof hello - 1}, 1, fa_after_s(5));
        if (err != FA_OK)
            printf("hello: %s\n", fa_err_text(err));
        fa_flow_close(flow);
        shown++;
    }
}

static void run_acme(void *arg)
{
    (void)arg;
    const fa_err err = fa_acme_run(acme, net, FA_FOREVER);
    if (err != FA_ECANCELED)
        printf("acme: %s\n", fa_err_text(err));
}

/* Until there is a certificate, or a try has failed. */
static fa_err await_certificate(fa_acme_info *info_out)
{
    const fa_deadline deadline = fa_after_s(LIMIT_S);
    do {
        fa_acme_info_get(acme, info_out);
        if ((info_out->has_certificate && (!renews || info_out->issued == 2)) || info_out->failed > 0)
            return FA_OK;
    } while (fa_sleep(fa_after_ms(50)) == FA_OK && fa_clock_mono_ns() < deadline);
    return FA_ETIMEDOUT;
}

static fa_err await_look(void)
{
    const fa_deadline deadline = fa_after_s(LOOK_S);
    const unsigned before = shown;
    fa_err err = FA_OK;
    while (err == FA_OK && shown == before && fa_clock_mono_ns() < deadline)
        err = fa_sleep(fa_after_ms(50));
    return err;
}

static fa_err do_round(fa_tls_client *client, bool last)
{
    const char *const names[] = {name, second};
    const fa_acme_options options = {
        .directory = directory, .names = names, .name_count = *second != '\0' ? 2 : 1, .contact = "mailto:nobody@a.example",
        .binding_id = *binding_id != '\0' ? binding_id : NULL, .binding_key = *binding_key != '\0' ? binding_key : NULL,
        .agrees = true, .challenge = by_tls ? FA_ACME_TLS_ALPN_01 : FA_ACME_HTTP_01, .client = client,
        .storage = {load, store, NULL}, .use = fa_acme_use_server, .use_arg = server};
    fa_listener *web;
    fa_scope scope;
    fa_acme_info info;
    fa_err err = fa_acme_open(&options, &acme);
    if (err == FA_OK)
        err = fa_net_listen(net, 80, &web);
    if (err != FA_OK)
        return err;
    fa_scope_open(&scope);
    err = fa_scope_spawn_with(&scope, &(fa_fiber_options){"http", 32 * FA_KIB}, serve_http, web);
    if (err == FA_OK)
        err = fa_scope_spawn_with(&scope, &(fa_fiber_options){"acme", FA_ACME_STACK_BYTES}, run_acme, NULL);
    if (err == FA_OK)
        err = await_certificate(&info);
    if (err == FA_OK)
        printf("certificate %d issued %" PRIu64 " problem '%s' renews after %" PRIu64 " of %" PRIu64 " s\n", info.has_certificate,
               info.issued, info.problem, info.renews_s - fa_clock_wall_ns() / FA_NS_PER_S,
               info.expires_s - fa_clock_wall_ns() / FA_NS_PER_S);
    if (err == FA_OK && last && info.has_certificate)
        err = await_look();
    fa_scope_close(&scope);
    fa_listener_close(web);
    fa_acme_close(acme);
    return err;
}

static fa_err run(void)
{
    static const char *const protocols[] = {"http/1.1", NULL};
    fa_tls_trust *trust;
    fa_tls_client *client;
    fa_tls_identity *placeholder;
    fa_tls_reason why = {""};
    fa_listener *listener;
    fa_tls_listener *tls;
    fa_scope scope;
    const fa_file *ca = fa_file_find("/ca.pem");
    fa_err err = ca == NULL ? FA_ENOENT : fa_tls_trust_new(&trust);
    if (err == FA_OK)
        err = fa_tls_trust_add(trust, ca->bytes, ca->len, &why);
    if (err == FA_OK)
        err = fa_tls_client_new(&(fa_tls_client_options){.trust = trust}, &client, &why);
    if (err == FA_OK)
        err = fa_acme_placeholder(name, &placeholder);
    if (err == FA_OK)
        err = fa_tls_server_new(&(fa_tls_server_options){.identities = &placeholder, .identity_count = 1, .alpn = protocols}, &server, &why);
    if (err == FA_OK)
        err = fa_net_listen(net, 443, &listener);
    if (err == FA_OK)
        err = fa_tls_listen(server, listener, &tls);
    if (err != FA_OK) {
        printf("TLS: %s\n", why.text);
        return err;
    }
    fa_scope_open(&scope);
    err = fa_scope_spawn_with(&scope, &(fa_fiber_options){"tls", 32 * FA_KIB}, serve_tls, tls);
    for (uint64_t i = 0; i < rounds && err == FA_OK; i++)
        err = do_round(client, i + 1 == rounds);
    fa_scope_close(&scope);
    return err;
}

int main(void)
{
    fa_err err = fa_net_start(&net, fa_after_s(LIMIT_S));
    if (err == FA_OK)
        err = run();
    if (err != FA_OK)
        printf("failed: %s\n", fa_err_text(err));
    return err == FA_OK ? 0 : 1;
}
