/* SPDX-License-Identifier: ISC */
/* Reads bundles (bundle_format.h) and the tables of CAs in them. No byte is copied, nothing is allocated; the
 * bytes may be anybody's.
 *
 *     err = fa_tls_bundle_open(bytes, len, &entries);
 *     while (fa_tls_bundle_next(&entries, &entry))
 *         ...
 *     if (entries.failed)
 *         return FA_EFORMAT;
 */
#ifndef FATA_TLS_BUNDLE_H
#define FATA_TLS_BUNDLE_H

#include <fata/bytes.h>
#include <fata/err.h>

typedef struct fa_tls_entry {
    uint16_t kind;
    const uint8_t *bytes;
    size_t len;
} fa_tls_entry;

/* How many bytes the bundle has whose first FA_TLS_BUNDLE_HEAD_BYTES these are. FA_ENOENT: there is none;
 * FA_ENOTSUP: of a version that is not known; FA_EFORMAT: longer than a bundle may be. */
FA_MUST_CHECK fa_err fa_tls_bundle_len(const uint8_t *head, size_t *len_out);
/* Whether it is whole; what follows it is left alone. Besides, FA_ETRUNCATED; FA_EFORMAT: it is damaged. */
FA_MUST_CHECK fa_err fa_tls_bundle_open(const uint8_t *bytes, size_t len, fa_reader *entries_out);
bool fa_tls_bundle_next(fa_reader *entries, fa_tls_entry *entry_out);

typedef struct fa_tls_table {
    const uint8_t *bytes;
    size_t len;
    size_t count;
} fa_tls_table;

/* FA_EFORMAT: it is not sorted, or points outside of itself. */
FA_MUST_CHECK fa_err fa_tls_table_open(const uint8_t *bytes, size_t len, fa_tls_table *table_out);
/* The first certificate whose subject has that hash, or one that is greater. */
size_t fa_tls_table_find(const fa_tls_table *table, uint32_t hash);
/* Certificate number `i`, which is there. */
uint32_t fa_tls_table_hash(const fa_tls_table *table, size_t i);
const uint8_t *fa_tls_table_der(const fa_tls_table *table, size_t i, size_t *len_out);

/* The image's own, which the build makes (`fata cert embed`); in no_bundle.c, where it makes none. */
extern uint8_t fa_tls_bundle[];
extern const size_t fa_tls_bundle_bytes;

#endif
