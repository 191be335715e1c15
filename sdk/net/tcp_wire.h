/* SPDX-License-Identifier: ISC */
/* TCP on the wire (RFC 9293, 3.1 and 3.2), and every limit and timer of it, in the words of the RFCs.
 * Sequence numbers are compared modulo 2^32 (RFC 9293, 3.4). */
#ifndef FATA_NET_TCP_WIRE_H
#define FATA_NET_TCP_WIRE_H

#include <fata/bytes.h>
#include <fata/clock.h>

typedef struct fa_tcp_header { /* RFC 9293, 3.1 */
    fa_be16 source_port, destination_port;
    fa_be32 sequence, acknowledgment;
    uint8_t data_offset; /* in words of 32 bits, in the upper half */
    uint8_t flags;
    fa_be16 window, checksum, urgent;
} fa_tcp_header;
_Static_assert(sizeof(fa_tcp_header) == 20, "no padding");

#define FA_TCP_HEADER_BYTES 20u
#define FA_TCP_HEADER_BYTES_MAX 60u
#define FA_TCP_CHECKSUM_OFFSET 16u

#define FA_TCP_FIN 0x01u
#define FA_TCP_SYN 0x02u
#define FA_TCP_RST 0x04u
#define FA_TCP_PSH 0x08u
#define FA_TCP_ACK 0x10u

#define FA_TCP_OPTION_END 0u
#define FA_TCP_OPTION_NOP 1u
#define FA_TCP_OPTION_MSS 2u
#define FA_TCP_OPTION_SCALE 3u          /* RFC 7323, 2.2 */
#define FA_TCP_OPTION_SACK_PERMITTED 4u /* RFC 2018, 2 */
#define FA_TCP_OPTION_SACK 5u           /* RFC 2018, 3 */
#define FA_TCP_OPTION_TIMESTAMPS 8u     /* RFC 7323, 3.2 */
#define FA_TCP_TIMESTAMPS_BYTES 12u     /* with the two NOPs in front of it */
#define FA_TCP_SACK_BLOCKS_MAX 4u       /* in one segment; 3 beside timestamps */
#define FA_TCP_SCALE_MAX 14u            /* RFC 7323, 2.3 */

/* Segments. */
#define FA_TCP_MSS_DEFAULT 536u   /* RFC 9293, 3.7.1: when the peer names none */
#define FA_TCP_MSS_MIN 216u       /* a peer, or a router, that wants less gets packets of this */
#define FA_TCP_TSO_BYTES_MAX 61440u /* payload of one packet that the device cuts: 15 pages */
#define FA_TCP_COPY_BYTES_MAX 256u /* what is smaller is copied behind its header, or other bytes */

/* Windows and queues of a connection. */
#define FA_TCP_WINDOW_BYTES (64 * FA_KIB)      /* to begin with */
#define FA_TCP_WINDOW_BYTES_MAX (256 * FA_KIB) /* grown to, where the peer keeps it full */
#define FA_TCP_WINDOW_SHIFT 3u                 /* says 256 KiB and leaves room */
#define FA_TCP_OUT_OF_ORDER_MAX 192u           /* packets of a connection */
#define FA_TCP_SACK_RANGES_MAX 32u             /* that we remember of what the peer has */
#define FA_TCP_QUEUE_SEGMENTS_MAX 512u         /* pages of one queue of a connection */

#define FA_TCP_LAST_PART 8u /* of the pool, which nothing that waits to be sent, or read, is given */

/* Congestion (RFC 5681, 6928). */
#define FA_TCP_INITIAL_WINDOW_SEGMENTS 10u
#define FA_TCP_INITIAL_WINDOW_BYTES 14600u
#define FA_TCP_DUP_THRESHOLD 3u /* duplicate acknowledgments that mean a loss */

/* Retransmission (RFC 6298). The RFC wants a second at least; like everyone we take 200 ms, which
 * is still over the 40 ms to 200 ms that peers delay an acknowledgment. */
#define FA_TCP_RTO_INITIAL_MS 1000u
#define FA_TCP_RTO_MIN_MS 200u
#define FA_TCP_RTO_MAX_MS 60000u
#define FA_TCP_UNSAMPLED_MAX 8u /* timeouts in a row that only losses explain */
#define FA_TCP_RTO_AFTER_SYN_LOSS_MS 3000u /* RFC 6298, 5.7 */
#define FA_TCP_R2_MS 100000u               /* RFC 1122, 4.2.3.5: "at least 100 seconds" */
#define FA_TCP_R2_WINDOW_MS 600000u        /* of zero-window probes, which are a minute apart */
#define FA_TCP_R2_SYN_MS 180000u           /* "at least 3 minutes" */
#define FA_TCP_R2_ORPHAN_MS 60000u         /* nobody waits for it any more */
#define FA_TCP_ORPHAN_MS 600000u           /* even if the peer acknowledges byte by byte */
#define FA_TCP_FIN_WAIT_2_MS 60000u        /* of a connection that was closed, not half-closed */

/* Tail loss probes (RFC 8985, 7): after two round trips without an answer. */
#define FA_TCP_PROBE_MIN_MS 10u
#define FA_TCP_PROBE_ACK_MS 200u /* how long a peer may keep the answer to a single segment */

/* Acknowledgments (RFC 1122, 4.2.3.2: less than half a second, every second full segment). */
#define FA_TCP_ACK_DELAY_MS 40u
#define FA_TCP_CHALLENGE_MS 250u /* RFC 5961, 7: at most one in that time, of a connection */

/* Keep-alive (RFC 1122, 4.2.3.6: off unless asked for, two hours at least). */
#define FA_TCP_KEEP_ALIVE_MS 7200000u
#define FA_TCP_KEEP_ALIVE_PROBE_MS 75000u
#define FA_TCP_KEEP_ALIVE_PROBES 9u

/* TIME-WAIT: twice an MSL of 30 s, as everyone has it. */
#define FA_TCP_TIME_WAIT_MS 60000u
#define FA_TCP_TIME_WAITS_MAX 1024u /* the oldest ends early */

/* Half-open connections: a SYN has been answered. */
#define FA_TCP_HALF_OPEN_MAX 256u /* beyond it, and without memory: cookies (RFC 4987, 3.6) */
#define FA_TCP_SYN_ACK_TRIES 5u   /* after 1, 2, 4, 8 and 16 seconds: RFC 4987 has 3 to 5 */
#define FA_TCP_COOKIE_PERIOD_S 64u /* a cookie is good for one to two of these */
#define FA_TCP_BACKLOG_MAX 1024u

#define FA_TCP_PORT_FIRST 49152u /* RFC 6335; chosen at random (RFC 6056) */
#define FA_TCP_BUCKETS_MIN 64u
#define FA_TCP_PAWS_NS (24 * 86400 * FA_NS_PER_S) /* RFC 7323, 5.5: TS.Recent is good so long */
#define FA_TCP_RETRY_MS 10u /* after the pool was empty */

/* RFC 9293, 3.4: a is before b. */
static inline bool fa_tcp_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}
static inline uint32_t fa_tcp_later(uint32_t a, uint32_t b)
{
    return fa_tcp_before(a, b) ? b : a;
}

typedef struct fa_tcp_range {
    uint32_t start, end; /* sequence numbers; end is the one behind it */
} fa_tcp_range;

/* What the options of a segment say. */
typedef struct fa_tcp_options {
    bool timestamps, sack_permitted, scale;
    uint8_t shift;
    uint8_t sack_count;
    uint16_t mss; /* 0: not named */
    uint32_t ts_value, ts_echo;
    fa_tcp_range sack[FA_TCP_SACK_BLOCKS_MAX];
} fa_tcp_options;

/* Options that are unknown are skipped, malformed ones end the list (RFC 9293, 3.1, MUST-7). */
void fa_tcp_options_parse(const uint8_t *bytes, size_t len, fa_tcp_options *options_out);

#endif
