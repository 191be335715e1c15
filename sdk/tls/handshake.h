/* SPDX-License-Identifier: ISC */
/* The bounds of handshakes, of all servers and clients of an image. */
#ifndef FATA_TLS_HANDSHAKE_H
#define FATA_TLS_HANDSHAKE_H

#include "conn.h"

/* How many are under way: what they may need of the memory is one part of so many. */
#define FA_TLS_HANDSHAKES_MAX 256u
#define FA_TLS_HANDSHAKES_MIN 8u
#define FA_TLS_HANDSHAKES_SHARE 32u
#define FA_TLS_HANDSHAKE_BYTES (64 * FA_KIB) /* of one: two buffers, what is negotiated, a stack */
/* One that has waited so long for its peer may have to give way. */
#define FA_TLS_PATIENCE_NS (500 * FA_NS_PER_MS)

/* As far as it can go without its peer: 0 at the end, or an error of mbedTLS's, of which the peer was told. */
int fa_tls_handshake_step(fa_tls_conn *conn);

size_t fa_tls_handshakes_under_way(void);
size_t fa_tls_handshakes_max(void);
/* For tests: 0 is the machine's own. */
void fa_tls_handshakes_limit(size_t max);

#endif
