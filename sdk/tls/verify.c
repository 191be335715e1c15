/* SPDX-License-Identifier: ISC */
/* Whether a peer is who it should be, and if not, why, for people; who it is. mbedTLS follows the chain
 * and judges times, signatures and names; added here are addresses, and that a name must be among the
 * subject's alternative names (RFC 9525 section 6.2: nobody looks at the common name any more). */
#include "check.h"
#include "conn.h"
#include <mbedtls/oid.h>
#include <mbedtls/platform.h>
#include <mbedtls/x509_crt.h>
#include <ctype.h>
#include <mbedtls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECT_BYTES 128u
#define NAMES_BYTES_MAX 512u

static unsigned kind_of(const mbedtls_x509_sequence *name)
{
    return (unsigned)name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
}

/* A name is the peer's text: one with a comma could pass for two, and others could write into a log. */
static bool is_host_name(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum(bytes[i]) && (bytes[i] == '\0' || strchr("-._*", bytes[i]) == NULL))
            return false;
    return len > 0;
}

/* "a.example,192.0.2.1": host names and addresses in a certificate, cut if they are too many. */
static void names_of(const mbedtls_x509_crt *crt, char *text_out, size_t cap)
{
    size_t len = 0;
    text_out[0] = '\0';
    if (!mbedtls_x509_crt_has_ext_type(crt, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        return;
    for (const mbedtls_x509_sequence *name = &crt->subject_alt_names; name != NULL; name = name->next) {
        const unsigned char *p = name->buf.p;
        const char *comma = len > 0 ? "," : "";
        int more = 0;
        if (kind_of(name) == MBEDTLS_X509_SAN_DNS_NAME && is_host_name(p, name->buf.len))
            more = snprintf(text_out + len, cap - len, "%s%.*s", comma, (int)name->buf.len, (const char *)p);
        else if (kind_of(name) == MBEDTLS_X509_SAN_IP_ADDRESS && name->buf.len == 4)
            more = snprintf(text_out + len, cap - len, "%s%u.%u.%u.%u", comma, p[0], p[1], p[2], p[3]);
        if (more < 0 || (size_t)more >= cap - len) {
            text_out[len] = '\0';
            return;
        }
        len += (size_t)more;
    }
}

static void subject_of(const mbedtls_x509_name *name, char text_out[SUBJECT_BYTES])
{
    if (mbedtls_x509_dn_gets(text_out, SUBJECT_BYTES, name) <= 0)
        snprintf(text_out, SUBJECT_BYTES, "a certificate without a name");
}

static bool has_address(const mbedtls_x509_crt *crt, fa_ip4 address)
{
    if (!mbedtls_x509_crt_has_ext_type(crt, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        return false;
    for (const mbedtls_x509_sequence *name = &crt->subject_alt_names; name != NULL; name = name->next)
        if (kind_of(name) == MBEDTLS_X509_SAN_IP_ADDRESS && name->buf.len == sizeof address.byte &&
            memcmp(name->buf.p, address.byte, sizeof address.byte) == 0)
            return true;
    return false;
}

static void say_time(fa_tls_reason *why, const char *who, const char *what, const mbedtls_x509_time *t)
{
    fa_tls_say(why, "%s: %s %04d-%02d-%02d %02d:%02d UTC", who, what, t->year, t->mon, t->day, t->hour,
               t->min);
}

static void say_name(const fa_tls_conn *conn, const mbedtls_x509_crt *crt, const char *who)
{
    char names[NAMES_BYTES_MAX / 4];
    names_of(crt, names, sizeof names);
    fa_tls_say(conn->why, "%s: is for %s, not for %s", who,
               names[0] == '\0' ? "no name at all (in its subjectAltName)" : names,
               conn->name == NULL ? "" : conn->name);
}

/* The first thing that is wrong with a certificate. */
static void say_flags(const fa_tls_conn *conn, const mbedtls_x509_crt *crt, uint32_t flags)
{
    static const struct {
        uint32_t flag;
        const char *text;
    } others[] = {
        {MBEDTLS_X509_BADCERT_REVOKED, "was revoked"},
        {MBEDTLS_X509_BADCERT_BAD_MD, "is signed by a hash that is too weak"},
        {MBEDTLS_X509_BADCERT_BAD_PK, "has a kind of key that is not accepted"},
        {MBEDTLS_X509_BADCERT_BAD_KEY, "its key, or its issuer's, is too weak"},
        {MBEDTLS_X509_BADCERT_KEY_USAGE, "its key is not for this (keyUsage)"},
        {MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, "is not for this (extendedKeyUsage)"},
        {MBEDTLS_X509_BADCRL_NOT_TRUSTED, "its issuer's revocation list is not its issuer's"},
        {MBEDTLS_X509_BADCRL_EXPIRED, "its issuer's revocation list is out of date"},
        {MBEDTLS_X509_BADCRL_FUTURE, "its issuer's revocation list is of the future"},
    };
    char who[SUBJECT_BYTES], issuer[SUBJECT_BYTES];
    subject_of(&crt->subject, who);
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED) {
        say_time(conn->why, who, "expired on", &crt->valid_to);
    } else if (flags & MBEDTLS_X509_BADCERT_FUTURE) {
        say_time(conn->why, who, "is valid only from", &crt->valid_from);
    } else if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) {
        subject_of(&crt->issuer, issuer);
        fa_tls_say(conn->why, "%.90s: issued by %.90s, who is not trusted", who, issuer);
    } else if ((flags & MBEDTLS_X509_BADCERT_KEY_USAGE) && crt->ca_istrue) {
        /* mbedTLS skips those that it cannot read, so the next one seems to be the peer's. */
        fa_tls_say(conn->why, "%s: is a CA's; the peer's own is missing, or signed in a way that is not known (SHA-1 is not)", who);
    } else if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) {
        say_name(conn, crt, who);
    } else {
        for (size_t i = 0; i < FA_ARRAY_COUNT(others); i++)
            if (flags & others[i].flag) {
                fa_tls_say(conn->why, "%s: %s", who, others[i].text);
                return;
            }
        fa_tls_say(conn->why, "%s: refused (flags 0x%x)", who, (unsigned)flags);
    }
}

/* RFC 5280, 4.2.1.3 and 4.2.1.12. mbedTLS would look later, not say which certificate it is, and go on where
 * one is optional. */
static uint32_t uses(const fa_tls_conn *conn, const mbedtls_x509_crt *crt)
{
    static const char servers[] = MBEDTLS_OID_SERVER_AUTH, clients[] = MBEDTLS_OID_CLIENT_AUTH;
    const char *usage = conn->ssl.conf->endpoint == MBEDTLS_SSL_IS_SERVER ? clients : servers;
    uint32_t flags = 0;
    if (mbedtls_x509_crt_check_key_usage(crt, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0)
        flags |= MBEDTLS_X509_BADCERT_KEY_USAGE;
    if (mbedtls_x509_crt_check_extended_key_usage(crt, usage, strlen(usage)) != 0)
        flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
    return flags;
}

int fa_tls_verify(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    fa_tls_conn *conn = arg;
    if (fa_clock_wall_ns() == 0) {
        conn->no_clock = true;
        fa_tls_say(conn->why, "the wall clock is not set, so no certificate can be judged: set it by "
                              "SNTP, or by fa_clock_set_wall()");
        return MBEDTLS_ERR_X509_FATAL_ERROR;
    }
    const uint64_t not_after_s = (uint64_t)fa_tls_not_after(crt);
    conn->trusted_until_s = not_after_s < conn->trusted_until_s ? not_after_s : conn->trusted_until_s;
    fa_tls_trust_judge(conn->config->trust, crt, flags);
    if (depth == 0 && conn->checks_address && !has_address(crt, conn->address))
        *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    if (depth == 0 && conn->checks_name &&
        !mbedtls_x509_crt_has_ext_type(crt, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    if (depth == 0)
        *flags |= uses(conn, crt);
    if (*flags != 0 && conn->why->text[0] == '\0')
        say_flags(conn, crt, *flags);
    conn->flags |= *flags;
    /* Where a certificate is optional, mbedTLS would go on with a bad one. */
    return depth == 0 && conn->flags != 0 && conn->ssl.conf->authmode == MBEDTLS_SSL_VERIFY_OPTIONAL
               ? MBEDTLS_ERR_X509_FATAL_ERROR
               : 0;
}

void fa_tls_peer_keep(fa_tls_conn *conn)
{
    mbedtls_ssl_session *session = conn->ssl.session;
    mbedtls_x509_crt *crt = session == NULL ? NULL : session->peer_cert;
    if (crt == NULL)
        return;
    char subject[SUBJECT_BYTES], names[NAMES_BYTES_MAX];
    subject_of(&crt->subject, subject);
    names_of(crt, names, sizeof names);
    free(conn->subject); /* a session's, that the server did not resume */
    free(conn->names);
    conn->subject = strdup(subject);
    conn->names = strdup(names);
    mbedtls_x509_crt_free(crt);
    mbedtls_free(crt);
    session->peer_cert = NULL;
}
