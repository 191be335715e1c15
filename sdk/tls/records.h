/* SPDX-License-Identifier: ISC */
/* Buffers for records, lent and kept. Between two calls a connection keeps a buffer only while a record
 * is there in part: a peer's that has not arrived as a whole, one's own that has not been sent, or
 * bytes that nobody has read. How many are kept is bounded, by the memory that the machine has; who
 * wants one more takes it from the connection whose has not moved for the longest, which fails. A peer
 * that sends bytes one by one keeps a buffer no longer than FA_TLS_PART_NS.
 *
 *     err = fa_tls_records_lend(conn);
 *     ret = mbedtls_ssl_read(&conn->ssl, ...);
 *     err = fa_tls_records_return(conn);
 */
#ifndef FATA_TLS_RECORDS_H
#define FATA_TLS_RECORDS_H

#include "conn.h"

#define FA_TLS_KEPT_MAX 4096u /* buffers */
#define FA_TLS_KEPT_MIN 16u
#define FA_TLS_KEPT_SHARE 8u /* one part of so many of the memory is for them */
#define FA_TLS_PART_NS (60 * FA_NS_PER_S)

/* Gives it the image's two buffers, unless it has own ones. FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_tls_records_lend(fa_tls_conn *conn);
/* Takes them back; what must be kept moves to own ones. FA_ENOMEM: the connection has failed. */
FA_MUST_CHECK fa_err fa_tls_records_return(fa_tls_conn *conn);
/* Own buffers for a handshake, which are not counted among those kept: handshakes are. */
FA_MUST_CHECK fa_err fa_tls_records_own(fa_tls_conn *conn);
/* The end of the handshake, or of the connection. */
FA_MUST_CHECK fa_err fa_tls_records_settle(fa_tls_conn *conn);
void fa_tls_records_drop(fa_tls_conn *conn);

/* The connections whose parts of records are due fail; when there is more to do. */
fa_deadline fa_tls_records_expire(uint64_t now_ns);
size_t fa_tls_records_kept(void);
size_t fa_tls_records_kept_max(void);
/* For tests: 0 is the machine's own. */
void fa_tls_records_limit(size_t max);

#endif
