/* SPDX-License-Identifier: ISC */
/* The certificates that ACME asks for and shows: requests (PKCS #10, RFC 2986), and what answers a CA's handshake
 * (RFC 8737). */
#ifndef FATA_ACME_CERTIFICATES_H
#define FATA_ACME_CERTIFICATES_H

#include "jose.h"
#include <fata/tls.h>

#define FA_ACME_REQUEST_BYTES_MAX 4096u

/* A request for the names, in DER; *len_out bytes from *bytes_out on, in the room. */
FA_MUST_CHECK fa_err fa_acme_request(mbedtls_pk_context *key, const char *const *names, size_t name_count,
                                     uint8_t room[FA_ACME_REQUEST_BYTES_MAX], uint8_t **bytes_out,
                                     size_t *len_out);
/* A certificate of a new key that signs itself; with the digest of a key authorization in it, it is an answer for
 * tls-alpn-01; NULL: without. */
FA_MUST_CHECK fa_err fa_acme_self_signed(const char *name, const uint8_t digest[FA_JOSE_HASH_BYTES],
                                         fa_tls_identity **identity_out);

/* Whether the first certificate of some PEM is for all of the names. */
bool fa_acme_covers(const char *pem, const char *const *names, size_t name_count);

#endif
