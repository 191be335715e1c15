/* SPDX-License-Identifier: ISC */
/* What may be wrong with a certificate or a key: see check.h. */
#include "check.h"
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DAY_S ((int64_t)86400)
#define NAME_BYTES 120u /* of a subject in a finding */

/* Who hears the findings of one call, and whether there was an error among them. */
typedef struct teller {
    fa_tls_tell *tell;
    void *arg;
    bool good;
} teller;

static __attribute__((format(printf, 3, 4))) void say(teller *to, bool is_error, const char *format, ...)
{
    char text[FA_TLS_FINDING_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    to->good = to->good && !is_error;
    to->tell(to->arg, is_error, text);
}

const char *fa_tls_subject_text(const mbedtls_x509_crt *crt, char *text_out, size_t cap)
{
    text_out[0] = '\0';
    if (mbedtls_x509_dn_gets(text_out, cap, &crt->subject) < 0 && text_out[0] == '\0')
        (void)snprintf(text_out, cap, "a long name");
    if (text_out[0] == '\0')
        (void)snprintf(text_out, cap, "no subject");
    return text_out;
}

const char *fa_tls_key_text(const mbedtls_pk_context *key, char *text_out, size_t cap)
{
    const unsigned bits = (unsigned)mbedtls_pk_get_bitlen(key);
    switch (mbedtls_pk_get_type(key)) {
    case MBEDTLS_PK_RSA:
        (void)snprintf(text_out, cap, "RSA %u bits", bits);
        break;
    case MBEDTLS_PK_ECKEY:
    case MBEDTLS_PK_ECKEY_DH:
    case MBEDTLS_PK_ECDSA:
        (void)snprintf(text_out, cap, "P-%u", bits);
        break;
    default:
        (void)snprintf(text_out, cap, "an unknown kind, %u bits", bits);
    }
    return text_out;
}

/* Days since 1970 of a date of the Gregorian calendar: whole years, the leap days among them, the months before in a
 * year that begins in March. */
static int64_t seconds_of(const mbedtls_x509_time *time)
{
    const int64_t year = time->mon > 2 ? time->year : time->year - 1;
    const int64_t months = (time->mon + 9) % 12;
    const int64_t days = year * 365 + year / 4 - year / 100 + year / 400 + (months * 153 + 2) / 5 + time->day - 1 - 719468;
    return days * DAY_S + time->hour * 3600 + time->min * 60 + time->sec;
}

int64_t fa_tls_not_before(const mbedtls_x509_crt *crt)
{
    return seconds_of(&crt->valid_from);
}

int64_t fa_tls_not_after(const mbedtls_x509_crt *crt)
{
    return seconds_of(&crt->valid_to);
}

static void judge_dates(teller *to, const mbedtls_x509_crt *crt, const char *who, int64_t now_s)
{
    const mbedtls_x509_time *const from = &crt->valid_from, *const until = &crt->valid_to;
    if (now_s == 0)
        return;
    const int64_t left_s = fa_tls_not_after(crt) - now_s;
    if (left_s < 0)
        say(to, true, "%s expired on %04d-%02d-%02d: make a new one", who, until->year, until->mon, until->day);
    else if (left_s < FA_TLS_SOON_DAYS * DAY_S)
        say(to, false, "%s expires on %04d-%02d-%02d, in %d day%s: make a new one soon", who, until->year, until->mon,
            until->day, (int)(left_s / DAY_S), left_s / DAY_S == 1 ? "" : "s");
    if (fa_tls_not_before(crt) > now_s)
        say(to, true, "%s is not valid before %04d-%02d-%02d %02d:%02d UTC: wait, or see to this machine's clock", who,
            from->year, from->mon, from->day, from->hour, from->min);
}

static void judge_key(teller *to, const mbedtls_pk_context *key, const char *who)
{
    const unsigned bits = (unsigned)mbedtls_pk_get_bitlen(key);
    char text[40];
    switch (mbedtls_pk_get_type(key)) {
    case MBEDTLS_PK_RSA:
        if (bits < FA_TLS_RSA_BITS_MIN)
            say(to, true, "%s has a weak key, RSA of %u bits: at least %u are asked for; P-256 is better", who, bits,
                FA_TLS_RSA_BITS_MIN);
        break;
    case MBEDTLS_PK_ECKEY:
    case MBEDTLS_PK_ECDSA:
        if (bits < 256)
            say(to, true, "%s has a weak key, an elliptic curve of %u bits: make one on P-256 or P-384", who, bits);
        break;
    default:
        say(to, true, "%s has a key of %s, which cannot sign: make one on P-256 or P-384, or of RSA", who,
            fa_tls_key_text(key, text, sizeof text));
    }
}

/* Whether `crt` is signed by the certificate behind it: all else that verification finds is judged elsewhere. */
static bool is_signed_by_next(const mbedtls_x509_crt *crt)
{
    static const mbedtls_x509_crt_profile any = {0xffffffff, 0xffffffff, 0xffffffff, 0};
    mbedtls_x509_crt alone;
    uint32_t flags = 0;
    mbedtls_x509_crt_init(&alone);
    if (mbedtls_x509_crt_parse_der(&alone, crt->raw.p, crt->raw.len) != 0)
        return false;
    (void)mbedtls_x509_crt_verify_with_profile(&alone, crt->next, NULL, &any, NULL, &flags, NULL, NULL);
    mbedtls_x509_crt_free(&alone);
    return (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) == 0;
}

static bool names_equal(const mbedtls_x509_buf *a, const mbedtls_x509_buf *b)
{
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

static bool is_self_issued(const mbedtls_x509_crt *crt)
{
    return names_equal(&crt->issuer_raw, &crt->subject_raw);
}

static void judge_order(teller *to, const mbedtls_x509_crt *crt, size_t number)
{
    char left[NAME_BYTES], right[NAME_BYTES];
    if (!names_equal(&crt->issuer_raw, &crt->next->subject_raw))
        say(to, true, "certificate %zu (%s) did not issue the one before it (%s): put them in order, the appliance's own "
                      "first, behind each the one that signed it", number + 1,
            fa_tls_subject_text(crt->next, right, sizeof right), fa_tls_subject_text(crt, left, sizeof left));
    else if (!is_signed_by_next(crt))
        say(to, true, "certificate %zu (%s) is not signed by the one behind it, which has the right name, but another "
                      "key or no right to sign: take that of the same CA", number, fa_tls_subject_text(crt, left, sizeof left));
    else if (crt->next->next == NULL && is_self_issued(crt->next))
        say(to, false, "certificate %zu (%s) is a root, which peers have themselves: leave it out, it is sent in vain",
            number + 1, fa_tls_subject_text(crt->next, right, sizeof right));
}

static void judge_uses(teller *to, const mbedtls_x509_crt *leaf, const char *who, fa_tls_use use)
{
    if (!mbedtls_x509_crt_has_ext_type(leaf, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME) && use != FA_TLS_USE_CLIENT)
        say(to, use == FA_TLS_USE_SERVER, "%s names no host: peers look for names in the extension subjectAltName alone (RFC 9525)", who);
    const bool serves = mbedtls_x509_crt_check_extended_key_usage(leaf, MBEDTLS_OID_SERVER_AUTH,
                                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) == 0;
    const bool calls = mbedtls_x509_crt_check_extended_key_usage(leaf, MBEDTLS_OID_CLIENT_AUTH,
                                                                 MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) == 0;
    if (use == FA_TLS_USE_SERVER && !serves)
        say(to, true, "%s is not for servers: its extendedKeyUsage lacks serverAuth", who);
    if (use == FA_TLS_USE_CLIENT && !calls)
        say(to, true, "%s is not for clients: its extendedKeyUsage lacks clientAuth", who);
    if (use == FA_TLS_USE_EITHER && !serves && !calls)
        say(to, true, "%s is for neither servers nor clients: its extendedKeyUsage lacks both", who);
    if (mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0)
        say(to, true, "%s must not sign: its keyUsage lacks digitalSignature, which every handshake needs", who);
    if (mbedtls_x509_crt_get_ca_istrue(leaf) > 0)
        say(to, false, "%s is a CA's: whoever has this appliance's key can sign any certificate; make one of its own", who);
}

bool fa_tls_judge_chain(const mbedtls_x509_crt *chain, int64_t now_s, fa_tls_use use, fa_tls_tell *tell, void *arg)
{
    teller to = {tell, arg, true};
    size_t number = 1;
    for (const mbedtls_x509_crt *crt = chain; crt != NULL; crt = crt->next, number++) {
        char who[NAME_BYTES + 40], name[NAME_BYTES];
        (void)snprintf(who, sizeof who, "certificate %zu (%s)", number, fa_tls_subject_text(crt, name, sizeof name));
        judge_dates(&to, crt, who, now_s);
        judge_key(&to, &crt->pk, who);
        if (number == 1)
            judge_uses(&to, crt, who, use);
        if (crt->next != NULL)
            judge_order(&to, crt, number);
    }
    return to.good;
}

bool fa_tls_judge_anchor(const mbedtls_x509_crt *anchor, int64_t now_s, fa_tls_tell *tell, void *arg)
{
    teller to = {tell, arg, true};
    char who[NAME_BYTES + 8], name[NAME_BYTES];
    (void)snprintf(who, sizeof who, "the CA %s", fa_tls_subject_text(anchor, name, sizeof name));
    judge_dates(&to, anchor, who, now_s);
    judge_key(&to, &anchor->pk, who);
    if (mbedtls_x509_crt_get_ca_istrue(anchor) <= 0)
        say(&to, true, "%s is no CA's certificate (basicConstraints): nothing that it signed would be trusted", name);
    else if (mbedtls_x509_crt_check_key_usage(anchor, MBEDTLS_X509_KU_KEY_CERT_SIGN) != 0)
        say(&to, true, "%s must not sign certificates: its keyUsage lacks keyCertSign", who);
    return to.good;
}

bool fa_tls_judge_pair(const mbedtls_x509_crt *chain, mbedtls_pk_context *key, fa_tls_rng *random, fa_tls_tell *tell,
                       void *arg)
{
    teller to = {tell, arg, true};
    char subject[NAME_BYTES], left[40], right[40];
    if (mbedtls_pk_check_pair(&chain->pk, key, random, NULL) != 0)
        say(&to, true, "the key (%s) is not that of the certificate (%s, %s): they are of two pairs",
            fa_tls_key_text(key, left, sizeof left), fa_tls_subject_text(chain, subject, sizeof subject),
            fa_tls_key_text(&chain->pk, right, sizeof right));
    return to.good;
}
