/* SPDX-License-Identifier: ISC */
/* Who speaks TLS at a port, and who does not: the first bytes say so. */
#ifndef FATA_TLS_PLAIN_H
#define FATA_TLS_PLAIN_H

#include "conn.h"

typedef struct fa_tls_head {
    uint8_t bytes[FA_TLS_HEADER_BYTES];
    uint8_t len;
} fa_tls_head;

/* Reads what is there of the first record's header. FA_EAGAIN: nothing, now. */
FA_MUST_CHECK fa_err fa_tls_head_read(fa_flow *flow, fa_tls_head *head_out);
/* False: the peer speaks something else. */
bool fa_tls_head_is_tls(const fa_tls_head *head);
/* A flow that begins with those bytes, and goes on as the one below. FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_tls_plain_new(fa_flow *flow_take, const fa_tls_head *head, fa_flow **flow_out);
/* fa_tls_accept() of a connection whose first bytes were read. */
FA_MUST_CHECK fa_err fa_tls_accept_head(fa_tls_server *server, fa_flow *flow_take,
                                        const fa_tls_head *head, fa_flow **flow_out,
                                        fa_tls_reason *why, fa_deadline deadline);

#endif
