/* SPDX-License-Identifier: ISC */
/* Memory for private keys: pages of their own with guard pages around them, wiped when they are given back.
 * mbedTLS allocates a key's parts by its own calloc(): between the two calls, that is this one. Nothing
 * may wait between them. Signing works on copies, which mbedTLS wipes when it frees them.
 *
 *     err = fa_tls_secret_begin();
 *     ret = mbedtls_pk_parse_key(&key, ...);
 *     fa_tls_secret_end();
 */
#ifndef FATA_TLS_SECRET_H
#define FATA_TLS_SECRET_H

#include <fata/err.h>

/* FA_ENOMEM; then there is nothing to end. */
FA_MUST_CHECK fa_err fa_tls_secret_begin(void);
void fa_tls_secret_end(void);
/* Whether an address lies in such a page; how many bytes are in use. */
bool fa_tls_secret_holds(const void *address);
size_t fa_tls_secret_used_bytes(void);

#endif
