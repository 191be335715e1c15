/* SPDX-License-Identifier: ISC */
/* Keys on a disk or partition: see <fata/keys.h>; `fata cert disk` writes them. */
#include "bundle.h"
#include "bundle_format.h"
#include "conn.h"
#include <fata/keys.h>
#include <mbedtls/platform_util.h>
#include <stdlib.h>

#define ALIGN_BYTES ((size_t)4096) /* the largest sector, and what a device takes without a copy (of the keys) */

/* The bundle's bytes, rounded up to whole pieces; the caller wipes and frees them. */
static fa_err read_all(fa_block *block, uint64_t sector, uint8_t **bytes_out, size_t *cap_out, fa_deadline deadline)
{
    size_t len;
    uint8_t *bytes = aligned_alloc(ALIGN_BYTES, ALIGN_BYTES);
    if (bytes == NULL)
        return FA_ENOMEM;
    fa_err err = fa_block_read(block, sector, &(fa_block_into){bytes, ALIGN_BYTES}, 1, deadline);
    if (err == FA_OK)
        err = fa_tls_bundle_len(bytes, &len);
    mbedtls_platform_zeroize(bytes, ALIGN_BYTES);
    free(bytes);
    if (err != FA_OK)
        return err;
    const size_t cap = (len + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    bytes = aligned_alloc(ALIGN_BYTES, cap);
    if (bytes == NULL)
        return FA_ENOMEM;
    err = fa_block_read(block, sector, &(fa_block_into){bytes, cap}, 1, deadline);
    if (err != FA_OK) {
        mbedtls_platform_zeroize(bytes, cap);
        free(bytes);
        return err;
    }
    *bytes_out = bytes;
    *cap_out = cap;
    return FA_OK;
}

fa_err fa_tls_keys_from_block(fa_block *block, uint64_t sector, fa_tls_keys **keys_out, fa_tls_reason *why,
                              fa_deadline deadline)
{
    uint8_t *bytes;
    size_t cap;
    fa_err err = read_all(block, sector, &bytes, &cap, deadline);
    if (err == FA_OK) {
        err = fa_tls_keys_from_bytes(bytes, cap, keys_out, why);
        free(bytes);
        return err;
    }
    fa_tls_say(why, err == FA_ENOENT ? "there are no keys on that disk: `fata cert disk` writes one" : "the disk: %s",
               fa_err_text(err));
    return err;
}
