/* SPDX-License-Identifier: ISC */
/* `fata cert show`: what a file of certificates, a key, a request or a list of revoked certificates says. A key's secret is not shown. */
#include "cert.h"

#include "../../tls/check.h"
#include "names.h"

#include <arpa/inet.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES 512

static const struct cli_option options[] = {{0}};

static const char details[] =
    "FILE holds certificates, a private key, a certificate request (CSR) or a list of revoked certificates (CRL), as PEM or DER.\n"
    "What is wrong with a certificate, or will be soon, follows it on standard error; the exit status is 0 if FILE could be read.\n";

static void print_hex(const char *title, const unsigned char *bytes, size_t len)
{
    printf("  %-12s  ", title);
    for (size_t i = 0; i < len; i++) {
        printf("%s%02x", i == 0 ? "" : ":", bytes[i]);
    }
    printf("\n");
}

static void print_key(const mbedtls_pk_context *key)
{
    char text[40];
    unsigned char der[1024], digest[32], *at = der + sizeof der;
    int len = mbedtls_pk_write_pubkey_der(key, der, sizeof der);

    printf("  %-12s  %s\n", "key", fa_tls_key_text(key, text, sizeof text));
    if (len > 0 && mbedtls_sha256(at - len, (size_t)len, digest, 0) == 0) {
        print_hex("its SHA-256", digest, sizeof digest);
    }
}

/* Names come from others: what is no printable ASCII is shown as its number. */
static void print_text(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] > 0x20 && bytes[i] < 0x7f && bytes[i] != ',' && bytes[i] != '\\') {
            putchar(bytes[i]);
        } else {
            printf("\\x%02x", bytes[i]);
        }
    }
}

static void print_names(const mbedtls_x509_sequence *names)
{
    const char *separator = "";

    printf("  %-12s  ", "names");
    for (; names != NULL && names->buf.p != NULL; names = names->next) {
        unsigned kind = (unsigned)names->buf.tag & 0x1f;
        char address[INET6_ADDRSTRLEN];

        printf("%s", separator);
        separator = ", ";
        if (kind == 7 && (names->buf.len == 4 || names->buf.len == 16) &&
            inet_ntop(names->buf.len == 4 ? AF_INET : AF_INET6, names->buf.p, address, sizeof address) != NULL) {
            printf("IP %s", address);
        } else {
            printf("%s", kind == 2 ? "" : kind == 1 ? "mail " : kind == 6 ? "URI " : "another ");
            print_text(names->buf.p, names->buf.len);
        }
    }
    printf("%s\n", separator[0] == '\0' ? "none" : "");
}

static const char *subject_of(const mbedtls_x509_name *name)
{
    static char text[NAME_BYTES];

    return mbedtls_x509_dn_gets(text, sizeof text, name) > 0 ? text : "none";
}

static void print_uses(const mbedtls_x509_crt *crt)
{
    struct text uses = {0};

    text_add(&uses, "");
    if (mbedtls_x509_crt_get_ca_istrue(crt) > 0) {
        text_add(&uses, ", CA");
    }
    if (mbedtls_x509_crt_has_ext_type(crt, MBEDTLS_X509_EXT_EXTENDED_KEY_USAGE)) {
        if (mbedtls_x509_crt_check_extended_key_usage(crt, MBEDTLS_OID_SERVER_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) == 0) {
            text_add(&uses, ", server");
        }
        if (mbedtls_x509_crt_check_extended_key_usage(crt, MBEDTLS_OID_CLIENT_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) == 0) {
            text_add(&uses, ", client");
        }
    }
    printf("  %-12s  %s\n", "use", uses.len > 2 ? uses.bytes + 2 : "any");
}

static void print_certificate(const mbedtls_x509_crt *crt, size_t number, const char *path)
{
    unsigned char digest[32];
    int64_t until = fa_tls_not_after(crt);
    long long days = (until - cert_now()) / 86400;

    printf("%s: certificate %zu\n", path, number);
    printf("  %-12s  %s\n", "subject", subject_of(&crt->subject));
    printf("  %-12s  %s\n", "issuer", subject_of(&crt->issuer));
    print_names(&crt->subject_alt_names);
    printf("  %-12s  %s to %s UTC, ", "valid", cert_time_text(fa_tls_not_before(crt)), cert_time_text(until));
    printf(until < cert_now() ? "expired\n" : days == 1 ? "1 day left\n" : "%lld days left\n", days);
    print_key(&crt->pk);
    print_uses(crt);
    print_hex("serial", crt->serial.p, crt->serial.len);
    if (mbedtls_sha256(crt->raw.p, crt->raw.len, digest, 0) == 0) {
        print_hex("SHA-256", digest, sizeof digest);
    }
}

static void print_chain(mbedtls_x509_crt *chain, const char *path)
{
    struct cert_teller teller = {.path = path};
    size_t number = 1;

    for (const mbedtls_x509_crt *crt = chain; crt != NULL; crt = crt->next) {
        print_certificate(crt, number++, path);
    }
    if (mbedtls_x509_crt_get_ca_istrue(chain) > 0) {
        (void)fa_tls_judge_anchor(chain, cert_now(), cert_tell, &teller);
    } else {
        (void)fa_tls_judge_chain(chain, cert_now(), FA_TLS_USE_EITHER, cert_tell, &teller);
    }
}

static void print_list(const mbedtls_x509_crl *crl, const char *path)
{
    size_t count = 0;

    printf("%s: revoked certificates\n", path);
    printf("  %-12s  %s\n", "issuer", subject_of(&crl->issuer));
    printf("  %-12s  %04d-%02d-%02d to ", "valid", crl->this_update.year, crl->this_update.mon, crl->this_update.day);
    printf(crl->next_update.year == 0 ? "an unknown time\n" : "%04d-%02d-%02d\n", crl->next_update.year, crl->next_update.mon,
           crl->next_update.day);
    for (const mbedtls_x509_crl_entry *entry = &crl->entry; entry != NULL && entry->raw.len > 0; entry = entry->next) {
        print_hex("serial", entry->serial.p, entry->serial.len);
        count++;
    }
    printf("  %-12s  %zu\n", "together", count);
}

static void ignore(void *unused, bool is_error, const char *text)
{
    (void)unused;
    (void)is_error;
    (void)text;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    const char *path = NULL;
    struct cert_teller teller = {0};
    struct text bytes;
    const unsigned char *at;
    size_t len;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    mbedtls_x509_csr csr;
    mbedtls_x509_crl crl;

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        if (id != CLI_POSITIONAL || path != NULL) {
            cli_unexpected(&walk);
        }
        path = walk.value;
    }
    if (path == NULL) {
        cli_usage("which file?");
    }
    bytes = cert_read(path);
    at = (const unsigned char *)bytes.bytes;
    len = bytes.len + (strstr(bytes.bytes, "-----BEGIN ") != NULL ? 1 : 0);
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
    mbedtls_x509_csr_init(&csr);
    mbedtls_x509_crl_init(&crl);
    if (mbedtls_x509_crl_parse(&crl, at, len) == 0 && crl.raw.p != NULL) {
        print_list(&crl, path);
    } else if (mbedtls_x509_csr_parse(&csr, at, len) == 0) {
        printf("%s: certificate request\n  %-12s  %s\n", path, "subject", subject_of(&csr.subject));
        print_names(&csr.subject_alt_names);
        print_key(&csr.pk);
    } else if (fa_tls_read_key(&key, at, bytes.len, cert_random, ignore, NULL)) {
        printf("%s: private key\n", path);
        print_key(&key);
        mbedtls_pk_free(&key);
    } else if (cert_read_chain(&chain, path, &teller)) {
        print_chain(&chain, path);
    } else {
        return CLI_FAILED;
    }
    return cli_flush() ? CLI_OK : CLI_FAILED;
}

const struct cli_command cert_show = {
    .name = "cert show",
    .synopsis = "FILE",
    .summary = "Shows what a certificate, key, request or list says",
    .details = details,
    .options = options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run,
};
