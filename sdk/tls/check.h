/* SPDX-License-Identifier: ISC */
/* Judges certificates and keys before they are used: at build time in the `fata` tool, at run time for
 * what comes from elsewhere, by the same rules, so that an image never refuses what the build took. A
 * finding is a sentence that says what is wrong and what to do; an error is what peers would refuse.
 *
 * Below it: mbedTLS's X.509 parser. Above it: keys.c, and sdk/cli/cert. It has no state, and needs
 * neither a clock nor a file: the caller says what the time is.
 *
 *     if (!fa_tls_read_chain(&chain, bytes, len, tell, arg) || !fa_tls_judge_chain(&chain, now_s, uses, tell, arg))
 *         ...                                           // tell() has heard why
 */
#ifndef FATA_TLS_CHECK_H
#define FATA_TLS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mbedtls_asn1_named_data;
struct mbedtls_pk_context;
struct mbedtls_x509_crt;

#define FA_TLS_CHAIN_MAX 8u          /* certificates of a chain: what mbedTLS follows of a peer's */
#define FA_TLS_FINDING_BYTES 320u    /* of a finding's text */
#define FA_TLS_RSA_BITS_MIN 2048u    /* NIST SP 800-57 part 1, table 2: 112 bits of security */
#define FA_TLS_SOON_DAYS 14          /* what expires within them is worth a warning */

typedef void fa_tls_tell(void *arg, bool is_error, const char *text);

/* What a certificate is to be good for: RFC 5280 section 4.2.1.12. */
typedef enum fa_tls_use {
    FA_TLS_USE_SERVER = 1,
    FA_TLS_USE_CLIENT = 2,
    FA_TLS_USE_EITHER = 3,
} fa_tls_use;

/* Randomness as mbedTLS asks for it: 0 is success. */
typedef int fa_tls_rng(void *arg, unsigned char *bytes_out, size_t len);

/* Certificates as PEM (text around them is skipped) or DER, one after the other; none, or one that
 * cannot be read, is an error. `chain` is initialised, and the caller's to free. */
bool fa_tls_read_chain(struct mbedtls_x509_crt *chain, const uint8_t *bytes, size_t len, fa_tls_tell *tell,
                       void *arg);
/* A private key as PEM, without a pass phrase, or DER (PKCS#8, SEC 1, PKCS#1). */
bool fa_tls_read_key(struct mbedtls_pk_context *key, const uint8_t *bytes, size_t len, fa_tls_rng *random,
                     fa_tls_tell *tell, void *arg);

/* A chain to be shown to peers: its dates at `now_s` (seconds since 1970; 0: unknown, dates are not
 * judged), names, uses, strength, and whether each certificate is signed by the one behind it. */
bool fa_tls_judge_chain(const struct mbedtls_x509_crt *chain, int64_t now_s, fa_tls_use use, fa_tls_tell *tell,
                        void *arg);
/* A certificate that peers' are to be verified against. */
bool fa_tls_judge_anchor(const struct mbedtls_x509_crt *anchor, int64_t now_s, fa_tls_tell *tell, void *arg);
/* Whether the key is the one of the chain's first certificate. */
bool fa_tls_judge_pair(const struct mbedtls_x509_crt *chain, struct mbedtls_pk_context *key,
                       fa_tls_rng *random, fa_tls_tell *tell, void *arg);

/* "CN=www.example.org, O=Example", cut to `cap`. */
const char *fa_tls_subject_text(const struct mbedtls_x509_crt *crt, char *text_out, size_t cap);
/* "RSA 2048 bits", "P-256". */
const char *fa_tls_key_text(const struct mbedtls_pk_context *key, char *text_out, size_t cap);
/* Seconds since 1970 of a certificate's first and last second. */
int64_t fa_tls_not_before(const struct mbedtls_x509_crt *crt);
int64_t fa_tls_not_after(const struct mbedtls_x509_crt *crt);


/* A name's hash, as a table of CAs is sorted by: see bundle_format.h. */
uint32_t fa_tls_name_hash(const struct mbedtls_asn1_named_data *name);

#endif
