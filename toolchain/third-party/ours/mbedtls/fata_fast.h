/* SPDX-License-Identifier: ISC */
/* What mbedTLS leaves to faster code, in sdk/tls/fast_*.c. Each returns MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE, or
 * false, for what it does not do: mbedTLS then does it. */
#ifndef FATA_FAST_H
#define FATA_FAST_H

#include "mbedtls/ecp.h"
#include <stdbool.h>

/* R = m P, for a valid m and a P that is on the curve. */
int fa_tls_fast_ecp_mul(const mbedtls_ecp_group *group, mbedtls_ecp_point *R, const mbedtls_mpi *m, const mbedtls_ecp_point *P);

/* R = m P + n Q, nothing of which is secret, for P and Q that are on the curve. */
int fa_tls_fast_ecp_muladd(const mbedtls_ecp_group *group, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                           const mbedtls_ecp_point *P, const mbedtls_mpi *n, const mbedtls_ecp_point *Q);

/* X = A B R^-1 mod N with R = 2^(limbs' bits), in constant time; mm = -N^-1 mod 2^(a limb's bits). X may be A or B. */
bool fa_tls_fast_montmul(mbedtls_mpi_uint *X, const mbedtls_mpi_uint *A, const mbedtls_mpi_uint *B, const mbedtls_mpi_uint *N,
                         size_t limbs, mbedtls_mpi_uint mm);

/* ChaCha20-Poly1305 at once; the key as eight little-endian words. */
bool fa_tls_fast_chachapoly(bool encrypt, const uint32_t key[8], const unsigned char nonce[12], const unsigned char *extra,
                            size_t extra_len, const unsigned char *in, unsigned char *out, size_t len, unsigned char tag[16]);

#endif
