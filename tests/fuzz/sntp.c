/* SPDX-License-Identifier: ISC */
/* Fuzzes the reader of SNTP's replies, and what several of them agree on: whatever they say, a time that is
 * taken lies in the range where it can be, and its bound is no larger than what is allowed. The first 4 bytes say how long
 * it took; replies follow one another. */
#include "../../sdk/net/sntp.h"
#include "require.h"
#include <string.h>

#define SENT_NS (5 * FA_NS_PER_S)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fa_sntp_sample samples[FA_SNTP_SERVERS_MAX], agreed;
    unsigned count = 0;
    fa_reader reader = fa_reader_of(bytes, len);
    const uint64_t took_ns = fa_read_be32(&reader);
    while (!reader.failed && reader.left_bytes > 0 && count < FA_SNTP_SERVERS_MAX) {
        const size_t reply_len = reader.left_bytes < sizeof(fa_sntp_packet) ? reader.left_bytes : sizeof(fa_sntp_packet);
        uint8_t *exact = malloc(reply_len);
        require(exact != NULL);
        memcpy(exact, fa_read_bytes(&reader, reply_len), reply_len);
        uint64_t cookie = 0;
        if (reply_len == sizeof(fa_sntp_packet))
            for (unsigned i = 24; i < 32; i++) /* what the reply says */
                cookie = cookie << 8 | exact[i];
        fa_sntp_sample *sample = &samples[count];
        if (fa_sntp_parse(exact, reply_len, cookie, SENT_NS, SENT_NS + took_ns, sample) == FA_SNTP_GOOD) {
            require(sample->distance_ns >= FA_SNTP_DISTANCE_MIN_NS && sample->distance_ns <= FA_SNTP_DISTANCE_MAX_NS);
            const uint64_t wall_ns = (uint64_t)sample->wall_ns + SENT_NS + took_ns;
            require(wall_ns / FA_NS_PER_S >= FA_SNTP_EARLIEST_S);
            require(wall_ns / FA_NS_PER_S <= FA_SNTP_EARLIEST_S + FA_SNTP_RANGE_S + 3);
            count++;
        }
        free(exact);
    }
    const unsigned agreeing = fa_sntp_agree(samples, count, &agreed);
    require(agreeing <= count && (agreeing == 0 || agreeing * 2 > count));
    fa_sntp_discipline discipline = {.set = true, .interval_ns = FA_SNTP_POLL_MIN_NS};
    for (unsigned i = 0; i < count; i++) {
        (void)fa_sntp_judge(&discipline, samples[i].wall_ns - samples[0].wall_ns);
        require(discipline.interval_ns >= FA_SNTP_POLL_MIN_NS && discipline.interval_ns <= FA_SNTP_POLL_MAX_NS);
        require(discipline.slew_ns < FA_SNTP_STEP_NS && discipline.slew_ns > -FA_SNTP_STEP_NS);
    }
    return 0;
}
