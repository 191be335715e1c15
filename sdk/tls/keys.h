/* SPDX-License-Identifier: ISC */
/* What the files behind <fata/keys.h> share. */
#ifndef FATA_TLS_KEYS_H
#define FATA_TLS_KEYS_H

#include "bundle.h"
#include "bundle_format.h"
#include "conn.h"
#include "trust.h"
#include <fata/keys.h>

struct fa_tls_keys {
    bool is_embedded;
    fa_tls_identity *identities[FA_TLS_BUNDLE_IDENTITIES_MAX];
    char names[FA_TLS_BUNDLE_IDENTITIES_MAX][FA_TLS_BUNDLE_NAME_BYTES_MAX + 1];
    size_t count;
    fa_tls_trust *trust;
};

/* Writing bundles (keys_write.c): a head, entries, and the head's digest at the end. */
void fa_tls_bundle_start(fa_writer *out);
void fa_tls_bundle_add(fa_writer *out, uint16_t kind, const void *bytes, size_t len);
void fa_tls_bundle_add_identity(fa_writer *out, const char *name, const mbedtls_x509_crt *chain,
                                const mbedtls_pk_context *key);
void fa_tls_bundle_finish(fa_writer *out);
/* So many bytes a key has at most, as DER: RSA with 8,192 bits. */
#define FA_TLS_KEY_DER_BYTES_MAX ((size_t)5120)

#endif
