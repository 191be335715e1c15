/* SPDX-License-Identifier: ISC */
/* What mbedTLS's errors and the peers' alerts mean, in words and as errors of ours. */
#include "conn.h"
#include <mbedtls/asn1.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pem.h>
#include <mbedtls/rsa.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fa_tls_say(fa_tls_reason *why, const char *fmt, ...)
{
    if (why == NULL)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(why->text, sizeof why->text, fmt, args);
    va_end(args);
}

typedef struct meaning {
    int code;
    fa_err err;
    const char *text;
} meaning;

/* RFC 8446 section 6.2, and RFC 5246's that it has no more. */
static const meaning alerts[] = {
    {40, FA_ENOTSUP, "nothing in common (handshake_failure)"},
    {42, FA_EPERM, "our certificate is broken or not believed (bad_certificate)"},
    {43, FA_EPERM, "our certificate is of a kind that it does not know (unsupported_certificate)"},
    {44, FA_EPERM, "our certificate was revoked (certificate_revoked)"},
    {45, FA_EPERM, "our certificate has expired, or its clock is wrong (certificate_expired)"},
    {46, FA_EPERM, "something about our certificate (certificate_unknown)"},
    {48, FA_EPERM, "it does not trust who has issued our certificate (unknown_ca)"},
    {49, FA_EPERM, "we may not (access_denied)"},
    {70, FA_ENOTSUP, "no version of TLS in common (protocol_version)"},
    {71, FA_ENOTSUP, "it wants stronger ciphers (insufficient_security)"},
    {112, FA_ENOTSUP, "it is no server of that name (unrecognized_name)"},
    {116, FA_EPERM, "it wants a certificate of ours (certificate_required)"},
    {120, FA_ENOTSUP, "no protocol in common (no_application_protocol)"},
};

static const meaning errors[] = {
    {MBEDTLS_ERR_SSL_INVALID_RECORD, FA_EFORMAT, "what arrives is no TLS, or a broken record"},
    {MBEDTLS_ERR_SSL_INVALID_MAC, FA_EFORMAT, "a record was changed on its way"},
    {MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, FA_EFORMAT, "a message came out of turn"},
    {MBEDTLS_ERR_SSL_UNEXPECTED_RECORD, FA_EFORMAT, "a record came out of turn"},
    {MBEDTLS_ERR_SSL_DECODE_ERROR, FA_EFORMAT, "a message is broken"},
    {MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER, FA_EFORMAT, "a message has an illegal parameter"},
    {MBEDTLS_ERR_SSL_BAD_INPUT_DATA, FA_EFORMAT, "a record is too long, or makes no sense"},
    {MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL, FA_EFORMAT, "a message is too long"},
    {MBEDTLS_ERR_SSL_BAD_CERTIFICATE, FA_EPERM, "a certificate is not fit for this, or signed in a way that is not known (SHA-1 is not)"},
    {MBEDTLS_ERR_ECP_VERIFY_FAILED, FA_EPERM, "the peer does not have the key of the certificate that it shows"},
    {MBEDTLS_ERR_RSA_VERIFY_FAILED, FA_EPERM, "the peer does not have the key of the certificate that it shows"},
    {MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE, FA_EPERM, "the client shows no certificate"},
    {MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE, FA_ENOTSUP, "no cipher, curve or signature in common"},
    {MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION, FA_ENOTSUP, "no version of TLS in common"},
    {MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL, FA_ENOTSUP, "no protocol (ALPN) in common"},
    {MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION, FA_EFORMAT, "an extension that nobody asked for"},
    {MBEDTLS_ERR_X509_CERT_VERIFY_FAILED, FA_EPERM, "the peer's certificate was refused"},
    {MBEDTLS_ERR_SSL_ALLOC_FAILED, FA_ENOMEM, "out of memory"},
    {MBEDTLS_ERR_X509_ALLOC_FAILED, FA_ENOMEM, "out of memory"},
    {MBEDTLS_ERR_PK_ALLOC_FAILED, FA_ENOMEM, "out of memory"},
    {MBEDTLS_ERR_MPI_ALLOC_FAILED, FA_ENOMEM, "out of memory"},
    {MBEDTLS_ERR_ECP_ALLOC_FAILED, FA_ENOMEM, "out of memory"},
    {MBEDTLS_ERR_MD_ALLOC_FAILED, FA_ENOMEM, "out of memory"},
    {MBEDTLS_ERR_PEM_ALLOC_FAILED, FA_ENOMEM, "out of memory"},
    {MBEDTLS_ERR_PK_KEY_INVALID_FORMAT, FA_EFORMAT, "not a private key"},
    {MBEDTLS_ERR_PK_PASSWORD_REQUIRED, FA_ENOTSUP, "the key has a password: store it without"},
    {MBEDTLS_ERR_PEM_PASSWORD_REQUIRED, FA_ENOTSUP, "the key has a password: store it without"},
    {MBEDTLS_ERR_PK_UNKNOWN_PK_ALG, FA_ENOTSUP, "a key that is neither RSA nor P-256 nor P-384"},
    {MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE, FA_ENOTSUP, "a curve that is neither P-256 nor P-384"},
    {MBEDTLS_ERR_X509_UNKNOWN_SIG_ALG, FA_ENOTSUP, "a signature of a kind that is not known (SHA-1 is not)"},
    {MBEDTLS_ERR_X509_UNKNOWN_OID, FA_ENOTSUP, "a signature of a kind that is not known (SHA-1 is not)"},
};

static bool low_part_is(int mbed, int code)
{
    return mbed == code || -(-mbed & 0x7f) == code || -(-mbed & 0xff80) == code;
}

/* The alert that ended a handshake or a connection; -1: it was something else. A client of TLS 1.3 that
 * has no keys yet may send it in the clear (RFC 8446 section 6), which mbedTLS does not expect. */
static int alert_of(int mbed, const mbedtls_ssl_context *ssl)
{
    static const uint8_t clear[] = {MBEDTLS_SSL_MSG_ALERT, 3, 3, 0, 2};
    if (ssl == NULL || ssl->in_buf == NULL)
        return -1;
    if (mbed == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
        return ssl->in_msg[1];
    if (mbed == MBEDTLS_ERR_SSL_INVALID_MAC && ssl->state != MBEDTLS_SSL_HANDSHAKE_OVER &&
        memcmp(ssl->in_hdr, clear, sizeof clear) == 0)
        return ssl->in_hdr[sizeof clear + 1];
    return -1;
}

fa_err fa_tls_err_of(int mbed, const mbedtls_ssl_context *ssl, fa_tls_reason *why)
{
    const bool said = why != NULL && why->text[0] != '\0';
    const int alert = alert_of(mbed, ssl);
    if (alert >= 0) {
        for (size_t i = 0; i < FA_ARRAY_COUNT(alerts); i++)
            if (alerts[i].code == alert) {
                fa_tls_say(why, "the peer refused: %s", alerts[i].text);
                return alerts[i].err;
            }
        fa_tls_say(why, "the peer refused: alert %d", alert);
        return FA_EFORMAT;
    }
    for (size_t i = 0; i < FA_ARRAY_COUNT(errors); i++)
        if (low_part_is(mbed, errors[i].code)) {
            if (!said)
                fa_tls_say(why, "%s", errors[i].text);
            return errors[i].err;
        }
    if (!said)
        fa_tls_say(why, "mbedTLS's error -0x%04x", (unsigned)-mbed);
    return said ? FA_EPERM : FA_EFORMAT;
}
