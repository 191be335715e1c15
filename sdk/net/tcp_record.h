/* SPDX-License-Identifier: ISC */
/* What the files of the TCP engine share: the records of connections, half-open connections,
 * connections in TIME-WAIT and listeners, and what one file does for another.
 *
 *     tcp.c         for the application: read, write, close, news
 *     tcp_table.c   records found by addresses and ports; memory; hashes and initial sequence numbers
 *     tcp_open.c    listeners, half-open connections, cookies, connecting
 *     tcp_in.c      a segment arrives (RFC 9293, 3.10.7)
 *     tcp_data.c    its acknowledgment and its payload: windows, queues, what is out of order
 *     tcp_out.c     what is sent when: segments, acknowledgments, windows, Nagle, probes
 *     tcp_loss.c    round-trip times, congestion, SACK, recovery
 *     tcp_timer.c   what happens when nothing arrives
 *     tcp_queue.c   bytes in pages
 */
#ifndef FATA_NET_TCP_RECORD_H
#define FATA_NET_TCP_RECORD_H

#include "host.h"
#include "tcp_queue.h"
#include "tcp_wire.h"

typedef enum fa_tcp_kind {
    FA_TCP_CONNECTION,
    FA_TCP_HALF_OPEN,
    FA_TCP_WAITING, /* in TIME-WAIT */
} fa_tcp_kind;

/* What all that has addresses and ports begins with. */
typedef struct fa_tcp_entry {
    struct fa_tcp_entry *next; /* in its bucket */
    uint32_t hash;
    fa_ip4 local, peer;
    uint16_t local_port, peer_port;
    uint8_t kind;
} fa_tcp_entry;

/* RFC 9293, 3.3.2. LISTEN is a listener, TIME-WAIT a record of its own, and so is a SYN-RECEIVED that
 * began with a listener; here it is one of a simultaneous open. */
typedef enum fa_tcp_phase {
    FA_TCP_CLOSED,
    FA_TCP_SYN_SENT,
    FA_TCP_SYN_RECEIVED,
    FA_TCP_ESTABLISHED,
    FA_TCP_CLOSE_WAIT,
    FA_TCP_FIN_WAIT_1,
    FA_TCP_FIN_WAIT_2,
    FA_TCP_CLOSING,
    FA_TCP_LAST_ACK,
} fa_tcp_phase;

/* What the peer says that it has beyond SND.UNA (RFC 6675's scoreboard): sorted, apart. */
typedef struct fa_tcp_scoreboard {
    uint32_t count;
    fa_tcp_range ranges[FA_TCP_SACK_RANGES_MAX];
} fa_tcp_scoreboard;

struct fa_tcp {
    fa_tcp_entry entry;
    fa_host *host;
    fa_wheel_timer timer; /* for the first of the deadlines below, or before it */
    fa_deadline retransmit_at, probe_at, ack_at, life_at; /* FA_FOREVER: not */
    fa_tcp *next_changed, *next_pending, *next_starving;
    fa_tcp *next_accept;       /* of the listener's; or of those that have ended */
    fa_tcp **previous_ended;
    fa_tcp_listener *listener; /* while nobody has accepted it */
    void *user;

    uint8_t phase, error; /* fa_tcp_phase, fa_err */
    uint8_t events;       /* that the application was not told of */
    bool owned : 1;       /* by an application */
    bool dead : 1;        /* freed as soon as no list has it */
    bool in_table : 1, in_changed : 1, in_pending : 1, in_starving : 1;
    bool timestamps : 1, sack : 1, scale : 1; /* negotiated */
    bool fin_queued : 1;    /* our half ends behind the send queue */
    bool fin_seen : 1;      /* the peer's half ends at fin_sequence */
    bool fin_received : 1;  /* and all before it is here */
    bool ack_now : 1;       /* with the next flush */
    bool ack_due : 1;       /* soon: ack_at */
    bool recovering : 1;    /* fast recovery, until `recover` is acknowledged */
    bool resend_first : 1;  /* the first unacknowledged segment, whatever the window */
    bool rtt_timing : 1;
    bool syn_lost : 1;
    bool keep_alive : 1;
    bool cwnd_limited : 1;  /* the last flush stopped at the congestion window */
    bool wants_room : 1;    /* the application waits to write */
    bool probing : 1;       /* a tail loss probe up to probe_end is on its way, */
    bool probe_again : 1;   /* of what was sent before */

    uint8_t snd_shift, rcv_shift, dup_acks, backoff, unsampled, keep_alive_probes;
    uint16_t mss;           /* payload of a full segment that we send, options taken off */
    uint16_t rcv_mss;       /* the largest that the peer has sent */
    uint16_t charged_pages, out_of_order_count, out_of_order_pages;

    /* RFC 9293, 3.3.1; snd_max is what SND.NXT was before it went back to resend. */
    uint32_t iss, snd_una, snd_nxt, snd_max, snd_wnd, snd_wl1, snd_wl2, snd_wnd_max;
    uint32_t small_end; /* behind the last segment that was sent less than full (Minshall) */
    uint32_t cwnd, ssthresh, recover, high_rxt, acked_bytes;
    uint32_t probe_end, lost_end; /* before lost_end, what the peer does not say that it has is lost */
    uint32_t rtt_sequence, rtt_ms; /* the segment that is timed, and when it was sent */
    uint32_t srtt_x8, rttvar_x4, rto_ms;
    uint32_t unanswered_ms; /* since when nothing that was sent is answered; 0: not so */
    uint32_t sent_ms;       /* the last data */
    uint32_t timeout_ms;    /* the last timeout, or the beginning */
    uint32_t orphan_ms;     /* when the application closed it */

    uint32_t irs, rcv_nxt, rcv_adv /* the right edge that the peer knows */, last_ack_sent;
    uint32_t fin_sequence, sack_recent, rcv_budget, tune_sequence, tune_ms;
    uint32_t ts_recent, ts_offset, challenge_ms;
    /* Of connections that are idle for longer than milliseconds in 32 bits can tell (49 days): */
    uint64_t ts_recent_ns, heard_ns; /* when TS.Recent was, and a segment that belongs here */

    fa_tcp_scoreboard *scoreboard; /* NULL: empty */
    fa_packet *out_of_order, *out_of_order_last; /* sorted; sequence number: fa_tcp_packet_sequence() */
    fa_tcp_queue send, receive;
};

/* What is known of a peer when a connection is complete. */
typedef struct fa_tcp_handshake {
    uint32_t iss, irs, ts_recent, window;
    uint16_t mss; /* that the peer named; 0: none */
    uint8_t shift;
    bool timestamps, sack, scale, syn_lost;
    uint32_t rtt_ms; /* 0: not measured */
} fa_tcp_handshake;

typedef struct fa_tcp_half_open {
    fa_tcp_entry entry;
    fa_host *host;
    fa_tcp_listener *listener;
    struct fa_tcp_half_open *next, **previous; /* of the listener */
    fa_wheel_timer timer;
    fa_tcp_handshake handshake;
    uint32_t sent_ms, challenge_ms;
    uint8_t tries;
} fa_tcp_half_open;

typedef struct fa_tcp_time_wait {
    fa_tcp_entry entry;
    struct fa_tcp_time_wait *next, *previous;
    uint64_t until_ns;
    uint32_t snd_nxt, rcv_nxt, ts_recent, window;
    bool timestamps;
    uint8_t shift;
    uint32_t ts_offset, challenge_ms;
} fa_tcp_time_wait;

struct fa_tcp_listener {
    fa_tcp_listener *next, *next_changed;
    fa_host *host;
    void *user;
    fa_tcp *accept_first, *accept_last;
    fa_tcp_half_open *half_open;
    uint32_t accept_count, backlog;
    uint16_t port;
    bool changed;
};

/* A segment that has arrived, pulled to its payload. */
typedef struct fa_tcp_segment {
    fa_packet *packet;
    const fa_ipv4_info *info;
    uint16_t local_port, peer_port;
    uint32_t sequence, acknowledgment;
    uint32_t window; /* not scaled */
    uint32_t len;    /* of the payload */
    uint8_t flags;
    fa_tcp_options options;
} fa_tcp_segment;

/* What a SYN says of its sender. */
static inline fa_tcp_handshake fa_tcp_handshake_of(const fa_tcp_segment *syn)
{
    return (fa_tcp_handshake){.irs = syn->sequence,
                              .ts_recent = syn->options.ts_value,
                              .window = syn->window,
                              .mss = syn->options.mss,
                              .shift = syn->options.shift,
                              .timestamps = syn->options.timestamps,
                              .sack = syn->options.sack_permitted,
                              .scale = syn->options.scale};
}

static inline uint32_t fa_tcp_packet_sequence(const fa_packet *packet)
{
    return (uint32_t)packet->checksum_start << 16 | packet->checksum_offset;
}

/* tcp.c */
uint32_t fa_tcp_pages_allowed(const fa_tcp *tcp); /* to a write */

/* tcp_table.c */
uint64_t fa_tcp_hash(const uint64_t secret[2], uint64_t a, uint64_t b);
uint32_t fa_tcp_ms(fa_host *host);
uint32_t fa_tcp_initial_sequence(fa_host *host, fa_endpoint local, fa_endpoint peer);
uint32_t fa_tcp_timestamp_offset(fa_host *host, fa_ip4 local, fa_ip4 peer);
fa_tcp_entry *fa_tcp_find(fa_host *host, fa_ip4 local, uint16_t local_port, fa_ip4 peer,
                          uint16_t peer_port);
/* Its addresses and ports are set. False: no memory for the table. */
bool fa_tcp_enter(fa_host *host, fa_tcp_entry *entry);
void fa_tcp_leave(fa_host *host, fa_tcp_entry *entry);
fa_tcp *fa_tcp_new(fa_host *host); /* with all that is the same for all; NULL: no memory */
/* Out of all tables, its memory given back. The record itself stays as long as a list has it, or an
 * application, who is told `error`. */
void fa_tcp_end(fa_tcp *tcp, fa_err error);
void fa_tcp_release(fa_tcp *tcp); /* frees a dead record that no list has any more */
void fa_tcp_charge(fa_tcp *tcp);  /* its pages have changed: counts them anew */
static inline bool fa_tcp_memory_tight(const fa_host *host)
{
    return host->tcp.memory_bytes >= host->tcp.memory_max_bytes / 4 * 3;
}
/* More than the last of the pool, for what stays in a queue. */
static inline bool fa_tcp_pool_has_pages(const fa_host *host)
{
    const fa_packet_pool *pool = host->options.pool;
    return pool->free_page_count > pool->page_count / FA_TCP_LAST_PART;
}
void fa_tcp_notify(fa_tcp *tcp, unsigned events);
void fa_tcp_wait(fa_tcp *tcp); /* enters TIME-WAIT */
void fa_tcp_wait_end(fa_host *host, fa_tcp_time_wait *wait);
void fa_tcp_wait_input(fa_host *host, fa_tcp_time_wait *wait, fa_tcp_segment *segment);

/* tcp_open.c */
fa_tcp_listener *fa_tcp_listener_find(fa_host *host, uint16_t port);
/* `iss_min` (not 0) is what the initial sequence number must be later than (RFC 6191). */
void fa_tcp_listener_input(fa_host *host, fa_tcp_listener *listener, fa_tcp_segment *segment,
                           uint32_t iss_min);
void fa_tcp_half_open_input(fa_tcp_half_open *half, fa_tcp_segment *segment);
void fa_tcp_half_open_end(fa_tcp_half_open *half);
/* The round trip that the answer to our SYN tells, which was sent at that time or later; 0: none. */
uint32_t fa_tcp_handshake_rtt(fa_host *host, const fa_tcp_handshake *handshake,
                              const fa_tcp_segment *segment, uint32_t sent_ms);
void fa_tcp_begin(fa_tcp *tcp, const fa_tcp_handshake *handshake); /* is ESTABLISHED */
uint16_t fa_tcp_mss_for(fa_host *host, fa_ip4 peer, uint16_t peer_mss, bool timestamps);
/* What our SYNs name: what the link takes; of the path to us, only the peer can learn (RFC 1191, 3.1). */
static inline uint16_t fa_tcp_mss_own(const fa_host *host)
{
    return (uint16_t)(fa_ipv4_link_payload_max(host) - FA_TCP_HEADER_BYTES);
}

/* tcp_in.c */
void fa_tcp_connection_input(fa_tcp *tcp, fa_tcp_segment *segment);

/* tcp_data.c */
/* What a segment acknowledges. False: the connection is gone. */
bool fa_tcp_acknowledged(fa_tcp *tcp, const fa_tcp_segment *segment);
/* Takes the payload, from RCV.NXT on or later; owns the packet. */
void fa_tcp_take_payload(fa_tcp *tcp, fa_tcp_segment *segment);
void fa_tcp_drop_out_of_order(fa_tcp *tcp);

/* tcp_out.c */
void fa_tcp_pend(fa_tcp *tcp); /* looks at it in the next flush */
void fa_tcp_output(fa_tcp *tcp);
void fa_tcp_send_ack(fa_tcp *tcp);
void fa_tcp_send_probe(fa_tcp *tcp);
bool fa_tcp_send_tail_probe(fa_tcp *tcp); /* false: there was no page */
void fa_tcp_send_reset(fa_tcp *tcp);
/* A segment without payload that belongs to no record: resets, SYN-ACKs, of TIME-WAIT. */
typedef struct fa_tcp_bare {
    fa_ip4 local, peer;
    uint16_t local_port, peer_port;
    uint32_t sequence, acknowledgment;
    uint16_t window;
    uint8_t flags;
    bool timestamps;
    uint32_t ts_value, ts_echo;
    /* Of SYNs: */
    uint16_t mss;
    bool scale, sack;
} fa_tcp_bare;
bool fa_tcp_send_bare(fa_host *host, const fa_tcp_bare *bare);
/* Answers what nobody expects (RFC 9293, 3.10.7.1). */
void fa_tcp_refuse(fa_host *host, const fa_tcp_segment *segment);
uint32_t fa_tcp_receive_window(const fa_tcp *tcp);
/* After the application has read. */
void fa_tcp_window_opened(fa_tcp *tcp);
bool fa_tcp_challenge_allowed(fa_host *host, uint32_t *last_ms);

/* tcp_loss.c */
void fa_tcp_rtt_sample(fa_tcp *tcp, uint32_t ms);
void fa_tcp_congestion_begin(fa_tcp *tcp);
void fa_tcp_congestion_idle(fa_tcp *tcp);
/* `acked` bytes are, up to SND.UNA now. */
void fa_tcp_congestion_acked(fa_tcp *tcp, uint32_t acked);
void fa_tcp_congestion_timeout(fa_tcp *tcp);
bool fa_tcp_sack_take(fa_tcp *tcp, const fa_tcp_segment *segment); /* true: it says something new */
void fa_tcp_duplicate_ack(fa_tcp *tcp, bool sack_news);
/* What it says about a tail loss probe, before it is looked at otherwise. */
void fa_tcp_probe_answered(fa_tcp *tcp, const fa_tcp_segment *segment);
void fa_tcp_scoreboard_free(fa_tcp *tcp);
/* In recovery: the next range to be sent; false: nothing may be now. */
bool fa_tcp_recovery_next(fa_tcp *tcp, fa_tcp_range *range_out);

/* tcp_timer.c */
void fa_tcp_timer_fire(fa_wheel_timer *timer, void *owner);
/* Its deadlines have changed. */
void fa_tcp_timer_update(fa_tcp *tcp);
void fa_tcp_retransmit_arm(fa_tcp *tcp);
void fa_tcp_probe_arm(fa_tcp *tcp); /* for the tail of what is on its way, where it can be probed */
/* As far as the peer's half and ours are, what ends the connection by time. */
void fa_tcp_life_arm(fa_tcp *tcp);

/* Behind all that is to be sent, with the FIN. */
static inline uint32_t fa_tcp_send_end(const fa_tcp *tcp)
{
    return tcp->snd_una + tcp->send.len + (tcp->fin_queued ? 1u : 0u);
}

/* The application has given it up. */
static inline bool fa_tcp_is_orphan(const fa_tcp *tcp)
{
    return !tcp->owned && tcp->listener == NULL;
}
/* How much more may be written: twice what may be on its way, within bounds. */
static inline uint32_t fa_tcp_send_limit(const fa_tcp *tcp)
{
    const uint32_t wanted = tcp->cwnd < FA_TCP_WINDOW_BYTES_MAX / 2 ? 2 * tcp->cwnd
                                                                    : FA_TCP_WINDOW_BYTES_MAX;
    return wanted < FA_TCP_WINDOW_BYTES ? FA_TCP_WINDOW_BYTES : wanted;
}
static inline uint32_t fa_tcp_send_room(const fa_tcp *tcp)
{
    const uint32_t limit = fa_tcp_send_limit(tcp);
    return tcp->send.len < limit ? limit - tcp->send.len : 0;
}
/* For who waits: a part that is worth waking up for. */
static inline bool fa_tcp_room_is_enough(const fa_tcp *tcp)
{
    return fa_tcp_send_room(tcp) >= fa_tcp_send_limit(tcp) / 4;
}

#endif
