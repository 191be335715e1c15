/* SPDX-License-Identifier: ISC */
/* The HTTP client by URL: connections, redirects, and the one connection that is kept. */
#include <fata/http_client.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECTS_MAX 2u /* one more where https says so */

struct fa_http_agent {
    fa_net *net;
    fa_http_secure *secure; /* NULL: there is no TLS */
    void *secure_arg;
    fa_http_client *client; /* NULL: there is no connection */
    fa_url connected;       /* where it leads */
    fa_url url;             /* of the request */
    fa_http_field fields[FA_HTTP_FIELDS_MAX]; /* the request's, for other hosts */
};

fa_err fa_http_agent_open(fa_net *net, fa_http_agent **agent_out)
{
    fa_http_agent *agent = calloc(1, sizeof *agent);
    if (agent == NULL)
        return FA_ENOMEM;
    agent->net = net;
    *agent_out = agent;
    return FA_OK;
}

static void disconnect(fa_http_agent *agent)
{
    if (agent->client != NULL)
        fa_http_client_close(agent->client);
    agent->client = NULL;
}

void fa_http_agent_close(fa_http_agent *agent)
{
    disconnect(agent);
    free(agent);
}

void fa_http_agent_set_secure(fa_http_agent *agent, fa_http_secure *secure, void *arg)
{
    agent->secure = secure;
    agent->secure_arg = arg;
}

const fa_url *fa_http_agent_url(const fa_http_agent *agent)
{
    return &agent->url;
}

static fa_err connect_to(fa_http_agent *agent, fa_deadline deadline)
{
    fa_flow *flow;
    const fa_url *url = &agent->url;
    if (url->secure && agent->secure == NULL)
        return FA_ENOTSUP;
    fa_err err = FA_EAGAIN;
    for (unsigned i = 0; i < CONNECTS_MAX && err == FA_EAGAIN; i++) {
        err = fa_net_connect(agent->net, url->host, url->port, &flow, deadline);
        if (err == FA_OK && url->secure)
            err = agent->secure(agent->secure_arg, flow, url->authority, &flow, deadline);
    }
    if (err == FA_OK)
        err = fa_http_client_open_take(flow, &agent->client);
    if (err == FA_OK)
        agent->connected = *url;
    return err;
}

/* Reads what is left of a response, as far as it is worth it. */
static fa_err skip(fa_http_client *client, fa_deadline deadline)
{
    char bytes[256];
    size_t len, skipped = 0;
    fa_err err = FA_OK;
    do {
        err = fa_http_client_read(client, bytes, sizeof bytes, &len, deadline);
        skipped += len;
    } while (err == FA_OK && len > 0 && skipped < FA_HTTP_SKIP_BYTES_MAX);
    return err;
}

/* The kept connection, if it leads to the URL and is free. Who trickles a body that nobody wants loses it. */
static fa_err reuse(fa_http_agent *agent, bool *reused_out, fa_deadline deadline)
{
    const fa_deadline moment = fa_after_ns(FA_HTTP_SKIP_NS);
    *reused_out = false;
    if (agent->client == NULL)
        return FA_OK;
    if (fa_url_same_origin(&agent->connected, &agent->url)) {
        const fa_err err = skip(agent->client, moment < deadline ? moment : deadline);
        if (err == FA_ECANCELED || (err == FA_ETIMEDOUT && deadline <= moment))
            return err;
        *reused_out = fa_http_client_is_free(agent->client);
    }
    if (!*reused_out)
        disconnect(agent);
    return FA_OK;
}

/* RFC 9110 section 9.2.2. */
static bool is_idempotent(const char *method)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(methods); i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}

static fa_err exchange(fa_http_agent *agent, const fa_http_request *request,
                       const fa_http_response **response_out, fa_deadline deadline)
{
    fa_err err = fa_http_client_send(agent->client, request, deadline);
    return err == FA_OK || err == FA_ECLOSED
               ? fa_http_client_receive(agent->client, response_out, deadline)
               : err;
}

static fa_err ask(fa_http_agent *agent, const fa_http_request *request,
                  const fa_http_response **response_out, fa_deadline deadline)
{
    bool reused;
    fa_err err = reuse(agent, &reused, deadline);
    if (err == FA_OK && reused) {
        err = exchange(agent, request, response_out, deadline);
        /* RFC 9112 section 9.3.1: it may have ended as the request was on its way. */
        if (err != FA_ECLOSED || !is_idempotent(request->method))
            return err;
        disconnect(agent);
        err = FA_OK;
    }
    if (err == FA_OK)
        err = connect_to(agent, deadline);
    return err == FA_OK ? exchange(agent, request, response_out, deadline) : err;
}

/* Where a response leads to; NULL: nowhere. RFC 9110 section 15.4. */
static const char *redirect_of(const fa_http_response *response)
{
    switch (response->status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        return fa_http_response_field(response, "Location");
    default:
        return NULL;
    }
}

/* Takes out the fields of these names, or that begin so where a name ends with a dash. */
static void forget(fa_http_agent *agent, fa_http_request *request, const char *const *names, size_t name_count)
{
    size_t count = 0;
    for (size_t i = 0; i < request->field_count; i++) {
        const fa_http_field field = request->fields[i];
        bool stays = true;
        for (size_t j = 0; j < name_count; j++) {
            const size_t len = strlen(names[j]);
            stays &= strncasecmp(field.name, names[j], len + (names[j][len - 1] != '-')) != 0;
        }
        if (stays)
            agent->fields[count++] = field;
    }
    request->fields = agent->fields;
    request->field_count = count;
}

/* Fields that tell who asks are for who was to be told. */
static void forget_secrets(fa_http_agent *agent, fa_http_request *request)
{
    static const char *const names[] = {"Authorization", "Proxy-Authorization", "Cookie"};
    forget(agent, request, names, FA_ARRAY_COUNT(names));
}

/* RFC 9110 sections 15.4.2 to 15.4.4: 303 means another request; after 301 and 302 a POST becomes a GET,
 * as browsers do it. It has no body then, nor what is said of one (section 15.4). */
static void change_method(fa_http_agent *agent, fa_http_request *request, unsigned status)
{
    static const char *const names[] = {"Content-", "Digest", "Last-Modified"};
    const bool is_head = strcmp(request->method, "HEAD") == 0;
    if (status != 303 && !(status < 303 && strcmp(request->method, "POST") == 0))
        return;
    request->method = is_head ? "HEAD" : "GET";
    request->body = NULL;
    request->body_len = 0;
    forget(agent, request, names, FA_ARRAY_COUNT(names));
}

static fa_err follow(fa_http_agent *agent, const char *location, unsigned status,
                     fa_http_request *request)
{
    const bool was_secure = agent->url.secure;
    const fa_err err = fa_url_resolve(&agent->url, location, &agent->url);
    if (err != FA_OK)
        return err;
    if (was_secure && !agent->url.secure)
        return FA_EPERM;
    change_method(agent, request, status);
    if (!fa_url_same_origin(&agent->connected, &agent->url))
        forget_secrets(agent, request);
    return FA_OK;
}

fa_err fa_http_agent_request(fa_http_agent *agent, const char *url, const fa_http_request *request,
                             const fa_http_response **response_out, fa_deadline deadline)
{
    fa_http_request now = *request;
    if (now.method == NULL)
        now.method = "GET";
    if ((now.body == NULL && now.body_len > 0) || now.field_count > FA_HTTP_FIELDS_MAX)
        return FA_EINVAL;
    fa_err err = fa_url_parse(url, &agent->url);
    for (unsigned redirects = 0; err == FA_OK; redirects++) {
        now.target = agent->url.target;
        now.host = agent->url.authority;
        const fa_http_response *response;
        err = ask(agent, &now, &response, deadline);
        if (err != FA_OK)
            break;
        const char *location = redirect_of(response);
        if (location == NULL) {
            *response_out = response;
            return FA_OK;
        }
        err = redirects < FA_HTTP_REDIRECTS_MAX
                  ? follow(agent, location, response->status, &now)
                  : FA_ELIMIT;
    }
    disconnect(agent);
    return err;
}

fa_err fa_http_agent_get(fa_http_agent *agent, const char *url,
                         const fa_http_response **response_out, fa_deadline deadline)
{
    return fa_http_agent_request(agent, url, &(fa_http_request){0}, response_out, deadline);
}

fa_err fa_http_agent_read(fa_http_agent *agent, void *bytes_out, size_t cap, size_t *len_out,
                          fa_deadline deadline)
{
    *len_out = 0;
    return agent->client == NULL
               ? FA_ECLOSED
               : fa_http_client_read(agent->client, bytes_out, cap, len_out, deadline);
}
