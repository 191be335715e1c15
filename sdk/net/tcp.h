/* SPDX-License-Identifier: ISC */
/* TCP (RFC 9293) as the rest of the host and stack.c see it: listeners and connections, found by
 * hash. With window scaling and timestamps (RFC 7323), SACK (RFC 2018, 6675), RTO by RFC 6298,
 * NewReno or better (RFC 6582), tail loss probes (RFC 8985), delayed acknowledgments, Nagle's
 * algorithm (RFC 1122), zero-window probes, keep-alive, challenge acknowledgments (RFC 5961), secure
 * sequence numbers (RFC 6528) and SYN cookies when the queue is full (RFC 4987). Wire format and
 * limits: tcp_wire.h. */
#ifndef FATA_NET_TCP_H
#define FATA_NET_TCP_H

#include "ipv4.h"
#include <fata/flow.h>

typedef struct fa_tcp fa_tcp;                   /* a connection */
typedef struct fa_tcp_listener fa_tcp_listener; /* a port */

/* What has changed since fa_tcp_take_changed() last told. */
#define FA_TCP_READABLE 1u  /* bytes, the end of the peer's half, or an error */
#define FA_TCP_WRITABLE 2u  /* room again, or an error */
#define FA_TCP_CONNECTED 4u /* a fa_tcp_connect() has succeeded or failed */

struct fa_tcp_entry;

typedef struct fa_tcp_state {
    struct fa_tcp_entry **buckets; /* by addresses and ports; keyed hash */
    struct fa_tcp_entry *found;    /* last: bulk comes in runs */
    uint32_t bucket_count, entry_count;
    uint32_t connection_count, connections_max; /* records in any state but TIME-WAIT */
    uint32_t half_open_count, time_wait_count;
    fa_tcp_listener *listeners;
    fa_tcp *changed, *changed_last;
    fa_tcp_listener *listeners_changed;
    fa_tcp *ended;    /* their applications have not closed them yet */
    fa_tcp *pending;  /* have something to send, perhaps: fa_tcp_flush() */
    fa_tcp *starving; /* would write when there is memory again */
    struct fa_tcp_time_wait *time_wait_first, *time_wait_last; /* by when they end */
    fa_wheel_timer time_wait_timer, starving_timer;
    uint64_t secret[2]; /* of hashes, sequence numbers and cookies */
    uint64_t ms_ns;     /* what now_ms was computed from */
    uint32_t now_ms;
    uint64_t cookie_ns; /* when the last SYN cookie was sent; 0: never */
    size_t memory_bytes, memory_max_bytes; /* of all connections' queues and records */
    uint64_t cookies_sent, retransmitted_segments, resets_sent, challenges_sent; /* since ever */
} fa_tcp_state;

FA_MUST_CHECK fa_err fa_tcp_init(fa_host *host);
void fa_tcp_free(fa_host *host);

/* FA_EEXIST: taken; port 0: any. `backlog`: connections that nobody has accepted yet. */
FA_MUST_CHECK fa_err fa_tcp_listen(fa_host *host, uint16_t port, uint32_t backlog, void *user,
                                   fa_tcp_listener **listener_out);
/* A connection that is complete; NULL: none. It is the caller's until fa_tcp_close(). */
fa_tcp *fa_tcp_accept(fa_tcp_listener *listener, void *user);
uint16_t fa_tcp_listener_port(const fa_tcp_listener *listener);
void *fa_tcp_listener_user(const fa_tcp_listener *listener);
/* Those that were not accepted are reset. */
void fa_tcp_unlisten(fa_host *host, fa_tcp_listener *listener);

/* Begins to connect; FA_TCP_CONNECTED follows. FA_ENOENT: no way there; FA_ELIMIT: connections or
 * ports are used up; FA_ENOMEM. */
FA_MUST_CHECK fa_err fa_tcp_connect(fa_host *host, fa_endpoint peer, void *user, fa_tcp **tcp_out);
/* FA_OK: connected; FA_EAGAIN: not yet; FA_ECLOSED: refused or reset; FA_ETIMEDOUT: no answer. */
fa_err fa_tcp_status(const fa_tcp *tcp);
fa_endpoint fa_tcp_peer(const fa_tcp *tcp);
void *fa_tcp_user(const fa_tcp *tcp);
void fa_tcp_set_user(fa_tcp *tcp, void *user);

/* As fa_flow_try_read() and _write(). */
fa_err fa_tcp_read(fa_host *host, fa_tcp *tcp, void *bytes_out, size_t cap, size_t *len_out);
fa_err fa_tcp_write(fa_host *host, fa_tcp *tcp, const fa_slice *slices, size_t count,
                    size_t *len_out);
/* Off at first. On: a peer that is silent for two hours is asked, and then nine times more. */
void fa_tcp_keep_alive(fa_tcp *tcp, bool on);
bool fa_tcp_readable(const fa_tcp *tcp);
bool fa_tcp_writable(fa_tcp *tcp); /* if not, FA_TCP_WRITABLE follows */
void fa_tcp_shutdown(fa_host *host, fa_tcp *tcp); /* ends our half */
/* The application is done with it; TCP finishes by itself, within bounds, and frees it. With bytes
 * unread, or `abort`, the peer gets a reset (RFC 2525, 2.17). */
void fa_tcp_close(fa_host *host, fa_tcp *tcp, bool abort);

/* Whether a connection that its application has closed has something that its peer has not got yet. */
bool fa_tcp_is_finishing(const fa_host *host);

/* A connection with news, the host's own ones too, whose user is NULL; NULL: none. Who drives the host takes all of them each time: a record that
 * the application has closed is freed as it leaves this list. */
fa_tcp *fa_tcp_take_changed(fa_host *host, unsigned *events_out);
/* A listener that has connections to accept since it was last told; NULL: none. */
fa_tcp_listener *fa_tcp_take_changed_listener(fa_host *host);

/* Sends what input, timers and the application have given reason for: one look at a connection for
 * a whole batch. fa_host_run() calls it after the timers and before it says when it is next to be
 * called; fa_host_output() calls it first. */
void fa_tcp_flush(fa_host *host);
void fa_tcp_input(fa_host *host, fa_packet *packet, const fa_ipv4_info *info);
/* An ICMP error about a segment of ours: its first bytes are given. `next_hop_mtu` 0: unknown. */
void fa_tcp_icmp_error(fa_host *host, fa_ip4 peer, const uint8_t *header, size_t len, uint8_t type,
                       uint8_t code, uint16_t next_hop_mtu);
/* Addresses have changed: connections from another address are aborted. */
void fa_tcp_address_changed(fa_host *host);

#endif
