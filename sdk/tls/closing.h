/* SPDX-License-Identifier: ISC */
/* The fiber of this room, which runs from the first connection that needs it on: it sends the ends of
 * connections that could not be sent at once, as nobody else waits for that; looks after parts of
 * records that are kept for too long; and lingers for those that were refused. */
#ifndef FATA_TLS_CLOSING_H
#define FATA_TLS_CLOSING_H

#include "conn.h"

#define FA_TLS_CLOSING_NS (10 * FA_NS_PER_S) /* for what is still to be sent */
#define FA_TLS_LINGERING_MAX 64u             /* that were refused; for one more, the longest of them ends */

/* Sends the rest and a close_notify as the flow below takes it, then ends that flow's half, or `closes`
 * the connection. FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_tls_closing_add(fa_tls_conn *conn, bool closes);
void fa_tls_closing_remove(fa_tls_conn *conn);
/* There may be parts of records now. */
void fa_tls_closing_watch(void);

#endif
