/* SPDX-License-Identifier: ISC */
/* A tap device of Linux as a network device: what the host sends into it is received here. The host
 * may leave checksums and segmentation to us and we to it (TUNSETOFFLOAD), so that between the two
 * packets of up to 64 KiB pass. Whose descriptor is waited for is the board's affair.
 *
 *     err = fa_tap_open("tap0", pool, &tap);
 *     ... wait for tap->descriptor to become ready, edge-triggered ...
 *     fa_tap_news(tap);
 */
#ifndef FATA_DRIVERS_HOST_TAP_H
#define FATA_DRIVERS_HOST_TAP_H

#include "../../packet/netif.h"

/* The pages that a packet of the largest size takes, wherever it begins. */
#define FA_TAP_PAGES 17u

typedef struct fa_tap {
    fa_netif netif;
    fa_packet_pool *pool;
    int descriptor;
    bool news; /* since the last time that everything was read */
    bool armed;
    fa_packet_page *spare[FA_TAP_PAGES]; /* for the next packet, the last one first */
    size_t spare_count;
} fa_tap;

/* FA_ENOENT: there is no such device and it could not be made; FA_EPERM: not this user's;
 * FA_EBUSY: another program has it; FA_ENOMEM, FA_EIO, FA_ENOENTROPY. */
FA_MUST_CHECK fa_err fa_tap_open(const char *interface, fa_packet_pool *pool, fa_tap *tap_out);
/* The descriptor is readable, or writable again. */
void fa_tap_news(fa_tap *tap);

#endif
