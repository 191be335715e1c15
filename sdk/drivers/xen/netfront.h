/* SPDX-License-Identifier: ISC */
/* Xen's network devices (vif) as netifs (netif.h). The back end copies what is received into pages
 * that it is granted for that time, and reads what is sent where it lies. A device may be detached and
 * come again while it is open: its link is down meanwhile. One queue each way: an image has one CPU,
 * which several would only divide.
 *
 *     err = xen_netfront_open(0, pool, &netif, fa_after_s(10));      (xenstore.h is open)
 */
#ifndef FATA_DRIVERS_XEN_NETFRONT_H
#define FATA_DRIVERS_XEN_NETFRONT_H

#include "../../packet/netif.h"
#include <fata/fiber.h>

#define XEN_NETFRONT_MAX 4u
/* Of the pool's pages, one in so many at most waits for what will be received. */
#define XEN_NETFRONT_RECEIVE_SHARE 4u

/* The vif with the number-th lowest name that the domain has now. FA_ENOENT: there is none;
 * FA_EBUSY: it is open; FA_ELIMIT: XEN_NETFRONT_MAX; FA_ENOTSUP: its back end lacks what is needed;
 * FA_ETIMEDOUT: it does not connect. */
FA_MUST_CHECK fa_err xen_netfront_open(unsigned number, fa_packet_pool *pool, fa_netif **netif_out,
                                       fa_deadline deadline);

#endif
