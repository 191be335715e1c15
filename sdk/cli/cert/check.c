/* SPDX-License-Identifier: ISC */
/*
 * `fata cert check`: all that is wrong in a folder of certificates and keys, by the rules that images have for what they get from
 * elsewhere. The build of a project with TLS=1 calls the same.
 */
#include "cert.h"

#include "../../tls/bundle_format.h"
#include "../../tls/check.h"
#include "../files.h"

#include <mbedtls/pk.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct cli_option options[] = {{0}};

static const char details[] =
    "Reads FOLDER (tls) and says what peers would refuse, what will expire within two weeks, and which key is open to others than its\n"
    "owner. Exit status: 0 nothing is wrong (there may be warnings), 1 something is, 2 wrong usage.\n";

static void *made(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        cli_fail("out of memory");
    }
    return memory;
}

static void count(struct cert_folder *folder, const struct cert_teller *teller)
{
    folder->errors += teller->errors;
    folder->warnings += teller->warnings;
}

/* NAME.pem, .crt or .der; NULL: there is none. */
static const char *certificate_of(const char *folder, const char *name)
{
    static const char *const endings[] = {"pem", "crt", "der"};

    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        const char *path = text_format("%s/%s.%s", folder, name, endings[i]);

        if (cert_exists(path)) {
            return path;
        }
    }
    return NULL;
}

/* By the names that `fata cert new` gives; others may do either. */
static fa_tls_use use_of(const char *name)
{
    return strcmp(name, "server") == 0   ? FA_TLS_USE_SERVER
           : strcmp(name, "client") == 0 ? FA_TLS_USE_CLIENT
                                         : FA_TLS_USE_EITHER;
}

static void read_identity(struct cert_folder *folder, const char *key_file)
{
    struct cert_teller teller = {0};
    struct cert_identity identity = {.name = text_format("%.*s", (int)(strlen(key_file) - strlen(".key")), key_file)};
    struct stat status;
    bool good;

    identity.key_path = teller.path = text_format("%s/%s", folder->path, key_file);
    identity.cert_path = certificate_of(folder->path, identity.name);
    identity.chain = made(sizeof *identity.chain);
    identity.key = made(sizeof *identity.key);
    if (strlen(identity.name) > FA_TLS_BUNDLE_NAME_BYTES_MAX) {
        cert_tell(&teller, true, "its name is longer than 63 letters: rename it, and its certificate");
    }
    if (stat(identity.key_path, &status) == 0 && (status.st_mode & 077) != 0) {
        cert_tell(&teller, false, text_format("others than its owner may read it: chmod 600 %s", identity.key_path));
    }
    good = cert_read_key(identity.key, identity.key_path, &teller);
    if (identity.cert_path == NULL) {
        cert_tell(&teller, true, text_format("its certificate is missing: %s/%s.pem", folder->path, identity.name));
    } else if (cert_read_chain(identity.chain, identity.cert_path, &teller)) {
        (void)fa_tls_judge_chain(identity.chain, cert_now(), use_of(identity.name), cert_tell, &teller);
        teller.path = identity.key_path;
        if (good) {
            (void)fa_tls_judge_pair(identity.chain, identity.key, cert_random, cert_tell, &teller);
        }
    }
    count(folder, &teller);
    if (folder->identity_count == FA_TLS_BUNDLE_IDENTITIES_MAX) {
        cli_fail("%s: more than %u keys", folder->path, FA_TLS_BUNDLE_IDENTITIES_MAX);
    }
    folder->identities[folder->identity_count++] = identity;
}

static bool file_says(const char *path, const char *what)
{
    struct text bytes = {0};
    const char *why;
    bool says = file_read(path, CERT_FILE_BYTES_MAX, &bytes, &why) && strstr(bytes.bytes, what) != NULL;

    text_free(&bytes);
    return says;
}

/* A certificate without a key is no identity: its key may have been forgotten, stand behind it, or have the name that other tools
 * give keys, privkey.pem or key.pem. */
static void judge_lone(struct cert_teller *teller, const char *folder, const char *stem)
{
    bool serves = strcmp(stem, "server") == 0 || strcmp(stem, "client") == 0;
    bool has_key = file_says(teller->path, " PRIVATE KEY-----");
    const char *key = text_format("%s/%s.key", folder, stem);

    if (has_key && !file_says(teller->path, "-----BEGIN CERTIFICATE-----")) {
        cert_tell(teller, serves, text_format("it holds a private key, but no certificate, and is left out: rename it to %s/NAME.key "
                                              "if its certificate is %s/NAME.pem", folder, folder));
    } else if (has_key) {
        cert_tell(teller, true, text_format("it holds its key as well: move that to %s", key));
    } else {
        cert_tell(teller, serves, text_format("its key is missing: %s%s", key,
                                              serves ? "" : "; it is left out (CAs of peers belong into trust/)"));
    }
}

static void look_for_lone_certificates(struct cert_folder *folder)
{
    struct words names = cert_list(folder->path, ".pem");

    for (size_t i = 0; i < names.count; i++) {
        struct cert_teller teller = {.path = text_format("%s/%s", folder->path, names.items[i])};
        const char *stem = text_format("%.*s", (int)(strlen(names.items[i]) - strlen(".pem")), names.items[i]);

        if (strcmp(stem, "ca") != 0 && strcmp(stem, "crl") != 0 &&
            !cert_exists(text_format("%s/%s.key", folder->path, stem))) {
            judge_lone(&teller, folder->path, stem);
            count(folder, &teller);
        }
    }
}

static void read_anchors(struct cert_folder *folder, const char *path)
{
    struct cert_teller teller = {.path = path};
    struct text bytes = {0};
    unsigned skipped = 0;
    const char *why;
    mbedtls_x509_crt *list = made(sizeof *list);
    bool is_pem;

    if (!file_read(path, CERT_FILE_BYTES_MAX, &bytes, &why)) {
        cert_tell(&teller, true, why);
        count(folder, &teller);
        return;
    }
    is_pem = strstr(bytes.bytes, "-----BEGIN ") != NULL;
    text_free(&bytes);
    if (is_pem ? cert_read_many(list, path, &skipped, &teller) : cert_read_chain(list, path, &teller)) {
        if (skipped > 0) {
            cert_tell(&teller, true, text_format("%u of its certificates cannot be read, or have keys or signatures of kinds that "
                                                 "are not accepted: take them out", skipped));
        }
        for (const mbedtls_x509_crt *crt = list; crt != NULL; crt = crt->next) {
            (void)fa_tls_judge_anchor(crt, cert_now(), cert_tell, &teller);
            if (mbedtls_x509_crt_parse_der(folder->anchors, crt->raw.p, crt->raw.len) == 0) {
                folder->anchor_count++;
            }
        }
    }
    mbedtls_x509_crt_free(list);
    count(folder, &teller);
}

static void read_crl(struct cert_folder *folder, const char *path)
{
    struct cert_teller teller = {.path = path};
    mbedtls_x509_crl *crl = made(sizeof *crl);

    if (cert_read_crl(crl, path, &teller)) {
        const mbedtls_x509_time *until = &crl->next_update;
        mbedtls_x509_crt carrier = {.valid_from = *until};
        bool known = false;

        if (until->year != 0 && fa_tls_not_before(&carrier) < cert_now()) {
            cert_tell(&teller, true, text_format("it expired on %04d-%02d-%02d, and with it all certificates of its CA are refused: "
                                                 "`fata cert revoke` without a name signs it anew", until->year, until->mon,
                                                 until->day));
        }
        for (const mbedtls_x509_crt *ca = folder->anchors; ca != NULL && folder->anchor_count > 0; ca = ca->next) {
            known = known || (ca->subject_raw.len == crl->issuer_raw.len &&
                              memcmp(ca->subject_raw.p, crl->issuer_raw.p, crl->issuer_raw.len) == 0);
        }
        if (!known) {
            cert_tell(&teller, true, "it is a list of no CA that is trusted here: add that CA, or remove the list");
        }
        for (size_t i = 0; i < folder->identity_count; i++) {
            const mbedtls_x509_crt *own = folder->identities[i].chain;

            if (own->raw.p != NULL && own->issuer_raw.len == crl->issuer_raw.len &&
                memcmp(own->issuer_raw.p, crl->issuer_raw.p, crl->issuer_raw.len) == 0 &&
                mbedtls_x509_crt_is_revoked(own, crl)) {
                cert_tell(&teller, true, text_format("%s is revoked by it: remove it and its key; `fata cert new` "
                                                     "makes others", folder->identities[i].cert_path));
            }
        }
        if (mbedtls_x509_crl_parse_der(folder->crls, crl->raw.p, crl->raw.len) == 0 &&
            ++folder->crl_count > FA_TLS_BUNDLE_CRLS_MAX) {
            cli_fail("%s: more than %u lists of revoked certificates", folder->path, FA_TLS_BUNDLE_CRLS_MAX);
        }
    }
    count(folder, &teller);
}

void cert_folder_read(struct cert_folder *folder, const char *path, const char *only)
{
    const char *trust = text_format("%s/trust", path);
    struct words keys, anchors, lists;

    *folder = (struct cert_folder){.path = path, .anchors = made(sizeof *folder->anchors),
                                   .crls = made(sizeof *folder->crls),
                                   .identities = made(sizeof(struct cert_identity) * FA_TLS_BUNDLE_IDENTITIES_MAX)};
    if (!cert_exists(path)) {
        cli_fail("there is no folder %s: `fata cert ca` and then `fata cert new NAME` make certificates in it", path);
    }
    keys = cert_list(path, ".key");
    for (size_t i = 0; i < keys.count; i++) {
        if (only != NULL ? strcmp(keys.items[i], text_format("%s.key", only)) == 0 : strcmp(keys.items[i], "ca.key") != 0) {
            read_identity(folder, keys.items[i]);
        }
    }
    if (only == NULL) {
        look_for_lone_certificates(folder);
    }
    if (cert_exists(text_format("%s/ca.pem", path))) {
        read_anchors(folder, text_format("%s/ca.pem", path));
    }
    for (unsigned i = 0; i < 3; i++) {
        static const char *const endings[] = {".pem", ".crt", ".der"};

        anchors = cert_list(trust, endings[i]);
        for (size_t j = 0; j < anchors.count; j++) {
            read_anchors(folder, text_format("%s/%s", trust, anchors.items[j]));
        }
    }
    if (cert_exists(text_format("%s/crl.pem", path))) {
        read_crl(folder, text_format("%s/crl.pem", path));
    }
    lists = cert_list(trust, ".crl");
    for (size_t i = 0; i < lists.count; i++) {
        read_crl(folder, text_format("%s/%s", trust, lists.items[i]));
    }
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_walk walk = cli_walk_start(command, argc, argv);
    const char *path = NULL;
    struct cert_folder folder;
    size_t revoked = 0;

    for (int id; (id = cli_next(&walk)) != CLI_END;) {
        if (id != CLI_POSITIONAL || path != NULL) {
            cli_unexpected(&walk);
        }
        path = walk.value;
    }
    cert_folder_read(&folder, path != NULL ? path : CERT_FOLDER, NULL);
    for (const mbedtls_x509_crl *crl = folder.crls; folder.crl_count > 0 && crl != NULL; crl = crl->next) {
        for (const mbedtls_x509_crl_entry *entry = &crl->entry; entry != NULL && entry->raw.len > 0; entry = entry->next) {
            revoked++;
        }
    }
    printf("%s: identities: %zu, trusted CAs: %zu, revoked: %zu; ", folder.path, folder.identity_count, folder.anchor_count, revoked);
    printf(folder.errors == 0 ? "good" : "%u wrong", folder.errors);
    printf(folder.warnings == 0 ? "\n" : ", warnings: %u\n", folder.warnings);
    return cli_flush() && folder.errors == 0 ? CLI_OK : CLI_FAILED;
}

const struct cli_command cert_check = {
    .name = "cert check",
    .synopsis = "[FOLDER]",
    .summary = "Says what is wrong with a folder of certificates and keys",
    .details = details,
    .options = options,
    .usage_status = CLI_BAD_USAGE,
    .failure_status = CLI_FAILED,
    .run = run,
};
