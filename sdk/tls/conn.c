/* SPDX-License-Identifier: ISC */
/* A connection as a flow: what is read comes out of records, what is written goes into them, and the end
 * is told by close_notify. None of these calls waits. */
#include "closing.h"
#include "records.h"
#include "update.h"
#include "../flow/waiter.h"
#include <fata/bytes.h>
#include <fata/panic.h>
#include <mbedtls/platform.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_AT_ONCE 2u /* that one call makes, so that others have their turn */
#define SILENT_AT_ONCE 8u  /* records without data that one call reads */

int mbedtls_ssl_flush_output(mbedtls_ssl_context *ssl); /* of mbedTLS's inside */

static void on_readable(fa_waker *waker)
{
    fa_waker_fire(&((fa_tls_conn *)(void *)((char *)waker - offsetof(fa_tls_conn, on_readable)))->reader);
}

static void on_writable(fa_waker *waker)
{
    fa_waker_fire(&((fa_tls_conn *)(void *)((char *)waker - offsetof(fa_tls_conn, on_writable)))->writer);
}

int fa_tls_conn_send(void *arg, const unsigned char *bytes, size_t len)
{
    fa_tls_conn *conn = arg;
    size_t sent = 0;
    const fa_err err = fa_flow_try_write(conn->below, &(fa_slice){bytes, len}, 1, &sent);
    if (err == FA_OK && sent > 0)
        return (int)sent;
    if (err == FA_OK || err == FA_EAGAIN)
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    conn->below_err = err;
    return MBEDTLS_ERR_SSL_CONN_EOF;
}

int fa_tls_conn_recv(void *arg, unsigned char *bytes_out, size_t cap)
{
    fa_tls_conn *conn = arg;
    size_t len = (size_t)(conn->head_len - conn->head_used);
    if (len > 0) {
        len = len < cap ? len : cap;
        memcpy(bytes_out, conn->head + conn->head_used, len);
        conn->head_used = (uint8_t)(conn->head_used + len);
    } else {
        const fa_err err = fa_flow_try_read(conn->below, bytes_out, cap, &len);
        if (err == FA_EAGAIN)
            return MBEDTLS_ERR_SSL_WANT_READ;
        if (err != FA_OK || len == 0) {
            conn->below_err = err == FA_OK ? FA_ETRUNCATED : err;
            return MBEDTLS_ERR_SSL_CONN_EOF;
        }
    }
    const size_t used = (size_t)(bytes_out - conn->ssl.in_buf) + len;
    conn->in_peak = used > conn->in_peak ? used : conn->in_peak;
    return (int)len;
}

void fa_tls_conn_fail_as(fa_tls_conn *conn, fa_err err, const char *reason)
{
    if (conn->err != FA_OK)
        return;
    conn->err = err;
    conn->reason = strdup(reason); /* if there is memory */
}

void fa_tls_conn_tell(fa_tls_conn *conn, int mbed)
{
    unsigned char alert;
    if (mbed == MBEDTLS_ERR_SSL_INVALID_MAC)
        alert = MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC;
    else if (mbed == MBEDTLS_ERR_SSL_INVALID_RECORD)
        alert = MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR;
    else if (mbed == MBEDTLS_ERR_SSL_BAD_INPUT_DATA)
        alert = MBEDTLS_SSL_ALERT_MSG_RECORD_OVERFLOW;
    else if (mbed == MBEDTLS_ERR_SSL_BAD_CERTIFICATE)
        alert = MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
    else if (mbed == MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE && conn->ssl.state == MBEDTLS_SSL_HELLO_RETRY_REQUEST)
        alert = MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE; /* no group in common */
    else if (mbed == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE)
        alert = MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE; /* RFC 5246, 7.4.6 */
    else
        return;
    (void)mbedtls_ssl_send_alert_message(&conn->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert);
}

fa_err fa_tls_conn_fail(fa_tls_conn *conn, int mbed)
{
    fa_tls_reason why = {""};
    fa_err err = conn->below_err;
    if (err == FA_ETRUNCATED)
        fa_tls_say(&why, "the peer's connection ended without its close_notify");
    else if (err != FA_OK)
        fa_tls_say(&why, "the connection below: %s", fa_err_text(err));
    else
        err = fa_tls_err_of(mbed, &conn->ssl, &why);
    fa_tls_conn_fail_as(conn, err, why.text);
    return conn->err;
}

/* Reading. */

/* Whole headers only are looked at in a buffer: up to there, a connection needs none. */
static fa_err read_head(fa_tls_conn *conn)
{
    if (conn->own_in != NULL)
        return FA_OK;
    if (conn->head_used == conn->head_len)
        conn->head_len = conn->head_used = 0;
    size_t len;
    while (conn->head_len < FA_TLS_HEADER_BYTES) {
        const fa_err err = fa_flow_try_read(conn->below, conn->head + conn->head_len,
                                            FA_TLS_HEADER_BYTES - conn->head_len, &len);
        if (err == FA_EAGAIN)
            return err;
        if (err != FA_OK || len == 0) {
            conn->below_err = err == FA_OK ? FA_ETRUNCATED : err;
            return fa_tls_conn_fail(conn, 0);
        }
        conn->head_len = (uint8_t)(conn->head_len + len);
    }
    return FA_OK;
}

/* One record's bytes, or as many of them as there is room for. */
static fa_err read_record(fa_tls_conn *conn, void *bytes_out, size_t cap, size_t *len_out)
{
    for (unsigned i = 0; i < SILENT_AT_ONCE; i++) {
        int got = mbedtls_ssl_read(&conn->ssl, bytes_out, cap);
        if (got > 0) {
            *len_out = (size_t)got;
            return FA_OK;
        }
        if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
            conn->peer_ended = true;
            *len_out = 0;
            return FA_OK;
        }
        if (got == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE)
            got = fa_tls_update_take(conn);
        if (got == 0 && conn->below_err == FA_OK)
            continue; /* records without a byte */
        /* (A ticket has come, which is read in the next call.) */
        if (got == MBEDTLS_ERR_SSL_WANT_READ && conn->ssl.state != MBEDTLS_SSL_HANDSHAKE_OVER)
            continue;
        if (got == MBEDTLS_ERR_SSL_WANT_READ || got == MBEDTLS_ERR_SSL_WANT_WRITE)
            return FA_EAGAIN;
        if (got != MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            fa_tls_conn_tell(conn, got);
            return fa_tls_conn_fail(conn, got);
        }
        fa_tls_client_keep_session(conn);
    }
    return FA_EAGAIN;
}

static fa_err try_read(fa_flow *flow, void *bytes_out, size_t cap, size_t *len_out)
{
    fa_tls_conn *conn = fa_tls_conn_of(flow);
    if (conn->peer_ended) {
        *len_out = 0;
        return FA_OK;
    }
    fa_err err = conn->err != FA_OK ? conn->err : read_head(conn);
    if (err != FA_OK)
        return err;
    err = fa_tls_records_lend(conn);
    if (err != FA_OK)
        return err;
    size_t len = 0;
    err = read_record(conn, bytes_out, cap < INT32_MAX ? cap : INT32_MAX, &len);
    const fa_err returned = fa_tls_records_return(conn);
    fa_tls_closing_watch();
    if (err == FA_OK && len > 0)
        *len_out = len;
    else if (err == FA_OK)
        *len_out = 0;
    return err == FA_EAGAIN && returned != FA_OK ? returned : err;
}

/* Writing. */

/* Up to a record's bytes of what lies behind the first `skip`. */
static size_t gather(const fa_slice *slices, size_t count, size_t skip, uint8_t *bytes_out, size_t cap)
{
    size_t len = 0;
    for (size_t i = 0; i < count && len < cap; i++) {
        if (skip >= slices[i].len) {
            skip -= slices[i].len;
            continue;
        }
        size_t part = slices[i].len - skip;
        part = part < cap - len ? part : cap - len;
        memcpy(bytes_out + len, (const uint8_t *)slices[i].bytes + skip, part);
        len += part;
        skip = 0;
    }
    return len;
}

static fa_err write_records(fa_tls_conn *conn, const fa_slice *slices, size_t count, size_t *done)
{
    mbedtls_ssl_context *ssl = &conn->ssl;
    if (ssl->out_left > 0) {
        const int ret = mbedtls_ssl_flush_output(ssl);
        if (ret == MBEDTLS_ERR_SSL_WANT_WRITE)
            return FA_EAGAIN;
        if (ret != 0)
            return fa_tls_conn_fail(conn, ret);
        *done = conn->held_len;
        conn->held_len = 0;
    }
    const int most = mbedtls_ssl_get_max_out_record_payload(ssl);
    if (most <= 0)
        return fa_tls_conn_fail(conn, most);
    for (unsigned i = 0; i < RECORDS_AT_ONCE; i++) {
        int ret = fa_tls_update_send(conn);
        /* It is put where mbedTLS copies it to. */
        const size_t len = ret == 0 ? gather(slices, count, *done, ssl->out_msg, (size_t)most) : 0;
        if (len > 0)
            ret = mbedtls_ssl_write(ssl, ssl->out_msg, len);
        else if (ret == 0)
            break;
        if (ret == MBEDTLS_ERR_SSL_WANT_WRITE) {
            conn->held_len = (uint16_t)len;
            return *done > 0 ? FA_OK : FA_EAGAIN;
        }
        if (ret == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) { /* that a read has left half done */
            fa_tls_client_keep_session(conn);
            continue;
        }
        if (ret < 0)
            return fa_tls_conn_fail(conn, ret);
        *done += len;
    }
    return FA_OK;
}

static fa_err try_write(fa_flow *flow, const fa_slice *slices, size_t count, size_t *len_out)
{
    fa_tls_conn *conn = fa_tls_conn_of(flow);
    if (conn->err != FA_OK || conn->ended)
        return FA_ECLOSED;
    size_t wanted = 0, done = 0;
    for (size_t i = 0; i < count; i++)
        wanted += slices[i].len;
    fa_assert(wanted >= conn->held_len); /* what was not taken must come again */
    if (wanted == 0) {
        *len_out = 0;
        return FA_OK;
    }
    fa_err err = fa_tls_records_lend(conn);
    if (err != FA_OK)
        return err;
    err = write_records(conn, slices, count, &done);
    const fa_err returned = fa_tls_records_return(conn);
    fa_tls_closing_watch();
    if (err == FA_OK)
        *len_out = done;
    return returned != FA_OK ? returned : err;
}

static void arm(fa_flow *flow, unsigned events, fa_waker *waker)
{
    fa_tls_conn *conn = fa_tls_conn_of(flow);
    if (events & FA_FLOW_READABLE) {
        conn->reader = waker;
        if (conn->err != FA_OK || conn->peer_ended || mbedtls_ssl_check_pending(&conn->ssl))
            fa_waker_fire(&conn->reader);
        else
            fa_flow_arm(conn->below, FA_FLOW_READABLE, waker == NULL ? NULL : &conn->on_readable);
    }
    if (events & FA_FLOW_WRITABLE) {
        conn->writer = waker;
        if (conn->err != FA_OK || conn->ended)
            fa_waker_fire(&conn->writer);
        else
            fa_flow_arm(conn->below, FA_FLOW_WRITABLE, waker == NULL ? NULL : &conn->on_writable);
    }
}

/* The end. */

/* FA_EAGAIN: not all of it could be sent yet. */
fa_err fa_tls_conn_say_end(fa_tls_conn *conn)
{
    fa_err err = conn->err != FA_OK ? conn->err : fa_tls_records_lend(conn);
    if (err != FA_OK)
        return err;
    int ret = mbedtls_ssl_flush_output(&conn->ssl);
    if (ret == 0 && !conn->said_end) {
        conn->said_end = true;
        ret = mbedtls_ssl_close_notify(&conn->ssl);
    }
    if (ret == MBEDTLS_ERR_SSL_WANT_WRITE)
        err = FA_EAGAIN;
    else if (ret != 0)
        err = fa_tls_conn_fail(conn, ret);
    const fa_err returned = fa_tls_records_return(conn);
    return returned != FA_OK ? returned : err;
}

static fa_err shut(fa_flow *flow)
{
    fa_tls_conn *conn = fa_tls_conn_of(flow);
    if (conn->ended || conn->err != FA_OK)
        return FA_OK;
    conn->ended = true;
    fa_waker_fire(&conn->writer);
    fa_err err = fa_tls_conn_say_end(conn);
    if (err == FA_EAGAIN)
        err = fa_tls_closing_add(conn, false);
    else if (err == FA_OK)
        err = fa_flow_shutdown(conn->below);
    return err == FA_ENOTSUP ? FA_OK : err; /* the close_notify was the end */
}

static void close_flow(fa_flow *flow, bool abort)
{
    fa_tls_conn *conn = fa_tls_conn_of(flow);
    fa_flow_arm(conn->below, FA_FLOW_READABLE, NULL);
    conn->reader = conn->writer = NULL;
    if (!abort && (conn->in_closing.after != NULL || fa_tls_conn_say_end(conn) == FA_EAGAIN) &&
        fa_tls_closing_add(conn, true) == FA_OK)
        return;
    fa_tls_conn_free(conn, abort);
}

static const fa_flow_ops ops = {try_read, try_write, arm, shut, close_flow};

const fa_tls_conn *fa_tls_conn_check(const fa_flow *flow)
{
    return flow->ops == &ops ? (const fa_tls_conn *)flow : NULL;
}

fa_err fa_tls_conn_new(fa_tls_config *config, fa_flow *flow_take, fa_tls_conn **conn_out)
{
    fa_tls_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        fa_flow_abort(flow_take);
        return FA_ENOMEM;
    }
    conn->flow.ops = &ops;
    conn->below = flow_take;
    conn->config = config;
    config->refs++;
    conn->on_readable = (fa_waker){on_readable};
    conn->on_writable = (fa_waker){on_writable};
    mbedtls_ssl_init(&conn->ssl);
    if (mbedtls_ssl_setup(&conn->ssl, &config->mbed) != 0) {
        fa_tls_conn_free(conn, true);
        return FA_ENOMEM;
    }
    /* It has made buffers of its own, which are not ours to lend. */
    mbedtls_free(conn->ssl.in_buf);
    mbedtls_free(conn->ssl.out_buf);
    conn->ssl.in_buf = conn->ssl.out_buf = NULL;
    const fa_err err = fa_tls_records_own(conn);
    if (err != FA_OK) {
        fa_tls_conn_free(conn, true);
        return err;
    }
    mbedtls_ssl_set_bio(&conn->ssl, conn, fa_tls_conn_send, fa_tls_conn_recv, NULL);
    *conn_out = conn;
    return FA_OK;
}

void fa_tls_conn_forget_identities(fa_tls_conn *conn)
{
    for (size_t i = 0; i < FA_TLS_KINDS; i++) {
        fa_tls_identity_free(conn->identities[i]);
        conn->identities[i] = NULL;
    }
}

void fa_tls_conn_free(fa_tls_conn *conn, bool abort)
{
    if (conn->in_closing.after != NULL)
        fa_tls_closing_remove(conn);
    fa_tls_records_drop(conn);
    mbedtls_ssl_free(&conn->ssl);
    if (conn->below != NULL)
        fa_flow_arm(conn->below, FA_FLOW_READABLE | FA_FLOW_WRITABLE, NULL);
    if (conn->below != NULL && abort)
        fa_flow_abort(conn->below);
    else if (conn->below != NULL)
        fa_flow_close(conn->below);
    fa_tls_conn_forget_identities(conn);
    fa_tls_config_release(conn->config);
    free(conn->reason);
    free(conn->name);
    free(conn->subject);
    free(conn->names);
    free(conn);
}

fa_err fa_tls_info_get(const fa_flow *flow, fa_tls_info *info_out)
{
    const fa_tls_conn *conn = fa_tls_conn_check(flow);
    if (conn == NULL)
        return FA_ENOTSUP;
    const char *alpn = mbedtls_ssl_get_alpn_protocol(&conn->ssl);
    *info_out = (fa_tls_info){
        .version = mbedtls_ssl_get_version(&conn->ssl),
        .cipher = mbedtls_ssl_get_ciphersuite(&conn->ssl),
        .alpn = alpn == NULL ? "" : alpn,
        .server_name = conn->name == NULL ? "" : conn->name,
        .peer_subject = conn->subject == NULL ? "" : conn->subject,
        .peer_names = conn->names == NULL ? "" : conn->names,
        .resumed = conn->resumed,
    };
    return FA_OK;
}

const char *fa_tls_reason_of(const fa_flow *flow)
{
    const fa_tls_conn *conn = fa_tls_conn_check(flow);
    if (conn == NULL || conn->err == FA_OK)
        return "";
    return conn->reason == NULL ? fa_err_text(conn->err) : conn->reason;
}
