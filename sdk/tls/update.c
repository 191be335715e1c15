/* SPDX-License-Identifier: ISC */
/* New keys within a connection: see update.h. mbedTLS knows how to make them (a patch of ours), and no more. */
#include "update.h"
#include <fata/bytes.h>
#include <string.h>

#define KEY_UPDATE 24u /* RFC 8446, section 4 */
#define HEAD_BYTES 4u
#define UPDATE_NOT_REQUESTED 0u
#define UPDATE_REQUESTED 1u

int mbedtls_ssl_write_record(mbedtls_ssl_context *ssl, int force_flush); /* of mbedTLS's inside */

static bool is_13(const mbedtls_ssl_context *ssl)
{
    return mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_3;
}

static int refuse(fa_tls_conn *conn, int mbed, unsigned char alert)
{
    (void)mbedtls_ssl_send_alert_message(&conn->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert);
    return mbed;
}

static bool is_flood(fa_tls_conn *conn)
{
    const uint64_t now_ns = fa_clock_mono_ns();
    if (now_ns - conn->updates_since_ns >= FA_NS_PER_S) {
        conn->updates_since_ns = now_ns;
        conn->updates = 0;
    }
    return ++conn->updates > FA_TLS_UPDATES_PER_S;
}

int fa_tls_update_take(fa_tls_conn *conn)
{
    mbedtls_ssl_context *ssl = &conn->ssl;
    const size_t len = ssl->in_hslen;
    /* Messages do not span a change of keys (section 5.1): it is the last in its record. */
    if (!is_13(ssl) || !mbedtls_ssl_is_handshake_over(ssl) || ssl->in_msgtype != MBEDTLS_SSL_MSG_HANDSHAKE ||
        len < HEAD_BYTES || ssl->in_msg[0] != KEY_UPDATE || len != ssl->in_msglen)
        return refuse(conn, MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE);
    if (len != HEAD_BYTES + 1)
        return refuse(conn, MBEDTLS_ERR_SSL_DECODE_ERROR, MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR);
    const uint8_t wanted = ssl->in_msg[HEAD_BYTES];
    if (wanted != UPDATE_NOT_REQUESTED && wanted != UPDATE_REQUESTED)
        return refuse(conn, MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER, MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER);
    if (is_flood(conn)) {
        fa_tls_conn_fail_as(conn, FA_ELIMIT, "the peer changes its keys too often");
        return refuse(conn, MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE);
    }
    conn->owes_update |= wanted == UPDATE_REQUESTED;
    return mbedtls_fata_next_keys(ssl, 0);
}

static bool is_worn(const mbedtls_ssl_context *ssl)
{
    fa_be64 count;
    memcpy(&count, ssl->cur_out_ctr, sizeof count);
    return fa_be64_get(count) >> FA_TLS_RECORDS_OF_A_KEY_LOG2 != 0;
}

int fa_tls_update_send(fa_tls_conn *conn)
{
    static const uint8_t message[HEAD_BYTES + 1] = {KEY_UPDATE, 0, 0, 1, UPDATE_NOT_REQUESTED};
    mbedtls_ssl_context *ssl = &conn->ssl;
    if (!conn->owes_update && !(is_worn(ssl) && is_13(ssl)))
        return 0;
    memcpy(ssl->out_msg, message, sizeof message);
    ssl->out_msgtype = MBEDTLS_SSL_MSG_HANDSHAKE;
    ssl->out_msglen = sizeof message;
    const int sent = mbedtls_ssl_write_record(ssl, 1);
    if (sent != 0 && sent != MBEDTLS_ERR_SSL_WANT_WRITE)
        return sent;
    conn->owes_update = false;
    const int ret = mbedtls_fata_next_keys(ssl, 1); /* what is left to be sent is encrypted already */
    return ret != 0 ? ret : sent;
}
