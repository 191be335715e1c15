/* SPDX-License-Identifier: ISC */
/*
 * What the subcommands of `fata cert` share. They are a program of their own, build/fata-cert, which is built when it is first
 * asked for, since it holds mbedTLS, the library that images use; `fata cert` (../cert.c) starts it. A folder of certificates
 * (tls/ of a project) is files of PEM, or DER, by these names:
 *
 *     ca.pem, ca.key          a private CA; its key stays on this machine
 *     NAME.pem, NAME.key      an identity: a chain, the appliance's own certificate first, and its key
 *     trust/ANY.pem           CAs that peers' certificates are verified against, beside ca.pem
 *     crl.pem, trust/ANY.crl  lists of revoked certificates
 */
#ifndef FATA_CLI_CERT_H
#define FATA_CLI_CERT_H

#include "../cli.h"
#include "../text.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct mbedtls_pk_context;
struct mbedtls_x509_crl;
struct mbedtls_x509_crt;

#define CERT_FILE_BYTES_MAX ((size_t)4 << 20)
#define CERT_FOLDER "tls"

extern const struct cli_command cert_ca, cert_new, cert_show, cert_check, cert_revoke, cert_disk, cert_embed;

/* Randomness in the form that mbedTLS asks for, from the kernel. */
int cert_random(void *unused, unsigned char *bytes_out, size_t len);
/* The time, in seconds since 1970. FATA_CERT_NOW sets another one, for tests. */
int64_t cert_now(void);
/* "20261121223000", as certificates' writers want it, and "2026-11-21 22:30". */
const char *cert_time_digits(int64_t time_s);
const char *cert_time_text(int64_t time_s);
/* The number of days that an option gives; ends the program if it is none. */
int64_t cert_days(const char *value);

/* Files (files.c). */
struct cert_file {
    const char *path;
    const char *contents;
    size_t len;
    unsigned mode;
};
/* Writes all of them or none, each whole under its name at once; ends the program if one exists already. */
void cert_write_new(const struct cert_file *files, size_t count);
/* The same of one file, in the place of what is there; false: that is the same, and stays as it is. */
bool cert_write_over(const struct cert_file *file);
/* Makes the folder, which git ignores; one that exists stays as it is. */
void cert_make_folder(const char *folder);
bool cert_exists(const char *path);
/* A whole file; ends the program when it cannot be read. */
struct text cert_read(const char *path);
/* The sorted names in `folder` that end so; none if there is no such folder. */
struct words cert_list(const char *folder, const char *ending);

/* Reading (read.c): what is wrong is told as `PATH: error: ...`. The structures are initialised here. */
struct cert_teller {
    const char *path;
    unsigned errors;
    unsigned warnings;
    bool quiet; /* about warnings */
};
void cert_tell(void *teller, bool is_error, const char *text);
bool cert_read_chain(struct mbedtls_x509_crt *chain, const char *path, struct cert_teller *teller);
bool cert_read_key(struct mbedtls_pk_context *key, const char *path, struct cert_teller *teller);
/* All certificates of a file of PEM, of any number; what cannot be read is counted in *skipped_out. */
bool cert_read_many(struct mbedtls_x509_crt *list, const char *path, unsigned *skipped_out, struct cert_teller *teller);
bool cert_read_crl(struct mbedtls_x509_crl *crl, const char *path, struct cert_teller *teller);

/* A folder, read and judged (check.c). */
struct cert_identity {
    const char *name;
    const char *cert_path, *key_path;
    struct mbedtls_x509_crt *chain;
    struct mbedtls_pk_context *key;
};
struct cert_folder {
    const char *path;
    struct cert_identity *identities;
    size_t identity_count;
    struct mbedtls_x509_crt *anchors; /* a list; its first may be empty */
    size_t anchor_count;
    struct mbedtls_x509_crl *crls; /* likewise */
    size_t crl_count;
    unsigned errors, warnings;
};
/* `only` names one identity, and the others are not looked at; NULL: all. */
void cert_folder_read(struct cert_folder *folder, const char *path, const char *only);

/* DER (der.c): adds an element of `tag` around `inner`. */
void der_add(struct text *out, unsigned tag, const void *inner, size_t len);
void der_wrap(struct text *out, unsigned tag, const struct text *inner);
/* `label` as PEM knows it, such as "CERTIFICATE". */
void pem_add(struct text *out, const char *label, const void *der, size_t len);

/* Anchors (anchors.c): a CA's certificate with what verification does not look at left out. Its own signature is among that,
 * so a root that is signed with SHA-1 is as good as any other. False: images cannot use it. */
struct cert_anchors {
    struct cert_anchor {
        uint32_t hash;
        struct text der;
    } *items;
    size_t count;
    unsigned left_out;
};
void cert_anchors_add(struct cert_anchors *anchors, const void *der, size_t len);
/* All certificates of a file of PEM. */
void cert_anchors_add_file(struct cert_anchors *anchors, const char *path);
/* The table of sdk/tls/bundle_format.h. */
void cert_anchors_write(struct cert_anchors *anchors, struct text *out);

/* The 20 bytes that name a public key in certificates: RFC 7093 section 2, method 1. */
void cert_key_id(const struct mbedtls_pk_context *key, uint8_t id_out[20]);

#endif
