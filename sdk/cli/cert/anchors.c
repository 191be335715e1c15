/* SPDX-License-Identifier: ISC */
/*
 * CAs in the form that images have them: see cert.h. Of a certificate (RFC 5280 section 4.1) stay its validity, subject, key, and of its
 * extensions basicConstraints and keyUsage; serial number, issuer and signature are replaced by short ones, which nobody looks at: a CA
 * that stands in the table is believed because it stands there. One with nameConstraints is left out: the images' verification would
 * not keep to them.
 */
#include "cert.h"

#include "../../tls/check.h"

#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANCHORS_MAX 1000
#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"

static const unsigned char version_3[] = {0xa0, 0x03, 0x02, 0x01, 0x02};
static const unsigned char serial_1[] = {0x02, 0x01, 0x01};
static const unsigned char ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const unsigned char issuer_x[] = {0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'x'};
static const unsigned char no_signature[] = {0x03, 0x02, 0x00, 0x00};

struct span {
    const unsigned char *bytes;
    size_t len;
};

/* The next element, its head included, of `tag`, or of any if that is 0; an empty span if there is none. */
static struct span take(unsigned char **at, const unsigned char *end, int tag)
{
    unsigned char *start = *at;
    size_t len;

    if (start >= end || mbedtls_asn1_get_tag(at, end, &len, tag != 0 ? tag : start[0]) != 0) {
        return (struct span){0};
    }
    *at += len;
    return (struct span){start, (size_t)(*at - start)};
}

static void add_span(struct text *out, struct span span)
{
    text_add_bytes(out, (const char *)span.bytes, span.len);
}

/* Goes into the element at *at: its end. NULL: there is none of that tag. */
static const unsigned char *enter(unsigned char **at, const unsigned char *end, int tag)
{
    size_t len;

    return mbedtls_asn1_get_tag(at, end, &len, tag) == 0 ? *at + len : NULL;
}

static const int sequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;

static bool has_oid(struct span extension, const char *oid, size_t oid_len)
{
    unsigned char *at = (unsigned char *)(uintptr_t)extension.bytes;
    const unsigned char *end = at + extension.len;
    size_t len;

    return enter(&at, end, sequence) != NULL && mbedtls_asn1_get_tag(&at, end, &len, MBEDTLS_ASN1_OID) == 0 && len == oid_len &&
           memcmp(at, oid, len) == 0;
}

/* The extensions that stay; false: there is one that forbids the certificate's use. */
static bool keep_extensions(struct text *out, unsigned char *at, const unsigned char *end)
{
    struct text kept = {0}, list = {0};
    const unsigned char *inner = enter(&at, end, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 3);

    inner = inner != NULL ? enter(&at, inner, sequence) : NULL;
    while (inner != NULL && at < inner) {
        struct span extension = take(&at, inner, sequence);

        if (extension.len == 0 ||
            has_oid(extension, MBEDTLS_OID_NAME_CONSTRAINTS, MBEDTLS_OID_SIZE(MBEDTLS_OID_NAME_CONSTRAINTS))) {
            return false;
        }
        if (has_oid(extension, MBEDTLS_OID_BASIC_CONSTRAINTS, MBEDTLS_OID_SIZE(MBEDTLS_OID_BASIC_CONSTRAINTS)) ||
            has_oid(extension, MBEDTLS_OID_KEY_USAGE, MBEDTLS_OID_SIZE(MBEDTLS_OID_KEY_USAGE))) {
            add_span(&kept, extension);
        }
    }
    der_wrap(&list, 0x30, &kept);
    der_wrap(out, 0xa3, &list);
    return true;
}

static bool compact(struct text *out, const void *der, size_t len)
{
    unsigned char *at = (unsigned char *)(uintptr_t)der;
    const unsigned char *end = at + len;
    struct span validity, subject, key;
    struct text body = {0}, whole = {0};

    if (enter(&at, end, sequence) == NULL || (end = enter(&at, end, sequence)) == NULL) {
        return false;
    }
    if (take(&at, end, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED | 0).len == 0) {
        return false; /* of version 1: nothing says that it is a CA's */
    }
    if (take(&at, end, MBEDTLS_ASN1_INTEGER).len == 0 || take(&at, end, sequence).len == 0 || take(&at, end, sequence).len == 0) {
        return false;
    }
    validity = take(&at, end, sequence);
    subject = take(&at, end, sequence);
    key = take(&at, end, sequence);
    while (at < end && *at != 0xa3) { /* the unique identifiers of version 2 */
        if (take(&at, end, 0).len == 0) {
            return false;
        }
    }
    text_add_bytes(&body, (const char *)version_3, sizeof version_3);
    text_add_bytes(&body, (const char *)serial_1, sizeof serial_1);
    text_add_bytes(&body, (const char *)ecdsa_sha256, sizeof ecdsa_sha256);
    text_add_bytes(&body, (const char *)issuer_x, sizeof issuer_x);
    add_span(&body, validity);
    add_span(&body, subject);
    add_span(&body, key);
    if (!keep_extensions(&body, at, end)) {
        return false;
    }
    der_wrap(&whole, 0x30, &body);
    text_add_bytes(&whole, (const char *)ecdsa_sha256, sizeof ecdsa_sha256);
    text_add_bytes(&whole, (const char *)no_signature, sizeof no_signature);
    der_wrap(out, 0x30, &whole);
    return true;
}

static void ignore(void *unused, bool is_error, const char *text)
{
    (void)unused;
    (void)is_error;
    (void)text;
}

/* What comes out is judged, by the parser that images have: nothing that went wrong here gets into one. */
void cert_anchors_add(struct cert_anchors *anchors, const void *der, size_t len)
{
    struct cert_anchor anchor = {0};
    mbedtls_x509_crt crt;
    bool good;

    mbedtls_x509_crt_init(&crt);
    good = compact(&anchor.der, der, len) &&
           mbedtls_x509_crt_parse_der(&crt, (const unsigned char *)anchor.der.bytes, anchor.der.len) == 0 &&
           fa_tls_judge_anchor(&crt, cert_now(), ignore, NULL);
    if (good) {
        anchor.hash = fa_tls_name_hash(&crt.subject);
        for (size_t i = 0; i < anchors->count && good; i++) {
            good = anchors->items[i].der.len != anchor.der.len ||
                   memcmp(anchors->items[i].der.bytes, anchor.der.bytes, anchor.der.len) != 0;
        }
    } else {
        anchors->left_out++;
    }
    mbedtls_x509_crt_free(&crt);
    if (!good) {
        return;
    }
    if (anchors->count == ANCHORS_MAX) {
        cli_fail("more than %d CAs", ANCHORS_MAX);
    }
    anchors->items = reallocarray(anchors->items, anchors->count + 1, sizeof anchors->items[0]);
    if (anchors->items == NULL) {
        cli_fail("out of memory");
    }
    anchors->items[anchors->count++] = anchor;
}

void cert_anchors_add_file(struct cert_anchors *anchors, const char *path)
{
    struct text bytes = cert_read(path);

    for (const char *at = bytes.bytes; (at = strstr(at, PEM_BEGIN)) != NULL;) {
        mbedtls_pem_context pem;
        size_t used = 0, len;

        mbedtls_pem_init(&pem);
        if (mbedtls_pem_read_buffer(&pem, PEM_BEGIN, PEM_END, (const unsigned char *)at, NULL, 0, &used) != 0) {
            cli_fail("%s: a certificate of it cannot be read as PEM", path);
        }
        const unsigned char *der = mbedtls_pem_get_buffer(&pem, &len);

        cert_anchors_add(anchors, der, len);
        mbedtls_pem_free(&pem);
        at += used;
    }
    text_free(&bytes);
}

static int by_hash(const void *a, const void *b)
{
    const struct cert_anchor *left = a, *right = b;

    return left->hash != right->hash ? (left->hash < right->hash ? -1 : 1)
                                     : memcmp(left->der.bytes, right->der.bytes,
                                              left->der.len < right->der.len ? left->der.len : right->der.len);
}

static void add_be32(struct text *out, size_t number)
{
    const char bytes[4] = {(char)(number >> 24), (char)(number >> 16), (char)(number >> 8), (char)number};

    text_add_bytes(out, bytes, sizeof bytes);
}

void cert_anchors_write(struct cert_anchors *anchors, struct text *out)
{
    size_t offset = 4 + 8 * anchors->count;

    if (anchors->count > 1) {
        qsort(anchors->items, anchors->count, sizeof anchors->items[0], by_hash);
    }
    add_be32(out, anchors->count);
    for (size_t i = 0; i < anchors->count; i++) {
        add_be32(out, anchors->items[i].hash);
        add_be32(out, offset);
        offset += anchors->items[i].der.len;
    }
    for (size_t i = 0; i < anchors->count; i++) {
        text_add_bytes(out, anchors->items[i].der.bytes, anchors->items[i].der.len);
    }
}
