/* SPDX-License-Identifier: ISC */
/* Lending, keeping and taking back buffers. mbedTLS's context points into them; between two records
 * nothing in them matters but the counter in front of the in-buffer, which it keeps there. */
#include "records.h"
#include "../core/pages.h"
#include "../flow/waiter.h"
#include <fata/panic.h>
#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>

/* Of mbedTLS's inside (its library/ssl_misc.h). */
void mbedtls_ssl_update_in_pointers(mbedtls_ssl_context *ssl);
void mbedtls_ssl_update_out_pointers(mbedtls_ssl_context *ssl, mbedtls_ssl_transform *transform);

static uint8_t *lent_in, *lent_out; /* made at the first use */
static const fa_tls_conn *lent_to;  /* a TLS flow over another one calls while it has them */
static fa_tls_link kept = {&kept, &kept}; /* connections, whose has not moved for the longest in front */
static size_t kept_count, kept_max;

static fa_tls_conn *conn_of(fa_tls_link *link)
{
    return (fa_tls_conn *)(void *)((char *)link - offsetof(fa_tls_conn, in_kept));
}

size_t fa_tls_records_kept(void)
{
    return kept_count;
}

size_t fa_tls_records_kept_max(void)
{
    if (kept_max == 0) {
        const size_t total_bytes = fa_ram.total_count * FA_PAGE_BYTES; /* 0: a process of a host */
        const size_t share = total_bytes / FA_TLS_KEPT_SHARE / FA_TLS_BUFFER_BYTES;
        kept_max = total_bytes == 0 || share > FA_TLS_KEPT_MAX ? FA_TLS_KEPT_MAX
                   : share < FA_TLS_KEPT_MIN                   ? FA_TLS_KEPT_MIN
                                                               : share;
    }
    return kept_max;
}

void fa_tls_records_limit(size_t max)
{
    kept_max = max;
}

static void leave_kept(fa_tls_conn *conn)
{
    if (conn->in_kept.after == NULL)
        return;
    conn->in_kept.before->after = conn->in_kept.after;
    conn->in_kept.after->before = conn->in_kept.before;
    conn->in_kept = (fa_tls_link){NULL, NULL};
}

/* Behind all others, if something has moved: a part of a record that grows is still that part. */
static void join_kept(fa_tls_conn *conn)
{
    const bool was_part = conn->in_part && conn->in_kept.after != NULL;
    conn->in_part = conn->own_in != NULL && conn->ssl.in_offt == NULL;
    if (was_part && conn->in_part)
        return;
    leave_kept(conn);
    conn->in_kept = (fa_tls_link){kept.before, &kept};
    kept.before->after = &conn->in_kept;
    kept.before = &conn->in_kept;
    conn->kept_since_ns = fa_clock_mono_ns();
}

/* What was in it may be anybody's secret. */
static void free_buffer(uint8_t **buffer, size_t used)
{
    if (*buffer != NULL)
        mbedtls_platform_zeroize(*buffer, used < FA_TLS_BUFFER_BYTES ? used : FA_TLS_BUFFER_BYTES);
    free(*buffer);
    *buffer = NULL;
}

static size_t own_count(const fa_tls_conn *conn)
{
    return (size_t)(conn->own_in != NULL) + (size_t)(conn->own_out != NULL);
}

static void free_own(fa_tls_conn *conn)
{
    if (!conn->handshaking)
        kept_count -= own_count(conn);
    free_buffer(&conn->own_in, conn->in_peak);
    free_buffer(&conn->own_out, FA_TLS_BUFFER_BYTES);
    conn->ssl.in_buf = conn->ssl.out_buf = NULL;
    leave_kept(conn);
}

static void give_way(fa_tls_conn *conn, fa_err err, const char *reason)
{
    fa_tls_conn_fail_as(conn, err, reason);
    free_own(conn);
    fa_waker_fire(&conn->reader);
    fa_waker_fire(&conn->writer);
}

/* Room for one more buffer that is kept; not at the cost of `conn`. */
static uint8_t *keep_one(const fa_tls_conn *conn)
{
    uint8_t *buffer = NULL;
    while (kept_count >= fa_tls_records_kept_max() || (buffer = malloc(FA_TLS_BUFFER_BYTES)) == NULL) {
        fa_tls_link *oldest = kept.after;
        while (oldest != &kept && (conn_of(oldest) == conn || conn_of(oldest)->busy))
            oldest = oldest->after; /* those are the ones above it, which call it */
        if (oldest == &kept)
            return NULL;
        give_way(conn_of(oldest), FA_EBUSY, "it held part of a record while others needed the room");
    }
    kept_count++;
    return buffer;
}

/* Where the pointers point to, within another buffer. */
static void point_in(mbedtls_ssl_context *ssl, uint8_t *buffer)
{
    const ptrdiff_t hdr = ssl->in_hdr - ssl->in_buf, len = ssl->in_len - ssl->in_buf,
                    iv = ssl->in_iv - ssl->in_buf, msg = ssl->in_msg - ssl->in_buf,
                    offt = ssl->in_offt == NULL ? 0 : ssl->in_offt - ssl->in_buf;
    ssl->in_buf = ssl->in_ctr = buffer;
    ssl->in_hdr = buffer + hdr;
    ssl->in_len = buffer + len;
    ssl->in_iv = buffer + iv;
    ssl->in_msg = buffer + msg;
    ssl->in_offt = ssl->in_offt == NULL ? NULL : buffer + offt;
}

static void point_out(mbedtls_ssl_context *ssl, uint8_t *buffer)
{
    const ptrdiff_t hdr = ssl->out_hdr - ssl->out_buf, len = ssl->out_len - ssl->out_buf,
                    iv = ssl->out_iv - ssl->out_buf, msg = ssl->out_msg - ssl->out_buf;
    ssl->out_buf = ssl->out_ctr = buffer;
    ssl->out_hdr = buffer + hdr;
    ssl->out_len = buffer + len;
    ssl->out_iv = buffer + iv;
    ssl->out_msg = buffer + msg;
}

static void begin_in(fa_tls_conn *conn, uint8_t *buffer)
{
    mbedtls_ssl_context *ssl = &conn->ssl;
    ssl->in_buf = buffer;
    ssl->in_hdr = buffer + FA_TLS_COUNTER_BYTES;
    mbedtls_ssl_update_in_pointers(ssl);
    memcpy(ssl->in_ctr, conn->counter, FA_TLS_COUNTER_BYTES);
    conn->in_peak = 0;
}

static void begin_out(fa_tls_conn *conn, uint8_t *buffer)
{
    mbedtls_ssl_context *ssl = &conn->ssl;
    ssl->out_buf = ssl->out_ctr = buffer;
    ssl->out_hdr = buffer + FA_TLS_COUNTER_BYTES;
    mbedtls_ssl_update_out_pointers(ssl, ssl->transform_out);
}

/* mbedTLS forgets a message of a handshake when it wants the next one. One that has been dealt with, and
 * has none behind it in its record, can be forgotten before. */
static bool in_is_needed(mbedtls_ssl_context *ssl)
{
    if (ssl->in_hslen > 0 && ssl->in_hslen >= ssl->in_msglen && ssl->in_offt == NULL &&
        ssl->badmac_seen_or_in_hsfraglen == 0 && !ssl->keep_current_message)
        ssl->in_hslen = ssl->in_msglen = 0;
    return ssl->in_offt != NULL || ssl->in_left > 0 || ssl->in_hslen > 0 ||
           ssl->badmac_seen_or_in_hsfraglen > 0 || ssl->keep_current_message;
}

static fa_err make_lent(void)
{
    if (lent_in == NULL)
        lent_in = malloc(FA_TLS_BUFFER_BYTES);
    if (lent_out == NULL)
        lent_out = malloc(FA_TLS_BUFFER_BYTES);
    return lent_in == NULL || lent_out == NULL ? FA_ENOMEM : FA_OK;
}

static fa_err own_both(fa_tls_conn *conn)
{
    if (conn->own_in == NULL && (conn->own_in = keep_one(conn)) != NULL)
        begin_in(conn, conn->own_in);
    if (conn->own_out == NULL && (conn->own_out = keep_one(conn)) != NULL)
        begin_out(conn, conn->own_out);
    return conn->own_in == NULL || conn->own_out == NULL ? FA_ENOMEM : FA_OK;
}

fa_err fa_tls_records_lend(fa_tls_conn *conn)
{
    const fa_err err = lent_to != NULL ? own_both(conn) : make_lent();
    if (err != FA_OK)
        return err;
    conn->busy = true;
    if (lent_to != NULL)
        return FA_OK;
    lent_to = conn;
    if (conn->own_in == NULL)
        begin_in(conn, lent_in);
    if (conn->own_out == NULL)
        begin_out(conn, lent_out);
    return FA_OK;
}

static bool settle_in(fa_tls_conn *conn)
{
    mbedtls_ssl_context *ssl = &conn->ssl;
    if (!in_is_needed(ssl)) {
        memcpy(conn->counter, ssl->in_ctr, FA_TLS_COUNTER_BYTES);
        kept_count -= conn->own_in != NULL;
        free_buffer(&conn->own_in, conn->in_peak);
        ssl->in_buf = NULL;
        return true;
    }
    if (conn->own_in == NULL) {
        conn->own_in = keep_one(conn);
        if (conn->own_in == NULL)
            return false;
        const size_t used = conn->in_peak > FA_TLS_COUNTER_BYTES ? conn->in_peak : FA_TLS_COUNTER_BYTES;
        memcpy(conn->own_in, ssl->in_buf, used);
        point_in(ssl, conn->own_in);
    }
    return true;
}

static bool settle_out(fa_tls_conn *conn)
{
    mbedtls_ssl_context *ssl = &conn->ssl;
    if (ssl->out_left == 0) {
        kept_count -= conn->own_out != NULL;
        free_buffer(&conn->own_out, FA_TLS_BUFFER_BYTES);
        ssl->out_buf = NULL;
        return true;
    }
    if (conn->own_out == NULL) {
        conn->own_out = keep_one(conn);
        if (conn->own_out == NULL)
            return false;
        memcpy(conn->own_out, ssl->out_buf, (size_t)(ssl->out_hdr - ssl->out_buf));
        point_out(ssl, conn->own_out);
    }
    return true;
}

fa_err fa_tls_records_settle(fa_tls_conn *conn)
{
    if (conn->err != FA_OK) {
        free_own(conn);
        return conn->err;
    }
    if (conn->handshaking) /* its buffers were none of those that are counted */
        kept_count += own_count(conn);
    conn->handshaking = false;
    if (!settle_in(conn) || !settle_out(conn)) {
        fa_tls_conn_fail_as(conn, FA_ENOMEM, "no memory for part of a record");
        free_own(conn);
        return FA_ENOMEM;
    }
    if (conn->own_in != NULL || conn->own_out != NULL)
        join_kept(conn);
    else
        leave_kept(conn);
    return FA_OK;
}

fa_err fa_tls_records_return(fa_tls_conn *conn)
{
    const fa_err err = fa_tls_records_settle(conn);
    conn->busy = false;
    if (lent_to == conn)
        lent_to = NULL;
    return err;
}

fa_err fa_tls_records_own(fa_tls_conn *conn)
{
    fa_assert(conn->own_in == NULL && conn->own_out == NULL);
    conn->handshaking = true;
    conn->own_in = malloc(FA_TLS_BUFFER_BYTES);
    conn->own_out = malloc(FA_TLS_BUFFER_BYTES);
    if (conn->own_in == NULL || conn->own_out == NULL)
        return FA_ENOMEM;
    begin_in(conn, conn->own_in);
    begin_out(conn, conn->own_out);
    return FA_OK;
}

void fa_tls_records_drop(fa_tls_conn *conn)
{
    free_own(conn);
}

fa_deadline fa_tls_records_expire(uint64_t now_ns)
{
    while (kept.after != &kept) {
        fa_tls_conn *conn = conn_of(kept.after);
        const uint64_t due_ns = conn->kept_since_ns + FA_TLS_PART_NS;
        if (due_ns > now_ns)
            return due_ns;
        give_way(conn, FA_ETIMEDOUT, "the rest of a record did not come, or was not taken");
    }
    return FA_FOREVER;
}
