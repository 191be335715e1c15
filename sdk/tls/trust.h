/* SPDX-License-Identifier: ISC */
/* Whom one believes: CAs, given as certificates or as a bundle's table, of which a handshake parses the one
 * it needs; and what they have revoked. For the files of this room: <fata/tls.h> has what programs call. */
#ifndef FATA_TLS_TRUST_H
#define FATA_TLS_TRUST_H

#include "bundle.h"
#include <fata/tls.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>

#define FA_TLS_CRLS_MAX 16u
#define FA_TLS_CANDIDATES_MAX 8u /* CAs of one name, such as one that has changed its key */

struct fa_tls_trust {
    unsigned refs;
    fa_tls_table table;   /* {NULL}: none */
    uint8_t *own_table;   /* its bytes, if they end with it; NULL: they do not */
    mbedtls_x509_crt cas; /* given one by one */
    mbedtls_x509_crl crls;
    uint32_t good_crls; /* bit n: the signature of number n was right */
};

/* A table, which is not copied and must outlive the trust. FA_EFORMAT; FA_EEXIST: there is one. */
FA_MUST_CHECK fa_err fa_tls_trust_add_table(fa_tls_trust *trust, const uint8_t *bytes, size_t len);
/* As mbedtls_x509_crt_ca_cb_t: the CAs that may have issued `child`. `arg` is the fa_tls_config. */
int fa_tls_trust_find(void *arg, const mbedtls_x509_crt *child, mbedtls_x509_crt **candidates_out);
/* Adds what the revocation lists say of a certificate to what is wrong with it (MBEDTLS_X509_BADCERT_...):
 * one without its CA's signature, or out of date, is wrong itself. */
void fa_tls_trust_judge(fa_tls_trust *trust, const mbedtls_x509_crt *crt, uint32_t *flags);

#endif
