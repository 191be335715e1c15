/* SPDX-License-Identifier: ISC */
/*
 * `fata cert revoke`: the CA's list of certificates that are valid no more (CRL, RFC 5280 section 5). mbedTLS reads such lists, but
 * writes none: that is done here. The list is its own record; each one replaces the one before, with a number that is higher by one.
 */
#include "cert.h"

#include "../../tls/check.h"

#include <mbedtls/asn1.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>

#define REVOKED_MAX 10000

enum { OPTION_DIR = 1, OPTION_DAYS };

static const struct cli_option options[] = {
    {OPTION_DIR, "--dir", "FOLDER", "where the CA is (tls)"},
    {OPTION_DAYS, "--days", "DAYS", "how long the list is valid (as long as the CA)"},
    {0},
};

static const char details[] =
    "Adds certificates, each given as its file or its serial number (`fata cert show` tells it), to FOLDER/crl.pem, and signs the\n"
    "list anew. Without any, the list is only signed anew. Images that are built with it refuse those certificates; images that\n"
    "are there already have to be built again. Once a list has expired, images that have it refuse every certificate of its CA.\n";

/* ecdsa-with-SHA256 (RFC 5758 section 3.2), sha256WithRSAEncryption (RFC 4055 section 5); OIDs with their heads. */
static const unsigned char ecdsa_sha256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const unsigned char rsa_sha256[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};
static const unsigned char oid_crl_number[] = {0x06, 0x03, 0x55, 0x1d, 0x14};
static const unsigned char oid_authority_key[] = {0x06, 0x03, 0x55, 0x1d, 0x23};

/* UTCTime until 2049, GeneralizedTime from then on: RFC 5280 section 5.1.2.4. */
static void add_time(struct text *out, int64_t time_s)
{
    const char *digits = cert_time_digits(time_s);
    bool is_short = strncmp(digits, "2050", 4) < 0;
    const char *text = text_format("%sZ", is_short ? digits + 2 : digits);

    der_add(out, is_short ? 0x17 : 0x18, text, strlen(text));
}

static void add_integer(struct text *out, const unsigned char *bytes, size_t len)
{
    struct text value = {0};

    while (len > 1 && bytes[0] == 0) {
        bytes++;
        len--;
    }
    if (len > 0 && (bytes[0] & 0x80) != 0) {
        text_add_bytes(&value, "", 1);
    }
    text_add_bytes(&value, (const char *)bytes, len);
    der_wrap(out, 0x02, &value);
    text_free(&value);
}

struct list {
    struct text entries;
    size_t count;
    uint64_t number;
};

static void add_entry(struct list *list, const unsigned char *serial, size_t len, int64_t time_s)
{
    struct text entry = {0};

    if (list->count++ == REVOKED_MAX) {
        cli_fail("more than %d certificates are revoked: make a new CA", REVOKED_MAX);
    }
    add_integer(&entry, serial, len);
    add_time(&entry, time_s);
    der_wrap(&list->entries, 0x30, &entry);
    text_free(&entry);
}

/* The number in the list's extension cRLNumber; 0: it has none. */
static uint64_t number_of(const mbedtls_x509_crl *crl)
{
    const unsigned char *at = memmem(crl->crl_ext.p, crl->crl_ext.len, oid_crl_number, sizeof oid_crl_number);
    uint64_t number = 0;

    if (at == NULL) {
        return 0;
    }
    at += sizeof oid_crl_number; /* OCTET STRING { INTEGER } */
    if (at + 4 > crl->crl_ext.p + crl->crl_ext.len || at[0] != 0x04 || at[2] != 0x02 || at[3] > 8 ||
        at + 4 + at[3] > crl->crl_ext.p + crl->crl_ext.len) {
        return 0;
    }
    for (unsigned i = 0; i < at[3]; i++) {
        number = number << 8 | at[4 + i];
    }
    return number;
}

static int64_t seconds_of(const mbedtls_x509_time *time)
{
    mbedtls_x509_crt carrier = {.valid_from = *time};

    return fa_tls_not_before(&carrier);
}

/* An entry begins with its serial number; others' bytes may have the same ones within. */
static bool is_listed(const struct list *list, const unsigned char *serial, size_t serial_len)
{
    struct text integer = {0};
    unsigned char *at = (unsigned char *)list->entries.bytes;
    const unsigned char *end = list->count > 0 ? at + list->entries.len : at;
    bool found = false;
    size_t len;

    add_integer(&integer, serial, serial_len);
    for (; at < end && mbedtls_asn1_get_tag(&at, end, &len, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) == 0; at += len) {
        found = found || (len >= integer.len && memcmp(at, integer.bytes, integer.len) == 0);
    }
    text_free(&integer);
    return found;
}

static void take_old(struct list *list, const mbedtls_x509_crl *crl)
{
    for (const mbedtls_x509_crl_entry *entry = &crl->entry; entry != NULL && entry->raw.len > 0; entry = entry->next) {
        add_entry(list, entry->serial.p, entry->serial.len, seconds_of(&entry->revocation_date));
    }
    list->number = number_of(crl);
}

/* A serial number of hexadecimal digits, with colons or without; its length, or 0. */
static size_t serial_of(const char *given, unsigned char serial_out[20])
{
    struct text digits = {0};
    size_t len;

    for (; *given != '\0'; given++) {
        if (*given != ':') {
            text_add_bytes(&digits, given, 1);
        }
    }
    len = digits.len / 2;
    if (digits.len == 0 || digits.len % 2 != 0 || len > 20 ||
        strspn(digits.bytes, "0123456789abcdefABCDEF") != digits.len) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned byte;

        (void)sscanf(digits.bytes + 2 * i, "%2x", &byte);
        serial_out[i] = (unsigned char)byte;
    }
    return len;
}

static void add_given(struct list *list, const char *given, const mbedtls_x509_crt *ca)
{
    struct cert_teller teller = {.quiet = true};
    mbedtls_x509_crt crt;
    unsigned char serial[20];
    const unsigned char *at = serial;
    size_t len = cert_exists(given) ? 0 : serial_of(given, serial);
    char name[200];

    if (len == 0) {
        if (!cert_exists(given)) {
            cli_fail("%s is neither a file nor a serial number (hexadecimal digits)", given);
        }
        if (!cert_read_chain(&crt, given, &teller)) {
            cli_fail("%s cannot be revoked", given);
        }
        if (crt.issuer_raw.len != ca->subject_raw.len || memcmp(crt.issuer_raw.p, ca->subject_raw.p, ca->subject_raw.len) != 0) {
            cli_fail("%s is not of this CA (%s): a list holds what its own CA has signed", given,
                     fa_tls_subject_text(ca, name, sizeof name));
        }
        if (crt.raw.len == ca->raw.len && memcmp(crt.raw.p, ca->raw.p, ca->raw.len) == 0) {
            cli_fail("%s is the CA itself, which no list of its own can take back: stop trusting it, and make another", given);
        }
        at = crt.serial.p;
        len = crt.serial.len;
    }
    if (is_listed(list, at, len)) {
        printf("%s is revoked already\n", given);
        return;
    }
    add_entry(list, at, len, cert_now());
    printf("revoked %s\n", given);
}

/* Extensions: which key signs, and the list's number; RFC 5280 sections 5.2.1 and 5.2.3. */
static void add_extensions(struct text *out, const mbedtls_x509_crt *ca, uint64_t number)
{
    struct text id = {0}, id_sequence = {0}, both = {0}, one = {0}, value = {0}, sequence = {0};
    uint8_t computed[20], bytes[8];

    cert_key_id(&ca->pk, computed);
    der_add(&id, 0x80, ca->subject_key_id.len > 0 ? ca->subject_key_id.p : computed,
            ca->subject_key_id.len > 0 ? ca->subject_key_id.len : sizeof computed);
    der_wrap(&id_sequence, 0x30, &id);
    text_add_bytes(&one, (const char *)oid_authority_key, sizeof oid_authority_key);
    der_wrap(&one, 0x04, &id_sequence);
    der_wrap(&both, 0x30, &one);
    one.len = 0;
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    }
    text_add_bytes(&one, (const char *)oid_crl_number, sizeof oid_crl_number);
    add_integer(&value, bytes, sizeof bytes);
    der_wrap(&one, 0x04, &value);
    der_wrap(&both, 0x30, &one);
    der_wrap(&sequence, 0x30, &both);
    der_wrap(out, 0xa0, &sequence);
}

static void sign_list(const struct list *list, const mbedtls_x509_crt *ca, mbedtls_pk_context *key, int64_t until_s,
                      struct text *pem_out)
{
    struct text tbs = {0}, inner = {0}, signed_list = {0}, algorithm = {0}, bits = {0}, whole = {0};
    bool is_rsa = mbedtls_pk_get_type(key) == MBEDTLS_PK_RSA;
    unsigned char hash[32], signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t len;

    der_add(&algorithm, 0x30, is_rsa ? rsa_sha256 : ecdsa_sha256, is_rsa ? sizeof rsa_sha256 : sizeof ecdsa_sha256);
    text_add_bytes(&inner, "\x02\x01\x01", 3); /* version 2 */
    text_add_bytes(&inner, algorithm.bytes, algorithm.len);
    text_add_bytes(&inner, (const char *)ca->subject_raw.p, ca->subject_raw.len);
    add_time(&inner, cert_now());
    add_time(&inner, until_s);
    if (list->count > 0) {
        der_wrap(&inner, 0x30, &list->entries);
    }
    add_extensions(&inner, ca, list->number + 1);
    der_wrap(&tbs, 0x30, &inner);
    if (mbedtls_sha256((const unsigned char *)tbs.bytes, tbs.len, hash, 0) != 0 ||
        mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, hash, sizeof hash, signature, sizeof signature, &len, cert_random, NULL) != 0) {
        cli_fail("the CA's key does not sign");
    }
    text_add_bytes(&bits, "", 1); /* no unused bits */
    text_add_bytes(&bits, (const char *)signature, len);
    text_add_bytes(&signed_list, tbs.bytes, tbs.len);
    text_add_bytes(&signed_list, algorithm.bytes, algorithm.len);
    der_wrap(&signed_list, 0x03, &bits);
    der_wrap(&whole, 0x30, &signed_list);
    pem_add(pem_out, "X509 CRL", whole.bytes, whole.len);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    struct cert_teller teller = {.quiet = true};
    const char *folder = CERT_FOLDER;
    struct words given = {0};
    struct list list = {0};
    mbedtls_x509_crt ca;
    mbedtls_pk_context key;
    mbedtls_x509_crl crl;
    struct text pem = {0};
    int64_t days = 0, until_s;

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        switch (id) {
        case CLI_POSITIONAL:
            words_add(&given, walk.value);
            break;
        case OPTION_DIR:
            folder = walk.value;
            break;
        case OPTION_DAYS:
            days = cert_days(walk.value);
            break;
        default:
            cli_unexpected(&walk);
        }
    }
    if (!cert_read_chain(&ca, text_format("%s/ca.pem", folder), &teller) ||
        !cert_read_key(&key, text_format("%s/ca.key", folder), &teller) ||
        !fa_tls_judge_pair(&ca, &key, cert_random, cert_tell, &teller)) {
        cli_fail("the CA in %s cannot sign", folder);
    }
    if (mbedtls_x509_crt_check_key_usage(&ca, MBEDTLS_X509_KU_CRL_SIGN) != 0) {
        cli_fail("the CA in %s must not sign lists of revoked certificates: its keyUsage lacks cRLSign", folder);
    }
    mbedtls_x509_crl_init(&crl);

    struct cert_file file = {text_format("%s/crl.pem", folder), NULL, 0, 0644};

    if (cert_exists(file.path)) {
        if (!cert_read_crl(&crl, file.path, &teller)) {
            cli_fail("%s is not overwritten", file.path);
        }
        take_old(&list, &crl);
    }
    for (size_t i = 0; i < given.count; i++) {
        add_given(&list, given.items[i], &ca);
    }
    until_s = days > 0 ? cert_now() + days * 86400 : fa_tls_not_after(&ca);
    sign_list(&list, &ca, &key, until_s, &pem);
    mbedtls_pk_free(&key);
    file.contents = pem.bytes;
    file.len = pem.len;
    (void)cert_write_over(&file);
    printf("%s: %zu revoked, number %llu, valid until %s\n", file.path, list.count, (unsigned long long)list.number + 1,
           cert_time_text(until_s));
    return cli_flush() ? CLI_OK : CLI_FAILED;
}

const struct cli_command cert_revoke = {
    .name = "cert revoke",
    .synopsis = "[FILE | SERIAL]... [--dir FOLDER] [--days DAYS]",
    .summary = "Adds certificates to the private CA's list of revoked ones",
    .details = details,
    .options = options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run,
};
