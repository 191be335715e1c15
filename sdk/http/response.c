/* SPDX-License-Identifier: ISC */
/* A response: kept back as long as it is short, so that it leaves in one write with its length; else
 * its head, and then chunks or as many bytes as were announced. */
#include "exchange.h"
#include "text.h"
#include <fata/bytes.h>
#include <fata/panic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* RFC 9110 section 15. */
static const struct {
    uint16_t status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

const char *fa_http_reason(unsigned status)
{
    for (size_t i = 0; i < FA_ARRAY_COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

void fa_http_response_init(fa_http_exchange *x)
{
    x->status = 200;
    x->type = "text/html; charset=utf-8";
    x->length_known = x->begun = x->chunked = x->ended = x->no_body = false;
    x->close = x->head.close || x->server->ending;
    x->linger = false;
    x->failed = FA_OK;
    x->length = x->written_bytes = 0;
    x->rest = (fa_slice){NULL, 0};
    x->field_len = x->out_len = 0;
    x->out = x->out_bytes;
    x->out_cap = sizeof x->out_bytes;
}

static fa_err fail(fa_http_exchange *x, fa_err err)
{
    if (x->failed == FA_OK)
        x->failed = err;
    return err;
}

void fa_http_status(fa_http *http, unsigned status)
{
    fa_assert(status >= 200 && status <= 599);
    fa_http_exchange_of(http)->status = status;
}

void fa_http_type(fa_http *http, const char *type)
{
    fa_http_exchange *x = fa_http_exchange_of(http);
    x->type = type;
    if (!fa_http_is_value(type))
        (void)fail(x, FA_EINVAL);
}

void fa_http_length(fa_http *http, uint64_t len)
{
    fa_http_exchange *x = fa_http_exchange_of(http);
    x->length = len;
    x->length_known = true;
}

fa_err fa_http_field_add(fa_http *http, const char *name, const char *value)
{
    fa_http_exchange *x = fa_http_exchange_of(http);
    if (!fa_http_is_token(name) || !fa_http_is_value(value))
        return fail(x, FA_EINVAL);
    fa_writer w = fa_writer_of(x->fields + x->field_len, sizeof x->fields - x->field_len);
    fa_write_bytes(&w, name, strlen(name));
    fa_write_bytes(&w, ": ", 2);
    fa_write_bytes(&w, value, strlen(value));
    fa_write_bytes(&w, "\r\n", 2);
    if (w.failed)
        return fail(x, FA_ELIMIT);
    x->field_len += w.len;
    return FA_OK;
}

/* RFC 9110 section 6.6.1: who has a clock says what it shows, once a second is often enough. */
static fa_slice tail_of(fa_http_server *server)
{
    const uint64_t now_s = fa_clock_wall_ns() / FA_NS_PER_S;
    if (now_s == server->tail_s)
        return (fa_slice){server->tail, server->tail_len};
    server->tail_s = now_s;
    struct tm utc;
    const time_t now = (time_t)now_s;
    size_t len = 0;
    if (now_s > 0 && gmtime_r(&now, &utc) != NULL) {
        static const char days[] = "SunMonTueWedThuFriSat";
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        const int printed = snprintf(
            server->tail, sizeof server->tail, "Date: %.3s, %02u %.3s %04u %02u:%02u:%02u GMT\r\n",
            days + 3 * utc.tm_wday, (unsigned)utc.tm_mday, months + 3 * utc.tm_mon,
            1900u + (unsigned)utc.tm_year, (unsigned)utc.tm_hour, (unsigned)utc.tm_min,
            (unsigned)utc.tm_sec);
        len = printed > 0 && (size_t)printed < sizeof server->tail - 2 ? (size_t)printed : 0;
    }
    memcpy(server->tail + len, "\r\n", 2);
    server->tail_len = len + 2;
    return (fa_slice){server->tail, server->tail_len};
}

static fa_err send(fa_http_exchange *x, fa_slice *slices, size_t count, fa_deadline deadline)
{
    for (size_t i = 0; i < count; i++)
        x->sent_bytes += slices[i].len;
    return fa_http_send(x, slices, count, deadline);
}

static fa_slice text_slice(const char *text)
{
    return (fa_slice){text, strlen(text)};
}

static const char *connection_field(const fa_http_exchange *x)
{
    return x->close ? "Connection: close\r\n" : "";
}

#define HEAD_SLICES 6u

/* The head; `line` is room for its first line and framing (RFC 9112 section 6). */
static size_t begin(fa_http_exchange *x, char *line, size_t line_cap, fa_slice *slices_out)
{
    const bool has_type = x->status != 204 && x->status != 304;
    x->begun = true;
    x->close |= fa_http_body_ends_connection(x) || x->server->ending;
    x->no_body |= !has_type;
    x->chunked = !x->length_known && x->head.minor > 0;
    x->close |= !x->length_known && !x->chunked;
    int len = snprintf(line, line_cap, "HTTP/1.1 %u %s\r\n", x->status, fa_http_reason(x->status));
    if (has_type && x->length_known)
        len += snprintf(line + len, line_cap - (size_t)len, "Content-Length: %llu\r\n",
                        (unsigned long long)x->length);
    else if (has_type && x->chunked)
        len += snprintf(line + len, line_cap - (size_t)len, "Transfer-Encoding: chunked\r\n");
    fa_assert((size_t)len < line_cap);
    slices_out[0] = (fa_slice){line, (size_t)len};
    slices_out[1] = text_slice(has_type ? "Content-Type: " : "");
    slices_out[2] = text_slice(has_type ? x->type : "");
    slices_out[3] = text_slice(!has_type ? "" : x->close ? "\r\nConnection: close\r\n" : "\r\n");
    if (!has_type)
        slices_out[3] = text_slice(connection_field(x));
    slices_out[4] = (fa_slice){x->fields, x->field_len};
    slices_out[5] = tail_of(x->server);
    return HEAD_SLICES;
}

/* Sends what was kept back, and `bytes`; the head before, if it is not sent yet. */
static fa_err send_body(fa_http_exchange *x, const void *bytes, size_t len, bool last,
                        fa_deadline deadline)
{
    char line[96], size[20];
    fa_slice slices[HEAD_SLICES + 5];
    size_t count = x->begun ? 0 : begin(x, line, sizeof line, slices);
    const size_t body_len = x->out_len + len;
    if (!x->no_body) {
        const bool in_chunk = x->chunked && body_len > 0;
        if (in_chunk) {
            (void)snprintf(size, sizeof size, "%zx\r\n", body_len);
            slices[count++] = text_slice(size);
        }
        slices[count++] = (fa_slice){x->out, x->out_len};
        slices[count++] = (fa_slice){bytes, len};
        slices[count++] = text_slice(in_chunk ? "\r\n" : "");
        slices[count++] = text_slice(last && x->chunked ? "0\r\n\r\n" : "");
    }
    x->out_len = 0;
    const fa_err err = send(x, slices, count, deadline);
    return err == FA_OK ? FA_OK : fail(x, err);
}

/* Room for `len` more bytes to be kept back: the buffer, then the arena. */
static fa_err reserve(fa_http_exchange *x, size_t len)
{
    if (len <= x->out_cap - x->out_len)
        return FA_OK;
    const size_t cap = 2 * (x->out_len + len);
    char *grown = cap < FA_HTTP_ARENA_BYTES_MAX ? fa_arena_alloc(&x->arena, cap) : NULL;
    if (grown == NULL)
        return FA_ELIMIT;
    memcpy(grown, x->out, x->out_len);
    x->out = grown;
    x->out_cap = cap;
    return FA_OK;
}

/* So many bytes of the body come now. */
static fa_err account(fa_http_exchange *x, size_t len)
{
    if (x->failed != FA_OK)
        return x->failed;
    if (x->ended)
        return fail(x, FA_EINVAL);
    if (x->length_known && len > x->length - x->written_bytes)
        return fail(x, FA_ELIMIT);
    x->written_bytes += len;
    return FA_OK;
}

fa_err fa_http_printf(fa_http *http, const char *fmt, ...)
{
    fa_http_exchange *x = fa_http_exchange_of(http);
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const size_t room = x->out_cap - x->out_len;
    const int printed = vsnprintf(x->out + x->out_len, room, fmt, args);
    const size_t len = printed < 0 ? 0 : (size_t)printed;
    fa_err err = account(x, len);
    if (err == FA_OK && len >= room) { /* (with its NUL) */
        err = reserve(x, len + 1);
        if (err == FA_OK)
            (void)vsnprintf(x->out + x->out_len, len + 1, fmt, again);
        else
            (void)fail(x, err);
    }
    if (err == FA_OK)
        x->out_len += len;
    va_end(again);
    va_end(args);
    return err;
}

fa_err fa_http_write(fa_http *http, const void *bytes, size_t len, fa_deadline deadline)
{
    fa_http_exchange *x = fa_http_exchange_of(http);
    const fa_err err = account(x, len);
    if (err != FA_OK || len == 0)
        return err;
    if (len > x->out_cap - x->out_len)
        return send_body(x, bytes, len, false, deadline);
    memcpy(x->out + x->out_len, bytes, len);
    x->out_len += len;
    return FA_OK;
}

fa_err fa_http_flush(fa_http *http, fa_deadline deadline)
{
    fa_http_exchange *x = fa_http_exchange_of(http);
    return x->failed != FA_OK ? x->failed : send_body(x, "", 0, false, deadline);
}

fa_err fa_http_end(fa_http *http, fa_deadline deadline)
{
    fa_http_exchange *x = fa_http_exchange_of(http);
    if (x->failed != FA_OK || x->ended)
        return x->failed;
    x->ended = true;
    if (!x->begun && !x->length_known)
        fa_http_length(http, x->written_bytes);
    if (x->length != x->written_bytes && x->length_known && !x->no_body)
        return fail(x, FA_ETRUNCATED); /* the client is to see that something is missing */
    if (x->begun && x->out_len == 0 && !x->chunked)
        return FA_OK;
    return send_body(x, "", 0, true, deadline);
}

void fa_http_response_plain(fa_http_exchange *x, unsigned status)
{
    const bool no_body = x->no_body, close = x->close, linger = x->linger;
    fa_http_response_init(x);
    x->no_body = no_body;
    x->close |= close;
    x->linger = linger;
    x->status = status;
    x->type = "text/plain; charset=utf-8";
    (void)fa_http_printf(&x->http, "%u %s\n", status, fa_http_reason(status));
}

#define STATIC_SLICES 4u

fa_err fa_http_respond_static(fa_http *http, unsigned status, const fa_slice *head,
                              size_t head_count, fa_slice body, fa_deadline deadline)
{
    fa_http_exchange *x = fa_http_exchange_of(http);
    fa_assert(!x->begun && head_count <= STATIC_SLICES);
    x->begun = x->length_known = x->ended = true;
    x->status = status;
    x->close |= fa_http_body_ends_connection(x);
    fa_slice slices[STATIC_SLICES + 3];
    size_t count = 0, head_len = 0, sent = 0;
    for (; count < head_count; count++)
        slices[count] = head[count];
    if (x->close)
        slices[count++] = text_slice(connection_field(x));
    slices[count++] = tail_of(x->server);
    for (size_t i = 0; i < count; i++)
        head_len += slices[i].len;
    if (x->no_body)
        body.len = 0;
    slices[count++] = body;
    x->sent_bytes += head_len + body.len;
    fa_err err = fa_flow_try_write(x->conn->flow, slices, count, &sent);
    if (err == FA_EAGAIN)
        sent = 0, err = FA_OK;
    /* A flow with no room for a head: wait for it here, which is rare. */
    for (size_t i = 0; i + 1 < count && err == FA_OK; i++) {
        const size_t done = sent < slices[i].len ? sent : slices[i].len;
        sent -= done;
        fa_slice left = {(const char *)slices[i].bytes + done, slices[i].len - done};
        if (left.len > 0)
            err = fa_http_send(x, &left, 1, deadline);
    }
    if (err == FA_OK)
        x->rest = (fa_slice){(const char *)body.bytes + sent, body.len - sent};
    return err;
}
