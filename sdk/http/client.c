/* SPDX-License-Identifier: ISC */
/* A connection of the HTTP client: one request at a time, then its response. A buffer has first the head
 * that is sent, then the head that comes, with parts of the body behind it. */
#include "chunks.h"
#include "client_head.h"
#include "text.h"
#include <fata/http_client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BUFFER_BYTES (16 * FA_KIB)
_Static_assert(BUFFER_BYTES >= FA_HTTP_HEAD_BYTES_MAX + 1024, "no room for a body's parts");
_Static_assert(BUFFER_BYTES >= FA_HTTP_REQUEST_HEAD_BYTES_MAX, "no room for a request");

enum stage {
    FREE,    /* for a request */
    SENDING, /* of its body, `left` bytes are missing */
    SENT,
    BODY, /* of the response, `left` bytes are missing */
    OVER, /* the connection is of no more use */
};

struct fa_http_client {
    fa_flow *flow;
    enum stage stage;
    bool keeps;       /* it can be free again */
    bool sends_chunks;
    bool failed;      /* the flow has, in sending */
    bool is_head;     /* the request's method: its response has no body */
    bool to_the_end;  /* of the connection: the body */
    fa_err ended_with; /* the body: what each further read says */
    fa_http_chunks chunks;
    uint64_t left;
    fa_http_head head;
    fa_http_response response;
    /* in[0..head_len) is the head of the response, in[at..in_len) has not been used yet. */
    size_t head_len, at, in_len;
    char in[BUFFER_BYTES];
};

const char *fa_http_response_field(const fa_http_response *response, const char *name)
{
    for (size_t i = 0; i < response->field_count; i++)
        if (strcasecmp(response->fields[i].name, name) == 0)
            return response->fields[i].value;
    return NULL;
}

fa_err fa_http_client_open_take(fa_flow *flow, fa_http_client **client_out)
{
    fa_http_client *client = malloc(sizeof *client);
    if (client == NULL) {
        fa_flow_close(flow);
        return FA_ENOMEM;
    }
    client->flow = flow;
    client->stage = FREE;
    client->response = (fa_http_response){0};
    client->ended_with = FA_OK;
    *client_out = client;
    return FA_OK;
}

void fa_http_client_close(fa_http_client *client)
{
    if (client->stage == FREE)
        fa_flow_close(client->flow);
    else
        fa_flow_abort(client->flow); /* nobody wants what is on its way */
    free(client);
}

bool fa_http_client_is_free(fa_http_client *client)
{
    char byte;
    size_t len;
    if (client->stage == FREE && fa_flow_try_read(client->flow, &byte, 1, &len) != FA_EAGAIN)
        client->stage = OVER;
    return client->stage == FREE;
}

/* Sending. */

/* What says where a message ends, and what is between two neighbours only. */
static bool is_ours(const char *name)
{
    static const char *const ours[] = {"host",    "content-length", "transfer-encoding", "connection",
                                       "upgrade", "te",             "trailer",           "expect"};
    for (size_t i = 0; i < FA_ARRAY_COUNT(ours); i++)
        if (strcasecmp(name, ours[i]) == 0)
            return true;
    return false;
}

static bool all_are(const char *text, unsigned classes)
{
    while (fa_http_char_is(*text, classes))
        text++;
    return *text == '\0';
}

static bool is_valid(const fa_http_request *request)
{
    const char *method = request->method;
    if (method != NULL && (!fa_http_is_token(method) || strlen(method) > FA_HTTP_METHOD_BYTES_MAX ||
                           strcmp(method, "CONNECT") == 0)) /* its connection is no HTTP then */
        return false;
    if (request->target == NULL || !all_are(request->target, FA_HTTP_CHAR_TARGET) ||
        (request->target[0] != '/' && strcmp(request->target, "*") != 0))
        return false;
    if (request->host == NULL || !all_are(request->host, FA_HTTP_CHAR_HOST))
        return false;
    if (request->body != NULL && request->body_len >= SIZE_MAX) /* FA_HTTP_CHUNKED among them */
        return false;
    for (size_t i = 0; i < request->field_count; i++) {
        const fa_http_field *field = &request->fields[i];
        if (!fa_http_is_token(field->name) || !fa_http_is_value(field->value) ||
            is_ours(field->name))
            return false;
    }
    return true;
}

/* RFC 9110 section 8.6: a length of 0 is told where the method could have had a body. */
static bool tells_length(const fa_http_request *request, const char *method)
{
    return request->body_len > 0 || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

typedef struct text {
    char *bytes;
    size_t len;
    bool failed;
} text;

static void add(text *to, const char *what)
{
    const size_t len = strlen(what);
    if (len > FA_HTTP_REQUEST_HEAD_BYTES_MAX - to->len) {
        to->failed = true;
        return;
    }
    memcpy(to->bytes + to->len, what, len);
    to->len += len;
}

static void add_field(text *to, const char *name, const char *value)
{
    add(to, name);
    add(to, ": ");
    add(to, value);
    add(to, "\r\n");
}

static void compose(text *to, const fa_http_request *request, const char *method)
{
    add(to, method);
    add(to, " ");
    add(to, request->target);
    add(to, " HTTP/1.1\r\n");
    add_field(to, "Host", request->host);
    for (size_t i = 0; i < request->field_count; i++)
        add_field(to, request->fields[i].name, request->fields[i].value);
    if (request->body_len == FA_HTTP_CHUNKED && request->body == NULL) {
        add_field(to, "Transfer-Encoding", "chunked");
    } else if (tells_length(request, method)) {
        char number[24];
        snprintf(number, sizeof number, "%llu", (unsigned long long)request->body_len);
        add_field(to, "Content-Length", number);
    }
    add(to, "\r\n");
}

static fa_err send(fa_http_client *client, const fa_slice *slices, size_t count,
                   fa_deadline deadline)
{
    const fa_err err = fa_flow_write(client->flow, slices, count, deadline);
    if (err != FA_OK) {
        client->failed = true;
        client->keeps = false;
        client->stage = err == FA_ECLOSED ? SENT : OVER; /* it may have been told why */
    }
    return err;
}

fa_err fa_http_client_send(fa_http_client *client, const fa_http_request *request,
                           fa_deadline deadline)
{
    if (!is_valid(request))
        return FA_EINVAL;
    if (!fa_http_client_is_free(client))
        return FA_EBUSY;
    const char *method = request->method == NULL ? "GET" : request->method;
    text head = {client->in, 0, false};
    compose(&head, request, method);
    client->response = (fa_http_response){0}; /* its texts are gone */
    if (head.failed)
        return FA_ELIMIT;
    client->is_head = strcmp(method, "HEAD") == 0;
    client->sends_chunks = request->body == NULL && request->body_len == FA_HTTP_CHUNKED;
    client->left = request->body == NULL ? request->body_len : 0;
    client->stage = client->left > 0 ? SENDING : SENT;
    client->keeps = true;
    client->failed = false;
    client->ended_with = FA_OK;
    const fa_slice slices[] = {{head.bytes, head.len}, {request->body, (size_t)request->body_len}};
    return send(client, slices, request->body == NULL ? 1 : 2, deadline);
}

fa_err fa_http_client_write(fa_http_client *client, const void *bytes, size_t len,
                            fa_deadline deadline)
{
    if (client->stage != SENDING)
        return client->failed ? FA_ECLOSED : FA_EINVAL;
    if (len == 0) /* as a chunk, it would be the end */
        return FA_OK;
    if (!client->sends_chunks) {
        if (len > client->left)
            return FA_EINVAL;
        client->left -= len;
        client->stage = client->left > 0 ? SENDING : SENT;
        return send(client, &(fa_slice){bytes, len}, 1, deadline);
    }
    char size[24];
    const int size_len = snprintf(size, sizeof size, "%zx\r\n", len);
    const fa_slice slices[] = {{size, (size_t)size_len}, {bytes, len}, {"\r\n", 2}};
    return send(client, slices, FA_ARRAY_COUNT(slices), deadline);
}

static fa_err end_request(fa_http_client *client, fa_deadline deadline)
{
    if (client->stage == SENT)
        return FA_OK;
    if (client->stage != SENDING || !client->sends_chunks)
        return FA_EINVAL;
    static const char last[] = "0\r\n\r\n";
    client->stage = SENT;
    const fa_err err = send(client, &(fa_slice){last, sizeof last - 1}, 1, deadline);
    return err == FA_ECLOSED ? FA_OK : err;
}

/* Receiving. */

/* Adds to what has arrived. */
static fa_err receive(fa_http_client *client, fa_err at_end, fa_deadline deadline)
{
    size_t len;
    const fa_err err = fa_flow_read(client->flow, client->in + client->in_len,
                                    sizeof client->in - client->in_len, &len, deadline);
    if (err != FA_OK)
        return err;
    client->in_len += len;
    return len == 0 ? at_end : FA_OK;
}

static fa_err receive_head(fa_http_client *client, fa_deadline deadline)
{
    size_t line_at = 0;
    unsigned found;
    while ((found = fa_http_head_find(client->in, client->in_len, &line_at, &client->head_len)) ==
           FA_HTTP_MORE) {
        const fa_err err = receive(client, FA_ECLOSED, deadline);
        const bool ended = err == FA_ECLOSED || err == FA_ETRUNCATED; /* TLS, without its close_notify */
        if (err != FA_OK)
            return !ended ? err : client->in_len == 0 ? FA_ECLOSED : FA_ETRUNCATED;
    }
    if (found != FA_HTTP_DONE)
        return found == 400 ? FA_EFORMAT : FA_ELIMIT;
    return fa_http_response_parse(&client->head, client->in, client->head_len,
                                  &client->response.status);
}

/* RFC 9110 section 15.2: any number of them may come before the response; we bound it. */
static fa_err receive_last_head(fa_http_client *client, fa_deadline deadline)
{
    client->in_len = 0;
    for (unsigned i = 0; i <= FA_HTTP_INTERIM_MAX; i++) {
        const fa_err err = receive_head(client, deadline);
        if (err != FA_OK)
            return err;
        if (client->response.status >= 200)
            return FA_OK;
        if (client->response.status == 101)
            return FA_EFORMAT; /* we have asked for no other protocol */
        client->in_len -= client->head_len;
        memmove(client->in, client->in + client->head_len, client->in_len);
    }
    return FA_ELIMIT;
}

static void end_response(fa_http_client *client)
{
    /* What follows was not asked for: who knows whose answer it is. */
    client->stage = client->keeps && client->at == client->in_len ? FREE : OVER;
}

/* RFC 9112 section 6.3. */
static void begin_body(fa_http_client *client)
{
    const fa_http_head *head = &client->head;
    const unsigned status = client->response.status;
    client->response.fields = head->fields;
    client->response.field_count = head->field_count;
    client->response.length_known = head->known[FA_HTTP_CONTENT_LENGTH] != NULL;
    client->response.length = head->body_bytes;
    client->at = client->head_len;
    client->stage = BODY;
    client->keeps = client->keeps && !head->close;
    client->to_the_end = false;
    if (client->is_head || status == 204 || status == 304) {
        end_response(client);
    } else if (head->chunked) {
        fa_http_chunks_init(&client->chunks);
    } else if (client->response.length_known) {
        client->left = head->body_bytes;
        if (client->left == 0)
            end_response(client);
    } else {
        client->to_the_end = true;
        client->keeps = false;
    }
}

fa_err fa_http_client_receive(fa_http_client *client, const fa_http_response **response_out,
                              fa_deadline deadline)
{
    fa_err err = end_request(client, deadline);
    if (err == FA_EINVAL)
        return err;
    if (err == FA_OK)
        err = receive_last_head(client, deadline);
    if (err != FA_OK) {
        client->stage = OVER;
        return err;
    }
    begin_body(client);
    *response_out = &client->response;
    return FA_OK;
}

static size_t least(size_t a, uint64_t b)
{
    return a < b ? a : (size_t)b;
}

/* What has arrived with the head, then from the flow. */
static fa_err read_plain(fa_http_client *client, void *bytes_out, size_t cap, size_t *len_out,
                         fa_deadline deadline)
{
    size_t len = client->to_the_end ? cap : least(cap, client->left);
    if (client->at < client->in_len) {
        len = least(len, client->in_len - client->at);
        memcpy(bytes_out, client->in + client->at, len);
        client->at += len;
    } else {
        const fa_err err = fa_flow_read(client->flow, bytes_out, len, &len, deadline);
        if (err != FA_OK)
            return err == FA_ECLOSED ? FA_ETRUNCATED : err;
        if (len == 0 && !client->to_the_end)
            return FA_ETRUNCATED;
    }
    if (!client->to_the_end)
        client->left -= len;
    if (client->to_the_end ? len == 0 : client->left == 0)
        end_response(client);
    *len_out = len;
    return FA_OK;
}

static fa_err read_chunked(fa_http_client *client, void *bytes_out, size_t cap, size_t *len_out,
                           fa_deadline deadline)
{
    for (;;) {
        size_t used, len;
        const unsigned status = fa_http_chunks_next(&client->chunks, client->in + client->at,
                                                    client->in_len - client->at, &used, &len);
        client->at += used;
        if (status == FA_HTTP_DONE) {
            end_response(client);
            return FA_OK;
        }
        if (len > 0) {
            len = least(len, cap);
            memcpy(bytes_out, client->in + client->at, len);
            client->at += len;
            fa_http_chunks_took(&client->chunks, len);
            *len_out = len;
            return FA_OK;
        }
        if (status != FA_HTTP_MORE)
            return FA_EFORMAT;
        client->at = client->in_len = client->head_len; /* all is used */
        const fa_err err = receive(client, FA_ETRUNCATED, deadline);
        if (err != FA_OK)
            return err == FA_ECLOSED ? FA_ETRUNCATED : err;
    }
}

fa_err fa_http_client_read(fa_http_client *client, void *bytes_out, size_t cap, size_t *len_out,
                           fa_deadline deadline)
{
    *len_out = 0;
    if (client->stage != BODY)
        return client->ended_with;
    const fa_err err = client->head.chunked
                           ? read_chunked(client, bytes_out, cap, len_out, deadline)
                           : read_plain(client, bytes_out, cap, len_out, deadline);
    /* After a deadline or a cancel it could go on; where in a chunk it is, is kept. */
    if (err == FA_EFORMAT || err == FA_ETRUNCATED) {
        client->stage = OVER;
        client->ended_with = err;
    }
    return err;
}
