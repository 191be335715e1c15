/* SPDX-License-Identifier: ISC */
/* The fiber of this room, which runs from the first connection that needs it on: it sends the ends of
 * connections that could not be sent at once, as nobody else waits for that; and looks after parts of
 * records that are kept for too long. */
#ifndef FATA_TLS_CLOSING_H
#define FATA_TLS_CLOSING_H

#include "conn.h"

#define FA_TLS_CLOSING_NS (10 * FA_NS_PER_S) /* for what is still to be sent */

/* Sends the rest and a close_notify as the flow below takes it, then ends that flow's half, or `closes`
 * the connection. FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_tls_closing_add(fa_tls_conn *conn, bool closes);
void fa_tls_closing_remove(fa_tls_conn *conn);
/* There may be parts of records now. */
void fa_tls_closing_watch(void);

#endif
