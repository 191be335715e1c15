/* SPDX-License-Identifier: ISC */
/* KeyUpdate (RFC 8446 section 4.6.3): either side of TLS 1.3 may change its keys at any time. A peer's is taken
 * when it is read; one that wants ours is answered before the next bytes of the application, and ours are
 * changed before they have been used too often. */
#ifndef FATA_TLS_UPDATE_H
#define FATA_TLS_UPDATE_H

#include "conn.h"

#define FA_TLS_UPDATES_PER_S 16u        /* of a peer's keys: more are a flood */
#define FA_TLS_RECORDS_OF_A_KEY_LOG2 24u /* RFC 8446 section 5.5: 2^24.5 by AES-GCM */

/* A message has come that mbedTLS did not expect, behind the handshake. 0: it was a KeyUpdate; otherwise an error
 * of mbedTLS's, of which the peer was told. */
int fa_tls_update_take(fa_tls_conn *conn);
/* Before data is put into the out-buffer, in which nothing is left. 0, or an error of mbedTLS's. */
int fa_tls_update_send(fa_tls_conn *conn);

#endif
