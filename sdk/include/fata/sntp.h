/* SPDX-License-Identifier: ISC */
/* The wall clock by SNTP (RFC 4330, and RFC 5905's checks): several servers are asked, what most of them
 * agree on is the time. The first time the clock is set; later small errors are worn off, at most 50 us at
 * a time, and large ones are set right when two rounds agree. The servers are those of the parameter --ntp,
 * or else those that DHCP names. Replies are not authenticated: who can change packets on their way can
 * change the clock.
 *
 *     static void keep_time(void *net)
 *     {
 *         const fa_err err = fa_sntp_run(net, NULL, FA_FOREVER);
 *         fa_log_warn("the clock is not kept: %s", fa_err_text(err));
 *     }
 *     err = fa_scope_spawn(&scope, "time", keep_time, net);
 *     err = fa_sntp_wait(fa_after_s(30));       // before certificates are judged
 */
#ifndef FATA_SNTP_H
#define FATA_SNTP_H

#include <fata/net.h>

/* Keeps the clock until the deadline. `servers` are names or addresses, separated by commas, each with
 * :PORT behind it if that is not 123, at most 4; NULL: --ntp's, or DHCP's. FA_EINVAL: that is no such list;
 * FA_EBUSY: the clock is being kept already; FA_ENOMEM, FA_ENOENTROPY, FA_ELIMIT: no port is left;
 * FA_ETIMEDOUT, FA_ECANCELED. That no server answers is no error: it is waited for one that does. */
FA_MUST_CHECK fa_err fa_sntp_run(fa_net *net, const char *servers, fa_deadline deadline);
/* Waits until fa_sntp_run() has set the clock; at once if it has. */
FA_MUST_CHECK fa_err fa_sntp_wait(fa_deadline deadline);

typedef struct fa_sntp_info {
    bool set;
    unsigned servers, agreeing;  /* of the last round: asked; in agreement */
    int64_t error_ns;            /* of the clock, as the last round found it */
    uint64_t bound_ns;           /* of that, as far as the servers are right */
    uint64_t rounds, steps;      /* so far */
} fa_sntp_info;
void fa_sntp_info_get(fa_sntp_info *info_out);

#endif
