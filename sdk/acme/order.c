/* SPDX-License-Identifier: ISC */
/* A certificate from a CA, as RFC 8555 section 7 tells it: directory, nonces, the account, an order, its
 * authorizations, its end. */
#include "acme.h"
#include <fata/fiber.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_PREFIX "urn:ietf:params:acme:error:"
#define TEXT_BYTES 256u

/* What the CA says may take so long to be believed. */
#define RETRY_AFTER_MAX_S 86400u

/* Requests. */

/* RFC 9110, 10.2.3: seconds; a date is left to our own patience. */
static uint64_t retry_after_of(const fa_http_response *response)
{
    const char *text = fa_http_response_field(response, "Retry-After");
    if (text == NULL || *text == '\0' || text[strspn(text, "0123456789")] != '\0')
        return 0;
    const unsigned long s = strtoul(text, NULL, 10);
    return (s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S) * FA_NS_PER_S;
}

static void copy_field(const fa_http_response *response, const char *name, char *to, size_t cap)
{
    const char *value = fa_http_response_field(response, name);
    to[0] = '\0';
    if (value != NULL && strlen(value) < cap)
        strcpy(to, value);
}

static fa_err read_body(fa_acme *acme, fa_deadline deadline)
{
    size_t len = 1;
    fa_err err = FA_OK;
    acme->body_len = 0;
    while (err == FA_OK && len > 0) {
        if (acme->body_len == FA_ACME_BODY_BYTES_MAX)
            return FA_ELIMIT;
        err = fa_http_agent_read(acme->agent, acme->body + acme->body_len,
                                 FA_ACME_BODY_BYTES_MAX - acme->body_len, &len, deadline);
        acme->body_len += len;
    }
    acme->body[acme->body_len] = '\0';
    return err;
}

static fa_err ask(fa_acme *acme, const char *url, const char *method, const char *body, fa_deadline deadline)
{
    static const fa_http_field fields[] = {{"User-Agent", "fata"}, {"Content-Type", "application/jose+json"}};
    const fa_http_request request = {.method = method, .fields = fields, .field_count = body == NULL ? 1 : 2,
                                     .body = body, .body_len = body == NULL ? 0 : strlen(body)};
    const fa_http_response *response;
    const fa_deadline limit = fa_after_ns(FA_ACME_REQUEST_NS);
    if (limit < deadline)
        deadline = limit;
    const fa_err err = fa_http_agent_request(acme->agent, url, &request, &response, deadline);
    if (err != FA_OK)
        return err;
    acme->status = response->status;
    acme->retry_after_ns = retry_after_of(response);
    copy_field(response, "Location", acme->location, sizeof acme->location);
    copy_field(response, "Replay-Nonce", acme->nonce, sizeof acme->nonce);
    if (!fa_base64url_is(acme->nonce)) /* RFC 8555, 6.5.1 */
        acme->nonce[0] = '\0';
    return read_body(acme, deadline);
}

static bool problem_is(fa_acme *acme, const char *type)
{
    fa_json problem, value;
    char text[TEXT_BYTES];
    return fa_json_parse(acme->body, acme->body_len, &problem) == FA_OK && fa_json_member(problem, "type", &value) &&
           fa_json_text(value, text, sizeof text) == FA_OK &&
           strncmp(text, ERROR_PREFIX, strlen(ERROR_PREFIX)) == 0 && strcmp(text + strlen(ERROR_PREFIX), type) == 0;
}

/* What the CA says of a problem document (RFC 7807), in a line; it may be within another object. */
static fa_err refused(fa_acme *acme, const char *what, fa_json problem)
{
    fa_json value;
    char type[TEXT_BYTES] = "", detail[TEXT_BYTES] = "";
    if (fa_json_member(problem, "type", &value) && fa_json_text(value, type, sizeof type) != FA_OK)
        type[0] = '\0';
    if (fa_json_member(problem, "detail", &value) && fa_json_text(value, detail, sizeof detail) != FA_OK)
        detail[0] = '\0';
    const char *short_type = strncmp(type, ERROR_PREFIX, strlen(ERROR_PREFIX)) == 0 ? type + strlen(ERROR_PREFIX) : "";
    return fa_acme_problem(acme, FA_EPERM, "%s: %.40s (%.150s)", what, short_type, detail);
}

static fa_err refused_by_status(fa_acme *acme, const char *what)
{
    fa_json problem;
    if (fa_json_parse(acme->body, acme->body_len, &problem) != FA_OK)
        return fa_acme_problem(acme, FA_EPERM, "%s: status %u", what, acme->status);
    if (problem_is(acme, "rateLimited") && acme->retry_after_ns < FA_ACME_LIMITED_NS)
        acme->retry_after_ns = FA_ACME_LIMITED_NS;
    return refused(acme, what, problem);
}

static fa_err need_nonce(fa_acme *acme, fa_deadline deadline)
{
    return acme->nonce[0] != '\0' ? FA_OK : ask(acme, acme->new_nonce, "HEAD", NULL, deadline);
}

/* RFC 8555, 6.2: who signs is the account's URL, or where it is not known yet, the key itself. */
static fa_err sign(fa_acme *acme, const char *url, const char *payload, char **jws_out)
{
    char jwk[FA_JOSE_JWK_BYTES], header[FA_JOSE_JWK_BYTES + 2 * FA_ACME_URL_BYTES + FA_ACME_NONCE_BYTES + 64];
    const bool known = acme->account_url[0] != '\0';
    const fa_err err = fa_jose_jwk(&acme->account, jwk);
    if (err != FA_OK)
        return err;
    snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"%s\":%s%s%s,\"nonce\":\"%s\",\"url\":\"%s\"}",
             known ? "kid" : "jwk", known ? "\"" : "", known ? acme->account_url : jwk, known ? "\"" : "",
             acme->nonce, url);
    acme->nonce[0] = '\0'; /* good for once */
    return fa_jose_sign(&acme->account, header, payload, jws_out);
}

/* A signed request; "" is POST-as-GET (6.3). What has been asked and not understood is asked again. */
static fa_err post(fa_acme *acme, const char *what, const char *url, const char *payload, fa_deadline deadline)
{
    fa_err err = FA_OK;
    for (unsigned tries = 0; tries < FA_ACME_TRIES; tries++) {
        char *jws = NULL;
        err = need_nonce(acme, deadline);
        if (err == FA_OK && acme->nonce[0] == '\0')
            return fa_acme_problem(acme, FA_EFORMAT, "%s: the CA gives no nonce, but status %u", what, acme->status);
        if (err == FA_OK)
            err = sign(acme, url, payload, &jws);
        if (err == FA_OK)
            err = ask(acme, url, "POST", jws, deadline);
        free(jws);
        const bool ended = err == FA_ECLOSED || err == FA_ETRUNCATED;
        const bool stale = err == FA_OK && acme->status == 400 && problem_is(acme, "badNonce");
        if (!ended && !stale)
            break;
    }
    if (err != FA_OK)
        return fa_acme_problem(acme, err, "%s: %s", what, fa_err_text(err));
    return acme->status >= 200 && acme->status < 300 ? FA_OK : refused_by_status(acme, what);
}

/* Answers. */

static fa_err parse_body(fa_acme *acme, fa_json *object_out)
{
    const fa_err err = fa_json_parse(acme->body, acme->body_len, object_out);
    return err == FA_OK ? FA_OK : fa_acme_problem(acme, err, "the CA's answer is no JSON");
}

/* A URL of the CA's, which is to be signed: https, and nothing in it that a text of JSON could not have. */
static bool is_url(const char *text)
{
    fa_url *url = malloc(sizeof *url);
    const bool good = url != NULL && fa_url_parse(text, url) == FA_OK && url->secure && strchr(text, '#') == NULL;
    free(url);
    return good;
}

static bool url_of(fa_json value, char url_out[FA_ACME_URL_BYTES])
{
    return fa_json_text(value, url_out, FA_ACME_URL_BYTES) == FA_OK && is_url(url_out);
}

static bool url_member(fa_json object, const char *name, char url_out[FA_ACME_URL_BYTES])
{
    fa_json value;
    return fa_json_member(object, name, &value) && url_of(value, url_out);
}

static bool text_is(fa_json object, const char *name, const char *want)
{
    fa_json value;
    char text[TEXT_BYTES];
    return fa_json_member(object, name, &value) && fa_json_text(value, text, sizeof text) == FA_OK &&
           strcmp(text, want) == 0;
}

/* Before the CA is asked again. */
static fa_err wait(const fa_acme *acme, unsigned polls, fa_deadline deadline)
{
    uint64_t ns = polls < 5 ? FA_ACME_POLL_NS << polls : FA_ACME_POLL_MAX_NS;
    if (ns < acme->retry_after_ns)
        ns = acme->retry_after_ns;
    const fa_deadline until = fa_after_ns(ns);
    const fa_err err = fa_sleep(until < deadline ? until : deadline);
    return err != FA_OK ? err : until < deadline ? FA_OK : FA_ETIMEDOUT;
}

/* The steps. */

/* RFC 8555, 7.1.1. */
static fa_err learn_directory(fa_acme *acme, fa_deadline deadline)
{
    fa_json directory;
    fa_err err = ask(acme, acme->options.directory, "GET", NULL, deadline);
    if (err != FA_OK)
        return fa_acme_problem(acme, err, "the CA's directory: %s", fa_err_text(err));
    if (acme->status != 200)
        return refused_by_status(acme, "the CA's directory");
    err = parse_body(acme, &directory);
    if (err == FA_OK && (!url_member(directory, "newNonce", acme->new_nonce) ||
                         !url_member(directory, "newAccount", acme->new_account) ||
                         !url_member(directory, "newOrder", acme->new_order)))
        err = fa_acme_problem(acme, FA_EFORMAT, "the CA's directory lacks URLs");
    return err;
}

/* 7.3.4: the account's key, by the key that the CA has given to somebody it knows. *jws_out is malloc's; NULL: there is none. */
static fa_err bind(const fa_acme *acme, char **jws_out)
{
    char jwk[FA_JOSE_JWK_BYTES], header[2 * FA_ACME_URL_BYTES];
    *jws_out = NULL;
    if (acme->options.binding_id == NULL)
        return FA_OK;
    snprintf(header, sizeof header, "{\"alg\":\"HS256\",\"kid\":\"%s\",\"url\":\"%s\"}", acme->options.binding_id,
             acme->new_account);
    const fa_err err = fa_jose_jwk(&acme->account, jwk);
    return err == FA_OK ? fa_jose_authenticate(acme->options.binding_key, header, jwk, jws_out) : err;
}

/* 7.3: whose key the CA knows already, has its account again. */
static fa_err learn_account(fa_acme *acme, fa_deadline deadline)
{
    const char *contact = acme->options.contact;
    char *binding;
    fa_err err = bind(acme, &binding);
    const size_t cap = FA_ACME_URL_BYTES + 128 + (err == FA_OK && binding != NULL ? strlen(binding) : 0);
    char *payload = err == FA_OK ? malloc(cap) : NULL;
    if (payload == NULL) {
        free(binding);
        return fa_acme_problem(acme, err == FA_OK ? FA_ENOMEM : err, "the account's binding: %s", fa_err_text(err));
    }
    snprintf(payload, cap, "{\"termsOfServiceAgreed\":%s%s%s%s%s%s}", acme->options.agrees ? "true" : "false",
             contact == NULL ? "" : ",\"contact\":[\"", contact == NULL ? "" : contact, contact == NULL ? "" : "\"]",
             binding == NULL ? "" : ",\"externalAccountBinding\":", binding == NULL ? "" : binding);
    acme->account_url[0] = '\0';
    err = post(acme, "the account", acme->new_account, payload, deadline);
    free(binding);
    free(payload);
    if (err != FA_OK)
        return err;
    if (!is_url(acme->location))
        return fa_acme_problem(acme, FA_EFORMAT, "the account has no URL");
    strcpy(acme->account_url, acme->location);
    return FA_OK;
}

/* 7.4. */
static fa_err make_order(fa_acme *acme, fa_deadline deadline)
{
    char payload[FA_ACME_NAMES_MAX * (FA_TLS_NAME_BYTES_MAX + 32) + 32];
    int len = snprintf(payload, sizeof payload, "{\"identifiers\":[");
    for (size_t i = 0; i < acme->options.name_count; i++)
        len += snprintf(payload + len, sizeof payload - (size_t)len, "%s{\"type\":\"dns\",\"value\":\"%s\"}",
                        i > 0 ? "," : "", acme->options.names[i]);
    snprintf(payload + len, sizeof payload - (size_t)len, "]}");
    const fa_err err = post(acme, "the order", acme->new_order, payload, deadline);
    if (err == FA_OK && !is_url(acme->location))
        return fa_acme_problem(acme, FA_EFORMAT, "the order has no URL");
    return err;
}

/* 8.1: the challenge of our kind; its token, and where to say that we are ready. */
static fa_err find_challenge(fa_acme *acme, fa_json authorization, char url_out[FA_ACME_URL_BYTES])
{
    static const char *const types[] = {[FA_ACME_HTTP_01] = "http-01", [FA_ACME_TLS_ALPN_01] = "tls-alpn-01"};
    const char *type = types[acme->options.challenge];
    fa_json challenges, challenge, value;
    size_t at = 0;
    if (fa_json_member(authorization, "challenges", &challenges))
        while (fa_json_next(challenges, &at, &challenge))
            if (text_is(challenge, "type", type) && url_member(challenge, "url", url_out) &&
                fa_json_member(challenge, "token", &value) &&
                fa_json_text(value, acme->token, sizeof acme->token) == FA_OK && fa_base64url_is(acme->token)) {
                snprintf(acme->key_authorization, sizeof acme->key_authorization, "%s.%s", acme->token,
                         acme->thumbprint);
                return FA_OK;
            }
    acme->token[0] = '\0';
    return fa_acme_problem(acme, FA_ENOTSUP, "the CA does not offer %s", type);
}

/* RFC 8737, 3: the certificate that answers the CA's handshake. */
static fa_err show_challenge(fa_acme *acme, fa_json authorization)
{
    fa_json identifier, value;
    char name[FA_TLS_NAME_BYTES_MAX];
    uint8_t digest[FA_JOSE_HASH_BYTES];
    if (acme->options.challenge != FA_ACME_TLS_ALPN_01)
        return FA_OK;
    if (!fa_json_member(authorization, "identifier", &identifier) || !fa_json_member(identifier, "value", &value) ||
        fa_json_text(value, name, sizeof name) != FA_OK)
        return fa_acme_problem(acme, FA_EFORMAT, "an authorization has no name");
    if (mbedtls_sha256((const unsigned char *)acme->key_authorization, strlen(acme->key_authorization), digest, 0) != 0)
        return FA_ENOMEM;
    fa_err err = fa_acme_self_signed(name, digest, &acme->challenge);
    if (err == FA_OK)
        err = fa_acme_tell(acme);
    return err == FA_OK ? FA_OK
                        : fa_acme_problem(acme, err, "a certificate for the challenge: %s", fa_err_text(err));
}

static void hide_challenge(fa_acme *acme)
{
    fa_tls_identity *challenge = acme->challenge;
    acme->token[0] = '\0';
    acme->challenge = NULL;
    if (challenge == NULL)
        return;
    (void)!fa_acme_tell(acme); /* without, it answers nobody but the CA */
    fa_tls_identity_free(challenge);
}

/* Why the CA did not find what it looked for. */
static fa_err not_found(fa_acme *acme, fa_json authorization)
{
    fa_json challenges, challenge, problem;
    size_t at = 0;
    if (fa_json_member(authorization, "challenges", &challenges))
        while (fa_json_next(challenges, &at, &challenge))
            if (fa_json_member(challenge, "error", &problem))
                return refused(acme, "the CA has looked", problem);
    return fa_acme_problem(acme, FA_EPERM, "the CA has looked, and does not say what is wrong");
}

/* 7.5.1: until the CA has looked. */
static fa_err await_authorization(fa_acme *acme, const char *url, fa_deadline deadline)
{
    for (unsigned polls = 0; polls < FA_ACME_POLLS; polls++) {
        fa_json authorization;
        fa_err err = post(acme, "an authorization", url, "", deadline);
        if (err == FA_OK)
            err = parse_body(acme, &authorization);
        if (err != FA_OK)
            return err;
        if (text_is(authorization, "status", "valid"))
            return FA_OK;
        if (!text_is(authorization, "status", "pending"))
            return not_found(acme, authorization);
        err = wait(acme, polls, deadline);
        if (err != FA_OK)
            return fa_acme_problem(acme, err, "the CA looks for too long: %s", fa_err_text(err));
    }
    return fa_acme_problem(acme, FA_ETIMEDOUT, "the CA looks for too long");
}

static fa_err authorize(fa_acme *acme, const char *url, fa_deadline deadline)
{
    fa_json authorization;
    char challenge_url[FA_ACME_URL_BYTES];
    fa_err err = post(acme, "an authorization", url, "", deadline);
    if (err == FA_OK)
        err = parse_body(acme, &authorization);
    if (err != FA_OK || text_is(authorization, "status", "valid")) /* from before */
        return err;
    err = find_challenge(acme, authorization, challenge_url);
    if (err == FA_OK)
        err = show_challenge(acme, authorization);
    if (err == FA_OK)
        err = post(acme, "a challenge", challenge_url, "{}", deadline);
    if (err == FA_OK)
        err = await_authorization(acme, url, deadline);
    hide_challenge(acme);
    return err;
}

/* The order's URLs of authorizations, which a later answer overwrites. */
static fa_err learn_authorizations(fa_acme *acme, char urls_out[FA_ACME_NAMES_MAX][FA_ACME_URL_BYTES],
                                   size_t *count_out, char finalize_out[FA_ACME_URL_BYTES])
{
    fa_json order, list, value;
    size_t at = 0, count = 0;
    const fa_err err = parse_body(acme, &order);
    if (err != FA_OK)
        return err;
    if (!url_member(order, "finalize", finalize_out) || !fa_json_member(order, "authorizations", &list))
        return fa_acme_problem(acme, FA_EFORMAT, "the order lacks URLs");
    while (fa_json_next(list, &at, &value))
        if (count == FA_ACME_NAMES_MAX || !url_of(value, urls_out[count++]))
            return fa_acme_problem(acme, FA_EFORMAT, "the order's authorizations are too many, or no URLs");
    *count_out = count;
    return FA_OK;
}

/* 7.4: until the order's status is what is waited for; its certificate's URL, if it has one by then. */
static fa_err await_order(fa_acme *acme, const char *url, const char *wanted, char certificate_out[FA_ACME_URL_BYTES],
                          fa_deadline deadline)
{
    for (unsigned polls = 0; polls < FA_ACME_POLLS; polls++) {
        fa_json order, problem;
        fa_err err = post(acme, "the order", url, "", deadline);
        if (err == FA_OK)
            err = parse_body(acme, &order);
        if (err != FA_OK)
            return err;
        const bool valid = text_is(order, "status", "valid");
        if (valid && !url_member(order, "certificate", certificate_out))
            return fa_acme_problem(acme, FA_EFORMAT, "the order has no certificate");
        if (valid || text_is(order, "status", wanted))
            return FA_OK;
        if (text_is(order, "status", "invalid"))
            return fa_json_member(order, "error", &problem) ? refused(acme, "the order", problem)
                                                            : fa_acme_problem(acme, FA_EPERM, "the order is refused");
        err = wait(acme, polls, deadline);
        if (err != FA_OK)
            return fa_acme_problem(acme, err, "the order takes too long: %s", fa_err_text(err));
    }
    return fa_acme_problem(acme, FA_ETIMEDOUT, "the order takes too long");
}

static fa_err finalize(fa_acme *acme, const char *url, mbedtls_pk_context *key, fa_deadline deadline)
{
    static const char before[] = "{\"csr\":\"";
    uint8_t *room = malloc(FA_ACME_REQUEST_BYTES_MAX), *request;
    char *payload = malloc(sizeof before + FA_BASE64URL_BYTES(FA_ACME_REQUEST_BYTES_MAX) + 4);
    size_t len;
    fa_err err = room == NULL || payload == NULL ? FA_ENOMEM : FA_OK;
    if (err == FA_OK)
        err = fa_acme_request(key, acme->options.names, acme->options.name_count, room, &request, &len);
    if (err != FA_OK) {
        err = fa_acme_problem(acme, err, "a certificate request: %s", fa_err_text(err));
    } else {
        strcpy(payload, before);
        fa_base64url(request, len, payload + sizeof before - 1);
        strcat(payload, "\"}");
        err = post(acme, "the order's end", url, payload, deadline);
    }
    free(room);
    free(payload);
    return err;
}

typedef struct order_urls {
    char order[FA_ACME_URL_BYTES], finalize[FA_ACME_URL_BYTES], certificate[FA_ACME_URL_BYTES];
    char authorizations[FA_ACME_NAMES_MAX][FA_ACME_URL_BYTES];
    size_t count;
} order_urls;

static fa_err run_order(fa_acme *acme, order_urls *urls, mbedtls_pk_context *key, fa_deadline deadline)
{
    fa_err err = make_order(acme, deadline);
    if (err != FA_OK)
        return err;
    strcpy(urls->order, acme->location);
    err = learn_authorizations(acme, urls->authorizations, &urls->count, urls->finalize);
    for (size_t i = 0; i < urls->count && err == FA_OK; i++)
        err = authorize(acme, urls->authorizations[i], deadline);
    if (err == FA_OK)
        err = await_order(acme, urls->order, "ready", urls->certificate, deadline);
    if (err == FA_OK)
        err = finalize(acme, urls->finalize, key, deadline);
    if (err == FA_OK)
        err = await_order(acme, urls->order, "valid", urls->certificate, deadline);
    return err == FA_OK ? post(acme, "the certificate", urls->certificate, "", deadline) : err;
}

fa_err fa_acme_order(fa_acme *acme, mbedtls_pk_context *key, fa_deadline deadline)
{
    order_urls *urls = calloc(1, sizeof *urls);
    if (urls == NULL)
        return fa_acme_problem(acme, FA_ENOMEM, "no memory");
    acme->nonce[0] = '\0';
    fa_err err = learn_directory(acme, deadline);
    if (err == FA_OK)
        err = learn_account(acme, deadline);
    if (err == FA_OK)
        err = run_order(acme, urls, key, deadline);
    free(urls);
    return err;
}
