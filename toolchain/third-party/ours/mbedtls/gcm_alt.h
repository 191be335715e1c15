/* SPDX-License-Identifier: ISC */
/* The context of AES-GCM in the place of mbedTLS's: sdk/tls/fast_gcm.c has what is in it. */
#ifndef FATA_GCM_ALT_H
#define FATA_GCM_ALT_H

typedef struct mbedtls_gcm_context {
    uint64_t opaque[56];
} mbedtls_gcm_context;

#endif
