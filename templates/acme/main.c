/* SPDX-License-Identifier: ISC */
/* Serves the site in www/ by HTTPS, with a certificate that a CA issues by ACME, and issues anew in time. What is kept between
 * two starts lies on the first disk. Who comes by HTTP, at port 80, is the CA, or is sent to HTTPS. */
#include "kept.h"
#include <fata/fata.h>
#include <fata/keys.h>
#include <fata/sntp.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("site");
FA_PARAM_STRING(directory, "acme", "", "the URL of the CA's directory; none: no certificate that anybody believes");
FA_PARAM_STRING(names_text, "names", "localhost", "the names of this host, with commas between them");
FA_PARAM_STRING(contact, "contact", "", "where the CA may write to, such as mailto:me@www.example");
FA_PARAM_STRING(binding_id, "eab-id", "", "the name of the key that the CA has given to you, if it asks for one");
FA_PARAM_STRING(binding_key, "eab-key", "", "that key, in base64url");
FA_PARAM_FLAG(agrees, "agree", "to the CA's terms of service");
FA_PARAM_FLAG(by_tls, "by-tls", "the CA looks at port 443 (tls-alpn-01), not at port 80 (http-01)");
FA_PARAM_FLAG(erase, "erase", "what is on the disk, also what was kept");

#define DISK_S 30
#define NET_S 30
#define FINISH_S 3 /* for what is on its way, when the machine is to stop */
#define FIBER_BYTES (32 * FA_KIB)

static fa_net *net;
static fa_tls_server *server;
static fa_acme *acme; /* NULL: without */
static const char *names[FA_ACME_NAMES_MAX];
static size_t name_count;
static uint16_t https_port = 443;
static kept *on_disk; /* NULL: there is no disk */

static fa_err split_names(void)
{
    char *text = strdup(names_text);
    if (text == NULL)
        return FA_ENOMEM;
    for (char *name = strtok(text, ","); name != NULL; name = strtok(NULL, ",")) {
        if (name_count == FA_ACME_NAMES_MAX) {
            fa_log_error("--names: more than %u", FA_ACME_NAMES_MAX);
            return FA_ELIMIT;
        }
        names[name_count++] = name;
    }
    if (name_count == 0)
        fa_log_error("--names: none");
    return name_count > 0 ? FA_OK : FA_EINVAL;
}

/* Until there is a certificate, it shows one that it has signed itself. */
static fa_err make_server(fa_tls_reason *why)
{
    static const char *const protocols[] = {"http/1.1", FA_ACME_ALPN, NULL};
    fa_tls_identity *placeholder;
    fa_err err = fa_acme_placeholder(names[0], &placeholder);
    if (err != FA_OK)
        return err;
    const fa_tls_server_options options = {
        .identities = &placeholder, .identity_count = 1, .alpn = protocols};
    err = fa_tls_server_new(&options, &server, why);
    fa_tls_identity_free(placeholder);
    return err;
}

/* A disk that cannot be used is an error: without it, each start would ask for one more certificate. */
static fa_err open_storage(fa_acme_storage *storage_out)
{
    fa_block *disk;
    const char *why = NULL;
    fa_err err = fa_block_open(0, &disk, fa_after_s(DISK_S));
    if (err == FA_ENOENT) {
        fa_log_warn("there is no disk (DISK=FILE): each start asks for a new certificate, of which CAs give a few a week");
        return FA_OK;
    }
    if (err == FA_OK)
        err = kept_open_take(disk, erase, &on_disk, &why, fa_after_s(DISK_S));
    if (err == FA_OK)
        *storage_out = kept_storage(on_disk);
    else
        fa_log_error("the disk: %s", why != NULL ? why : fa_err_text(err));
    return err;
}

static fa_err make_acme(fa_tls_reason *why)
{
    fa_acme_options options = {
        .directory = directory, .names = names, .name_count = name_count,
        .contact = contact[0] != '\0' ? contact : NULL, .agrees = agrees,
        .binding_id = binding_id[0] != '\0' ? binding_id : NULL, .binding_key = binding_key[0] != '\0' ? binding_key : NULL,
        .challenge = by_tls ? FA_ACME_TLS_ALPN_01 : FA_ACME_HTTP_01,
        .use = fa_acme_use_server, .use_arg = server};
    fa_tls_keys *keys;
    if (directory[0] == '\0') {
        fa_log_warn("no certificate that anybody believes: --acme=URL, --names and --agree get one");
        return FA_OK;
    }
    if (!agrees) {
        fa_log_error("--agree is missing: without it the CA issues nothing (read its terms of service)");
        return FA_EINVAL;
    }
    fa_err err = fa_tls_keys_embedded(&keys, why);
    if (err == FA_OK)
        err = fa_tls_client_new(&(fa_tls_client_options){.trust = fa_tls_keys_trust(keys)}, &options.client, why);
    if (err == FA_OK)
        err = open_storage(&options.storage);
    return err == FA_OK ? fa_acme_open(&options, &acme) : err;
}

static void keep_time(void *arg)
{
    (void)arg;
    const fa_err err = fa_sntp_run(net, NULL, FA_FOREVER);
    if (err != FA_ECANCELED)
        fa_log_warn("the clock is not kept: %s", fa_err_text(err));
}

static void keep_certificate(void *arg)
{
    (void)arg;
    const fa_err err = fa_acme_run(acme, net, FA_FOREVER);
    if (err != FA_ECANCELED)
        fa_log_error("the certificate is not kept: %s", fa_err_text(err));
}

static void serve_http(void *listener)
{
    fa_http_route routes[2];
    size_t count = 0;
    if (acme != NULL)
        routes[count++] = (fa_http_route){"GET", FA_ACME_HTTP_PATH, fa_acme_http, acme};
    routes[count++] = (fa_http_route){NULL, "/", fa_http_to_https, &https_port};
    const fa_http_options options = {.routes = routes, .route_count = count};
    const fa_err err = fa_http_serve(listener, &options, FA_FOREVER);
    if (err != FA_OK && err != FA_ECANCELED)
        fa_log_error("port 80: %s", fa_err_text(err));
}

static fa_err serve(void)
{
    const fa_http_route routes[] = {{"GET", "/metrics", fa_http_metrics, net}, {"GET", "/", fa_http_site, NULL}};
    const fa_http_options options = {.routes = routes, .route_count = FA_ARRAY_COUNT(routes)};
    fa_listener *http, *https;
    fa_scope scope;
    fa_err err = fa_net_listen(net, 80, &http);
    if (err == FA_OK)
        err = fa_net_listen(net, https_port, &https);
    if (err != FA_OK)
        return err;
    fa_scope_open(&scope);
    err = fa_scope_spawn_with(&scope, &(fa_fiber_options){"http", FIBER_BYTES}, serve_http, http);
    if (err == FA_OK)
        err = fa_scope_spawn(&scope, "time", keep_time, NULL);
    if (err == FA_OK && acme != NULL)
        err = fa_scope_spawn_with(&scope, &(fa_fiber_options){"acme", FA_ACME_STACK_BYTES}, keep_certificate, NULL);
    if (err == FA_OK) {
        fa_log_info("serving %s by HTTPS", names[0]);
        err = fa_https_serve(&https, 1, server, &options, FA_FOREVER);
    }
    fa_scope_close(&scope);
    kept_close(on_disk); /* after the fiber that uses it */
    return err;
}

int main(void)
{
    fa_tls_reason why = {""};
    fa_err err = split_names();
    if (err == FA_OK)
        err = make_server(&why);
    if (err == FA_OK)
        err = make_acme(&why);
    if (err == FA_OK)
        err = fa_net_start(&net, fa_after_s(NET_S));
    if (err == FA_OK)
        err = serve();
    if (err == FA_OK) {
        if (fa_net_finish(net, fa_after_s(FINISH_S)) != FA_OK)
            fa_log_warn("not all of what was sent has arrived");
        return EXIT_SUCCESS;
    }
    fa_log_error("cannot serve: %s", why.text[0] != '\0' ? why.text : fa_err_text(err));
    return EXIT_FAILURE;
}
