/* SPDX-License-Identifier: ISC */
/* Xen's block devices (vbd) as blockdevs (../../block/blockdev.h). A device may be detached and come again
 * while it is open: requests that the back end has not answered are kept, and given to the next one
 * from the beginning; what it has answered was done, and is not asked for again.
 *
 * All that is read or written is copied, by way of pages that the device has for itself and that the
 * back end may use as long as the connection lasts (persistent grants). So it never sees or touches
 * memory of a program, whatever it does and however late, and needs not map and unmap a page for each
 * request, which costs it more than the copy costs us.
 *
 *     err = xen_blkfront_open(0, &device, fa_after_s(10));      (xenstore.h is open)
 */
#ifndef FATA_DRIVERS_XEN_BLKFRONT_H
#define FATA_DRIVERS_XEN_BLKFRONT_H

#include "../../block/blockdev.h"

#define XEN_BLKFRONT_MAX 8u

/* The vbd with the number-th lowest name that the domain has now. FA_ENOENT: there is none; FA_EBUSY: it is
 * open; FA_ELIMIT: XEN_BLKFRONT_MAX; FA_ENOTSUP: it cannot be used; FA_ETIMEDOUT: it does not connect. */
FA_MUST_CHECK fa_err xen_blkfront_open(unsigned number, fa_blockdev **device_out,
                                       fa_deadline deadline);

#endif
