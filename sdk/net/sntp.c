/* SPDX-License-Identifier: ISC */
/* SNTP without waiting: see sntp.h. */
#include "sntp.h"
#include <string.h>

/* RFC 5905, 6: short format, and timestamps. */
static uint64_t short_ns(fa_be32 value)
{
    return ((uint64_t)fa_be32_get(value) * FA_NS_PER_S) >> 16;
}

/* Nanoseconds since 1970; in the one era where it can be. False: it cannot be. */
static bool wall_ns_of(fa_be64 stamp, uint64_t *wall_ns_out)
{
    const uint64_t value = fa_be64_get(stamp);
    const uint64_t fraction_ns = ((value & UINT32_MAX) * FA_NS_PER_S) >> 32;
    const uint32_t earliest = (uint32_t)(FA_SNTP_EARLIEST_S + FA_SNTP_1970_S);
    const uint32_t since = (uint32_t)(value >> 32) - earliest; /* modulo an era */
    *wall_ns_out = (FA_SNTP_EARLIEST_S + since) * FA_NS_PER_S + fraction_ns;
    return since < FA_SNTP_RANGE_S;
}

size_t fa_sntp_write_request(uint64_t cookie, uint8_t bytes_out[sizeof(fa_sntp_packet)])
{
    /* The server sends `sent` back and has no other use for it: a random number tells nobody what our
     * clock says, and nobody who does not see it can answer. */
    const fa_sntp_packet packet = {
        .flags = FA_SNTP_VERSION << 3 | FA_SNTP_CLIENT,
        .sent = fa_be64_of(cookie),
    };
    memcpy(bytes_out, &packet, sizeof packet);
    return sizeof packet;
}

/* RFC 5905, 7.4: codes of four letters. RATE is the only one after which it is asked again. */
static fa_sntp_verdict kiss_of_death(const fa_sntp_packet *packet)
{
    return memcmp(packet->reference_id, "RATE", sizeof packet->reference_id) == 0 ? FA_SNTP_TOO_OFTEN
           : memcmp(packet->reference_id, "DENY", sizeof packet->reference_id) == 0 ||
                   memcmp(packet->reference_id, "RSTR", sizeof packet->reference_id) == 0
               ? FA_SNTP_UNWELCOME
               : FA_SNTP_UNUSABLE; /* such as INIT: not yet */
}

fa_sntp_verdict fa_sntp_parse(const uint8_t *bytes, size_t len, uint64_t cookie, uint64_t sent_ns,
                              uint64_t received_ns, fa_sntp_sample *sample_out)
{
    fa_sntp_packet packet;
    if (len < sizeof packet)
        return FA_SNTP_FOREIGN;
    memcpy(&packet, bytes, sizeof packet);
    const unsigned version = packet.flags >> 3 & 7u;
    if ((packet.flags & 7u) != FA_SNTP_SERVER || version < 3 || version > FA_SNTP_VERSION ||
        fa_be64_get(packet.origin) != cookie)
        return FA_SNTP_FOREIGN;
    if (packet.stratum == 0)
        return kiss_of_death(&packet);
    uint64_t received, sent;
    if (packet.flags >> 6 == FA_SNTP_LEAP_UNKNOWN || packet.stratum > FA_SNTP_STRATUM_MAX ||
        fa_be64_get(packet.sent) == 0 || !wall_ns_of(packet.received, &received) ||
        !wall_ns_of(packet.sent, &sent) || sent < received)
        return FA_SNTP_UNUSABLE;
    /* RFC 5905, 8: what the server took is no part of the way. Its clock may be finer than ours. */
    const uint64_t took_ns = sent - received, all_ns = received_ns - sent_ns;
    if (took_ns > all_ns + FA_SNTP_DISTANCE_MIN_NS)
        return FA_SNTP_UNUSABLE;
    const uint64_t way_ns = took_ns < all_ns ? all_ns - took_ns : 0;
    const uint64_t distance_ns = FA_SNTP_DISTANCE_MIN_NS + way_ns / 2 +
                                 short_ns(packet.root_delay) / 2 + short_ns(packet.root_dispersion);
    if (distance_ns > FA_SNTP_DISTANCE_MAX_NS)
        return FA_SNTP_UNUSABLE;
    *sample_out = (fa_sntp_sample){
        .wall_ns = (int64_t)(sent + way_ns / 2) - (int64_t)received_ns,
        .distance_ns = distance_ns,
    };
    return FA_SNTP_GOOD;
}

static bool covers(const fa_sntp_sample *sample, int64_t point_ns)
{
    const int64_t distance_ns = (int64_t)sample->distance_ns;
    return point_ns >= sample->wall_ns - distance_ns && point_ns <= sample->wall_ns + distance_ns;
}

/* (RFC 5905, 11.2.1, simplified: where most intervals overlap, one of them begins.) */
unsigned fa_sntp_agree(const fa_sntp_sample *samples, unsigned count, fa_sntp_sample *agreed_out)
{
    unsigned most = 0;
    int64_t where_ns = 0;
    for (unsigned i = 0; i < count; i++) {
        const int64_t begin_ns = samples[i].wall_ns - (int64_t)samples[i].distance_ns;
        unsigned here = 0;
        for (unsigned j = 0; j < count; j++)
            here += covers(&samples[j], begin_ns);
        if (here > most) {
            most = here;
            where_ns = begin_ns;
        }
    }
    if (most * 2 <= count)
        return 0;
    const fa_sntp_sample *best = NULL;
    for (unsigned i = 0; i < count; i++)
        if (covers(&samples[i], where_ns) &&
            (best == NULL || samples[i].distance_ns < best->distance_ns))
            best = &samples[i];
    *agreed_out = *best;
    return most;
}

static int64_t size_of(int64_t ns)
{
    return ns < 0 ? -ns : ns;
}

bool fa_sntp_judge(fa_sntp_discipline *d, int64_t error_ns)
{
    const bool is_large = error_ns >= FA_SNTP_STEP_NS || error_ns <= -FA_SNTP_STEP_NS;
    const bool is_good = error_ns < FA_SNTP_GOOD_NS && error_ns > -FA_SNTP_GOOD_NS;
    /* A large error, once the clock was right, is believed when it is found again. */
    const bool again = d->doubts && size_of(error_ns / 2 - d->doubt_ns / 2) < FA_SNTP_STEP_NS / 2;
    const bool steps = !d->set || (is_large && again);
    d->interval_ns = d->set && is_good ? d->interval_ns * 2 : FA_SNTP_POLL_MIN_NS;
    if (d->interval_ns > FA_SNTP_POLL_MAX_NS)
        d->interval_ns = FA_SNTP_POLL_MAX_NS;
    d->doubts = is_large && !steps;
    d->doubt_ns = error_ns;
    d->slew_ns = is_large || steps ? 0 : error_ns;
    d->set |= steps;
    return steps;
}

void fa_sntp_judge_silence(fa_sntp_discipline *d)
{
    if (d->interval_ns == 0)
        d->interval_ns = FA_SNTP_RETRY_NS;
    else if (!d->set && d->interval_ns < FA_SNTP_POLL_MIN_NS)
        d->interval_ns *= 2;
}

int64_t fa_sntp_slew_next(fa_sntp_discipline *d)
{
    const int64_t piece_ns = d->slew_ns > FA_SNTP_SLEW_NS    ? FA_SNTP_SLEW_NS
                             : d->slew_ns < -FA_SNTP_SLEW_NS ? -FA_SNTP_SLEW_NS
                                                             : d->slew_ns;
    d->slew_ns -= piece_ns;
    return piece_ns;
}
