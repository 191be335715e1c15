/* SPDX-License-Identifier: ISC */
/* Bundles of certificates and keys: see bundle.h. */
#include "bundle.h"
#include "bundle_format.h"
#include <mbedtls/sha256.h>
#include <string.h>

#define DIGEST_BYTES 32u
#define TABLE_HEAD_BYTES 4u
#define TABLE_ENTRY_BYTES 8u

fa_err fa_tls_bundle_len(const uint8_t *head, size_t *len_out)
{
    fa_reader r = fa_reader_of(head, FA_TLS_BUNDLE_HEAD_BYTES);
    if (memcmp(fa_read_bytes(&r, FA_TLS_BUNDLE_MAGIC_BYTES), FA_TLS_BUNDLE_MAGIC, FA_TLS_BUNDLE_MAGIC_BYTES) != 0)
        return FA_ENOENT;
    if (fa_read_be32(&r) != FA_TLS_BUNDLE_VERSION)
        return FA_ENOTSUP;
    const uint32_t body_bytes = fa_read_be32(&r);
    if (body_bytes > FA_TLS_BUNDLE_BYTES_MAX - FA_TLS_BUNDLE_HEAD_BYTES)
        return FA_EFORMAT;
    *len_out = FA_TLS_BUNDLE_HEAD_BYTES + body_bytes;
    return FA_OK;
}

fa_err fa_tls_bundle_open(const uint8_t *bytes, size_t len, fa_reader *entries_out)
{
    size_t whole_bytes;
    uint8_t digest[DIGEST_BYTES];
    if (len < FA_TLS_BUNDLE_HEAD_BYTES)
        return FA_ETRUNCATED;
    const fa_err err = fa_tls_bundle_len(bytes, &whole_bytes);
    if (err != FA_OK)
        return err;
    if (whole_bytes > len)
        return FA_ETRUNCATED;
    const uint8_t *body = bytes + FA_TLS_BUNDLE_HEAD_BYTES;
    if (mbedtls_sha256(body, whole_bytes - FA_TLS_BUNDLE_HEAD_BYTES, digest, 0) != 0 ||
        memcmp(digest, body - DIGEST_BYTES, DIGEST_BYTES) != 0)
        return FA_EFORMAT;
    *entries_out = fa_reader_of(body, whole_bytes - FA_TLS_BUNDLE_HEAD_BYTES);
    return FA_OK;
}

bool fa_tls_bundle_next(fa_reader *entries, fa_tls_entry *entry_out)
{
    if (entries->left_bytes == 0 || entries->failed)
        return false;
    entry_out->kind = fa_read_be16(entries);
    (void)fa_read_be16(entries);
    entry_out->len = fa_read_be32(entries);
    entry_out->bytes = fa_read_bytes(entries, entry_out->len);
    (void)fa_read_bytes(entries, (4 - entry_out->len % 4) % 4);
    return !entries->failed;
}

static uint32_t number_at(const fa_tls_table *table, size_t offset)
{
    fa_reader r = fa_reader_of(table->bytes + offset, 4);
    return fa_read_be32(&r);
}

uint32_t fa_tls_table_hash(const fa_tls_table *table, size_t i)
{
    return number_at(table, TABLE_HEAD_BYTES + i * TABLE_ENTRY_BYTES);
}

/* Where certificate `i` begins; behind the last, the end. */
static size_t offset_of(const fa_tls_table *table, size_t i)
{
    return i == table->count ? table->len : number_at(table, TABLE_HEAD_BYTES + i * TABLE_ENTRY_BYTES + 4);
}

const uint8_t *fa_tls_table_der(const fa_tls_table *table, size_t i, size_t *len_out)
{
    const size_t start = offset_of(table, i);
    *len_out = offset_of(table, i + 1) - start;
    return table->bytes + start;
}

fa_err fa_tls_table_open(const uint8_t *bytes, size_t len, fa_tls_table *table_out)
{
    fa_tls_table table = {bytes, len, 0};
    if (len < TABLE_HEAD_BYTES)
        return FA_EFORMAT;
    const uint32_t count = number_at(&table, 0);
    if (count > (len - TABLE_HEAD_BYTES) / TABLE_ENTRY_BYTES)
        return FA_EFORMAT;
    table.count = count;
    size_t end = TABLE_HEAD_BYTES + count * TABLE_ENTRY_BYTES;
    uint32_t hash = 0;
    for (size_t i = 0; i < count; i++) {
        if (offset_of(&table, i) < end || offset_of(&table, i) > len || fa_tls_table_hash(&table, i) < hash)
            return FA_EFORMAT;
        end = offset_of(&table, i);
        hash = fa_tls_table_hash(&table, i);
    }
    *table_out = table;
    return FA_OK;
}

size_t fa_tls_table_find(const fa_tls_table *table, uint32_t hash)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (fa_tls_table_hash(table, middle) < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
