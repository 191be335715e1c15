/* SPDX-License-Identifier: ISC */
/*
 * `fata cert ca` and `fata cert new`: a private CA, and certificates that it signs. Keys are on P-256, signatures ECDSA with SHA-256;
 * serial numbers are random (RFC 5280 section 4.1.2.2 allows 20 bytes, these have 16); the extensions are those that RFC 5280
 * section 4.2 asks for.
 */
#include "cert.h"

#include "../../tls/check.h"
#include "names.h"

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <stdio.h>
#include <string.h>

#define CA_DAYS 3650
#define LEAF_DAYS 365
#define DAY_S 86400
#define CLOCK_SKEW_S 3600 /* peers whose clocks are behind take a new certificate at once */
#define SERIAL_BYTES 16
#define CERT_BYTES_MAX 8192
#define KEY_BYTES_MAX 512

enum { OPTION_NAME = 1, OPTION_DAYS, OPTION_DIR, OPTION_IP, OPTION_CLIENT, OPTION_SERVER, OPTION_OUT, OPTION_CSR };

static const struct cli_option ca_options[] = {
    {OPTION_NAME, "--name", "TEXT", "what it is called (Private CA, and six random digits)"},
    {OPTION_DAYS, "--days", "DAYS", "how long it is valid (3650)"},
    {OPTION_DIR, "--dir", "FOLDER", "where its files go (tls)"},
    {0},
};

static const char ca_details[] =
    "Makes FOLDER/ca.pem, which peers are given, and FOLDER/ca.key, which signs certificates and stays where it is: no image\n"
    "ever holds it. Nothing is overwritten. Git ignores the folder.\n";

static const struct cli_option new_options[] = {
    {OPTION_IP, "--ip", "ADDRESS", "an address besides (a NAME that is an address will do as well)"},
    {OPTION_SERVER, "--server", NULL, "for a server: what it is without --client"},
    {OPTION_CLIENT, "--client", NULL, "for a client; with --server, for both"},
    {OPTION_DAYS, "--days", "DAYS", "how long it is valid (365, at most as long as its CA)"},
    {OPTION_OUT, "--out", "LABEL", "the files' name (server, or client)"},
    {OPTION_DIR, "--dir", "FOLDER", "where the CA is and the files go (tls)"},
    {OPTION_CSR, "--csr", "FILE", "sign this request, of an appliance that has made its key itself"},
    {0},
};

static const char new_details[] =
    "Makes FOLDER/LABEL.pem and FOLDER/LABEL.key, signed by the CA in FOLDER (`fata cert ca` makes one). An appliance with several\n"
    "LABELs shows each peer the one that holds the name it asks for; who asks by an address, or by another name, gets the first\n"
    "by the alphabet, so put addresses into that one. With --csr there is no key to make: its owner has it.\n";

/* What a certificate is to say. */
struct plan {
    const char *subject;
    struct names names;
    bool is_ca, serves, calls;
    int64_t from_s, until_s;
    mbedtls_pk_context *key;           /* public, or a pair */
    mbedtls_pk_context *issuer_key;
    const mbedtls_x509_crt *issuer;    /* NULL: it signs itself */
};

static void must(int ret, const char *what)
{
    if (ret < 0) {
        cli_fail("cannot make %s (-0x%04x)", what, (unsigned)-ret);
    }
}

static void make_key(mbedtls_pk_context *key)
{
    mbedtls_pk_init(key);
    must(mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), "a key");
    must(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), cert_random, NULL), "a key");
}

static void add_extension(mbedtls_x509write_cert *out, const char *oid, size_t oid_len, bool critical, const struct text *value)
{
    must(mbedtls_x509write_crt_set_extension(out, oid, oid_len, critical, (const unsigned char *)value->bytes, value->len),
         "an extension");
}

/* RFC 5280 sections 4.2.1.1 and 4.2.1.2. The issuer's own word for its key is what an issuer's certificate says. */
static void add_key_ids(mbedtls_x509write_cert *out, const struct plan *plan)
{
    uint8_t own[20], computed[20];
    struct text subject = {0}, inner = {0}, authority = {0};

    cert_key_id(plan->key, own);
    der_add(&subject, 0x04, own, sizeof own);
    add_extension(out, MBEDTLS_OID_SUBJECT_KEY_IDENTIFIER, MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_KEY_IDENTIFIER), false, &subject);
    if (plan->issuer != NULL && plan->issuer->subject_key_id.len > 0) {
        der_add(&inner, 0x80, plan->issuer->subject_key_id.p, plan->issuer->subject_key_id.len);
    } else {
        cert_key_id(plan->issuer_key, computed);
        der_add(&inner, 0x80, computed, sizeof computed);
    }
    der_wrap(&authority, 0x30, &inner);
    add_extension(out, MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER, MBEDTLS_OID_SIZE(MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER), false,
                  &authority);
}

static void add_uses(mbedtls_x509write_cert *out, const struct plan *plan)
{
    struct text names = {0}, uses = {0}, sequence = {0};

    if (plan->serves) {
        der_add(&uses, 0x06, MBEDTLS_OID_SERVER_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH));
    }
    if (plan->calls) {
        der_add(&uses, 0x06, MBEDTLS_OID_CLIENT_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH));
    }
    der_wrap(&sequence, 0x30, &uses);
    add_extension(out, MBEDTLS_OID_EXTENDED_KEY_USAGE, MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), false, &sequence);
    names_write(&plan->names, &names);
    add_extension(out, MBEDTLS_OID_SUBJECT_ALT_NAME, MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), false, &names);
}

/* Peers compare names byte by byte (RFC 5280 section 7.1), and the library writes them anew, in its own kinds of strings. */
static void check_issuer(const struct plan *plan, const unsigned char *der, size_t len)
{
    mbedtls_x509_crt made;

    mbedtls_x509_crt_init(&made);
    must(mbedtls_x509_crt_parse_der(&made, der, len), "a certificate that can be read");
    if (plan->issuer != NULL && (made.issuer_raw.len != plan->issuer->subject_raw.len ||
                                 memcmp(made.issuer_raw.p, plan->issuer->subject_raw.p, made.issuer_raw.len) != 0)) {
        cli_fail("the CA's name is written in a way that cannot be repeated here: make a CA by `fata cert ca`, or sign by its own tools");
    }
    mbedtls_x509_crt_free(&made);
}

static void issue(const struct plan *plan, struct text *pem_out)
{
    mbedtls_x509write_cert out;
    uint8_t serial[SERIAL_BYTES];
    unsigned char der[CERT_BYTES_MAX];
    char issuer[1024];
    int len;

    mbedtls_x509write_crt_init(&out);
    mbedtls_x509write_crt_set_version(&out, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&out, MBEDTLS_MD_SHA256);
    (void)cert_random(NULL, serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and always of 16 bytes */
    must(mbedtls_x509write_crt_set_serial_raw(&out, serial, sizeof serial), "a serial number");
    must(mbedtls_x509write_crt_set_validity(&out, cert_time_digits(plan->from_s), cert_time_digits(plan->until_s)), "dates");
    must(mbedtls_x509write_crt_set_subject_name(&out, plan->subject), plan->subject);
    (void)snprintf(issuer, sizeof issuer, "%s", plan->subject);
    if (plan->issuer != NULL) {
        must(mbedtls_x509_dn_gets(issuer, sizeof issuer, &plan->issuer->subject), "the CA's name");
    }
    must(mbedtls_x509write_crt_set_issuer_name(&out, issuer), issuer);
    mbedtls_x509write_crt_set_subject_key(&out, plan->key);
    mbedtls_x509write_crt_set_issuer_key(&out, plan->issuer_key);
    must(mbedtls_x509write_crt_set_basic_constraints(&out, plan->is_ca, plan->is_ca ? 0 : -1), "an extension");
    must(mbedtls_x509write_crt_set_key_usage(&out, plan->is_ca ? MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN
                                                               : MBEDTLS_X509_KU_DIGITAL_SIGNATURE), "an extension");
    add_key_ids(&out, plan);
    if (!plan->is_ca) {
        add_uses(&out, plan);
    }
    len = mbedtls_x509write_crt_der(&out, der, sizeof der, cert_random, NULL);
    must(len, "a certificate");
    check_issuer(plan, der + sizeof der - len, (size_t)len);
    pem_add(pem_out, "CERTIFICATE", der + sizeof der - len, (size_t)len);
    mbedtls_x509write_crt_free(&out);
}

/* Both files; the key in its own memory for as long as it takes. */
static void write_pair(const char *folder, const char *label, const struct text *pem, mbedtls_pk_context *key)
{
    unsigned char text[KEY_BYTES_MAX];
    struct cert_file files[2] = {
        {text_format("%s/%s.key", folder, label), (const char *)text, 0, 0600},
        {text_format("%s/%s.pem", folder, label), pem->bytes, pem->len, 0644},
    };

    must(mbedtls_pk_write_key_pem(key, text, sizeof text), "a key");
    files[0].len = strlen((const char *)text);
    cert_write_new(files, 2);
    mbedtls_platform_zeroize(text, sizeof text);
    printf("made %s and %s\n", files[1].path, files[0].path);
}

static void require_free(const char *folder, const char *label)
{
    static const char *const endings[] = {"key", "pem"};

    for (size_t i = 0; i < 2; i++) {
        const char *path = text_format("%s/%s.%s", folder, label, endings[i]);

        if (cert_exists(path)) {
            cli_fail("%s exists: nothing is overwritten; remove it, or choose another %s", path,
                     strcmp(label, "ca") == 0 ? "folder by --dir" : "name by --out");
        }
    }
}

static int run_ca(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    const char *folder = CERT_FOLDER, *name = NULL;
    int64_t days = CA_DAYS, now = cert_now();
    uint8_t random[3];
    mbedtls_pk_context key;
    struct text pem = {0};

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        switch (id) {
        case OPTION_NAME:
            name = walk.value;
            break;
        case OPTION_DAYS:
            days = cert_days(walk.value);
            break;
        case OPTION_DIR:
            folder = walk.value;
            break;
        default:
            cli_unexpected(&walk);
        }
    }
    (void)cert_random(NULL, random, sizeof random);
    if (name == NULL) {
        name = text_format("Private CA %02x%02x%02x", random[0], random[1], random[2]);
    }

    struct plan plan = {.subject = names_subject(name), .is_ca = true, .from_s = now - CLOCK_SKEW_S,
                        .until_s = now + days * DAY_S, .key = &key, .issuer_key = &key};

    require_free(folder, "ca");
    cert_make_folder(folder);
    make_key(&key);
    issue(&plan, &pem);
    write_pair(folder, "ca", &pem, &key);
    mbedtls_pk_free(&key);
    printf("`fata cert new NAME` makes what it signs. Give ca.pem to peers; keep ca.key to yourself.\n");
    return cli_flush() ? CLI_OK : CLI_FAILED;
}

struct request {
    struct names names;
    const char *folder, *label, *csr;
    bool serves, calls, has_days;
    int64_t days;
};

static void read_arguments(struct cli_walk *walk, struct request *request)
{
    for (int id; (id = cli_next(walk)) != CLI_END;) {
        switch (id) {
        case CLI_POSITIONAL:
        case OPTION_IP:
            names_add(&request->names, walk->value, id == OPTION_IP);
            break;
        case OPTION_SERVER:
            request->serves = true;
            break;
        case OPTION_CLIENT:
            request->calls = true;
            break;
        case OPTION_DAYS:
            request->days = cert_days(walk->value);
            request->has_days = true;
            break;
        case OPTION_OUT:
            request->label = walk->value;
            break;
        case OPTION_DIR:
            request->folder = walk->value;
            break;
        case OPTION_CSR:
            request->csr = walk->value;
            break;
        default:
            cli_unexpected(walk);
        }
    }
    if (request->names.count == 0) {
        cli_usage("which name? fata cert new NAME... (a host's, such as www.example.org, or an address)");
    }
    request->serves = request->serves || !request->calls;
    if (request->label == NULL) {
        request->label = request->serves ? "server" : "client";
    }
    if (request->label[0] == '\0' || request->label[0] == '.' || strchr(request->label, '/') != NULL ||
        strlen(request->label) > 63) {
        cli_usage("--out %s: a plain name of at most 63 letters is wanted, without a slash or an ending", request->label);
    }
    if (strcmp(request->label, "ca") == 0 || strcmp(request->label, "crl") == 0) {
        cli_usage("--out %s: that name is the CA's", request->label);
    }
}

/* The CA's certificates and key; ends the program with what to do when something is wrong with them. */
static void read_ca(const char *folder, mbedtls_x509_crt *ca, mbedtls_pk_context *ca_key)
{
    struct cert_teller teller = {.quiet = true};
    const char *path = text_format("%s/ca.pem", folder);

    if (!cert_exists(path)) {
        cli_fail("there is no CA in %s (no %s): `fata cert ca%s%s` makes one", folder, path,
                 strcmp(folder, CERT_FOLDER) == 0 ? "" : " --dir ", strcmp(folder, CERT_FOLDER) == 0 ? "" : folder);
    }
    if (!cert_read_chain(ca, path, &teller) || !fa_tls_judge_anchor(ca, cert_now(), cert_tell, &teller) ||
        !cert_read_key(ca_key, text_format("%s/ca.key", folder), &teller) ||
        !fa_tls_judge_pair(ca, ca_key, cert_random, cert_tell, &teller)) {
        cli_fail("the CA in %s cannot sign", folder);
    }
}

/* A request proves that who makes it has the key. */
static void read_csr(const char *path, mbedtls_x509_csr *csr)
{
    struct text bytes = cert_read(path);
    bool is_pem = strstr(bytes.bytes, "-----BEGIN ") != NULL;
    unsigned char hash[MBEDTLS_MD_MAX_SIZE];
    const mbedtls_md_info_t *md;

    mbedtls_x509_csr_init(csr);
    if (mbedtls_x509_csr_parse(csr, (const unsigned char *)bytes.bytes, bytes.len + (is_pem ? 1 : 0)) != 0) {
        cli_fail("%s: it is no certificate request (CSR) that can be read, or its key is of a kind that is not accepted", path);
    }
    md = mbedtls_md_info_from_type(csr->MBEDTLS_PRIVATE(sig_md));
    if (md == NULL || mbedtls_md(md, csr->cri.p, csr->cri.len, hash) != 0 ||
        mbedtls_pk_verify_ext(csr->MBEDTLS_PRIVATE(sig_pk), csr->MBEDTLS_PRIVATE(sig_opts), &csr->pk,
                              csr->MBEDTLS_PRIVATE(sig_md), hash, mbedtls_md_get_size(md), csr->MBEDTLS_PRIVATE(sig).p,
                              csr->MBEDTLS_PRIVATE(sig).len) != 0) {
        cli_fail("%s: it is not signed by the key that it is for: it is damaged, or made up", path);
    }
    if (mbedtls_pk_get_type(&csr->pk) == MBEDTLS_PK_RSA && mbedtls_pk_get_bitlen(&csr->pk) < FA_TLS_RSA_BITS_MIN) {
        cli_fail("%s: its key is weak, RSA of %u bits; at least %u are asked for", path,
                 (unsigned)mbedtls_pk_get_bitlen(&csr->pk), FA_TLS_RSA_BITS_MIN);
    }
}

/* When the new certificate ends: not after its CA. */
static int64_t end_of(const struct request *request, const mbedtls_x509_crt *ca)
{
    int64_t ca_end = fa_tls_not_after(ca), end = cert_now() + request->days * DAY_S;

    if (end <= ca_end) {
        return end;
    }
    if (request->has_days) {
        cli_fail("--days %lld: its CA is valid until %s only", (long long)request->days, cert_time_text(ca_end));
    }
    return ca_end;
}

static int run_new(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    struct request request = {.folder = CERT_FOLDER, .days = LEAF_DAYS};
    mbedtls_x509_crt ca;
    mbedtls_pk_context ca_key, key;
    mbedtls_x509_csr csr;
    struct text pem = {0};
    const char *name;

    read_arguments(&walk, &request);
    read_ca(request.folder, &ca, &ca_key);
    require_free(request.folder, request.label);
    if (request.csr != NULL) {
        read_csr(request.csr, &csr);
    } else {
        make_key(&key);
    }
    name = request.names.items[0].text;

    struct plan plan = {.subject = names_subject(strlen(name) <= 64 ? name : request.label), .names = request.names,
                        .serves = request.serves, .calls = request.calls, .from_s = cert_now() - CLOCK_SKEW_S,
                        .until_s = end_of(&request, &ca), .key = request.csr != NULL ? &csr.pk : &key,
                        .issuer_key = &ca_key, .issuer = &ca};

    issue(&plan, &pem);
    for (const mbedtls_x509_crt *above = &ca; above != NULL; above = above->next) {
        if (above->issuer_raw.len != above->subject_raw.len ||
            memcmp(above->issuer_raw.p, above->subject_raw.p, above->subject_raw.len) != 0) {
            pem_add(&pem, "CERTIFICATE", above->raw.p, above->raw.len); /* no root: peers need it on the way there */
        }
    }
    if (request.csr != NULL) {
        struct cert_file file = {text_format("%s/%s.pem", request.folder, request.label), pem.bytes, pem.len, 0644};

        cert_write_new(&file, 1);
        printf("made %s\n", file.path);
    } else {
        write_pair(request.folder, request.label, &pem, &key);
        mbedtls_pk_free(&key);
    }
    mbedtls_pk_free(&ca_key);
    return cli_flush() ? CLI_OK : CLI_FAILED;
}

const struct cli_command cert_ca = {
    .name = "cert ca",
    .synopsis = "[--name TEXT] [--days DAYS] [--dir FOLDER]",
    .summary = "Makes a private CA",
    .details = ca_details,
    .options = ca_options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run_ca,
};

const struct cli_command cert_new = {
    .name = "cert new",
    .synopsis = "NAME... [--ip ADDRESS] [--client] [--server] [--days DAYS] [--out LABEL]",
    .summary = "Makes a certificate that the private CA signs, and its key",
    .details = new_details,
    .options = new_options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run_new,
};
