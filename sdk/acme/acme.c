/* SPDX-License-Identifier: ISC */
/* Certificates over time: what is kept, when a new one is needed, and what happens when there is none. */
#include "acme.h"
#include <fata/fiber.h>
#include <fata/log.h>
#include <fata/panic.h>
#include <fata/random.h>
#include <mbedtls/platform_util.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FA_LOG_MODULE("acme");

#define ACCOUNT "account"
#define CERTIFICATE "certificate"
#define CLOCK_LOOK_NS FA_NS_PER_S           /* how often it is looked whether the clock is known */
#define LOOK_NS (600 * FA_NS_PER_S)         /* whether it is time: the clock may be set meanwhile */
#define RETRY_DOUBLINGS_MAX 11u             /* past the longest */
#define WORD_BYTES_MAX 254u /* of a contact, or a key's name */
#define BINDING_KEY_BYTES_MIN 16u /* 128 bits */
#define DISK_NS (30 * FA_NS_PER_S)          /* for what is kept, so that a disk that hangs stops nothing else */
#define TRIES_LEFT 8u                       /* the wait for the next try is such a part of a certificate's time at most */

fa_err fa_acme_problem(fa_acme *acme, fa_err err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(acme->info.problem, sizeof acme->info.problem, fmt, args);
    va_end(args);
    for (char *c = acme->info.problem; *c != '\0'; c++) /* the CA's words are no lines of ours */
        if ((uint8_t)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    return err;
}

fa_err fa_acme_tell(fa_acme *acme)
{
    if (acme->certificate == NULL && acme->placeholder == NULL) {
        const fa_err err = fa_acme_placeholder(acme->options.names[0], &acme->placeholder);
        if (err != FA_OK)
            return err;
    }
    acme->options.use(acme->options.use_arg, acme->certificate != NULL ? acme->certificate : acme->placeholder,
                      acme->challenge);
    return FA_OK;
}

void fa_acme_use_server(void *arg, fa_tls_identity *certificate, fa_tls_identity *challenge)
{
    fa_tls_identity *const identities[] = {certificate, challenge};
    const fa_err err = fa_tls_server_set_identities(arg, identities, challenge != NULL ? 2 : 1);
    if (err != FA_OK)
        fa_log_error("the server does not take its certificate: %s", fa_err_text(err));
}

void fa_acme_info_get(const fa_acme *acme, fa_acme_info *info_out)
{
    *info_out = acme->info;
}

/* The options. */

/* A host's name in lower case: what a certificate has, and a text of JSON can have. */
static bool is_name(const char *name)
{
    const size_t len = strlen(name);
    return len > 0 && len < FA_TLS_NAME_BYTES_MAX && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.")] == '\0' &&
           name[0] != '.' && name[0] != '-' && name[len - 1] != '.' && strstr(name, "..") == NULL;
}

/* What can stand in JSON as it is. */
static bool is_word(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
            return false;
    return *text != '\0' && strlen(text) <= WORD_BYTES_MAX;
}

static const char *wrong_with_binding(const fa_acme_options *options)
{
    uint8_t key[FA_JOSE_SECRET_BYTES_MAX];
    size_t len = 0;
    if (options->binding_id == NULL && options->binding_key == NULL)
        return NULL;
    if (options->binding_id == NULL || options->binding_key == NULL)
        return "an account's binding is a name and a key: one of them is missing";
    const bool good = fa_base64url_read(options->binding_key, key, sizeof key, &len) == FA_OK;
    mbedtls_platform_zeroize(key, sizeof key);
    if (!good || len < BINDING_KEY_BYTES_MIN)
        return "the key of the account's binding is not 16 to 128 bytes in base64url";
    return is_word(options->binding_id) ? NULL : "the name of the account's binding is no word";
}

static const char *wrong_with(const fa_acme_options *options)
{
    fa_url *url = malloc(sizeof *url);
    const bool good = url != NULL && options->directory != NULL &&
                      fa_url_parse(options->directory, url) == FA_OK && url->secure;
    free(url);
    if (!good)
        return "the directory is no URL of https";
    if (options->name_count == 0 || options->name_count > FA_ACME_NAMES_MAX)
        return "there are no names, or more than 8";
    for (size_t i = 0; i < options->name_count; i++)
        if (!is_name(options->names[i]))
            return "a name is no host's, in lower case";
    if (options->contact != NULL && (!is_word(options->contact) || strchr(options->contact, ':') == NULL))
        return "the contact is no URL such as mailto:a@b.example";
    if (!options->agrees)
        return "the terms of service are not agreed to";
    if (options->client == NULL || options->use == NULL)
        return "there is no client, or nobody to use a certificate";
    return wrong_with_binding(options);
}

fa_err fa_acme_open(const fa_acme_options *options, fa_acme **acme_out)
{
    const char *wrong = wrong_with(options);
    if (wrong != NULL) {
        fa_log_error("ACME: %s", wrong);
        return FA_EINVAL;
    }
    fa_acme *acme = calloc(1, sizeof *acme);
    char *body = malloc(FA_ACME_BODY_BYTES_MAX + 1);
    if (acme == NULL || body == NULL) {
        free(acme);
        free(body);
        return FA_ENOMEM;
    }
    acme->options = *options;
    acme->body = body;
    mbedtls_pk_init(&acme->account);
    *acme_out = acme;
    return FA_OK;
}

static void wipe(fa_acme *acme)
{
    mbedtls_platform_zeroize(acme->body, FA_ACME_BODY_BYTES_MAX);
}

void fa_acme_close(fa_acme *acme)
{
    mbedtls_pk_free(&acme->account);
    fa_tls_identity_free(acme->certificate);
    fa_tls_identity_free(acme->challenge);
    fa_tls_identity_free(acme->placeholder);
    wipe(acme); /* keys pass through it */
    free(acme->body);
    free(acme);
}

/* What is kept. */

static fa_deadline earlier(fa_deadline a, fa_deadline b)
{
    return a < b ? a : b;
}

/* Into acme->body, with a NUL behind it. */
static fa_err load(fa_acme *acme, const char *name, fa_deadline deadline)
{
    const fa_acme_storage *storage = &acme->options.storage;
    acme->body_len = 0;
    if (storage->load == NULL)
        return FA_ENOENT;
    const fa_err err =
        storage->load(storage->arg, name, acme->body, FA_ACME_BODY_BYTES_MAX, &acme->body_len,
                      earlier(fa_after_ns(DISK_NS), deadline));
    acme->body[acme->body_len] = '\0';
    return err;
}

static fa_err store(fa_acme *acme, const char *name, const char *text, fa_deadline deadline)
{
    const fa_acme_storage *storage = &acme->options.storage;
    if (storage->store == NULL)
        return FA_OK;
    const fa_err err =
        storage->store(storage->arg, name, text, strlen(text), earlier(fa_after_ns(DISK_NS), deadline));
    if (err != FA_OK)
        fa_log_error("the %s cannot be kept: %s", name, fa_err_text(err));
    return err;
}

/* A key that cannot be kept is not used: at each start, the CA would see another account. */
static fa_err make_account(fa_acme *acme, fa_deadline deadline)
{
    char pem[FA_JOSE_KEY_BYTES_MAX];
    fa_err err = fa_jose_key_make(&acme->account);
    if (err == FA_OK)
        err = fa_jose_key_write(&acme->account, pem);
    if (err == FA_OK)
        err = store(acme, ACCOUNT, pem, deadline);
    mbedtls_platform_zeroize(pem, sizeof pem);
    return err;
}

static fa_err load_account(fa_acme *acme, fa_deadline deadline)
{
    if (acme->has_account)
        return FA_OK;
    fa_err err = load(acme, ACCOUNT, deadline);
    mbedtls_pk_free(&acme->account);
    mbedtls_pk_init(&acme->account);
    if (err == FA_OK)
        err = fa_jose_key_read(&acme->account, acme->body);
    else if (err == FA_ENOENT)
        err = make_account(acme, deadline);
    if (err == FA_OK)
        err = fa_jose_thumbprint(&acme->account, acme->thumbprint);
    wipe(acme);
    acme->has_account = err == FA_OK;
    return err == FA_OK ? FA_OK : fa_acme_problem(acme, err, "the account's key: %s", fa_err_text(err));
}

/* The text in acme->body: a chain and its key. */
static fa_err take_certificate(fa_acme *acme)
{
    fa_tls_identity *identity, *before = acme->certificate;
    fa_tls_reason why;
    uint64_t from_s;
    const fa_err err = fa_tls_identity_new(acme->body, strlen(acme->body), acme->body, strlen(acme->body), &identity, &why);
    if (err != FA_OK)
        return fa_acme_problem(acme, err, "the certificate: %.200s", why.text);
    acme->certificate = identity;
    const fa_err told = fa_acme_tell(acme);
    fa_assert(told == FA_OK); /* there is a certificate */
    fa_tls_identity_free(before);
    fa_tls_identity_free(acme->placeholder);
    acme->placeholder = NULL;
    fa_tls_identity_times(identity, &from_s, &acme->info.expires_s);
    acme->info.renews_s = acme->info.expires_s;
    if (from_s < acme->info.expires_s)
        acme->info.renews_s -= (acme->info.expires_s - from_s) / 3;
    acme->info.has_certificate = true;
    return FA_OK;
}

/* Until the disk has said once what is there, or that there is nothing. */
static fa_err load_certificate(fa_acme *acme, fa_deadline deadline)
{
    if (acme->has_looked)
        return FA_OK;
    fa_err err = load(acme, CERTIFICATE, deadline);
    acme->has_looked = err == FA_OK || err == FA_ENOENT;
    if (!acme->has_looked)
        return fa_acme_problem(acme, err, "what is kept: %s", fa_err_text(err));
    if (err == FA_OK && !fa_acme_covers(acme->body, acme->options.names, acme->options.name_count))
        err = FA_ENOENT; /* the names have changed */
    if (err == FA_OK)
        err = take_certificate(acme);
    wipe(acme);
    if (err != FA_OK && err != FA_ENOENT)
        fa_log_warn("the kept certificate is of no use: %s", fa_err_text(err));
    return FA_OK;
}

/* A new one. */

static fa_err issue_for(fa_acme *acme, mbedtls_pk_context *key, fa_deadline deadline)
{
    char pem[FA_JOSE_KEY_BYTES_MAX];
    fa_err err = fa_acme_order(acme, key, earlier(fa_after_ns(FA_ACME_ISSUE_NS), deadline));
    if (err != FA_OK)
        return err;
    err = fa_jose_key_write(key, pem);
    if (err == FA_OK && (strlen(acme->body) != acme->body_len || acme->body_len + strlen(pem) > FA_ACME_BODY_BYTES_MAX))
        err = FA_ELIMIT;
    if (err == FA_OK)
        strcat(acme->body, pem);
    mbedtls_platform_zeroize(pem, sizeof pem);
    if (err != FA_OK)
        return fa_acme_problem(acme, err, "the certificate: %s", fa_err_text(err));
    if (!fa_acme_covers(acme->body, acme->options.names, acme->options.name_count))
        err = fa_acme_problem(acme, FA_EFORMAT, "the certificate is for other names");
    if (err == FA_OK)
        err = take_certificate(acme);
    if (err == FA_OK) /* (it is in use, whether it could be kept or not) */
        (void)!store(acme, CERTIFICATE, acme->body, deadline);
    wipe(acme);
    return err;
}

/* Each certificate has a key of its own; and connections to the CA are not kept up to the next one. */
static fa_err issue(fa_acme *acme, fa_net *net, fa_deadline deadline)
{
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    fa_err err = fa_jose_key_make(&key);
    if (err == FA_OK)
        err = fa_http_agent_open(net, &acme->agent);
    if (err == FA_OK) {
        fa_http_agent_use_tls(acme->agent, acme->options.client);
        err = issue_for(acme, &key, deadline);
        fa_http_agent_close(acme->agent);
        acme->agent = NULL;
    } else {
        fa_acme_problem(acme, err, "a key, or a connection: %s", fa_err_text(err));
    }
    mbedtls_pk_free(&key);
    return err;
}

/* Over time. */

static fa_err await_clock(fa_deadline deadline)
{
    bool told = false;
    while (fa_clock_wall_ns() == 0) {
        if (!told)
            fa_log_info("waiting for the wall clock to be set");
        told = true;
        const fa_deadline next = fa_after_ns(CLOCK_LOOK_NS);
        const fa_err err = fa_sleep(earlier(next, deadline));
        if (err != FA_OK || next >= deadline)
            return err == FA_OK ? FA_ETIMEDOUT : err;
    }
    return FA_OK;
}

/* A quarter more or less, not together with all others whose CA has failed. */
static uint64_t spread(uint64_t ns)
{
    uint32_t random = 0;
    return fa_random_bytes(&random, sizeof random) == FA_OK ? ns + ns / 4 * (random % 1024) / 1024 : ns;
}

/* Longer each time. */
static uint64_t patience_ns(unsigned failures)
{
    const unsigned doublings = failures - 1 < RETRY_DOUBLINGS_MAX ? failures - 1 : RETRY_DOUBLINGS_MAX;
    const uint64_t ns = FA_ACME_RETRY_NS << doublings;
    return ns < FA_ACME_RETRY_MAX_NS ? ns : FA_ACME_RETRY_MAX_NS;
}

static uint64_t left_s(const fa_acme *acme)
{
    const uint64_t now_s = fa_clock_wall_ns() / FA_NS_PER_S;
    return acme->info.has_certificate && acme->info.expires_s > now_s ? acme->info.expires_s - now_s : 0;
}

/* As long as there is a certificate that holds, several more tries come before its end. */
static uint64_t patience_after_failure_ns(const fa_acme *acme, unsigned failures)
{
    const uint64_t part_ns = left_s(acme) * FA_NS_PER_S / TRIES_LEFT;
    uint64_t ns = patience_ns(failures);
    if (part_ns > 0 && part_ns < ns)
        ns = part_ns > FA_ACME_RETRY_NS ? part_ns : FA_ACME_RETRY_NS;
    ns = spread(ns);
    return ns > acme->retry_after_ns ? ns : acme->retry_after_ns;
}

static bool is_due(const fa_acme *acme)
{
    return !acme->info.has_certificate || fa_clock_wall_ns() / FA_NS_PER_S >= acme->info.renews_s;
}

static void note_issued(fa_acme *acme)
{
    acme->info.issued++;
    if (is_due(acme)) /* the next one would be no better */
        fa_log_warn("the new certificate is old already: is the clock right?");
    fa_log_info("a certificate for %s%s, for %llu hours", acme->options.names[0],
                acme->options.name_count > 1 ? " and others" : "", (unsigned long long)(left_s(acme) / 3600));
}

/* What is kept may have been out of reach at the start. */
static fa_err try_once(fa_acme *acme, fa_net *net, fa_deadline deadline)
{
    acme->retry_after_ns = 0;
    acme->info.problem[0] = '\0';
    fa_err err = load_certificate(acme, deadline);
    if (err != FA_OK || !is_due(acme))
        return err;
    err = load_account(acme, deadline);
    if (err == FA_OK)
        err = issue(acme, net, deadline);
    if (err == FA_OK)
        note_issued(acme);
    return err;
}

static fa_err try_to_issue(fa_acme *acme, fa_net *net, unsigned *failures_io, fa_deadline *next_out, fa_deadline deadline)
{
    const fa_err err = try_once(acme, net, deadline);
    if (err == FA_OK) {
        *failures_io = is_due(acme) ? *failures_io + 1 : 0;
        *next_out = *failures_io > 0 ? fa_after_ns(spread(patience_ns(*failures_io))) : FA_NOW;
        return FA_OK;
    }
    acme->info.failed++;
    (*failures_io)++;
    const uint64_t ns = patience_after_failure_ns(acme, *failures_io);
    *next_out = fa_after_ns(ns);
    fa_log_warn("no certificate: %s; again in %llu s", acme->info.problem, (unsigned long long)(ns / FA_NS_PER_S));
    return err == FA_ECANCELED || fa_clock_mono_ns() >= deadline ? err : FA_OK;
}

static fa_err keep(fa_acme *acme, fa_net *net, fa_deadline deadline)
{
    unsigned failures = 0;
    fa_deadline not_before = FA_NOW;
    fa_err err = FA_OK;
    while (err == FA_OK) {
        const uint64_t now_s = fa_clock_wall_ns() / FA_NS_PER_S;
        const bool needed = is_due(acme);
        if (needed && fa_clock_mono_ns() >= not_before) {
            err = try_to_issue(acme, net, &failures, &not_before, deadline);
            continue;
        }
        fa_deadline next = fa_after_ns(LOOK_NS);
        const uint64_t rest_s = needed ? 0 : acme->info.renews_s - now_s;
        if (needed)
            next = not_before;
        else if (rest_s < LOOK_NS / FA_NS_PER_S)
            next = fa_after_s(rest_s + 1);
        err = fa_sleep(earlier(next, deadline));
        if (err == FA_OK && next >= deadline)
            err = FA_ETIMEDOUT;
    }
    return err;
}

/* What is kept is shown before the clock is known: it is the peers who judge it. */
fa_err fa_acme_run(fa_acme *acme, fa_net *net, fa_deadline deadline)
{
    if (acme->runs)
        return FA_EBUSY;
    acme->runs = true;
    fa_err err = load_certificate(acme, deadline);
    if (err != FA_OK && err != FA_ECANCELED) {
        fa_log_warn("%s", acme->info.problem);
        err = FA_OK; /* it is looked for again */
    }
    if (err == FA_OK)
        err = await_clock(deadline);
    if (err == FA_OK)
        err = keep(acme, net, deadline);
    acme->runs = false;
    return err;
}

fa_err fa_acme_http(fa_http *http, void *arg, fa_deadline deadline)
{
    const fa_acme *acme = arg;
    (void)deadline;
    if (acme->token[0] == '\0' || strncmp(http->path, FA_ACME_HTTP_PATH, strlen(FA_ACME_HTTP_PATH)) != 0 ||
        strcmp(http->path + strlen(FA_ACME_HTTP_PATH), acme->token) != 0)
        return FA_ENOENT;
    fa_http_type(http, "application/octet-stream"); /* RFC 8555, 8.3 */
    fa_http_printf(http, "%s", acme->key_authorization);
    return FA_OK;
}
