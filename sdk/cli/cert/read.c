/* SPDX-License-Identifier: ISC */
/* Reading certificates, keys and lists of revoked certificates: see cert.h. The rules are the images' own, sdk/tls/check.h. */
#include "cert.h"

#include "../../tls/check.h"
#include "../files.h"

#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>

void cert_tell(void *arg, bool is_error, const char *text)
{
    struct cert_teller *teller = arg;

    teller->errors += is_error;
    teller->warnings += !is_error;
    if (is_error || !teller->quiet) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "%s: %s: %s\n", teller->path, is_error ? "error" : "warning", text);
    }
}

static bool read_file(const char *path, struct text *bytes, struct cert_teller *teller)
{
    const char *why;

    teller->path = path;
    if (!file_read(path, CERT_FILE_BYTES_MAX, bytes, &why)) {
        cert_tell(teller, true, why);
        return false;
    }
    return true;
}

bool cert_read_chain(struct mbedtls_x509_crt *chain, const char *path, struct cert_teller *teller)
{
    struct text bytes = {0};

    mbedtls_x509_crt_init(chain);
    return read_file(path, &bytes, teller) &&
           fa_tls_read_chain(chain, (const uint8_t *)bytes.bytes, bytes.len, cert_tell, teller);
}

bool cert_read_key(struct mbedtls_pk_context *key, const char *path, struct cert_teller *teller)
{
    struct text bytes = {0};
    bool good;

    mbedtls_pk_init(key);
    good = read_file(path, &bytes, teller) &&
           fa_tls_read_key(key, (const uint8_t *)bytes.bytes, bytes.len, cert_random, cert_tell, teller);
    mbedtls_platform_zeroize(bytes.bytes, bytes.len);
    text_free(&bytes);
    return good;
}

bool cert_read_many(struct mbedtls_x509_crt *list, const char *path, unsigned *skipped_out, struct cert_teller *teller)
{
    struct text bytes = {0};
    int failed;

    mbedtls_x509_crt_init(list);
    *skipped_out = 0;
    if (!read_file(path, &bytes, teller)) {
        return false;
    }
    failed = mbedtls_x509_crt_parse(list, (const unsigned char *)bytes.bytes, bytes.len + 1);
    if (failed < 0) {
        cert_tell(teller, true, "it holds no certificate of PEM that can be read");
        return false;
    }
    *skipped_out = (unsigned)failed;
    return true;
}

bool cert_read_crl(struct mbedtls_x509_crl *crl, const char *path, struct cert_teller *teller)
{
    struct text bytes = {0};
    bool is_pem;

    mbedtls_x509_crl_init(crl);
    if (!read_file(path, &bytes, teller)) {
        return false;
    }
    is_pem = strstr(bytes.bytes, "-----BEGIN ") != NULL;
    if (mbedtls_x509_crl_parse(crl, (const unsigned char *)bytes.bytes, bytes.len + (is_pem ? 1 : 0)) != 0 ||
        crl->raw.p == NULL) {
        cert_tell(teller, true, "it is no list of revoked certificates (CRL) that can be read");
        return false;
    }
    return true;
}

void cert_key_id(const struct mbedtls_pk_context *key, uint8_t id_out[20])
{
    uint8_t der[1024];
    uint8_t digest[32];
    uint8_t *at = der + sizeof der;
    int len = mbedtls_pk_write_pubkey(&at, der, key);

    if (len < 0 || mbedtls_sha256(at, (size_t)len, digest, 0) != 0) {
        cli_fail("a public key that cannot be written (-0x%04x)", (unsigned)-len);
    }
    memcpy(id_out, digest, 20);
}
