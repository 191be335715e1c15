/* SPDX-License-Identifier: ISC */
/* Certificates and keys as people keep them, PEM or DER, into mbedTLS's structures: see check.h. What cannot
 * be read is told of in words: the library's own are numbers. */
#include "check.h"
#include <mbedtls/pem.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"

static __attribute__((format(printf, 3, 4))) bool say(fa_tls_tell *tell, void *arg, const char *format, ...)
{
    char text[FA_TLS_FINDING_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tell(arg, true, text);
    return false;
}

/* An error of mbedTLS is a sum: the module's in the upper bits, and what it met in the lowest seven. */
static int module_error(int ret)
{
    return -(int)((unsigned)-ret & 0xff80u);
}

static bool unreadable(int ret, size_t number, fa_tls_tell *tell, void *arg)
{
    switch (module_error(ret)) {
    case MBEDTLS_ERR_X509_UNKNOWN_SIG_ALG:
    case MBEDTLS_ERR_X509_SIG_MISMATCH:
        return say(tell, arg, "certificate %zu is signed in a way that is not accepted, such as with SHA-1 or MD5: "
                              "have it signed anew, with SHA-256", number);
    case MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE:
        return say(tell, arg, "certificate %zu has a key on an elliptic curve that is not accepted, such as P-192: "
                              "make one on P-256 or P-384", number);
    case MBEDTLS_ERR_PK_UNKNOWN_PK_ALG:
    case MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE:
        return say(tell, arg, "certificate %zu has a key of a kind that is not accepted, such as Ed25519 or DSA: "
                              "make one on P-256 or P-384, or of RSA", number);
    case MBEDTLS_ERR_X509_ALLOC_FAILED:
        return say(tell, arg, "out of memory for certificate %zu", number);
    default:
        return say(tell, arg, "certificate %zu is damaged, or no certificate (-0x%04x)", number, (unsigned)-ret);
    }
}

/* The length of the DER element at `der`, its head included; 0: there is no whole one. */
static size_t der_element_len(const uint8_t *der, size_t len)
{
    if (len < 2 || der[0] != 0x30)
        return 0;
    size_t head = 2, body = der[1];
    if (body > 0x80) {
        const size_t count = body & 0x7f;
        if (count > 3 || count + 2 > len)
            return 0;
        head += count;
        body = 0;
        for (size_t i = 0; i < count; i++)
            body = body << 8 | der[2 + i];
    }
    return body > len - head ? 0 : head + body;
}

/* RFC 8737, 3: critical, so that nobody takes a certificate that answers a CA for one of the name's owner. mbedTLS
 * does not know it, and refuses what is critical and not known. In DER alone: as sdk/acme makes it. */
static int take_extension(void *arg, const mbedtls_x509_crt *crt, const mbedtls_x509_buf *oid, int critical,
                          const unsigned char *bytes, const unsigned char *end)
{
    static const unsigned char acme_identifier[] = {0x2b, 6, 1, 5, 5, 7, 1, 31};
    (void)arg;
    (void)crt;
    (void)critical;
    (void)bytes;
    (void)end;
    return oid->len == sizeof acme_identifier && memcmp(oid->p, acme_identifier, oid->len) == 0
               ? 0
               : MBEDTLS_ERR_X509_INVALID_EXTENSIONS;
}

static bool read_der(mbedtls_x509_crt *chain, const uint8_t *bytes, size_t len, fa_tls_tell *tell, void *arg)
{
    for (size_t number = 1; len > 0; number++) {
        const size_t one = der_element_len(bytes, len);
        if (one == 0 && number == 1)
            return say(tell, arg, "it is neither PEM (text with a line %s) nor DER", PEM_BEGIN);
        if (one == 0)
            return say(tell, arg, "behind certificate %zu stands something else", number - 1);
        if (number > FA_TLS_CHAIN_MAX)
            return say(tell, arg, "there are more than %u certificates", FA_TLS_CHAIN_MAX);
        const int ret = mbedtls_x509_crt_parse_der_with_ext_cb(chain, bytes, one, 1, take_extension, NULL);
        if (ret != 0)
            return unreadable(ret, number, tell, arg);
        bytes += one;
        len -= one;
    }
    return true;
}

/* `text` ends with a zero byte. */
static bool read_pem(mbedtls_x509_crt *chain, const char *text, fa_tls_tell *tell, void *arg)
{
    for (size_t number = 1; (text = strstr(text, PEM_BEGIN)) != NULL; number++) {
        mbedtls_pem_context pem;
        size_t used = 0, der_len;
        if (number > FA_TLS_CHAIN_MAX)
            return say(tell, arg, "there are more than %u certificates", FA_TLS_CHAIN_MAX);
        mbedtls_pem_init(&pem);
        int ret = mbedtls_pem_read_buffer(&pem, PEM_BEGIN, PEM_END, (const unsigned char *)text, NULL, 0, &used);
        if (ret == 0) {
            const unsigned char *der = mbedtls_pem_get_buffer(&pem, &der_len);
            ret = mbedtls_x509_crt_parse_der(chain, der, der_len);
        } else {
            used = 0;
        }
        mbedtls_pem_free(&pem);
        if (ret != 0)
            return unreadable(ret, number, tell, arg);
        text += used;
    }
    return true;
}

/* A copy that ends with a zero byte, as the library's readers of PEM want it; wiped by free_text(). */
static char *text_of(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);
    if (text != NULL) {
        memcpy(text, bytes, len);
        text[len] = '\0';
    }
    return text;
}

static void free_text(char *text, size_t len)
{
    mbedtls_platform_zeroize(text, len);
    free(text);
}

bool fa_tls_read_chain(mbedtls_x509_crt *chain, const uint8_t *bytes, size_t len, fa_tls_tell *tell, void *arg)
{
    if (len == 0)
        return say(tell, arg, "it is empty");
    char *text = text_of(bytes, len);
    if (text == NULL)
        return say(tell, arg, "out of memory");
    const bool is_pem = strstr(text, "-----BEGIN ") != NULL;
    bool good = is_pem ? read_pem(chain, text, tell, arg) : read_der(chain, bytes, len, tell, arg);
    if (good && chain->raw.p == NULL)
        good = say(tell, arg, "it holds no certificate: there is no line %s%s", PEM_BEGIN,
                   strstr(text, "PRIVATE KEY-----") != NULL ? ", but a private key" : "");
    free_text(text, len);
    return good;
}

bool fa_tls_read_key(mbedtls_pk_context *key, const uint8_t *bytes, size_t len, fa_tls_rng *random,
                     fa_tls_tell *tell, void *arg)
{
    if (len == 0)
        return say(tell, arg, "it is empty");
    char *text = text_of(bytes, len);
    if (text == NULL)
        return say(tell, arg, "out of memory");
    const bool is_pem = strstr(text, "-----BEGIN ") != NULL;
    /* PKCS#8's way (RFC 7468, 11), and the older one of `openssl rsa` (RFC 1421, 4.6.1.1). */
    const bool is_encrypted = strstr(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----") != NULL ||
                              strstr(text, "Proc-Type: 4,ENCRYPTED") != NULL;
    const bool is_certificate = strstr(text, PEM_BEGIN) != NULL && strstr(text, "PRIVATE KEY-----") == NULL;
    const int ret =
        mbedtls_pk_parse_key(key, (const unsigned char *)text, len + (is_pem ? 1 : 0), NULL, 0, random, NULL);
    free_text(text, len);
    if (ret == 0)
        return true;
    if (is_certificate)
        return say(tell, arg, "it holds a certificate, but no private key");
    if (is_encrypted)
        return say(tell, arg, "the key is encrypted with a pass phrase: `openssl pkey -in FILE -out NEW` takes it off");
    switch (module_error(ret)) {
    case MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE:
        return say(tell, arg, "the key is on an elliptic curve that is not accepted, such as P-192: make one on "
                              "P-256 or P-384");
    case MBEDTLS_ERR_PK_UNKNOWN_PK_ALG:
        return say(tell, arg, "the key is of a kind that is not accepted, such as Ed25519 or DSA: make one on P-256 "
                              "or P-384, or of RSA");
    default:
        return say(tell, arg, "it holds no private key that can be read, as PEM or DER (-0x%04x)", (unsigned)-ret);
    }
}
