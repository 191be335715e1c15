/* SPDX-License-Identifier: ISC */
/* A CA for tests: see acme_ca.h. Each answer is made of what the last request named: one order, one authorization. */
#include "acme_ca.h"
#include "../../sdk/acme/jose.h"
#include "test.h"
#include <fata/panic.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATH(url) ((url) + strlen("https://ca.example"))
#define LATENCY_NS (20 * FA_NS_PER_MS) /* of an answer */

struct acme_ca ca;

struct fa_http_agent {
    fa_http_response response;
    fa_http_field fields[3];
    char nonce[600], location[600], retry_after[32];
    char body[FA_ACME_BODY_BYTES_MAX];
    size_t at, len;
};

static char certificate[8192];
static unsigned nonces, pending_left, processing_left;
static bool finalized;

void acme_ca_begin(void)
{
    ca = (struct acme_ca){.life_s = 90 * 86400, .from_s = -3600, .names = {"a.example"}};
    pending_left = processing_left = 0;
    finalized = false;
}

/* What a signed request says. */

static void payload_of(const char *jws, char *payload_out, size_t cap)
{
    static char text[16384];
    fa_json document, value;
    fa_assert(fa_json_parse(jws, strlen(jws), &document) == FA_OK && fa_json_member(document, "payload", &value) &&
              fa_json_text(value, text, sizeof text) == FA_OK && strlen(text) / 4 * 3 + 4 < cap);
    size_t len = 0; /* an empty text is a request without a body */
    fa_assert(text[0] == '\0' || fa_base64url_read(text, (uint8_t *)payload_out, cap - 1, &len) == FA_OK);
    payload_out[len] = '\0';
}

/* Certificates. */

static void date_of(int64_t s, char text_out[16])
{
    const time_t seconds = (time_t)s;
    struct tm date;
    strftime(text_out, 16, "%Y%m%d%H%M%S", gmtime_r(&seconds, &date));
}

static size_t write_certificate(mbedtls_pk_context *key, mbedtls_pk_context *issuer_key, const char *subject, mbedtls_x509_san_list *names,
                                char *pem_out, size_t cap)
{
    mbedtls_x509write_cert crt;
    char from[16], to[16];
    const int64_t from_s = (int64_t)(fa_clock_wall_ns() / FA_NS_PER_S) + ca.from_s;
    date_of(from_s, from);
    date_of(from_s + (int64_t)ca.life_s, to);
    mbedtls_x509write_crt_init(&crt);
    mbedtls_x509write_crt_set_md_alg(&crt, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&crt, key);
    mbedtls_x509write_crt_set_issuer_key(&crt, issuer_key);
    fa_assert(mbedtls_x509write_crt_set_serial_raw(&crt, (unsigned char *)"\x01", 1) == 0);
    fa_assert(mbedtls_x509write_crt_set_subject_name(&crt, subject) == 0);
    fa_assert(mbedtls_x509write_crt_set_issuer_name(&crt, "CN=the CA") == 0);
    fa_assert(mbedtls_x509write_crt_set_validity(&crt, from, to) == 0);
    fa_assert(mbedtls_x509write_crt_set_basic_constraints(&crt, names == NULL, -1) == 0);
    if (names != NULL)
        fa_assert(mbedtls_x509write_crt_set_subject_alternative_name(&crt, names) == 0);
    fa_assert(mbedtls_x509write_crt_pem(&crt, (unsigned char *)pem_out, cap, fa_jose_random, NULL) == 0);
    mbedtls_x509write_crt_free(&crt);
    return strlen(pem_out);
}

/* A chain of two, without an end of line behind it. */
static void sign(const uint8_t *request, size_t len)
{
    mbedtls_x509_csr csr;
    mbedtls_pk_context key;
    mbedtls_x509_san_list names[CA_NAMES_MAX] = {0};
    mbedtls_x509_csr_init(&csr);
    mbedtls_pk_init(&key);
    fa_assert(mbedtls_x509_csr_parse_der(&csr, request, len) == 0 && fa_jose_key_make(&key) == FA_OK);
    for (size_t i = 0; i < CA_NAMES_MAX && ca.names[i] != NULL; i++) {
        names[i].node.type = MBEDTLS_X509_SAN_DNS_NAME;
        names[i].node.san.unstructured_name.p = (unsigned char *)(uintptr_t)ca.names[i];
        names[i].node.san.unstructured_name.len = strlen(ca.names[i]);
        if (i > 0)
            names[i - 1].next = &names[i];
    }
    const size_t leaf_len = write_certificate(&csr.pk, &key, "CN=a.example", names, certificate, sizeof certificate);
    const size_t all_len = leaf_len + write_certificate(&key, &key, "CN=the CA", NULL, certificate + leaf_len, sizeof certificate - leaf_len);
    certificate[all_len - 1] = '\0';
    mbedtls_x509_csr_free(&csr);
    mbedtls_pk_free(&key);
}

/* Answers. */

static void answer(fa_http_agent *agent, unsigned status, const char *fmt, ...) FA_PRINTF(3, 4);
static void answer(fa_http_agent *agent, unsigned status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int len = vsnprintf(agent->body, sizeof agent->body, fmt, args);
    va_end(args);
    agent->len = (size_t)len;
    agent->response.status = status;
}

static void problem(fa_http_agent *agent, unsigned status, const char *type)
{
    answer(agent, status, "{\"type\":\"urn:ietf:params:acme:error:%s\",\"detail\":\"no\"}", type);
}

static void tell_patience(fa_http_agent *agent)
{
    if (ca.retry_after_s > 0)
        snprintf(agent->retry_after, sizeof agent->retry_after, "%u", ca.retry_after_s);
}

static void answer_order(fa_http_agent *agent)
{
    const bool waits = finalized && processing_left > 0;
    const char *status = waits ? "processing" : finalized ? "valid" : pending_left == 0 ? "ready" : "pending";
    if (waits) {
        processing_left--;
        tell_patience(agent);
    }
    answer(agent, 200, "{\"status\":\"%s\",\"authorizations\":[\"https://ca.example/authorization\"],"
                       "\"finalize\":\"https://ca.example/finalize\",\"certificate\":\"https://ca.example/certificate\"}", status);
}

static void new_order(fa_http_agent *agent)
{
    if (ca.refuses != NULL) {
        tell_patience(agent);
        problem(agent, ca.refuses_status, ca.refuses);
        return;
    }
    ca.orders++;
    finalized = false;
    pending_left = ca.pending;
    processing_left = ca.processing;
    answer_order(agent);
    agent->response.status = 201;
    strcpy(agent->location, "https://ca.example/order");
}

static void answer_authorization(fa_http_agent *agent)
{
    const bool waits = pending_left > 0;
    if (waits) {
        pending_left--;
        tell_patience(agent);
    }
    answer(agent, 200, "{\"status\":\"%s\",\"challenges\":[{\"type\":\"dns-01\"},{\"type\":\"http-01\",\"url\":"
                       "\"https://ca.example/challenge\",\"token\":\"dG9rZW4\"}]}", waits ? "pending" : "valid");
}

static void finalize(fa_http_agent *agent, const char *payload)
{
    static uint8_t request[FA_ACME_REQUEST_BYTES_MAX];
    size_t len;
    static char text[8192];
    fa_json document, value;
    fa_assert(fa_json_parse(payload, strlen(payload), &document) == FA_OK && fa_json_member(document, "csr", &value) &&
              fa_json_text(value, text, sizeof text) == FA_OK &&
              fa_base64url_read(text, request, sizeof request, &len) == FA_OK);
    sign(request, len);
    finalized = true;
    answer_order(agent);
}

static void answer_post(fa_http_agent *agent, const char *path, const char *jws)
{
    static char payload[16384];
    if (ca.stale_nonces > 0) {
        ca.stale_nonces--;
        problem(agent, 400, "badNonce");
        return;
    }
    payload_of(jws, payload, sizeof payload);
    if (strcmp(path, "/account") == 0) {
        fa_assert(strlen(payload) < sizeof ca.account);
        strcpy(ca.account, payload);
        strcpy(agent->location, "https://ca.example/account/1");
        if (ca.wants_binding && strstr(payload, "externalAccountBinding") == NULL)
            problem(agent, 403, "externalAccountRequired");
        else
            answer(agent, 201, "{}");
    } else if (strcmp(path, "/new-order") == 0) {
        new_order(agent);
    } else if (strcmp(path, "/order") == 0) {
        answer_order(agent);
    } else if (strcmp(path, "/authorization") == 0) {
        answer_authorization(agent);
    } else if (strcmp(path, "/challenge") == 0) {
        answer(agent, 200, "{}");
    } else if (strcmp(path, "/finalize") == 0) {
        finalize(agent, payload);
    } else {
        fa_assert(strcmp(path, "/certificate") == 0);
        ca.issued++;
        answer(agent, 200, "%s", ca.certificate != NULL ? ca.certificate : certificate);
    }
}

/* One answer of four is cut, changed, or has a field that nobody wants. */
static void garble(fa_http_agent *agent)
{
    static const char *const odd[] = {"", "a", "\"", "https://", "https://a\\b", "99999999999999999999", "-1", "1x"};
    const char *field = odd[test_random_below(&ca.garbles, FA_ARRAY_COUNT(odd))];
    if (test_random_below(&ca.garbles, 4) != 0)
        return;
    switch (test_random_below(&ca.garbles, 8)) {
    case 0:
        agent->len = test_random_below(&ca.garbles, agent->len + 1);
        break;
    case 1:
        agent->response.status = 200 + (unsigned)test_random_below(&ca.garbles, 400);
        break;
    case 2:
        strcpy(agent->location, field);
        break;
    case 3:
        strcpy(agent->retry_after, field);
        break;
    case 4:
        strcpy(agent->nonce, field);
        break;
    case 5:
        memset(test_random_below(&ca.garbles, 2) == 0 ? agent->nonce : agent->location, 'a', 599);
        break;
    default:
        for (size_t i = test_random_below(&ca.garbles, 4); i > 0 && agent->len > 0; i--)
            agent->body[test_random_below(&ca.garbles, agent->len)] = (char)test_random(&ca.garbles);
    }
}

/* The agent's functions. */

fa_err fa_http_agent_open(fa_net *net, fa_http_agent **agent_out)
{
    (void)net;
    *agent_out = calloc(1, sizeof **agent_out);
    fa_assert(*agent_out != NULL);
    ca.agents++;
    ca.agents_now++;
    return FA_OK;
}

void fa_http_agent_close(fa_http_agent *agent)
{
    ca.agents_now--;
    free(agent);
}

void fa_http_agent_use_tls(fa_http_agent *agent, struct fa_tls_client *client)
{
    (void)agent;
    (void)client;
}

static void add_field(fa_http_agent *agent, const char *name, const char *value)
{
    if (value[0] != '\0')
        agent->fields[agent->response.field_count++] = (fa_http_field){name, value};
}

fa_err fa_http_agent_request(fa_http_agent *agent, const char *url, const fa_http_request *request,
                             const fa_http_response **response_out, fa_deadline deadline)
{
    const fa_deadline there = fa_after_ns(LATENCY_NS);
    const fa_err err = fa_sleep(ca.hangs || deadline < there ? deadline : there);
    if (err != FA_OK)
        return err;
    if (ca.hangs || deadline <= there)
        return FA_ETIMEDOUT;
    ca.requests++;
    if (ca.down || fa_clock_mono_ns() < ca.down_until_ns)
        return FA_ECLOSED;
    *agent = (fa_http_agent){.response = {.fields = agent->fields}};
    snprintf(agent->nonce, sizeof agent->nonce, "bm9uY2U%u", nonces++);
    if (strcmp(request->method, "GET") == 0)
        answer(agent, 200, "{\"newNonce\":\"https://ca.example/nonce\",\"newAccount\":\"https://ca.example/account\","
                           "\"newOrder\":\"https://ca.example/new-order\"}");
    else if (strcmp(request->method, "HEAD") == 0)
        answer(agent, ca.no_nonces ? 503 : 200, "%s", "");
    else
        answer_post(agent, PATH(url), request->body);
    if (ca.no_nonces) {
        agent->nonce[0] = '\0';
        tell_patience(agent);
    }
    if (ca.garbles != 0)
        garble(agent);
    add_field(agent, "Replay-Nonce", agent->nonce);
    add_field(agent, "Location", agent->location);
    add_field(agent, "Retry-After", agent->retry_after);
    *response_out = &agent->response;
    return FA_OK;
}

fa_err fa_http_agent_read(fa_http_agent *agent, void *bytes_out, size_t cap, size_t *len_out, fa_deadline deadline)
{
    (void)deadline;
    const size_t left = agent->len - agent->at;
    *len_out = left < cap ? left : cap;
    memcpy(bytes_out, agent->body + agent->at, *len_out);
    agent->at += *len_out;
    return FA_OK;
}
