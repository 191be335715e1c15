/* SPDX-License-Identifier: ISC */
/* The hash by which a CA is found among many: see bundle_format.h. mbedTLS compares names without regard to the case of
 * ASCII letters and, for some, to the kind of string: so does this. */
#include "bundle_format.h"
#include "check.h"
#include <mbedtls/asn1.h>

static uint32_t add(uint32_t hash, const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = bytes[i] >= 'A' && bytes[i] <= 'Z' ? (unsigned char)(bytes[i] + 'a' - 'A') : bytes[i];
        hash = (hash ^ c) * FA_TLS_NAME_HASH_PRIME;
    }
    return hash;
}

uint32_t fa_tls_name_hash(const mbedtls_asn1_named_data *name)
{
    uint32_t hash = FA_TLS_NAME_HASH_START;
    for (; name != NULL; name = name->next) {
        hash = add(hash, name->oid.p, name->oid.len);
        hash = add(hash, name->val.p, name->val.len);
    }
    return hash;
}
