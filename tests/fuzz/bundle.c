/* SPDX-License-Identifier: ISC */
/* Fuzzes the reader of bundles of keys, and of the tables of CAs in them. Here the digest of anything is zeroes, so that
 * it does not keep inputs out. */
#include "../../sdk/tls/bundle.h"
#include "../../sdk/tls/bundle_format.h"
#include "require.h"
#include <mbedtls/sha256.h>
#include <string.h>

int mbedtls_sha256(const unsigned char *input, size_t ilen, unsigned char *output, int is224)
{
    (void)input;
    (void)ilen;
    (void)is224;
    memset(output, 0, 32);
    return 0;
}

static void read_table(const uint8_t *bytes, size_t len)
{
    fa_tls_table table;
    const fa_err err = fa_tls_table_open(bytes, len, &table);
    require(err == FA_OK || err == FA_EFORMAT);
    if (err != FA_OK)
        return;
    const uint8_t *end = bytes;
    for (size_t i = 0; i < table.count; i++) {
        size_t der_len;
        const uint8_t *der = fa_tls_table_der(&table, i, &der_len);
        require(der >= end && der + der_len <= bytes + len);
        end = der + der_len;
        const size_t found = fa_tls_table_find(&table, fa_tls_table_hash(&table, i));
        require(found <= i && fa_tls_table_hash(&table, found) == fa_tls_table_hash(&table, i));
        require(found == 0 || fa_tls_table_hash(&table, found - 1) < fa_tls_table_hash(&table, i));
    }
    require(fa_tls_table_find(&table, UINT32_MAX) <= table.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fa_reader entries;
    fa_tls_entry entry;
    uint8_t *copy = malloc(len > 0 ? len : 1); /* every byte past the end is noticed */
    require(copy != NULL);
    memcpy(copy, bytes, len);
    const fa_err err = fa_tls_bundle_open(copy, len, &entries);
    require(err == FA_OK || err == FA_ENOENT || err == FA_ENOTSUP || err == FA_EFORMAT || err == FA_ETRUNCATED);
    while (err == FA_OK && fa_tls_bundle_next(&entries, &entry)) {
        require(entry.bytes >= copy + FA_TLS_BUNDLE_HEAD_BYTES && entry.bytes + entry.len <= copy + len);
        if (entry.kind == FA_TLS_BUNDLE_TRUST)
            read_table(entry.bytes, entry.len);
    }
    free(copy);
    return 0;
}
