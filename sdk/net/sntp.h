/* SPDX-License-Identifier: ISC */
/* SNTP (RFC 4330; RFC 5905 sections 7.3, 7.4, 8), sans-I/O: requests, what a reply says of the time and how
 * far it may be wrong, what several servers agree on, and what is done to the clock for it. Wire format,
 * limits and timers stand here.
 *
 *     len = fa_sntp_write_request(cookie, bytes);
 *     verdict = fa_sntp_parse(bytes, len, cookie, sent_ns, received_ns, &sample);
 *     agreeing = fa_sntp_agree(samples, count, &agreed);
 *     move = fa_sntp_judge(&discipline, agreed.wall_ns - wall_now_ns, &step_ns);
 */
#ifndef FATA_NET_SNTP_H
#define FATA_NET_SNTP_H

#include <fata/bytes.h>
#include <fata/clock.h>
#include <fata/err.h>

#define FA_SNTP_PORT 123u

typedef struct fa_sntp_packet { /* RFC 5905, 7.3 */
    uint8_t flags, stratum, poll, precision;
    fa_be32 root_delay, root_dispersion; /* seconds, 16 bits behind the point */
    uint8_t reference_id[4];
    fa_be64 reference, origin, received, sent; /* seconds since 1900, 32 bits behind the point */
} fa_sntp_packet;
_Static_assert(sizeof(fa_sntp_packet) == 48, "no padding");

#define FA_SNTP_BYTES_MAX 512u /* of a reply that is looked at: what may follow is not */
#define FA_SNTP_LEAP_UNKNOWN 3u
#define FA_SNTP_VERSION 4u
#define FA_SNTP_CLIENT 3u
#define FA_SNTP_SERVER 4u
#define FA_SNTP_STRATUM_MAX 15u
#define FA_SNTP_SERVERS_MAX 4u

/* No server that is right says an earlier time, 2026-01-01, nor one that is later by 68 years; so the era
 * of its 32 bits is known until 2094 (RFC 5905, 6). */
#define FA_SNTP_EARLIEST_S UINT64_C(1767225600)
#define FA_SNTP_RANGE_S UINT64_C(0x80000000)
#define FA_SNTP_1970_S UINT64_C(2208988800) /* between 1900 and 1970 */

/* What a server may be wrong by to be heard at all (RFC 5905, 7.2: MAXDIST), and what each is given. */
#define FA_SNTP_DISTANCE_MAX_NS (1500 * FA_NS_PER_MS)
#define FA_SNTP_DISTANCE_MIN_NS (1 * FA_NS_PER_MS)

/* Times. Rounds are tried again after 2 s, doubled up to 64 s, until the clock is set; then they are 64 s
 * apart, doubled up to 1,024 s as long as the clock is good, and 64 s again after one that was not. */
#define FA_SNTP_REPLY_NS (2 * FA_NS_PER_S) /* for the replies of a round */
#define FA_SNTP_RETRY_NS (2 * FA_NS_PER_S)
#define FA_SNTP_POLL_MIN_NS (64 * FA_NS_PER_S)
#define FA_SNTP_POLL_MAX_NS (1024 * FA_NS_PER_S)
#define FA_SNTP_REST_NS (1024 * FA_NS_PER_S) /* of a server that said that it is asked too often */
#define FA_SNTP_REST_MAX_NS (131072 * FA_NS_PER_S)
#define FA_SNTP_PACKETS_MAX 64u /* of a round that are looked at */

/* The clock: what is worn off and not set, and how (500 parts in a million). */
#define FA_SNTP_STEP_NS (128 * (int64_t)FA_NS_PER_MS)
#define FA_SNTP_GOOD_NS (10 * (int64_t)FA_NS_PER_MS)
#define FA_SNTP_SLEW_NS (50 * (int64_t)FA_NS_PER_US)
#define FA_SNTP_SLEW_EVERY_NS (100 * FA_NS_PER_MS)

typedef enum fa_sntp_verdict {
    FA_SNTP_GOOD,
    FA_SNTP_FOREIGN,    /* not the reply to this request: another one may come */
    FA_SNTP_UNUSABLE,   /* the server does not know the time, or says what cannot be */
    FA_SNTP_TOO_OFTEN,  /* a kiss of death: it wants to be asked less (RATE) */
    FA_SNTP_UNWELCOME,  /* one of another kind: not to be asked again */
} fa_sntp_verdict;

typedef struct fa_sntp_sample {
    int64_t wall_ns;     /* of the monotonic clock's 0 */
    uint64_t distance_ns; /* it is right within that, if the server is */
} fa_sntp_sample;

size_t fa_sntp_write_request(uint64_t cookie, uint8_t bytes_out[sizeof(fa_sntp_packet)]);
/* The times are monotonic. */
fa_sntp_verdict fa_sntp_parse(const uint8_t *bytes, size_t len, uint64_t cookie, uint64_t sent_ns,
                              uint64_t received_ns, fa_sntp_sample *sample_out);
/* What more than half of the samples agree on: how many do, 0: there is no such time. *agreed_out is the
 * most exact of these. */
unsigned fa_sntp_agree(const fa_sntp_sample *samples, unsigned count, fa_sntp_sample *agreed_out);

typedef struct fa_sntp_discipline { /* zeroed at first */
    bool set;
    bool doubts;         /* the last round found a large error: */
    int64_t doubt_ns;
    int64_t slew_ns;     /* is still to be worn off */
    uint64_t interval_ns; /* from this round to the next */
} fa_sntp_discipline;

/* The clock is behind by `error_ns` (before, if negative). True: it is to be set; false: what is to be done
 * is in slew_ns. */
bool fa_sntp_judge(fa_sntp_discipline *discipline, int64_t error_ns);
/* A round had no result. */
void fa_sntp_judge_silence(fa_sntp_discipline *discipline);
/* The next piece that is worn off. */
int64_t fa_sntp_slew_next(fa_sntp_discipline *discipline);

#endif
