/* SPDX-License-Identifier: ISC */
/* The heart of RSA for mbedTLS, by the code that suits the CPU best: Montgomery's multiplication.
 * Above: mbedTLS, by our patch. Below: sdk/cpu/crypto.h. */
#include "../cpu/crypto.h"
#include <mbedtls/fata_fast.h>

_Static_assert(sizeof(mbedtls_mpi_uint) == sizeof(uintptr_t), "mbedTLS's limbs are as wide as pointers");

bool fa_tls_fast_montmul(mbedtls_mpi_uint *X, const mbedtls_mpi_uint *A, const mbedtls_mpi_uint *B, const mbedtls_mpi_uint *N,
                         size_t limbs, mbedtls_mpi_uint mm)
{
    return fa_cpu_montmul((uintptr_t *)X, (const uintptr_t *)A, (const uintptr_t *)B, (const uintptr_t *)N, mm, limbs);
}
