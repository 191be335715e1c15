/* SPDX-License-Identifier: ISC */
/* What ACME signs: keys on P-256, JWS with ES256 or HS256 in the flattened form (RFC 7515, 7518), and thumbprints (RFC 7638). */
#ifndef FATA_ACME_JOSE_H
#define FATA_ACME_JOSE_H

#include <fata/err.h>
#include <mbedtls/pk.h>

#define FA_JOSE_COORDINATE_BYTES 32u /* of P-256 */
#define FA_JOSE_SIGNATURE_BYTES 64u  /* RFC 7518, 3.4 */
#define FA_JOSE_HASH_BYTES 32u
#define FA_BASE64URL_BYTES(len) (((len) * 4 + 2) / 3 + 1) /* with the NUL */
#define FA_JOSE_THUMBPRINT_BYTES FA_BASE64URL_BYTES(FA_JOSE_HASH_BYTES)
#define FA_JOSE_JWK_BYTES 160u
#define FA_JOSE_KEY_BYTES_MAX 256u /* of a private key in PEM */
#define FA_JOSE_SECRET_BYTES_MAX 128u /* of a key that two share */

/* As mbedTLS wants it. */
int fa_jose_random(void *arg, unsigned char *bytes_out, size_t len);

/* RFC 4648, 5, without padding; with a NUL. The length without it. */
size_t fa_base64url(const void *bytes, size_t len, char *text_out);
bool fa_base64url_is(const char *text);
/* The bytes that such a text stands for. FA_EFORMAT: it stands for none; FA_ELIMIT: for more than `cap`. */
FA_MUST_CHECK fa_err fa_base64url_read(const char *text, uint8_t *bytes_out, size_t cap, size_t *len_out);

/* A new key, into an initialized context, and pages for keys (../tls/secret.h). FA_ENOENTROPY, FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_jose_key_make(mbedtls_pk_context *key);
/* PEM, with its NUL. FA_EFORMAT: not a key on P-256. */
FA_MUST_CHECK fa_err fa_jose_key_read(mbedtls_pk_context *key, const char *pem);
FA_MUST_CHECK fa_err fa_jose_key_write(const mbedtls_pk_context *key, char pem_out[FA_JOSE_KEY_BYTES_MAX]);

/* The public key as a JWK, in the form of which the thumbprint is taken. */
FA_MUST_CHECK fa_err fa_jose_jwk(const mbedtls_pk_context *key, char jwk_out[FA_JOSE_JWK_BYTES]);
FA_MUST_CHECK fa_err fa_jose_thumbprint(const mbedtls_pk_context *key,
                                        char text_out[FA_JOSE_THUMBPRINT_BYTES]);
/* A JWS of a protected header and a payload, which are texts; *jws_out is malloc's. */
FA_MUST_CHECK fa_err fa_jose_sign(const mbedtls_pk_context *key, const char *header, const char *payload,
                                  char **jws_out);
/* The same by a key that two share, which is base64url: FA_EFORMAT, FA_ELIMIT. */
FA_MUST_CHECK fa_err fa_jose_authenticate(const char *secret, const char *header, const char *payload,
                                          char **jws_out);

#endif
