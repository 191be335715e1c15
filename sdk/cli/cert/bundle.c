/* SPDX-License-Identifier: ISC */
/*
 * `fata cert embed` and `fata cert disk`: a folder of certificates and keys as the bundle that images read (sdk/tls/bundle_format.h), in
 * an image or on a disk. Nothing is written of a folder in which something is wrong.
 */
#include "cert.h"

#include "../../tls/bundle_format.h"

#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>

#define CA_CERTIFICATES "/etc/ssl/certs/ca-certificates.crt"
#define DISK_BYTES ((size_t)1 << 20)
#define KEY_BYTES_MAX 8192

enum { OPTION_OUT = 1, OPTION_TRUST, OPTION_DIR, OPTION_ONLY };

static const struct cli_option embed_options[] = {
    {OPTION_OUT, "--out", "FILE", "the bundle; FILE.S is the assembler source that takes it in"},
    {OPTION_TRUST, "--trust", "WHOM", "project, or ca-certificates for that package's CAs as well (project)"},
    {0},
};

static const char embed_details[] =
    "What the build of a project with TLS=1 calls. WHOM is its TLS_TRUST. The key of a CA (ca.key) is left out, always.\n";

static const struct cli_option disk_options[] = {
    {OPTION_DIR, "--dir", "FOLDER", "what the disk gets (tls)"},
    {OPTION_ONLY, "--only", "NAME", "this identity of it alone"},
    {0},
};

static const char disk_details[] =
    "Writes FILE, a raw image of 1 MiB with the identities, CAs and lists of revoked certificates of FOLDER at its start, which a\n"
    "program reads by fa_tls_keys_from_block(); a partition may hold the same bytes. One image can so serve many appliances, each with a\n"
    "disk of its own. FILE must not exist, and holds keys: it is its owner's only.\n";

struct bundle {
    struct text body;
    size_t identity_count;
    size_t trust_bytes;
    struct cert_anchors anchors;
};

static void add_be(struct text *out, size_t number, unsigned bytes)
{
    while (bytes-- > 0) {
        const char byte = (char)(number >> (8 * bytes));

        text_add_bytes(out, &byte, 1);
    }
}

static void add_entry(struct bundle *bundle, unsigned kind, const void *bytes, size_t len)
{
    add_be(&bundle->body, kind, 2);
    add_be(&bundle->body, 0, 2);
    add_be(&bundle->body, len, 4);
    text_add_bytes(&bundle->body, bytes, len);
    while (bundle->body.len % 4 != 0) {
        text_add_bytes(&bundle->body, "", 1);
    }
}

static void add_identity(struct bundle *bundle, const struct cert_identity *identity)
{
    struct text chain = {0};
    unsigned char key[KEY_BYTES_MAX];
    int len = mbedtls_pk_write_key_der(identity->key, key, sizeof key);

    if (len < 0) {
        cli_fail("%s: the key cannot be written (-0x%04x)", identity->key_path, (unsigned)-len);
    }
    for (const mbedtls_x509_crt *crt = identity->chain; crt != NULL; crt = crt->next) {
        text_add_bytes(&chain, (const char *)crt->raw.p, crt->raw.len);
    }
    add_entry(bundle, FA_TLS_BUNDLE_NAME, identity->name, strlen(identity->name));
    add_entry(bundle, FA_TLS_BUNDLE_CHAIN, chain.bytes, chain.len);
    add_entry(bundle, FA_TLS_BUNDLE_KEY, key + sizeof key - len, (size_t)len);
    mbedtls_platform_zeroize(key, sizeof key);
    bundle->identity_count++;
}

/* `more` is a file of CAs, or NULL. */
static void fill(struct bundle *bundle, const struct cert_folder *folder, const char *more)
{
    struct text table = {0};

    for (size_t i = 0; i < folder->identity_count; i++) {
        add_identity(bundle, &folder->identities[i]);
    }
    for (const mbedtls_x509_crt *crt = folder->anchors; crt != NULL && folder->anchor_count > 0; crt = crt->next) {
        cert_anchors_add(&bundle->anchors, crt->raw.p, crt->raw.len);
    }
    if (bundle->anchors.left_out > 0) {
        cli_fail("%s: %u of its CAs cannot be used: they have nameConstraints, which images do not keep to", folder->path,
                 bundle->anchors.left_out);
    }
    if (more != NULL) {
        cert_anchors_add_file(&bundle->anchors, more);
    }
    if (bundle->anchors.count > 0) {
        cert_anchors_write(&bundle->anchors, &table);
        add_entry(bundle, FA_TLS_BUNDLE_TRUST, table.bytes, table.len);
        bundle->trust_bytes = table.len;
    }
    for (const mbedtls_x509_crl *crl = folder->crls; crl != NULL && folder->crl_count > 0; crl = crl->next) {
        add_entry(bundle, FA_TLS_BUNDLE_CRL, crl->raw.p, crl->raw.len);
    }
    if (bundle->body.len > FA_TLS_BUNDLE_BYTES_MAX - FA_TLS_BUNDLE_HEAD_BYTES) {
        cli_fail("%s: more than %u KiB in all: take some CAs out", folder->path, FA_TLS_BUNDLE_BYTES_MAX / 1024);
    }
}

static void finish(const struct bundle *bundle, struct text *out)
{
    unsigned char digest[32];
    const char *body = bundle->body.bytes != NULL ? bundle->body.bytes : "";

    if (mbedtls_sha256((const unsigned char *)body, bundle->body.len, digest, 0) != 0) {
        cli_fail("SHA-256 fails");
    }
    text_add_bytes(out, FA_TLS_BUNDLE_MAGIC, FA_TLS_BUNDLE_MAGIC_BYTES);
    add_be(out, FA_TLS_BUNDLE_VERSION, 4);
    add_be(out, bundle->body.len, 4);
    text_add_bytes(out, (const char *)digest, sizeof digest);
    text_add_bytes(out, body, bundle->body.len);
}

static void report(const char *what, const struct bundle *bundle, size_t len)
{
    printf("%s: identities: %zu, trusted CAs: %zu in %zu bytes", what, bundle->identity_count, bundle->anchors.count,
           bundle->trust_bytes);
    if (bundle->anchors.left_out > 0) {
        printf(" (%u left out: expired, or of kinds that images cannot use)", bundle->anchors.left_out);
    }
    printf(", together %zu bytes\n", len);
}

static const char *const source =
    "/* Made by `fata cert embed`. The pages are the bundle's own: keys in it are wiped once they have been read. */\n"
    "    .section .data.fa_tls_bundle, \"aw\"\n"
    "    .globl fa_tls_bundle, fa_tls_bundle_bytes\n"
    "    .balign 4096\n"
    "fa_tls_bundle:\n"
    "    .incbin \"%s\"\n"
    "end:\n"
    "    .balign 4096\n"
    "    .section .rodata.fa_tls_bundle, \"a\"\n"
    "    .balign __SIZEOF_POINTER__\n"
    "fa_tls_bundle_bytes:\n"
    "#if __SIZEOF_POINTER__ == 8\n"
    "    .quad end - fa_tls_bundle\n"
    "#else\n"
    "    .long end - fa_tls_bundle\n"
    "#endif\n"
    "    .section .note.GNU-stack, \"\", %%progbits\n";

static int run_embed(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    const char *path = NULL, *out = NULL, *trust = "project";
    struct cert_folder folder;
    struct bundle bundle = {0};
    struct text bytes = {0}, assembler = {0};

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        if (id == OPTION_OUT) {
            out = walk.value;
        } else if (id == OPTION_TRUST) {
            trust = walk.value;
        } else if (id == CLI_POSITIONAL && path == NULL) {
            path = walk.value;
        } else {
            cli_unexpected(&walk);
        }
    }
    if (path == NULL || out == NULL) {
        cli_usage("which folder, and where to? fata cert embed FOLDER --out FILE");
    }
    if (strcmp(trust, "project") != 0 && strcmp(trust, "ca-certificates") != 0) {
        cli_usage("TLS_TRUST=%s: project (what lies in tls/) and ca-certificates are known", trust);
    }
    if (strcmp(trust, "ca-certificates") == 0 && !cert_exists(CA_CERTIFICATES)) {
        cli_fail("there is no %s: install the package ca-certificates", CA_CERTIFICATES);
    }
    cert_folder_read(&folder, path, NULL);
    if (folder.errors > 0) {
        cli_fail("nothing is built with %s, in which %u %s wrong", path, folder.errors, folder.errors == 1 ? "thing is" : "things are");
    }
    fill(&bundle, &folder, strcmp(trust, "ca-certificates") == 0 ? CA_CERTIFICATES : NULL);
    finish(&bundle, &bytes);
    text_addf(&assembler, source, out);
    (void)cert_write_over(&(struct cert_file){text_format("%s.S", out), assembler.bytes, assembler.len, 0644});
    if (cert_write_over(&(struct cert_file){out, bytes.bytes, bytes.len, 0600})) {
        report(path, &bundle, bytes.len);
    }
    return cli_flush() ? CLI_OK : CLI_FAILED;
}

static int run_disk(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    const char *path = CERT_FOLDER, *out = NULL, *only = NULL;
    struct cert_folder folder;
    struct bundle bundle = {0};
    struct text bytes = {0};
    size_t used;

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        if (id == OPTION_DIR) {
            path = walk.value;
        } else if (id == OPTION_ONLY) {
            only = walk.value;
        } else if (id == CLI_POSITIONAL && out == NULL) {
            out = walk.value;
        } else {
            cli_unexpected(&walk);
        }
    }
    if (out == NULL) {
        cli_usage("which file? fata cert disk FILE");
    }
    if (only != NULL && strcmp(only, "ca") == 0) {
        cli_fail("the CA's key goes onto no disk");
    }
    cert_folder_read(&folder, path, only);
    if (folder.errors > 0) {
        cli_fail("nothing is written of %s, in which %u %s wrong", path, folder.errors, folder.errors == 1 ? "thing is" : "things are");
    }
    if (only != NULL && folder.identity_count == 0) {
        cli_fail("there is no %s/%s.key", path, only);
    }
    fill(&bundle, &folder, NULL);
    finish(&bundle, &bytes);
    used = bytes.len;
    while (bytes.len < DISK_BYTES) {
        static const char zeroes[4096];

        text_add_bytes(&bytes, zeroes, DISK_BYTES - bytes.len < sizeof zeroes ? DISK_BYTES - bytes.len : sizeof zeroes);
    }
    cert_write_new(&(struct cert_file){out, bytes.bytes, bytes.len, 0600}, 1);
    mbedtls_platform_zeroize(bytes.bytes, bytes.len);
    report(out, &bundle, used);
    return cli_flush() ? CLI_OK : CLI_FAILED;
}

const struct cli_command cert_embed = {
    .name = "cert embed",
    .synopsis = "FOLDER --out FILE [--trust WHOM]",
    .summary = "Makes what an image takes in of a folder (the build calls it)",
    .details = embed_details,
    .options = embed_options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run_embed,
};

const struct cli_command cert_disk = {
    .name = "cert disk",
    .synopsis = "FILE [--dir FOLDER] [--only NAME]",
    .summary = "Makes a disk with certificates and keys for an appliance",
    .details = disk_details,
    .options = disk_options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run_disk,
};
